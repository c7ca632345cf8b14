package scenarios

import (
	"fmt"
	"math"
	"slices"
	"time"

	"authbench/results"
	"authbench/results/stat"
)

// CheckSteadyState is whether the median response stayed the same within trials:
// the warm-up was long enough, and nothing kept changing.
const CheckSteadyState = "steady-state"

// SteadyState judges every arm by the seconds of its trials, which the histograms in
// dir have. A change is one that all blocks together show (Holm over both questions
// of all arms, at 5 %) and that is larger than the margin of the run.
func SteadyState(run *results.Run, dir string) []results.Verdict {
	short := time.Duration(run.Workload.SteadyNS) < stat.MinSeconds*time.Second
	var seconds map[string][][]float64
	var err error
	if !short {
		seconds, err = secondMedians(run, dir)
	}
	var vs []results.Verdict
	settled := make([]stat.Settled, len(run.Arms))
	for i, arm := range run.Arms {
		v := results.Verdict{
			Scenario: run.Workload.Scenario, Arm: arm.Name, Check: CheckSteadyState, Status: results.Pass,
			Unit: "% within a trial", Bound: number(100 * stat.Margin(run)),
		}
		trials := seconds[arm.Name]
		needed := stat.BlocksNeeded(2*len(run.Arms), stat.Alpha)
		switch {
		case short:
			v.Status, v.Reason = results.NotApplicable, fmt.Sprintf("windows of %v are too short to see a change within them; those of the profile full are not",
				time.Duration(run.Workload.SteadyNS))
		case err != nil:
			v.Status, v.Reason = results.Unknown, fmt.Sprintf("the histograms cannot be read: %v", err)
		case len(trials) < needed:
			v.Status, v.Reason = results.Unknown, fmt.Sprintf("%d trials can be used, and it takes %d", len(trials), needed)
		default:
			var serr error
			if settled[i], serr = stat.Settle(trials); serr != nil {
				v.Status, v.Reason = results.Unknown, serr.Error()
			}
		}
		vs = append(vs, v)
	}
	changed(vs, settled, stat.Margin(run))
	return vs
}

// changed turns what was found into verdicts. Those that are not a pass yet have
// nothing to be judged.
func changed(vs []results.Verdict, settled []stat.Settled, margin float64) {
	var p []float64
	for i := range vs {
		if vs[i].Status == results.Pass {
			p = append(p, settled[i].Warmup.P, settled[i].Trend.P)
		}
	}
	adjusted, err := stat.Holm(p)
	if err != nil {
		return // an exact P is a probability
	}
	for i := range vs {
		v, s := &vs[i], settled[i]
		if v.Status != results.Pass {
			continue
		}
		early, trend := adjusted[0] <= stat.Alpha && matters(s.Warmup, margin), adjusted[1] <= stat.Alpha && matters(s.Trend, margin)
		adjusted = adjusted[2:]
		worst := s.Warmup
		if math.Abs(math.Log(s.Trend.Value)) > math.Abs(math.Log(worst.Value)) {
			worst = s.Trend
		}
		v.Measured = number(percent(worst.Value))
		switch {
		case trend && s.Trend.Value > 1:
			v.Status, v.Reason = results.Fail, fmt.Sprintf("the median response rises by %s within a trial, after its first fifth: no single number describes it; find out what grows or wears out", spanned(s.Trend))
		case trend:
			v.Status, v.Reason = results.Fail, fmt.Sprintf("the median response changes by %s within a trial, even after its first fifth: the target was still warming up; lengthen the warm-up", spanned(s.Trend))
		case early:
			v.Status, v.Reason = results.Fail, fmt.Sprintf("the first fifth of a trial differs from its rest by %s: the warm-up was too short; lengthen it", spanned(s.Warmup))
		}
	}
}

func matters(e stat.Estimate, margin float64) bool {
	return math.Abs(math.Log(e.Value)) > math.Log1p(margin)
}

// percent is a factor as a change.
func percent(factor float64) float64 { return 100 * (factor - 1) }

func spanned(e stat.Estimate) string {
	return fmt.Sprintf("%+.0f %% [%+.0f, %+.0f]", percent(e.Value), percent(e.Lo), percent(e.Hi))
}

// secondMedians is the median response of every whole second of every trial that can
// be used, by arm. What did not end ok is the business of another check.
func secondMedians(run *results.Run, dir string) (map[string][][]float64, error) {
	type key struct {
		arm   string
		block int
	}
	usable := map[key]bool{}
	for i := range run.Trials {
		if t := &run.Trials[i]; stat.OfCost(t) && t.Error == "" && t.Usable() {
			usable[key{t.Arm, t.Block}] = true
		}
	}
	intervals := map[key][]*results.Interval{}
	keep := func(t results.Tag) bool {
		return t.Operation == "use" && t.Outcome == results.OK && t.Metric == "latency" && usable[key{t.Arm, t.Block}]
	}
	for i, err := range results.Intervals(dir, keep) {
		if err != nil {
			return nil, err
		}
		if i.Count > 0 && i.Length >= time.Second*9/10 { // the last may be cut short
			k := key{i.Arm, i.Block}
			intervals[k] = append(intervals[k], i)
		}
	}
	out := map[string][][]float64{}
	for _, arm := range run.Arms {
		for block := 1; block <= run.Workload.Blocks; block++ {
			of := intervals[key{arm.Name, block}]
			if len(of) == 0 {
				continue
			}
			slices.SortFunc(of, func(a, b *results.Interval) int { return int(a.Start - b.Start) })
			var medians []float64
			for _, i := range of {
				medians = append(medians, medianOf(i))
			}
			out[arm.Name] = append(out[arm.Name], medians)
		}
	}
	return out, nil
}

// medianOf is the median of an interval that is not empty, to the width of a bucket.
func medianOf(i *results.Interval) float64 {
	left := (i.Count + 1) / 2
	for _, b := range i.Buckets {
		if left -= b.N; left <= 0 {
			return float64(b.From+b.To) / 2
		}
	}
	return 0
}
