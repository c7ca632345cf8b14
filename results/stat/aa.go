package stat

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/results"
)

// AA is the check of the harness on itself: a duplicate of the baseline, measured
// like any other arm, has to come out equal.
type AA struct {
	List   []Comparison // of the duplicate with the baseline by the primary metrics, adjusted among themselves
	Needed int          // blocks with which one of them can be significant at AlphaAA
	Status string       // results.Pass, Invalid or Unknown
	Reason string
	Holm   float64 // the smallest adjusted p; 1 without any
}

// CheckAA compares the duplicate of the baseline with the baseline. If they
// differ, the run is invalid: whatever separates these two separates the others
// too. Once in a hundred runs, or less, that is chance. With too few blocks to
// find a difference it is unknown.
func CheckAA(run *results.Run) AA {
	a := AA{Status: results.Unknown, Holm: 1}
	base := slices.IndexFunc(run.Arms, func(a results.Arm) bool { return a.Name == run.Baseline && !a.Duplicate })
	dup := slices.IndexFunc(run.Arms, func(a results.Arm) bool { return a.Duplicate })
	if base < 0 || dup < 0 {
		a.Reason = "the run has no duplicate of its baseline"
		return a
	}
	for _, m := range Metrics(run.Profile) {
		if m.Primary {
			a.List = append(a.List, Compare(run, run.Arms[dup], run.Arms[base], m))
		}
	}
	m := max(adjust(a.List), 1)
	a.Needed = BlocksNeeded(m, AlphaAA)
	detectable(a.List, AlphaAA/float64(m))
	a.judge()
	if standIn(run, run.Baseline) {
		a.Status, a.Reason = results.Unknown, "the store is a stand-in"
	}
	return a
}

func (a *AA) judge() {
	var found, equal []string
	least := math.MaxInt
	for _, c := range a.List {
		if c.Err != nil {
			a.Reason = c.Err.Error()
			continue
		}
		a.Holm, least = min(a.Holm, c.Holm), min(least, c.Blocks)
		says := fmt.Sprintf("%s x%.2f", c.Metric.Name, c.Ratio.Value)
		if c.Ratio.Bounded {
			says += fmt.Sprintf(" [%.2f, %.2f]", c.Ratio.Lo, c.Ratio.Hi)
		}
		if c.Holm <= AlphaAA {
			found = append(found, says)
		}
		equal = append(equal, says)
	}
	switch {
	case len(found) > 0:
		a.Status = results.Invalid
		a.Reason = "measured twice, the baseline differs from itself: " + strings.Join(found, ", ")
	case a.Reason != "": // one could not be compared
	case least < a.Needed:
		a.Reason = fmt.Sprintf("too few blocks to find a difference: %d, and it takes %d", least, a.Needed)
	default:
		a.Status = results.Pass
		a.Reason = fmt.Sprintf("no difference found at %.0f %%: %s, %d blocks", 100*AlphaAA, strings.Join(equal, ", "), least)
	}
}
