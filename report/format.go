package report

import (
	"io"

	"authbench/report/evidence"
)

// Input is what a format renders.
type Input struct {
	*evidence.Board
	Dir  string // of Board.Run; "" where it is not on disk
	Path string // of the HTML report, for formats that point to it; may be empty
}

// Format is one way to render runs.
type Format struct {
	Name  string
	Short string // for a list of formats
	Write func(io.Writer, Input) error
}

// Formats lists them all. A new one is a file and a line.
func Formats() []Format {
	return []Format{
		{"html", "one self-contained page", func(w io.Writer, in Input) error { return HTML(w, in.Board) }},
		{"text", "the summary as plain text", func(w io.Writer, in Input) error { return Terminal(w, in.Board, in.Path) }},
		{"json", "run.json as it was read, and the comparisons", func(w io.Writer, in Input) error { return JSON(w, in.Board) }},
		{"junit", "verdicts as JUnit XML, for a pipeline", func(w io.Writer, in Input) error { return JUnit(w, in.Board) }},
		{"markdown", "the verdicts in at most 60 lines, for a pull request", func(w io.Writer, in Input) error { return Summary(w, in.Board) }},
		{"events", "faults and broken promises as JSON lines", func(w io.Writer, in Input) error { return Events(w, in.Board) }},
	}
}
