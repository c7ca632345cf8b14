package report

import (
	"authbench/report/evidence"
	"authbench/results"
)

// method is how to read the page, and where it stops applying.
type method struct {
	Cost, Held bool
	Run        *results.Run
	Control    *evidence.Arm
	Primaries  string
	Support    []need
}

// need is how large a sample a quantile asks for.
type need struct {
	Name    string
	Samples int64
}

func methodSection(v *view) any {
	out := method{Cost: v.Cost != nil, Held: v.Held != nil, Run: v.Run, Control: v.Control, Primaries: primaryNames(v.Run.Profile)}
	for _, l := range evidence.Levels() {
		out.Support = append(out.Support, need{l.Name, evidence.SamplesFor(l.Q)})
	}
	out.Support = append(out.Support, need{"p99.99", evidence.SamplesFor(.9999)})
	return out
}
