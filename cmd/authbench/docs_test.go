package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authbench/results"
)

// TestCommandsOfTheDocuments runs every authbench line that the documents on formats
// and comparisons show.
func TestCommandsOfTheDocuments(t *testing.T) {
	home := t.TempDir()
	old := copyRun(t, publishedRun(t), filepath.Join(home, "old"), nil)
	copyRun(t, old, filepath.Join(home, "new"), func(r *results.Run) { r.ID = "later" })
	sign(t, copyRun(t, old, filepath.Join(home, "results", "latest"), nil))
	var lines []string
	for _, name := range []string{"formats.md", "compare.md"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		shown := false
		for line := range strings.SplitSeq(string(b), "\n") {
			if strings.HasPrefix(line, "```") {
				shown = line == "```sh"
			}
			if shown && strings.HasPrefix(line, "authbench ") {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) < 10 {
		t.Fatalf("only %d commands found", len(lines))
	}
	t.Chdir(home)
	for _, line := range lines {
		code, _, stderr := runVerb(t, shellWords(line)[1:]...)
		// A comparison may fail on its bound, it and verify may leave something open; no
		// line may be a mistake.
		if code == exitUsage || code == exitInvalid || strings.Contains(line, " report ") && code != exitDone || strings.Contains(line, " verify ") && code == exitBroken {
			t.Errorf("%s: exit %d, %s", line, code, stderr)
		}
	}
}

// shellWords splits a line at its spaces, but not within single quotes.
func shellWords(line string) []string {
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}
