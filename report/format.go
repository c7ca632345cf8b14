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

	// Arm and Operation choose from the histograms, for formats that Select; "": all
	// of them or, where there has to be one, the only one.
	Arm, Operation string
}

// Format is one way to render runs.
type Format struct {
	Name   string
	Short  string // for a list of formats
	Write  func(io.Writer, Input) error
	Select bool // it heeds Input.Arm and Input.Operation
}

// Formats lists them all. A new one is a file and a line.
func Formats() []Format {
	return []Format{
		{Name: "html", Short: "one self-contained page", Write: func(w io.Writer, in Input) error { return HTML(w, in.Board) }},
		{Name: "text", Short: "the summary as plain text", Write: func(w io.Writer, in Input) error { return Terminal(w, in.Board, in.Path) }},
		{Name: "json", Short: "run.json as it was read, and the comparisons", Write: func(w io.Writer, in Input) error { return JSON(w, in.Board) }},
		{Name: "junit", Short: "verdicts as JUnit XML, for a pipeline", Write: func(w io.Writer, in Input) error { return JUnit(w, in.Board) }},
		{Name: "markdown", Short: "the verdicts in at most 60 lines, for a pull request", Write: func(w io.Writer, in Input) error { return Summary(w, in.Board) }},
		{Name: "events", Short: "faults and broken promises as JSON lines", Write: func(w io.Writer, in Input) error { return Events(w, in.Board) }},
		{Name: "adr", Short: "a decision record without a decision: authbench decide makes one from requirements", Write: ADR},
		{Name: "csv", Short: "a line a trial, for a spreadsheet or R", Write: CSV},
		{Name: "benchfmt", Short: "a line a trial and phase, for benchstat", Write: BenchFmt},
		{Name: "hlog", Short: "the histogram log, for the HdrHistogram tools; --arm, --operation", Write: HLog, Select: true},
		{Name: "hgrm", Short: "the percentile distribution of one arm, likewise", Write: HGRM, Select: true},
	}
}
