package report

import (
	"io"

	"authbench/results"
)

// Input is what a format renders.
type Input struct {
	Run        *results.Run
	Histograms HistogramSource // nil: none recorded
	Path       string          // of the HTML report, for formats that point to it; may be empty
}

// Format is one way to render a run.
type Format struct {
	Name  string
	Short string // for a list of formats
	Write func(io.Writer, Input) error
}

// Formats lists them all. A new one is a file and a line.
func Formats() []Format {
	return []Format{
		{"html", "one self-contained page", func(w io.Writer, in Input) error { return HTML(w, in.Run, in.Histograms) }},
		{"text", "the summary as plain text", func(w io.Writer, in Input) error { return Terminal(w, in.Run, in.Histograms, in.Path) }},
		{"json", "run.json as it was read, and the comparisons", func(w io.Writer, in Input) error { return JSON(w, in.Run, in.Histograms) }},
		{"junit", "verdicts as JUnit XML, for a pipeline", func(w io.Writer, in Input) error { return JUnit(w, in.Run) }},
		{"markdown", "the verdicts in at most 60 lines, for a pull request", func(w io.Writer, in Input) error { return Summary(w, in.Run) }},
		{"events", "faults and broken promises as JSON lines", func(w io.Writer, in Input) error { return Events(w, in.Run) }},
	}
}
