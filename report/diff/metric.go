package diff

import (
	"math"
	"slices"
	"strings"

	"authbench/results"
	"authbench/results/stat"
)

type unit int

const (
	unitTime  unit = iota // nanoseconds
	unitShare             // 0 to 1
	unitBytes
	unitCount
	unitRate // per second
)

// metric is a number of every trial.
type metric struct {
	name   string
	about  string
	unit   unit
	better string // "lower" or "higher"
	phase  func(*results.Trial) *results.Measurement
	of     func(results.Arm, *results.Measurement) (float64, bool)
}

// metrics lists what can be compared.
func metrics() []metric {
	steady := func(t *results.Trial) *results.Measurement { return &t.Measurement }
	saturated := func(t *results.Trial) *results.Measurement { return t.Saturate }
	quantile := func(q float64, get func(*results.Quantiles) *int64) func(results.Arm, *results.Measurement) (float64, bool) {
		return func(_ results.Arm, m *results.Measurement) (float64, bool) {
			if m.Latency.Count < stat.SamplesFor(q) {
				return 0, false
			}
			if v := get(&m.Latency); v != nil {
				return float64(*v), true
			}
			return math.Inf(1), true
		}
	}
	return []metric{
		{"p50", "median response time under steady load", unitTime, "lower", steady, quantile(.5, func(q *results.Quantiles) *int64 { return q.P50 })},
		{"p90", "response time under steady load", unitTime, "lower", steady, quantile(.9, func(q *results.Quantiles) *int64 { return q.P90 })},
		{"p95", "response time under steady load", unitTime, "lower", steady, quantile(.95, func(q *results.Quantiles) *int64 { return q.P95 })},
		{"p99", "response time under steady load", unitTime, "lower", steady, quantile(.99, func(q *results.Quantiles) *int64 { return q.P99 })},
		{"cpu", "CPU time of a request at saturation, target and stores together", unitTime, "lower", saturated, requestCPU},
		{"errors", "share of the arrivals under steady load that did not end ok", unitShare, "lower", steady, func(_ results.Arm, m *results.Measurement) (float64, bool) {
			return float64(m.Accounting.NotOK()) / float64(m.Accounting.Scheduled), m.Accounting.Scheduled > 0
		}},
		{"bytes", "bytes of a request and its response", unitBytes, "lower", steady, func(_ results.Arm, m *results.Measurement) (float64, bool) {
			return m.RequestBytes + m.ResponseBytes, m.RequestBytes > 0
		}},
		{"ops", "store operations a request, as the stores count them", unitCount, "lower", steady, func(_ results.Arm, m *results.Measurement) (float64, bool) {
			return m.StoreOpsPerRequest, m.StoreOpsKnown
		}},
		{"memory", "resident memory of the target", unitBytes, "lower", steady, func(_ results.Arm, m *results.Measurement) (float64, bool) {
			return float64(m.Usage.Target.RSSBytes), m.Usage.Target.Known && m.Usage.Target.RSSBytes > 0
		}},
		{"rate", "requests per second at saturation", unitRate, "higher", saturated, func(_ results.Arm, m *results.Measurement) (float64, bool) {
			return m.Achieved, true
		}},
	}
}

// requestCPU is target plus stores. An arm that needs no store spends nothing there,
// whatever an idle one does beside it.
func requestCPU(arm results.Arm, m *results.Measurement) (float64, bool) {
	u := m.Usage
	if len(arm.Needs) == 0 {
		return u.Target.CPUPerRequest, u.Target.Known
	}
	return u.Target.CPUPerRequest + u.Store.CPUPerRequest, u.Target.Known && u.Store.Known
}

func metricNamed(name string) (metric, bool) {
	all := metrics()
	i := slices.IndexFunc(all, func(m metric) bool { return m.name == name })
	if i < 0 {
		return metric{}, false
	}
	return all[i], true
}

func metricNames() string {
	var names []string
	for _, m := range metrics() {
		names = append(names, m.name)
	}
	return strings.Join(names, ", ")
}

// Figures lists what bounds can be about, a name and its meaning each.
func Figures() [][2]string {
	var out [][2]string
	for _, m := range metrics() {
		out = append(out, [2]string{m.name, m.about})
	}
	return out
}

// sample is the numbers of one arm, a trial each: by block, +Inf for what lies beyond
// the timeout.
type sample map[int]float64

// read takes the trials that can be used, and counts those that cannot.
func (m metric) read(run *results.Run, arm results.Arm) (s sample, leftOut int) {
	s = sample{}
	for i := range run.Trials {
		t := &run.Trials[i]
		if t.Arm != arm.Name || t.Chaos != nil {
			continue
		}
		p := m.phase(t)
		if t.Error == "" && p.Usable() {
			if v, ok := m.of(arm, p); ok {
				s[t.Block] = v
				continue
			}
		}
		leftOut++
	}
	return s, leftOut
}

// values are the numbers in the order of blocks.
func (s sample) values() []float64 {
	var out []float64
	for _, b := range s.blocks() {
		out = append(out, s[b])
	}
	return out
}

func (s sample) blocks() []int {
	var blocks []int
	for b := range s {
		blocks = append(blocks, b)
	}
	slices.Sort(blocks)
	return blocks
}

// beyond counts the trials in which the number lies beyond the timeout.
func (s sample) beyond() int {
	n := 0
	for _, v := range s {
		if math.IsInf(v, 1) {
			n++
		}
	}
	return n
}

// against is s beside the other arm of the same block: as factors, or as differences.
// Blocks that lack either are left out.
func (s sample) against(other sample, relative bool) sample {
	out := sample{}
	for b, v := range s {
		w, ok := other[b]
		switch {
		case !ok || math.IsInf(w, 0):
		case relative && w > 0:
			out[b] = v / w
		case !relative:
			out[b] = v - w
		}
	}
	return out
}

// median of the trials; false without any.
func (s sample) median() (float64, bool) {
	v := slices.Sorted(slices.Values(s.values()))
	n := len(v)
	if n == 0 {
		return 0, false
	}
	return (v[(n-1)/2] + v[n/2]) / 2, true
}
