package results

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
)

// CopyLog writes the histogram log of the run in dir, of its intervals those that
// keep wants, and returns how many that were. Nothing is merged: the lines are what
// they were. Each is decoded first. The error is a *LogError for the first line that
// cannot be read; all before it are written.
func CopyLog(w io.Writer, dir string, keep func(Tag) bool) (int, error) {
	path := filepath.Join(dir, HistogramsFile)
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	out := bufio.NewWriter(w)
	br := bufio.NewReaderSize(f, 1<<16)
	var d decoder
	kept := 0
	for n := 1; ; n++ {
		line, err := readLine(br)
		if err == io.EOF {
			return kept, out.Flush()
		}
		wanted := false
		if err == nil {
			wanted, err = d.wants(line, keep)
		}
		if err != nil {
			if ferr := out.Flush(); ferr != nil {
				return kept, ferr
			}
			return kept, &LogError{path, n, kept, err}
		}
		if wanted {
			out.WriteString(line + "\n") // an error stays until Flush
			if !isComment(line) {
				kept++
			}
		}
	}
}

// wants says whether a line is to be copied.
func (d *decoder) wants(line string, keep func(Tag) bool) (bool, error) {
	if isComment(line) {
		return true, nil
	}
	i, err := d.line(line, keep)
	return i != nil, err
}
