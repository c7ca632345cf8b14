package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// window is how much of a secret has to be there for it to be found: a part of one is a
// leak too.
const window = 16

// leaks looks for secrets, in every form in which they are likely to be written.
type leaks struct {
	known map[string]string // the beginning of a form: what it is of
	short map[string]string // whole forms that are shorter
	names []string
}

func newLeaks() *leaks { return &leaks{known: map[string]string{}, short: map[string]string{}} }

// plant adds a secret to what is looked for.
func (l *leaks) plant(what, secret string) {
	if !slices.Contains(l.names, what) {
		l.names = append(l.names, what)
	}
	for how, form := range forms(secret) {
		label := what + ", " + how
		if len(form) < window {
			l.short[form] = label
			continue
		}
		l.known[form[:window]] = label
		l.known[form[len(form)-window:]] = label
	}
}

// plantToken adds a signed token: its head and its claims are the same for many, its
// signature is not.
func (l *leaks) plantToken(what, token string) {
	if at := strings.LastIndexByte(token, '.'); at >= 0 {
		token = token[at+1:]
	}
	l.plant(what, token)
}

// forms are the ways to write a secret.
func forms(secret string) map[string]string {
	sum := sha256.Sum256([]byte(secret))
	quoted, _ := json.Marshal(secret)
	return map[string]string{
		"as it is":         secret,
		"in JSON":          strings.Trim(string(quoted), `"`),
		"in a query":       url.QueryEscape(secret),
		"in a path":        url.PathEscape(secret),
		"in base64":        strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
		"in base64url":     base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"SHA-256":          hex.EncodeToString(sum[:]),
		"SHA-256, base64":  strings.TrimRight(base64.StdEncoding.EncodeToString(sum[:]), "="),
		"SHA-256, base64u": base64.RawURLEncoding.EncodeToString(sum[:]),
	}
}

// in lists the secrets that data has.
func (l *leaks) in(data []byte) []string {
	text := string(data)
	var found []string
	for i := 0; i+window <= len(text); i++ {
		if what, ok := l.known[text[i:i+window]]; ok {
			found = append(found, fmt.Sprintf("%s, at byte %d: %q", what, i, text[max(0, i-60):i]))
		}
	}
	for form, what := range l.short {
		if i := strings.Index(text, form); i >= 0 {
			found = append(found, fmt.Sprintf("%s, at byte %d: %q", what, i, text[max(0, i-60):i]))
		}
	}
	return found
}

// below lists what the files of a directory have, less those that were put there. seen is
// how many files were read.
func (l *leaks) below(t *testing.T, dir string, except ...string) (found []string, seen int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains(except, path) {
			return err
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		rel, _ := filepath.Rel(dir, path)
		for _, f := range l.in(data) {
			found = append(found, rel+": "+f)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, seen
}

// TestLeaksAreFound plants secrets on purpose: what cannot be found says nothing when it
// is not found.
func TestLeaksAreFound(t *testing.T) {
	const secret, short, token = "pl+nted/p=ssword-of-user-1", "s3cr+t/1", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c2VyLTEifQ.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4"
	l := newLeaks()
	l.plant("password", secret)
	l.plant("short password", short)
	l.plantToken("token", token)
	planted := []string{token, "Bearer " + token[30:], secret[:window], secret[len(secret)-window:]}
	for _, s := range []string{secret, short} {
		for _, form := range forms(s) {
			planted = append(planted, form)
		}
	}
	dir := t.TempDir()
	deep := filepath.Join(dir, "runs", "1")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(deep, "run.json")
	for _, p := range planted {
		if err := os.WriteFile(file, []byte(`{"error":"dial redis://:`+p+`@127.0.0.1"}`), 0o644); err != nil {
			t.Fatal(err)
		}
		if found, seen := l.below(t, dir); len(found) == 0 || seen != 1 {
			t.Errorf("%q was not found in %d files", p, seen)
		}
	}
	if err := os.WriteFile(file, []byte("user-1 logged in; eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c2VyLTEifQ is what every token begins with"), 0o644); err != nil {
		t.Fatal(err)
	}
	if found, _ := l.below(t, dir); len(found) != 0 {
		t.Errorf("found where there is none: %v", found)
	}
}

func TestMaskedArgs(t *testing.T) {
	args := []string{"bench", "--redis-url", "redis://:pw@h:1/0", "--mysql-dsn=u:pw@tcp(h:1)/db", "--redis-url=redis://h:1", "--out", "u:pw@x", "--mysql-dsn"}
	want := []string{"bench", "--redis-url", "redis://:***@h:1/0", "--mysql-dsn=u:***@tcp(h:1)/db", "--redis-url=redis://h:1", "--out", "u:pw@x", "--mysql-dsn"}
	before := slices.Clone(args)
	if got := maskedArgs(args); !slices.Equal(got, want) || !slices.Equal(args, before) {
		t.Errorf("%q becomes %q", args, got)
	}
}
