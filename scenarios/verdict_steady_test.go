package scenarios

import (
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

// recorded is a run on disk of arms whose median response has a shape over each trial
// of so many seconds, which go from 0 to 1.
func recorded(t *testing.T, blocks, seconds int, shapes map[string]func(float64) float64) (run *results.Run, dir string) {
	t.Helper()
	run = &results.Run{
		Started: time.Now(), Baseline: "control", Environment: results.Environment{},
		Workload: results.Workload{Scenario: "steady", Blocks: blocks, SteadyNS: int64(seconds) * 1e9},
	}
	for _, name := range []string{"control", "session-redis"} {
		run.Arms = append(run.Arms, results.Arm{Name: name})
	}
	w, err := results.Create(t.TempDir(), "test", run)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(61, 62))
	for block := 1; block <= blocks; block++ {
		for _, arm := range run.Arms {
			level := 100_000 * math.Exp(.1*rng.NormFloat64())
			var hs []results.Histogram
			for s := range seconds + 1 { // the last is cut short, and absurd
				length, value := int64(1e9), level*math.Exp(.02*rng.NormFloat64())
				if shape := shapes[arm.Name]; shape != nil {
					value *= math.Exp(shape(float64(s) / float64(seconds)))
				}
				if s == seconds {
					length, value = 1e8, 1e9
				}
				h := hdrhistogram.New(results.HistogramMin, results.HistogramMax, results.HistogramDigits)
				for _, v := range []float64{value / 2, value, value, value, 5 * value} {
					if err := h.RecordValue(int64(v)); err != nil {
						t.Fatal(err)
					}
				}
				data, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
				if err != nil {
					t.Fatal(err)
				}
				hs = append(hs, results.Histogram{
					Operation: "use", Metric: "latency", Outcome: results.OK,
					StartNS: int64(s) * 1e9, LengthNS: length, Max: h.Max(), Count: 5, Data: string(data),
				})
			}
			trial := results.Trial{Scenario: "steady", Arm: arm.Name, Block: block, Started: time.Now(), Measurement: results.Measurement{
				DurationNS: int64(seconds) * 1e9, Validity: results.Validity{Status: results.ValidityValid},
			}}
			if err := w.Add(trial, []results.PhaseHistograms{{Operation: "use", Started: time.Now(), Histograms: hs}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	return run, w.Dir()
}

func TestSteadyState(t *testing.T) {
	cold := func(share float64) float64 { return .5 * math.Exp(-20*share) }
	grows := func(share float64) float64 { return .4 * share }
	slightly := func(share float64) float64 { return .04 * share }
	type shapes = map[string]func(float64) float64
	for _, c := range []struct {
		name            string
		blocks, seconds int
		shapes          shapes
		edit            func(run *results.Run, dir string)
		want            map[string]string // of each arm
		reason          string            // of session-redis
	}{
		{"steady", 8, 22, nil, nil, map[string]string{"control": results.Pass, "session-redis": results.Pass}, ""},
		{"too little warm-up", 8, 30, shapes{"session-redis": cold}, nil, map[string]string{"control": results.Pass, "session-redis": results.Fail}, "the warm-up was too short"},
		{"slower and slower", 8, 30, shapes{"session-redis": grows}, nil, map[string]string{"control": results.Pass, "session-redis": results.Fail}, "rises by"},
		{"a change within the margin", 12, 30, shapes{"session-redis": slightly}, nil, map[string]string{"session-redis": results.Pass}, ""},
		{"a narrower margin", 12, 30, shapes{"session-redis": slightly}, func(run *results.Run, _ string) { run.Workload.Margin = .01 }, map[string]string{"session-redis": results.Fail}, ""},
		{"short windows", 2, 3, nil, nil, map[string]string{"control": results.NotApplicable, "session-redis": results.NotApplicable}, "windows of 3s are too short"},
		{"too few blocks", 6, 30, shapes{"session-redis": cold}, nil, map[string]string{"session-redis": results.Unknown}, "6 trials can be used, and it takes 8"},
		{"invalid trials", 8, 30, shapes{"session-redis": cold}, func(run *results.Run, _ string) {
			for i := range run.Trials {
				if run.Trials[i].Block > 6 {
					run.Trials[i].Validity.Status = results.ValidityInvalid
				}
			}
		}, map[string]string{"session-redis": results.Unknown}, "6 trials"},
		{"no histograms", 8, 30, nil, func(_ *results.Run, dir string) {
			if err := os.Remove(filepath.Join(dir, results.HistogramsFile)); err != nil {
				t.Fatal(err)
			}
		}, map[string]string{"control": results.Unknown, "session-redis": results.Unknown}, "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run, dir := recorded(t, c.blocks, c.seconds, c.shapes)
			if c.edit != nil {
				c.edit(run, dir)
			}
			seen := 0
			for _, v := range VerdictsIn(dir, run) {
				if v.Check != CheckSteadyState {
					continue
				}
				seen++
				if want := c.want[v.Arm]; want != "" && v.Status != want {
					t.Errorf("%s: %s (%s), want %s", v.Arm, v.Status, v.Reason, want)
				}
				if v.Arm == "session-redis" && !strings.Contains(v.Reason, c.reason) {
					t.Errorf("%s: %s", v.Arm, v.Reason)
				}
				if judged := v.Status == results.Pass || v.Status == results.Fail; judged != (v.Measured != nil) {
					t.Errorf("%s: %s with %v measured", v.Arm, v.Status, v.Measured)
				}
			}
			if seen != 2 {
				t.Errorf("%d verdicts, want one an arm", seen)
			}
		})
	}
}
