package stat

import (
	"math"
	"slices"

	"authbench/results"
)

// DefaultMargin is the difference that does not matter unless the user says
// otherwise: 5 %.
const DefaultMargin = 0.05

// What may be said of a comparison. With a status that is not one of these it is
// results.Invalid (a red light: nothing is said) or results.NotApplicable (there is
// no estimate, or the store is a stand-in, of which no verdict is drawn).
const (
	Differs      = "differs"        // Holm over the primaries allows it
	Equivalent   = "equivalent"     // the whole interval lies inside the margin
	Inconclusive = "inconclusive"   // neither
	TooFewBlocks = "too_few_blocks" // no outcome could have been significant
	Exploratory  = "exploratory"    // not declared beforehand, so not judged
)

// Margin is the share of the baseline up to which a difference does not matter to
// the user of the run. An arm is equivalent whose whole interval lies between
// 1/(1+margin) and 1+margin.
func Margin(run *results.Run) float64 {
	if m := run.Workload.Margin; m > 0 {
		return m
	}
	return DefaultMargin
}

// Comparisons is all that a run is compared by.
type Comparisons struct {
	// List has every arm that was measured against the baseline by every metric,
	// duplicates of the baseline left out. The primaries among them are adjusted
	// together.
	List   []Comparison
	M      int // primaries with an estimate: what Holm adjusted for
	Margin float64
	AA     AA
	Red    string // why no arm may be said to differ, whatever its numbers; "": nothing
}

// Needed is the least number of blocks with which one of the primaries can be
// significant at Alpha.
func (c *Comparisons) Needed() int { return BlocksNeeded(max(c.M, 1), Alpha) }

// CompareAll compares every arm of a run with its baseline and says what may be
// said of it. Without a baseline there is nothing to compare.
func CompareAll(run *results.Run) Comparisons {
	all := Comparisons{Margin: Margin(run)}
	i := slices.IndexFunc(run.Arms, func(a results.Arm) bool { return a.Name == run.Baseline })
	for _, arm := range run.Arms {
		if i < 0 || arm.Duplicate || arm.Name == run.Baseline {
			continue
		}
		for _, m := range Metrics(run.Profile) {
			all.List = append(all.List, Compare(run, arm, run.Arms[i], m))
		}
	}
	all.M = adjust(all.List)
	all.AA = CheckAA(run)
	all.Red = redLight(run, all.AA)
	detectable(all.List, Alpha/float64(max(all.M, 1)))
	for i := range all.List {
		all.judge(run, &all.List[i])
	}
	return all
}

// redLight says what is wrong with the run as a whole. A trial that is invalid is
// left out instead.
func redLight(run *results.Run, aa AA) string {
	if aa.Status == results.Invalid {
		return "the A/A check failed"
	}
	for _, v := range run.Verdicts {
		// That of the A/A arm is made anew, and validity is by trial.
		ours := (v.Scenario == "" || v.Scenario == run.Workload.Scenario) && v.Check != "a-a" && v.Check != "validity"
		if ours && v.Status == results.Invalid {
			return v.Check + " of " + v.Arm + " is invalid"
		}
	}
	return ""
}

// judge says what the evidence allows. The interval that decides on equivalence is
// that of this comparison alone; what is said to differ is judged among all of
// them. Where both would do it is equivalent: the difference is real, and too small
// to matter.
func (all *Comparisons) judge(run *results.Run, c *Comparison) {
	switch r := c.Ratio; {
	case c.Err != nil:
		c.Status = results.NotApplicable
	case all.Red != "":
		c.Status = results.Invalid
	case standIn(run, c.Arm) || standIn(run, c.Baseline):
		c.Status = results.NotApplicable
	case !c.Metric.Primary:
		c.Status = Exploratory
	case c.Blocks < all.Needed():
		c.Status, c.Needed = TooFewBlocks, all.Needed()
	case run.Profile == "quick": // it promised to name no winner
		c.Status = Exploratory
	case r.Bounded && r.Lo >= 1/(1+all.Margin) && r.Hi <= 1+all.Margin:
		c.Status = Equivalent
	case c.Holm <= Alpha:
		c.Status = Differs
	default:
		c.Status, c.Needed = Inconclusive, all.toSettle(c)
	}
}

// toSettle is about how many blocks would show a difference as large as the
// margin; 0 if these would have.
func (all *Comparisons) toSettle(c *Comparison) int {
	n, err := BlocksFor(c.SD, math.Log1p(all.Margin), Alpha/float64(max(all.M, 1)), Power)
	if err != nil || n <= c.Blocks || n == math.MaxInt {
		return 0
	}
	return n
}

// standIn says whether an arm was measured with a store that is not the real one.
func standIn(run *results.Run, arm string) bool {
	i := slices.IndexFunc(run.Arms, func(a results.Arm) bool { return a.Name == arm })
	return i >= 0 && slices.ContainsFunc(run.Environment.Stores, func(s results.Store) bool {
		return s.StandIn && slices.Contains(run.Arms[i].Needs, s.Kind)
	})
}

// adjust fills in Holm of the primaries that have an estimate, and counts them.
func adjust(list []Comparison) int {
	var at []int
	var p []float64
	for i, c := range list {
		if c.Metric.Primary && c.Err == nil {
			at, p = append(at, i), append(p, c.Ratio.P)
		}
	}
	adjusted, err := Holm(p)
	if err != nil {
		return 0 // an exact P is a probability
	}
	for k, i := range at {
		list[i].Holm = adjusted[k]
	}
	return len(at)
}

// detectable fills in the smallest detectable effects, judged at alpha. One block
// has no spread.
func detectable(list []Comparison, alpha float64) {
	for i := range list {
		c := &list[i]
		if c.Err != nil || c.Blocks < 2 {
			continue
		}
		if effect, err := DetectableEffect(c.SD, c.Blocks, alpha, Power); err == nil {
			c.Detectable = math.Exp(effect)
		}
	}
}
