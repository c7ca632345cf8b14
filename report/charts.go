package report

import (
	"html/template"

	"authbench/report/evidence"
	"authbench/report/number"
)

// strip is one row of a chart: an arm and what is drawn for it.
type strip struct {
	Arm   *evidence.Arm
	SVG   template.HTML
	Value string
	Note  string // beside the name; mostly empty
}

// chart is one figure.
type chart struct {
	Name, Caption string
	Strips        []strip       // rows under one axis
	Axis          template.HTML // drawn once, below the rows
	SVG           template.HTML // or one picture
	YTicks        template.HTML
	Cross         string        // not empty: the id of the data of a cross-hair over SVG
	Data          template.HTML // and these
	Legend        []*evidence.Arm
	Small         bool // strips are small multiples
	Head          []string
	Rows          [][]string // the same as numbers
}

// number0 labels a linear tick.
func number0(v float64) string {
	if v == 0 {
		return "0"
	}
	return trim(v)
}

// cellText is an estimate in microseconds for a data table.
func cellText(e evidence.Value) string {
	if e.Missing != "" {
		return "n/a"
	}
	return number.Micros(e.Value)
}
