package results

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// DigestsFile is the name of the digests within a run's directory, in the format
// that sha256sum -c reads. It names the evidence, not the reports: these may be made
// anew at any time.
const DigestsFile = "SHA256SUMS"

// evidence is what the digests cover.
func evidence() []string { return []string{HistogramsFile, RunFile} }

// Digest is the SHA-256 of the run.json in dir, in hexadecimal: what a document
// cites to say which run it is about.
func Digest(dir string) (string, error) { return digestOf(filepath.Join(dir, RunFile)) }

func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeDigests is the last thing that is written of a run: where there are none, it
// never came to its end.
func writeDigests(dir string) error {
	var b strings.Builder
	for _, name := range evidence() {
		sum, err := digestOf(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, name)
	}
	return writeFile(filepath.Join(dir, DigestsFile), []byte(b.String()))
}

// readDigests returns the digests by file name. There are none without the file:
// older runs, and runs that were killed.
func readDigests(dir string) (map[string]string, error) {
	b, err := os.ReadFile(filepath.Join(dir, DigestsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		// Two spaces, or a space and the asterisk of binary mode.
		sum, name, ok := strings.Cut(lines.Text(), " ")
		if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != sha256.Size || len(name) < 2 {
			return nil, fmt.Errorf("%s:%d: not a digest and a file name", DigestsFile, n)
		}
		sums[name[1:]] = strings.ToLower(sum)
	}
	return sums, lines.Err()
}

// checkDigests compares the files in dir with what was noted when the run ended.
func checkDigests(dir string) []Finding {
	sums, err := readDigests(dir)
	if err != nil {
		return []Finding{{Check: CheckDigest, About: DigestsFile, Status: Differs, Detail: err.Error()}}
	}
	var out []Finding
	for _, name := range evidence() {
		f := Finding{Check: CheckDigest, About: name, Status: Same}
		want, noted := sums[name]
		got, err := digestOf(filepath.Join(dir, name))
		switch {
		case noted && err != nil:
			f.Status, f.Detail = Differs, err.Error()
		case !noted:
			f.Status, f.Detail = Unchecked, "no digest was noted: the run is from an older authbench, or never came to its end"
		case got != want:
			f.Status, f.Detail = Differs, fmt.Sprintf("sha256 is %s, %s when the run ended", got, want)
		}
		out = append(out, f)
	}
	for name := range sums {
		if !slices.Contains(evidence(), name) {
			out = append(out, Finding{Check: CheckDigest, About: name, Status: Unchecked, Detail: "not a file that authbench notes digests of; sha256sum -c " + DigestsFile + " checks it"})
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return strings.Compare(a.About, b.About) })
	return out
}
