package evidence

import (
	"fmt"
	"math"
	"slices"

	"authbench/report/number"
	"authbench/results"
)

// Arm is what a run shows of one arm. Latencies and CPU times are nanoseconds.
type Arm struct {
	results.Arm
	Series  int    // counts the arms that authenticate, from 1: for colours and markers; 0 is control
	Hollow  bool   // a duplicate: its Series is that of what it duplicates
	StandIn bool   // it depends on a stand-in store
	Missing string // not measured: why

	All    []*results.Trial // by block
	Steady []*results.Trial // those that can be used
	Sat    []*results.Trial
	Login  []*results.Trial
	Dist   Distribution

	Latency                                      []Value // a level each
	Slowest                                      Value
	SatTarget, SatStore, SatSum, Capacity        Value
	SteadyTarget, SteadyStore                    Value
	RequestBytes, ResponseBytes, StoreOps        Value
	LoginRate, LoginP50, LoginP99, LoginTarget   Value
	LoginStore                                   Value
	TargetRSS, StoreRSS                          Value
	LagP99, QueuedShare, GeneratorCPU, OfferedOK Value
	Errors                                       results.Accounting // steady, saturate and login of all trials
}

// readArms lists the arms of a run, those that it could not measure last.
func readArms(src Source) []*Arm {
	var arms []*Arm
	for _, a := range src.Run.Arms {
		arms = append(arms, newArm(src, a))
	}
	for _, m := range src.Run.NotMeasured {
		if !slices.ContainsFunc(arms, func(a *Arm) bool { return a.Name == m.Arm }) {
			arms = append(arms, newArm(src, results.Arm{Name: m.Arm}))
		}
	}
	return arms
}

func newArm(src Source, arm results.Arm) *Arm {
	run := src.Run
	a := &Arm{Arm: arm}
	for i := range run.Trials {
		t := &run.Trials[i]
		if t.Arm != arm.Name || !isCost(*t) {
			continue
		}
		a.All = append(a.All, t)
		for _, p := range t.Phases() {
			a.Errors.Merge(p.Accounting)
		}
		if t.Error != "" {
			continue
		}
		if t.Usable() {
			a.Steady = append(a.Steady, t)
		}
		if t.Saturate.Usable() {
			a.Sat = append(a.Sat, t)
		}
		if t.Login.Usable() {
			a.Login = append(a.Login, t)
		}
	}
	for _, list := range [][]*results.Trial{a.All, a.Steady, a.Sat, a.Login} {
		slices.SortStableFunc(list, ByBlock)
	}
	for _, m := range run.NotMeasured {
		if m.Arm == arm.Name {
			a.Missing = m.Reason
		}
	}
	for _, st := range run.Environment.Stores {
		a.StandIn = a.StandIn || st.StandIn && slices.Contains(arm.Needs, st.Kind)
	}
	a.Dist = MergeBlocks(src.Histograms, a.Steady)
	return a
}

// measure fills in the numbers.
func (a *Arm) measure(levels []Column) {
	for _, c := range levels {
		switch {
		case len(a.Steady) == 0:
			a.Latency = append(a.Latency, Missing("%s", a.none()))
		case c.Merged:
			a.Latency = append(a.Latency, mergedQuantile(a.Dist, c.Level))
		default:
			a.Latency = append(a.Latency, Over(a.Steady, c.NS))
		}
	}
	a.Slowest = Missing("%s", a.none())
	if len(a.Steady) > 0 {
		a.Slowest = Over(a.Steady, Level{get: func(q *results.Quantiles) *int64 { return q.Max }}.NS)
	}
	sat := func(t *results.Trial) *results.Measurement { return t.Saturate }
	steady := func(t *results.Trial) *results.Measurement { return &t.Measurement }
	login := func(t *results.Trial) *results.Measurement { return t.Login }

	a.SatTarget = Over(a.Sat, CPU(sat, Target))
	a.SatStore = Over(a.Sat, CPU(sat, a.StoreUsage))
	a.SatSum = Over(a.Sat, CPU(sat, a.Sum))
	a.SteadyTarget = Over(a.Steady, CPU(steady, Target))
	a.SteadyStore = Over(a.Steady, CPU(steady, a.StoreUsage))
	a.Capacity = Over(a.Sat, Field(sat, func(m *results.Measurement) (float64, bool) { return m.Achieved, true }))
	a.RequestBytes = Over(a.Steady, Field(steady, func(m *results.Measurement) (float64, bool) { return m.RequestBytes, true }))
	a.ResponseBytes = Over(a.Steady, Field(steady, func(m *results.Measurement) (float64, bool) { return m.ResponseBytes, true }))
	a.StoreOps = Over(a.Steady, Field(steady, func(m *results.Measurement) (float64, bool) {
		return m.StoreOpsPerRequest, m.StoreOpsKnown
	}))

	a.LoginRate = Over(a.Login, Field(login, func(m *results.Measurement) (float64, bool) { return m.Achieved, true }))
	a.LoginP50 = Over(a.Login, Field(login, func(m *results.Measurement) (float64, bool) { return Quantile(m.Latency, m.Latency.P50, .5) }))
	a.LoginP99 = Over(a.Login, Field(login, func(m *results.Measurement) (float64, bool) { return Quantile(m.Latency, m.Latency.P99, .99) }))
	a.LoginTarget = Over(a.Login, CPU(login, Target))
	a.LoginStore = Over(a.Login, CPU(login, a.StoreUsage))

	a.TargetRSS = Over(a.Steady, Field(steady, func(m *results.Measurement) (float64, bool) {
		return float64(m.Usage.Target.RSSBytes), m.Usage.Target.Known
	}))
	a.StoreRSS = Over(a.Steady, Field(steady, func(m *results.Measurement) (float64, bool) {
		return float64(m.Usage.Store.RSSBytes), m.Usage.Store.Known
	}))
	if len(a.Needs) == 0 {
		a.StoreRSS = Missing(NoStore)
	}

	a.LagP99 = Over(a.Steady, Field(steady, func(m *results.Measurement) (float64, bool) { return Quantile(m.Lag, m.Lag.P99, .99) }))
	a.QueuedShare = Over(a.Steady, Field(steady, func(m *results.Measurement) (float64, bool) { return m.QueuedShare, true }))
	a.GeneratorCPU = Over(a.Steady, Field(steady, func(m *results.Measurement) (float64, bool) {
		return float64(m.Usage.Loadgen.CPUNS) / float64(m.DurationNS), m.Usage.Loadgen.Known
	}))
	a.OfferedOK = Over(a.Steady, Field(steady, func(m *results.Measurement) (float64, bool) {
		return m.Achieved / m.Offered, m.Offered > 0
	}))
}

// none says why an arm has no number at all.
func (a *Arm) none() string {
	switch {
	case a.Missing != "":
		return "not measured: " + a.Missing
	case len(a.All) == 0:
		return "no trial was finished"
	}
	return fmt.Sprintf("none of %s is valid", number.Count(len(a.All), "trial"))
}

// noStore is why an arm without a store has no number for it.
const NoStore = "uses no store"

type Phase func(*results.Trial) *results.Measurement

// field reads one number of one phase.
func Field(p Phase, get func(*results.Measurement) (float64, bool)) func(*results.Trial) (float64, bool) {
	return func(t *results.Trial) (float64, bool) {
		m := p(t)
		if m == nil {
			return 0, false
		}
		return get(m)
	}
}

// cpu reads the CPU time per request of one side, in nanoseconds.
func CPU(p Phase, side func(results.Usage) results.Process) func(*results.Trial) (float64, bool) {
	return Field(p, func(m *results.Measurement) (float64, bool) {
		u := side(m.Usage)
		return u.CPUPerRequest, u.Known
	})
}

func Target(u results.Usage) results.Process { return u.Target }

// SaturatedCPU is the CPU time of a request at saturation, target and store
// together, in nanoseconds.
func (a *Arm) SaturatedCPU(t *results.Trial) (float64, bool) {
	return CPU(func(t *results.Trial) *results.Measurement { return t.Saturate }, a.Sum)(t)
}

// store is what the stores spent. An arm that needs none spends nothing there,
// whatever an idle server does beside it.
func (a *Arm) StoreUsage(u results.Usage) results.Process {
	if len(a.Needs) == 0 {
		return results.Process{Known: true}
	}
	return u.Store
}

// sum is target plus store: what a request costs whoever pays for both.
func (a *Arm) Sum(u results.Usage) results.Process {
	st := a.StoreUsage(u)
	return results.Process{CPUPerRequest: u.Target.CPUPerRequest + st.CPUPerRequest, Known: u.Target.Known && st.Known}
}

func Quantile(q results.Quantiles, v *int64, level float64) (float64, bool) {
	if q.Count < SamplesFor(level) {
		return 0, false
	}
	if v == nil {
		return math.Inf(1), true
	}
	return float64(*v), true
}

// Left is how many trials are left out of the steady numbers.
func (a *Arm) Left() int { return len(a.All) - len(a.Steady) }
