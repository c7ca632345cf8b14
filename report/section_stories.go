package report

import (
	"authbench/report/evidence"
	"authbench/results"
)

// broken are the promises that were not kept.
type broken struct {
	Stories []stories
	Cuts    int // stories that are not printed
}

// stories are the broken promises of one arm.
type stories struct {
	*evidence.Tried
	Told []evidence.Told[results.Violation]
}

// storiesShown is how many broken promises of one arm are printed with their
// events; the others are in events.jsonl.
const storiesShown = 20

func storiesSection(v *view) any {
	if v.Held == nil {
		return nil
	}
	var out broken
	for _, g := range v.Held.Tried {
		if told := g.Violations(); len(told) > 0 {
			shown := told[:min(len(told), storiesShown)]
			out.Stories = append(out.Stories, stories{g, shown})
			out.Cuts += len(told) - len(shown)
		}
	}
	if len(out.Stories) == 0 {
		return nil
	}
	return out
}
