package report

import (
	"fmt"
	"strings"

	"authbench/report/evidence"
	"authbench/results"
)

// summary is the comparison of costs, and the words for it.
type summary struct {
	*evidence.Board
	Lead   string   // the first line: what kind of evidence this is
	Asked  string   // the question
	Did    []string // what was measured, in sentences
	Alarms []alarm
	Answer []string
	Judged []string // a sentence for every comparison that was judged
}

// alarm is something to know before any number.
type alarm struct {
	Red  bool
	Text string
}

// summarise puts the board into words.
func summarise(b *evidence.Board) *summary {
	s := &summary{Board: b}
	s.words()
	return s
}

// shellQuote makes arg safe to paste.
func shellQuote(arg string) string {
	if arg != "" && !strings.ContainsFunc(arg, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./:,~@%", r)
	}) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// command is the line that repeats the run, its seed included.
func command(run *results.Run) string {
	var args []string
	seeded := false
	for _, a := range run.Command {
		seeded = seeded || a == "--seed" || strings.HasPrefix(a, "--seed=")
		args = append(args, shellQuote(a))
	}
	if !seeded {
		args = append(args, fmt.Sprintf("--seed %d", run.Seed))
	}
	return strings.Join(args, " ")
}
