package stat

import (
	"fmt"
	"math"
	"slices"

	"authbench/results"
)

const (
	Alpha   = 0.05 // of all primary comparisons together
	AlphaAA = 0.01 // of the comparisons of the duplicate with the baseline
	Level   = 0.95 // of every interval, none adjusted
)

// Metric is a number of every trial by which arms are compared, in nanoseconds.
type Metric struct {
	Name    string // "p50", "cpu", "p99"
	Primary bool   // declared beforehand as one to draw conclusions from
	phase   func(*results.Trial) *results.Measurement
	value   func(results.Arm, *results.Measurement) (float64, bool)
}

// Metrics lists what arms are compared by: the median response time under steady
// load, the CPU time of a request at saturation, in target and stores together,
// and the p99 under steady load, which is primary in the profile "full" only.
// What lies beyond p99 belongs to the machine and is not compared.
func Metrics(profile string) []Metric {
	return []Metric{
		{"p50", true, steady, latency(.5, func(q *results.Quantiles) *int64 { return q.P50 })},
		{"cpu", true, saturated, requestCPU},
		{"p99", profile == "full", steady, latency(.99, func(q *results.Quantiles) *int64 { return q.P99 })},
	}
}

// Of reads the metric of a trial of the arm: +Inf for a response beyond the
// timeout, false where the trial has no such number that can be used.
func (m Metric) Of(arm results.Arm, t *results.Trial) (float64, bool) {
	if p := m.phase(t); t.Error == "" && p.Usable() {
		return m.value(arm, p)
	}
	return 0, false
}

func steady(t *results.Trial) *results.Measurement    { return &t.Measurement }
func saturated(t *results.Trial) *results.Measurement { return t.Saturate }

func latency(q float64, get func(*results.Quantiles) *int64) func(results.Arm, *results.Measurement) (float64, bool) {
	return func(_ results.Arm, m *results.Measurement) (float64, bool) {
		if m.Latency.Count < SamplesFor(q) {
			return 0, false
		}
		if v := get(&m.Latency); v != nil {
			return float64(*v), true
		}
		return math.Inf(1), true
	}
}

// requestCPU is target plus stores. An arm that needs no store spends nothing
// there, whatever an idle one does beside it.
func requestCPU(arm results.Arm, m *results.Measurement) (float64, bool) {
	u := m.Usage
	if len(arm.Needs) == 0 {
		return u.Target.CPUPerRequest, u.Target.Known
	}
	return u.Target.CPUPerRequest + u.Store.CPUPerRequest, u.Target.Known && u.Store.Known
}

// SamplesFor is the smallest sample whose largest value lies above the quantile
// q with a probability of 97.5 %, which a two-sided 95 % interval for it needs:
// 368 for p99, 3,688 for p99.9, 36,887 for p99.99.
func SamplesFor(q float64) int64 {
	return int64(math.Ceil(math.Log(0.025) / math.Log(q)))
}

// Comparison is an arm against the baseline by one metric, over the blocks in
// which both trials have a number that can be used.
type Comparison struct {
	Arm, Baseline string
	Metric        Metric
	Ratio         Estimate
	Difference    Estimate // in nanoseconds
	SD            float64  // of the log-ratios; 0 for one block
	Holm          float64  // P of Ratio, adjusted for the comparisons judged with it; 1 if it was judged with none
	Blocks        int      // compared
	LeftOut       int      // of the run's blocks, as planned: not compared
	Degraded      int      // compared although the harness calls one of the two trials degraded
	Err           error    // why there is no estimate
}

// Compare pairs the trials of two arms by block.
func Compare(run *results.Run, arm, baseline results.Arm, m Metric) Comparison {
	c := Comparison{Arm: arm.Name, Baseline: baseline.Name, Metric: m, Holm: 1}
	base := map[int]*results.Trial{}
	for i := range run.Trials {
		if t := &run.Trials[i]; t.Arm == baseline.Name {
			base[t.Block] = t
		}
	}
	var x, y []float64
	beyond := 0
	for i := range run.Trials {
		t := &run.Trials[i]
		b := base[t.Block]
		if t.Arm != arm.Name || b == nil {
			continue
		}
		v, ok := m.Of(arm, t)
		w, ok2 := m.Of(baseline, b)
		if !ok || !ok2 {
			continue
		}
		if math.IsInf(v, 1) || math.IsInf(w, 1) {
			beyond++
		}
		x, y = append(x, v), append(y, w)
		if degraded(m.phase(t)) || degraded(m.phase(b)) {
			c.Degraded++
		}
	}
	c.Blocks = len(x)
	c.LeftOut = max(0, run.Workload.Blocks-c.Blocks)
	switch {
	case c.Blocks == 0:
		c.Err = fmt.Errorf("no block has a usable %s of both", m.Name)
	case beyond > 0:
		// Dropping these blocks would make whoever fails look fast.
		c.Err = fmt.Errorf("the %s lies beyond the timeout in %d of %d blocks", m.Name, beyond, c.Blocks)
	default:
		c.Err = c.estimate(x, y)
	}
	return c
}

func (c *Comparison) estimate(x, y []float64) error {
	logs, err := LogRatios(x, y)
	if err != nil {
		return err
	}
	if len(logs) > 1 {
		if c.SD, err = SD(logs); err != nil {
			return err
		}
	}
	if c.Ratio, err = Ratio(x, y, Level); err != nil {
		return err
	}
	c.Difference, err = Difference(x, y, Level)
	return err
}

func degraded(m *results.Measurement) bool { return m.Validity.Status == results.ValidityDegraded }

// Comparisons is all that a run is compared by.
type Comparisons struct {
	// List has every arm that was measured against the baseline by every metric,
	// duplicates of the baseline left out. The primaries among them are adjusted
	// together.
	List []Comparison
	M    int // primaries with an estimate: what Holm adjusted for
	AA   AA
}

// Needed is the least number of blocks with which one of the primaries can be
// significant at Alpha.
func (c *Comparisons) Needed() int { return BlocksNeeded(max(c.M, 1), Alpha) }

// CompareAll compares every arm of a run with its baseline. Without a baseline
// there is nothing to compare.
func CompareAll(run *results.Run) Comparisons {
	var all Comparisons
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
	return all
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
