package report

import (
	"io"
	"slices"

	"authbench/report/decide"
	"authbench/results"
)

// ADR writes the decision record of a reader who asks nothing: the options as they
// were measured, and no decision.
func ADR(w io.Writer, in Input) error {
	file := decide.File{}
	if in.Dir != "" {
		digest, err := results.Digest(in.Dir)
		if err != nil {
			return err
		}
		file.Digest = digest
	}
	return decide.Decide(in.Board, decide.Defaults(), map[string]decide.File{in.Run.ID: file}).ADR(w)
}

// decided is which arm to choose for the requirements that were given.
type decided struct {
	*decide.Decision
	Lamp     lamp
	Because  []string
	Asked    []string // the hard requirements, in the order of the columns
	Rows     []decidedRow
	Ranked   []decide.Ranked // those with a score
	Given    []decide.Asked  // what the file says
	Sizes    []decidedSize
	MoreRows []decidedWhy
}

// decidedRow is one arm under every hard requirement.
type decidedRow struct {
	Arm   string
	Word  lamp
	Cells []lamp
}

// decidedWhy is why an arm is not among those that can be chosen.
type decidedWhy struct {
	Arm    string
	Checks []decide.Check
}

// decidedSize is how many cores an arm takes at the required rate.
type decidedSize struct {
	Arm string
	*decide.Capacity
}

func decisionSection(v *view) any {
	if v.Decision == nil {
		return nil
	}
	d := v.Decision
	out := decided{Decision: d, Because: d.Because(), Lamp: lamp{results.Unknown, "none yet"}}
	switch d.Outcome.Kind {
	case decide.Recommended:
		out.Lamp = lamp{results.Pass, "recommended"}
	case decide.TooClose:
		out.Lamp = lamp{results.Unknown, "too close to call"}
	case decide.Unsigned:
		out.Lamp = lamp{results.Invalid, "not to be signed"}
	}
	for _, o := range d.Options {
		for _, c := range o.Checks {
			if !slices.Contains(out.Asked, c.Asked) {
				out.Asked = append(out.Asked, c.Asked)
			}
		}
	}
	for _, o := range d.Options {
		out.Rows = append(out.Rows, decidedRowOf(o, out.Asked))
		if o.Status != decide.Meets {
			out.MoreRows = append(out.MoreRows, decidedWhy{o.Arm, slices.DeleteFunc(slices.Clone(o.Checks), func(c decide.Check) bool { return c.Status == decide.Meets })})
		}
		if o.Capacity != nil {
			out.Sizes = append(out.Sizes, decidedSize{o.Arm, o.Capacity})
		}
	}
	for _, x := range d.Ranking.Arms {
		if x.Place != decide.NotRanked && d.Outcome.Kind != decide.Unsigned {
			out.Ranked = append(out.Ranked, x)
		}
	}
	for _, a := range d.Requirements {
		if !a.Default {
			out.Given = append(out.Given, a)
		}
	}
	return out
}

func decidedRowOf(o decide.Option, asked []string) decidedRow {
	row := decidedRow{Arm: o.Arm, Word: decidedLamp(o.Status)}
	for _, words := range asked {
		cell := lamp{"", "–"}
		for _, c := range o.Checks {
			if c.Asked == words {
				cell = decidedLamp(c.Status)
			}
		}
		row.Cells = append(row.Cells, cell)
	}
	return row
}

func decidedLamp(status string) lamp {
	switch status {
	case decide.Meets:
		return lamp{results.Pass, "meets"}
	case decide.Excluded:
		return lamp{results.Fail, "excluded"}
	}
	return lamp{results.Unknown, "not shown"}
}
