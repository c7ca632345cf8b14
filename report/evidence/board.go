package evidence

import (
	"iter"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/results"
	"authbench/results/stat"
)

// Histograms hands out the histograms of a run, a series a block
// (results.Histograms with results.PerBlock); nil where there is none.
type Histograms interface {
	Histogram(results.Tag) *hdrhistogram.Histogram
}

// Source is one run with its histograms.
type Source struct {
	Run        *results.Run
	Histograms Histograms // nil: none were recorded, or they are damaged
	// Intervals reads what was recorded interval by interval, for what is drawn over
	// time; nil where there is no log (results.Intervals of the run's directory).
	Intervals func(keep func(results.Tag) bool) iter.Seq2[*results.Interval, error]
}

// Board is what runs show of every arm.
type Board struct {
	Sources []Source

	// Run is the one in which the cost of arms is compared: the first that has such
	// trials, else the first. Costs of two runs are never mixed: what separates
	// them, an hour or a machine, is not the mechanism.
	Run     *results.Run
	Arms    []*Arm // those of Run, in its order, and those that it could not measure
	Control *Arm   // nil: the run has none
	Levels  []Column

	Comparisons []Comparison      // every arm with the baseline, by every metric
	Twins       []stat.Comparison // the duplicate likewise
	AA          stat.AA
	M           int     // primary comparisons made
	Needed      int     // blocks that these take
	Margin      float64 // share of the baseline up to which a difference does not matter
	Red         string  // why no arm may be said to differ; empty otherwise

	// Promises are the trials under revocations and faults, of all runs.
	Promises *Promises // nil: no run has any
}

// Column is a quantile, and how the run can show it.
type Column struct {
	Level
	Merged bool // too few samples a trial: blocks merged
}

// Read puts together what the runs show. There is at least one.
func Read(sources ...Source) *Board {
	b := &Board{Sources: sources}
	cost := sources[max(0, slices.IndexFunc(sources, func(s Source) bool { return HasCost(s.Run) }))]
	b.Run = cost.Run
	b.Arms = readArms(cost)
	for _, a := range b.Arms {
		if b.Control == nil && (a.Mechanism == "none" || a.Name == "control") {
			b.Control = a
		}
	}
	for _, l := range Levels() {
		b.Levels = append(b.Levels, Column{l, b.tooShort(l)})
	}
	for _, a := range b.Arms {
		a.measure(b.Levels)
	}
	b.compare()
	var promised []*Arm
	if b.Promises = readPromises(sources); b.Promises != nil {
		promised = b.Promises.Arms
	}
	colour(b.Arms, promised, b.Run.Baseline)
	return b
}

// colour counts the arms that authenticate, those of the first list first. One
// that is in both has one number.
func colour(first, second []*Arm, baseline string) {
	all := slices.Concat(first, second)
	next, series := 1, map[string]int{}
	for _, a := range all {
		if a.Mechanism == "none" || a.Name == "control" || a.Duplicate {
			continue
		}
		if series[a.Name] == 0 {
			series[a.Name] = next
			next++
		}
		a.Series = series[a.Name]
	}
	for _, a := range all {
		if a.Duplicate {
			a.Hollow, a.Series = true, series[baseline]
		}
	}
}

// HasCost says whether the run measured what arms cost.
func HasCost(run *results.Run) bool { return slices.ContainsFunc(run.Trials, isCost) }

func isCost(t results.Trial) bool { return stat.OfCost(&t) }

// disturbs says whether a scenario revokes or breaks something.
func disturbs(scenario string) bool { return scenario != "" && scenario != "steady" }

// HasPromises says whether the run put to the test what arms promise, under
// revocations and faults. Where every arm was missing or could not take part there
// are no trials.
func HasPromises(run *results.Run) bool {
	return slices.ContainsFunc(run.Trials, func(t results.Trial) bool { return !isCost(t) }) ||
		disturbs(run.Workload.Scenario) || slices.ContainsFunc(run.Verdicts, func(v results.Verdict) bool { return disturbs(v.Scenario) })
}

// Arm returns the arm of the comparison of costs, or nil.
func (b *Board) Arm(name string) *Arm {
	i := slices.IndexFunc(b.Arms, func(a *Arm) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return b.Arms[i]
}

// tooShort says whether any trial has too few samples for l. All arms are then
// shown by merged histograms: a column is of one kind.
func (b *Board) tooShort(l Level) bool {
	need := SamplesFor(l.Q)
	for _, a := range b.Arms {
		for _, t := range a.Steady {
			if t.Latency.Count < need {
				return true
			}
		}
	}
	return false
}
