package report

import (
	"cmp"
	"fmt"
	"html/template"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/results"
)

// madeUp describes a run that is made up interval by interval.
type madeUp struct {
	arms     []string
	blocks   int
	seconds  int // of a trial
	rate     int
	chaos    bool // trials with a fault, in intervals of 100 ms
	perBatch int  // encoded histograms that are made; trials share them
}

// write makes the run up, through the writer, and returns its directory. No number in it
// was measured.
func (m madeUp) write(t testing.TB) (*results.Run, string) {
	t.Helper()
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run := &results.Run{
		Profile: "full", Command: []string{"authbench", "bench"}, Seed: 42, Started: started, Baseline: m.arms[0],
		Workload: results.Workload{Scenario: "steady", Blocks: m.blocks, Rate: float64(m.rate), SteadyNS: int64(m.seconds) * 1e9},
		Warnings: []string{"Synthetic data for tests: nothing on this page was measured."},
	}
	for _, a := range m.arms {
		arm := results.Arm{Name: a, Contract: a}
		if a != "control" {
			arm.Needs = []string{"redis"}
		}
		run.Arms = append(run.Arms, arm)
	}
	w, err := results.Create(t.TempDir(), "synthetic", run)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 11))
	interval := time.Second
	if m.chaos {
		interval = 100 * time.Millisecond
	}
	pool := map[float64][]results.Histogram{}
	clock := started
	for block := range m.blocks {
		for i, arm := range m.arms {
			clock = clock.Add(time.Duration(m.seconds+2) * time.Second)
			trial, hists := m.trial(t, rng, pool, 80e3*(1+.35*float64(i)), interval, clock)
			trial.Arm, trial.Block, trial.Position, trial.Started = arm, block+1, i+1, clock
			if m.chaos {
				trial.Block = block*len(m.arms) + i + 1
			}
			if err := w.Add(trial, []results.PhaseHistograms{{Operation: "use", Started: clock, Histograms: hists}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	run.Finished = clock.Add(time.Minute)
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	run, _, err = results.Open(w.Dir())
	if err != nil {
		t.Fatal(err)
	}
	return run, w.Dir()
}

func (m madeUp) trial(t testing.TB, rng *rand.Rand, pool map[float64][]results.Histogram, mid float64, interval time.Duration, clock time.Time) (results.Trial, []results.Histogram) {
	trial := results.Trial{Scenario: "steady"}
	n := int(time.Duration(m.seconds) * time.Second / interval)
	each := int(float64(m.rate) * interval.Seconds())
	var hists []results.Histogram
	var acc results.Accounting
	add := func(i int, o results.Outcome, mid float64, count int) {
		if count == 0 {
			return
		}
		key := mid + float64(count)/1e3
		if len(pool[key]) < cmp.Or(m.perBatch, 4) {
			pool[key] = append(pool[key], encodeLatencies(t, rng, mid, count))
		}
		h := pool[key][rng.IntN(len(pool[key]))]
		h.Outcome, h.StartNS, h.LengthNS = o, int64(i)*int64(interval), int64(interval)
		hists = append(hists, h)
		acc.Scheduled += int64(count)
		acc.Add(o, int64(count))
	}
	tl := &results.Timeline{Started: clock, ZeroNS: -250e6, IntervalNS: int64(interval)}
	for i := range n {
		at := time.Duration(i) * interval
		switch {
		case m.chaos && at >= 1200*time.Millisecond && at < 2600*time.Millisecond:
			add(i, results.Unavailable, 900e3, each-each/5)
			add(i, results.Timeout, 1e9, each/5)
		case m.chaos && at >= 2600*time.Millisecond && at < 3000*time.Millisecond:
			add(i, results.OK, 12*mid, each-each/3)
			add(i, results.Rejected, mid, each/3)
		default:
			add(i, results.OK, mid, each)
		}
		tl.TargetNS = append(tl.TargetNS, int64(interval)/5+rng.Int64N(int64(interval)/20))
		tl.StoreNS = append(tl.StoreNS, int64(interval)/10+rng.Int64N(int64(interval)/30))
		tl.LoadgenNS = append(tl.LoadgenNS, int64(float64(interval)*.93))
	}
	ns := int64(m.seconds) * 1e9
	trial.Measurement = results.Measurement{
		DurationNS: ns, Offered: float64(m.rate), Achieved: float64(acc.OK) / float64(m.seconds), Accounting: acc,
		Validity: results.Validity{Status: results.ValidityValid},
	}
	if m.chaos || m.seconds >= 5 {
		trial.Timeline = tl
	}
	if m.chaos {
		at := func(v int64) *int64 { return &v }
		trial.Scenario = "redis-outage"
		trial.Chaos = &results.Chaos{
			Nodes: 2, Settings: map[string]string{}, Fault: "kill", Facts: []results.Fact{}, Violations: []results.Violation{},
			Faults: []results.Fault{{Name: "kill", On: "redis", RequestedNS: 1370e6, ConfirmedNS: at(1440e6), RecoverNS: at(2710e6), RecoveredNS: at(2950e6), Unreachable: true}},
		}
	}
	return trial, hists
}

// encodeLatencies makes a histogram of n latencies around mid ns, with a tail.
func encodeLatencies(t testing.TB, rng *rand.Rand, mid float64, n int) results.Histogram {
	t.Helper()
	h := hdrhistogram.New(results.HistogramMin, results.HistogramMax, results.HistogramDigits)
	for range n {
		v := mid * (.6 + .4*math.Exp(.5*rng.NormFloat64()))
		if rng.Float64() < .012 {
			v += 3e5 + 1.6e6*rng.ExpFloat64()
		}
		if err := h.RecordValue(int64(v)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	return results.Histogram{Metric: "latency", Max: h.Max(), Count: h.TotalCount(), Data: string(data)}
}

// arms8 are the names of a usual run.
func arms8() []string {
	return []string{"control", "session-memory", "session-redis", "session-redis~aa", "session-mysql", "jwt-hs256", "jwt-rs256", "jwt-es256"}
}

func intervalsOf(dir string) intervalSource {
	return func(keep func(results.Tag) bool) iter.Seq2[*results.Interval, error] {
		return results.Intervals(dir, keep)
	}
}

// noMark stands where an arm would have its marker.
func noMark(string) template.HTML {
	return `<svg class="lm" width="14" height="14" aria-hidden="true"><use class="k c2" href="#m0" x="7" y="7"/></svg>`
}

// timePage is a page with nothing but the sections of time.
func timePage(t testing.TB, o *overTime) string {
	t.Helper()
	tmpl, err := template.New("page").Funcs(functions()).ParseFS(pageFiles, "page/*.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := styleSheet()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="%s"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><link rel="icon" href="data:,"><title>Time</title><style>%s</style></head><body>%s<header><h1>In the course of time</h1></header><main>`,
		policy(sheet, pageScript), sheet, markers)
	for _, s := range [][2]string{{"heatmap", "Heat maps"}, {"time", "Over time"}} {
		fmt.Fprintf(&b, `<section id="%s" aria-labelledby="%s-title"><h2 id="%s-title">%s</h2>`, s[0], s[0], s[0], s[1])
		if err := tmpl.ExecuteTemplate(&b, s[0], []*overTime{o}); err != nil {
			t.Fatal(err)
		}
		b.WriteString("</section>")
	}
	fmt.Fprintf(&b, `</main><script>%s</script></body></html>`, pageScript)
	return b.String()
}

// savePage writes a page to be opened by a browser; AUTHBENCH_KEEP names a directory
// that keeps it, to look at.
func savePage(t testing.TB, name, page string) string {
	t.Helper()
	dir := os.Getenv("AUTHBENCH_KEEP")
	if dir == "" {
		dir = t.TempDir()
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
