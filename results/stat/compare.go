package stat

import (
	"fmt"
	"math"

	"authbench/results"
)

const (
	Alpha   = 0.05 // of all primary comparisons together
	AlphaAA = 0.01 // of the comparisons of the duplicate with the baseline
	Level   = 0.95 // of every interval, none adjusted
	Power   = 0.8  // with which a number of blocks, or an effect, is said to be enough
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
// timeout, false where the trial has no such number that can be used, or is none
// of the comparison of costs (see OfCost).
func (m Metric) Of(arm results.Arm, t *results.Trial) (float64, bool) {
	if p := m.phase(t); OfCost(t) && t.Error == "" && p.Usable() {
		return m.value(arm, p)
	}
	return 0, false
}

// OfCost says whether a trial is one of the comparison of costs. A run may also
// hold trials of the same arms in which something was disturbed or revoked: what
// those took is not what the mechanism costs.
func OfCost(t *results.Trial) bool {
	return t.Chaos == nil && (t.Scenario == "" || t.Scenario == "steady")
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

	// What follows is filled in by CompareAll and CheckAA, which know what else is
	// judged.

	// Detectable is the smallest detectable effect after the fact: about the least
	// factor above 1 that as many blocks with this SD would show with probability
	// Power, judged together with the others. +Inf: they cannot show any. 0: not
	// known.
	Detectable float64
	Status     string // what may be said: Differs, Equivalent, ...; "" of the duplicate
	Needed     int    // blocks that would settle it; 0: nothing to say
}

// Pairs is what a comparison stands on: the numbers of both arms, block by block,
// in nanoseconds.
type Pairs struct {
	Run        string    `json:"run"` // its ID
	Arm        string    `json:"arm"`
	Baseline   string    `json:"baseline"`
	Metric     string    `json:"metric"`
	Blocks     []int     `json:"blocks"`
	ArmNS      []float64 `json:"arm_ns"`
	BaselineNS []float64 `json:"baseline_ns"`

	degraded int // of them, with a trial that the harness calls degraded
}

// PairUp pairs the trials of two arms by block, where both have a number that can
// be used; +Inf is a response beyond the timeout.
func PairUp(run *results.Run, arm, baseline results.Arm, m Metric) Pairs {
	p := Pairs{Run: run.ID, Arm: arm.Name, Baseline: baseline.Name, Metric: m.Name}
	base := map[int]*results.Trial{}
	for i := range run.Trials {
		if t := &run.Trials[i]; t.Arm == baseline.Name && OfCost(t) {
			base[t.Block] = t
		}
	}
	for i := range run.Trials {
		t := &run.Trials[i]
		b := base[t.Block]
		if t.Arm != arm.Name || b == nil {
			continue
		}
		x, ok := m.Of(arm, t)
		y, ok2 := m.Of(baseline, b)
		if !ok || !ok2 {
			continue
		}
		p.Blocks, p.ArmNS, p.BaselineNS = append(p.Blocks, t.Block), append(p.ArmNS, x), append(p.BaselineNS, y)
		if degraded(m.phase(t)) || degraded(m.phase(b)) {
			p.degraded++
		}
	}
	return p
}

// Compare compares two arms by the blocks in which both can be.
func Compare(run *results.Run, arm, baseline results.Arm, m Metric) Comparison {
	p := PairUp(run, arm, baseline, m)
	c := Comparison{Arm: arm.Name, Baseline: baseline.Name, Metric: m, Holm: 1, Blocks: len(p.Blocks), Degraded: p.degraded}
	c.LeftOut = max(0, run.Workload.Blocks-c.Blocks)
	beyond := 0
	for i := range p.Blocks {
		if math.IsInf(p.ArmNS[i], 1) || math.IsInf(p.BaselineNS[i], 1) {
			beyond++
		}
	}
	switch {
	case c.Blocks == 0:
		c.Err = fmt.Errorf("no block has a usable %s of both", m.Name)
	case beyond > 0:
		// Dropping these blocks would make whoever fails look fast.
		c.Err = fmt.Errorf("the %s lies beyond the timeout in %d of %d blocks", m.Name, beyond, c.Blocks)
	default:
		c.Err = c.estimate(p.ArmNS, p.BaselineNS)
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
