package report

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"authbench/report/evidence"
	"authbench/results"
)

// BenchFmt writes what benchstat reads
// (https://golang.org/design/14313-benchmark-format): a line for every phase of every
// trial, so that blocks are the repetitions and arms a key of the name
// (benchstat -col /arm).
//
// What has to agree for numbers to be comparable is configuration: benchstat shows
// runs that differ in it in tables apart. What makes a run this run and no other
// stands in comments. Phases that are invalid or were not finished are left out, with
// a comment. A quantile that fell among what did not end ok is written as the
// timeout, the slowest that an ok answer can be: benchstat knows no infinity.
func BenchFmt(w io.Writer, in Input) error {
	out := bufio.NewWriter(w)
	for _, u := range benchUnits() {
		fmt.Fprintf(out, "Unit %s better=%s\n", u.name, u.better)
	}
	for _, src := range in.Sources {
		benchConfig(out, src.Run)
		for i := range src.Run.Trials {
			benchTrial(out, src.Run, &src.Run.Trials[i])
		}
	}
	return out.Flush()
}

func benchConfig(w io.Writer, run *results.Run) {
	fmt.Fprintf(w, "\n# run %s, seed %d, profile %s, authbench %s\n", oneLine(run.ID), run.Seed, oneLine(run.Profile), oneLine(run.Tool.Version+" "+run.Tool.Commit))
	fmt.Fprintf(w, "# %s, kernel %s, %s\n", oneLine(run.Environment.OS), oneLine(run.Environment.Kernel), oneLine(run.Environment.Go))
	e, wl := run.Environment, run.Workload
	config := [][2]string{
		{"cpu", e.CPU},
		{"cores", fmt.Sprintf("%d, generator on %s, target on %s, stores on %s", e.Cores, coreList(e.Placement.Loadgen), coreList(e.Placement.Target), coreList(e.Placement.Store))},
		{"engine", e.Engine},
	}
	if wl.Rate > 0 { // a scenario with faults sets its own
		config = append(config, [2]string{"load", fmt.Sprintf("%g/s %s, %d connections, %d users %s, %s", wl.Rate, wl.Arrivals, wl.Connections, wl.Users, wl.Popularity, time.Duration(wl.SteadyNS))})
	}
	for _, s := range e.Stores {
		name := s.Product + " " + s.Version + ", " + s.Provider
		if s.StandIn {
			name += ", a stand-in"
		}
		config = append(config, [2]string{s.Kind, name})
	}
	for _, c := range config {
		fmt.Fprintf(w, "%s: %s\n", configKey(c[0]), oneLine(c[1]))
	}
}

// configKey is a key that the format allows: lower-case letters and digits.
func configKey(s string) string {
	key := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
	return orElse(strings.TrimLeft(key, "0123456789"), "store")
}

// coreList prints a placement; any core is "any".
func coreList(cores []int) string {
	if len(cores) == 0 {
		return "any"
	}
	return strings.Trim(fmt.Sprint(cores), "[]")
}

// oneLine keeps a text on its line, without what a terminal would obey.
func oneLine(s string) string { return legal(strings.Join(strings.Fields(s), " ")) }

// benchUnit is a unit with what it is read from. Of a phase that has no such number
// it is not written.
type benchUnit struct {
	name   string
	better string
	phases string // in which the number means something: s(teady), l(ogin), x saturate
	of     func(results.Arm, *results.Measurement) (float64, bool)
}

// benchUnits are named as the Go project's own benchmarks name theirs: benchstat
// reads ns as seconds and scales B and bytes by 1,024.
func benchUnits() []benchUnit {
	latency := func(q float64, get func(*results.Quantiles) *int64) func(results.Arm, *results.Measurement) (float64, bool) {
		return func(_ results.Arm, m *results.Measurement) (float64, bool) {
			switch v := get(&m.Latency); {
			case m.Latency.Count == 0 || m.Latency.Count < evidence.SamplesFor(q):
				return 0, false
			case v != nil:
				return float64(*v), true
			}
			return math.Inf(1), m.Accounting.NotOK() > 0
		}
	}
	side := func(of func(results.Usage) results.Process) func(results.Arm, *results.Measurement) (float64, bool) {
		return func(_ results.Arm, m *results.Measurement) (float64, bool) {
			p := of(m.Usage)
			return p.CPUPerRequest, p.Known
		}
	}
	// An arm without a store spends nothing there, whatever an idle one does beside it.
	store := func(a results.Arm, m *results.Measurement) (float64, bool) {
		return m.Usage.Store.CPUPerRequest, m.Usage.Store.Known && len(a.Needs) > 0
	}
	target := side(func(u results.Usage) results.Process { return u.Target })
	return []benchUnit{
		{"p50-latency-ns", "lower", "sl", latency(.5, func(q *results.Quantiles) *int64 { return q.P50 })},
		{"p90-latency-ns", "lower", "sl", latency(.9, func(q *results.Quantiles) *int64 { return q.P90 })},
		{"p99-latency-ns", "lower", "sl", latency(.99, func(q *results.Quantiles) *int64 { return q.P99 })},
		{"cpu-ns/op", "lower", "sxl", func(a results.Arm, m *results.Measurement) (float64, bool) {
			t, known := target(a, m)
			if s, ok := store(a, m); len(a.Needs) > 0 {
				return t + s, known && ok
			}
			return t, known
		}},
		{"target-cpu-ns/op", "lower", "sxl", target},
		{"store-cpu-ns/op", "lower", "sxl", store},
		{"store-ops/op", "lower", "sxl", func(_ results.Arm, m *results.Measurement) (float64, bool) {
			return m.StoreOpsPerRequest, m.StoreOpsKnown
		}},
		{"request-B/op", "lower", "sl", func(_ results.Arm, m *results.Measurement) (float64, bool) { return m.RequestBytes, m.RequestBytes > 0 }},
		{"response-B/op", "lower", "sl", func(_ results.Arm, m *results.Measurement) (float64, bool) {
			return m.ResponseBytes, m.ResponseBytes > 0
		}},
		{"target-RSS-bytes", "lower", "s", func(_ results.Arm, m *results.Measurement) (float64, bool) {
			return float64(m.Usage.Target.RSSBytes), m.Usage.Target.Known && m.Usage.Target.RSSBytes > 0
		}},
		{"errors/op", "lower", "sxl", func(_ results.Arm, m *results.Measurement) (float64, bool) {
			return float64(m.Accounting.NotOK()) / float64(m.Accounting.Scheduled), m.Accounting.Scheduled > 0
		}},
		{"ok/sec", "higher", "xl", func(_ results.Arm, m *results.Measurement) (float64, bool) { return m.Achieved, true }},
	}
}

func benchTrial(w io.Writer, run *results.Run, t *results.Trial) {
	for _, p := range []struct{ operation, name, key string }{{"use", "Steady", "s"}, {"saturate", "Saturate", "x"}, {"login", "Login", "l"}} {
		m := trialPhase(t, p.operation)
		if m == nil || m.DurationNS == 0 && t.Error == "" {
			continue
		}
		switch {
		case t.Error != "":
			fmt.Fprintf(w, "# left out: %s of %s in block %d: %s\n", p.name, oneLine(t.Arm), t.Block, oneLine(t.Error))
			continue
		case !m.Usable():
			fmt.Fprintf(w, "# left out: %s of %s in block %d is invalid: %s\n", p.name, oneLine(t.Arm), t.Block, oneLine(strings.Join(m.Validity.Reasons, "; ")))
			continue
		}
		var values strings.Builder
		for _, u := range benchUnits() {
			v, ok := u.of(trialArm(run, t.Arm), m)
			if math.IsInf(v, 1) {
				v = float64(run.Workload.TimeoutNS)
			}
			if ok && strings.Contains(u.phases, p.key) {
				fmt.Fprintf(&values, "\t%s %s", strconv.FormatFloat(v, 'g', -1, 64), u.name)
			}
		}
		if values.Len() > 0 {
			fmt.Fprintf(w, "Benchmark%s\t%d%s\n", benchName(p.name, t), m.Accounting.Scheduled, values.String())
		}
	}
}

// benchName keys a line by arm and, where there are any, scenario and fault.
func benchName(phase string, t *results.Trial) string {
	name := phase
	if t.Chaos != nil {
		name += "/scenario=" + benchKey(t.Scenario)
		if t.Chaos.Fault != "" {
			name += "/fault=" + benchKey(t.Chaos.Fault)
		}
	}
	return name + "/arm=" + benchKey(t.Arm)
}

// benchKey makes a value of the name safe: a slash would begin another key, and -2 at
// the end would be read as GOMAXPROCS.
func benchKey(s string) string {
	s = strings.ReplaceAll(oneLine(s), " ", "_")
	s = strings.ReplaceAll(s, "/", "_")
	if digits := strings.LastIndexByte(s, '-'); digits >= 0 && digits < len(s)-1 && strings.Trim(s[digits+1:], "0123456789") == "" {
		return s[:digits] + "_" + s[digits+1:]
	}
	return s
}
