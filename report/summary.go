package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// HistogramSource hands out the histograms of a run, a series a block
// (results.Histograms with results.PerBlock); nil where there is none.
type HistogramSource interface {
	Histogram(results.Tag) *hdrhistogram.Histogram
}

// summary is everything that the formats print, computed once.
type summary struct {
	Run     *results.Run
	Lead    string   // the first line: what kind of evidence this is
	Asked   string   // the question
	Did     []string // what was measured, in sentences
	Alarms  []alarm
	Answer  []string
	Judged  []string // a sentence for every comparison that was judged
	Arms    []armSummary
	Control *armSummary // nil: the run has none
	Levels  []column

	Comparisons []comparison      // every arm with the baseline, by every metric
	twins       []stat.Comparison // the duplicate likewise
	AA          stat.AA
	M           int    // primary comparisons made
	Needed      int    // blocks that these take
	Red         string // why no arm may be said to differ; empty otherwise
}

// column is one quantile of the table of arms.
type column struct {
	level
	Merged bool // too few samples a trial: blocks merged
}

// alarm is something to know before any number.
type alarm struct {
	Red  bool
	Text string
}

// armSummary is one row of every table.
type armSummary struct {
	results.Arm
	series  int // colour and marker; 0 is control
	hollow  bool
	StandIn bool
	Missing string // not measured: why

	all    []*results.Trial // by block
	steady []*results.Trial // those that can be used
	sat    []*results.Trial
	login  []*results.Trial
	dist   distribution

	Latency                                      []estimate // a level each
	Slowest                                      estimate
	SatTarget, SatStore, SatSum, Capacity        estimate
	SteadyTarget, SteadyStore                    estimate
	RequestBytes, ResponseBytes, StoreOps        estimate
	LoginRate, LoginP50, LoginP99, LoginTarget   estimate
	LoginStore                                   estimate
	TargetRSS, StoreRSS                          estimate
	LagP99, QueuedShare, GeneratorCPU, OfferedOK estimate
	Errors                                       results.Accounting // steady, saturate and login of all trials
}

// summarise reads a run. h may be nil.
func summarise(run *results.Run, h HistogramSource) *summary {
	s := &summary{Run: run}
	for i := range run.Arms {
		s.Arms = append(s.Arms, newArm(run, &run.Arms[i], h))
	}
	for _, m := range run.NotMeasured {
		if s.arm(m.Arm) == nil {
			s.Arms = append(s.Arms, newArm(run, &results.Arm{Name: m.Arm}, h))
		}
	}
	s.paint()
	for i := range s.Arms {
		if s.Control == nil && (s.Arms[i].Mechanism == "none" || s.Arms[i].Name == "control") {
			s.Control = &s.Arms[i]
		}
	}
	for _, l := range levels() {
		s.Levels = append(s.Levels, column{l, s.tooShort(l)})
	}
	for i := range s.Arms {
		s.measure(&s.Arms[i])
	}
	s.compare()
	s.words()
	return s
}

func newArm(run *results.Run, arm *results.Arm, h HistogramSource) armSummary {
	a := armSummary{Arm: *arm}
	for i := range run.Trials {
		t := &run.Trials[i]
		if t.Arm != arm.Name {
			continue
		}
		a.all = append(a.all, t)
		for _, p := range t.Phases() {
			a.Errors.Merge(p.Accounting)
		}
		if t.Error != "" {
			continue
		}
		if t.Usable() {
			a.steady = append(a.steady, t)
		}
		if t.Saturate.Usable() {
			a.sat = append(a.sat, t)
		}
		if t.Login.Usable() {
			a.login = append(a.login, t)
		}
	}
	for _, list := range [][]*results.Trial{a.all, a.steady, a.sat, a.login} {
		slices.SortStableFunc(list, byBlock)
	}
	for _, m := range run.NotMeasured {
		if m.Arm == arm.Name {
			a.Missing = m.Reason
		}
	}
	for _, st := range run.Environment.Stores {
		a.StandIn = a.StandIn || st.StandIn && slices.Contains(arm.Needs, st.Kind)
	}
	a.dist = mergeBlocks(h, a.steady)
	return a
}

// paint gives every arm a colour and a marker. Control is neutral, a duplicate
// looks like what it duplicates, but hollow.
func (s *summary) paint() {
	next := 1
	for i := range s.Arms {
		a := &s.Arms[i]
		if a.Mechanism != "none" && a.Name != "control" && !a.Duplicate {
			a.series = next
			next++
		}
	}
	for i := range s.Arms {
		if a := &s.Arms[i]; a.Duplicate {
			a.hollow = true
			if b := s.arm(s.Run.Baseline); b != nil {
				a.series = b.series
			}
		}
	}
}

func (s *summary) arm(name string) *armSummary {
	for i := range s.Arms {
		if s.Arms[i].Name == name {
			return &s.Arms[i]
		}
	}
	return nil
}

// tooShort says whether any trial has too few samples for l. All arms are then
// shown by merged histograms: a column is of one kind.
func (s *summary) tooShort(l level) bool {
	need := SamplesFor(l.Q)
	for _, a := range s.Arms {
		for _, t := range a.steady {
			if t.Latency.Count < need {
				return true
			}
		}
	}
	return false
}

func (s *summary) measure(a *armSummary) {
	for _, c := range s.Levels {
		switch {
		case len(a.steady) == 0:
			a.Latency = append(a.Latency, missing("%s", a.none()))
		case c.Merged:
			a.Latency = append(a.Latency, mergedQuantile(a.dist, c.level))
		default:
			a.Latency = append(a.Latency, over(a.steady, c.ns))
		}
	}
	a.Slowest = missing("%s", a.none())
	if len(a.steady) > 0 {
		a.Slowest = over(a.steady, level{get: func(q *results.Quantiles) *int64 { return q.Max }}.ns)
	}
	sat := func(t *results.Trial) *results.Measurement { return t.Saturate }
	steady := func(t *results.Trial) *results.Measurement { return &t.Measurement }
	login := func(t *results.Trial) *results.Measurement { return t.Login }

	a.SatTarget = over(a.sat, cpu(sat, target))
	a.SatStore = over(a.sat, cpu(sat, a.store))
	a.SatSum = over(a.sat, cpu(sat, a.sum))
	a.SteadyTarget = over(a.steady, cpu(steady, target))
	a.SteadyStore = over(a.steady, cpu(steady, a.store))
	a.Capacity = over(a.sat, field(sat, func(m *results.Measurement) (float64, bool) { return m.Achieved, true }))
	a.RequestBytes = over(a.steady, field(steady, func(m *results.Measurement) (float64, bool) { return m.RequestBytes, true }))
	a.ResponseBytes = over(a.steady, field(steady, func(m *results.Measurement) (float64, bool) { return m.ResponseBytes, true }))
	a.StoreOps = over(a.steady, field(steady, func(m *results.Measurement) (float64, bool) {
		return m.StoreOpsPerRequest, m.StoreOpsKnown
	}))

	a.LoginRate = over(a.login, field(login, func(m *results.Measurement) (float64, bool) { return m.Achieved, true }))
	a.LoginP50 = over(a.login, field(login, func(m *results.Measurement) (float64, bool) { return quantile(m.Latency, m.Latency.P50, .5) }))
	a.LoginP99 = over(a.login, field(login, func(m *results.Measurement) (float64, bool) { return quantile(m.Latency, m.Latency.P99, .99) }))
	a.LoginTarget = over(a.login, cpu(login, target))
	a.LoginStore = over(a.login, cpu(login, a.store))

	a.TargetRSS = over(a.steady, field(steady, func(m *results.Measurement) (float64, bool) {
		return float64(m.Usage.Target.RSSBytes), m.Usage.Target.Known
	}))
	a.StoreRSS = over(a.steady, field(steady, func(m *results.Measurement) (float64, bool) {
		return float64(m.Usage.Store.RSSBytes), m.Usage.Store.Known
	}))
	if len(a.Needs) == 0 {
		a.StoreRSS = missing(noStore)
	}

	a.LagP99 = over(a.steady, field(steady, func(m *results.Measurement) (float64, bool) { return quantile(m.Lag, m.Lag.P99, .99) }))
	a.QueuedShare = over(a.steady, field(steady, func(m *results.Measurement) (float64, bool) { return m.QueuedShare, true }))
	a.GeneratorCPU = over(a.steady, field(steady, func(m *results.Measurement) (float64, bool) {
		return float64(m.Usage.Loadgen.CPUNS) / float64(m.DurationNS), m.Usage.Loadgen.Known
	}))
	a.OfferedOK = over(a.steady, field(steady, func(m *results.Measurement) (float64, bool) {
		return m.Achieved / m.Offered, m.Offered > 0
	}))
}

// none says why an arm has no number at all.
func (a *armSummary) none() string {
	switch {
	case a.Missing != "":
		return "not measured: " + a.Missing
	case len(a.all) == 0:
		return "no trial was finished"
	}
	return fmt.Sprintf("none of %s is valid", number.Count(len(a.all), "trial"))
}

// Ref, Used and Trials are for the template, which needs a pointer and cannot
// see unexported fields.
func (a armSummary) Ref() *armSummary         { return &a }
func (a armSummary) Used() []*results.Trial   { return a.steady }
func (a armSummary) Trials() []*results.Trial { return a.all }

// Left is how many trials are left out of the steady numbers.
func (a armSummary) Left() int { return len(a.all) - len(a.steady) }

// noStore is why an arm without a store has no number for it.
const noStore = "uses no store"

type phase func(*results.Trial) *results.Measurement

// field reads one number of one phase.
func field(p phase, get func(*results.Measurement) (float64, bool)) func(*results.Trial) (float64, bool) {
	return func(t *results.Trial) (float64, bool) {
		m := p(t)
		if m == nil {
			return 0, false
		}
		return get(m)
	}
}

// cpu reads the CPU time per request of one side, in nanoseconds.
func cpu(p phase, side func(results.Usage) results.Process) func(*results.Trial) (float64, bool) {
	return field(p, func(m *results.Measurement) (float64, bool) {
		u := side(m.Usage)
		return u.CPUPerRequest, u.Known
	})
}

func target(u results.Usage) results.Process { return u.Target }

// store is what the stores spent. An arm that needs none spends nothing there,
// whatever an idle server does beside it.
func (a *armSummary) store(u results.Usage) results.Process {
	if len(a.Needs) == 0 {
		return results.Process{Known: true}
	}
	return u.Store
}

// sum is target plus store: what a request costs whoever pays for both.
func (a *armSummary) sum(u results.Usage) results.Process {
	st := a.store(u)
	return results.Process{CPUPerRequest: u.Target.CPUPerRequest + st.CPUPerRequest, Known: u.Target.Known && st.Known}
}

func quantile(q results.Quantiles, v *int64, level float64) (float64, bool) {
	if q.Count < SamplesFor(level) {
		return 0, false
	}
	if v == nil {
		return math.Inf(1), true
	}
	return float64(*v), true
}

// shellQuote makes arg safe to paste.
func shellQuote(arg string) string {
	if arg != "" && !strings.ContainsFunc(arg, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./:,~@%", r)
	}) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// command is the line that repeats the run, its seed included.
func command(run *results.Run) string {
	var args []string
	seeded := false
	for _, a := range run.Command {
		seeded = seeded || a == "--seed" || strings.HasPrefix(a, "--seed=")
		args = append(args, shellQuote(a))
	}
	if !seeded {
		args = append(args, fmt.Sprintf("--seed %d", run.Seed))
	}
	return strings.Join(args, " ")
}
