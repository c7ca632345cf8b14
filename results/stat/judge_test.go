package stat

import (
	"math"
	"slices"
	"strings"
	"testing"

	"authbench/results"
)

// TestStatus goes through what may be said.
func TestStatus(t *testing.T) {
	quiet := func(blocks int, noise float64) *results.Run {
		return planted(blocks, noise, "base~aa", "same", "triple")
	}
	for _, c := range []struct {
		name   string
		run    *results.Run
		edit   func(*results.Run)
		arm    string
		metric string
		want   string
		needed bool
	}{
		{"differs", quiet(12, .05), nil, "triple", "p50", Differs, false},
		{"equal, little noise", quiet(12, .01), nil, "same", "p50", Equivalent, false},
		{"equal, much noise", quiet(12, .1), nil, "same", "p50", Inconclusive, true},
		{"a narrower margin", quiet(12, .01), func(r *results.Run) { r.Workload.Margin = .001 }, "same", "p50", Inconclusive, true},
		{"a wider margin", quiet(12, .1), func(r *results.Run) { r.Workload.Margin = .5 }, "same", "p50", Equivalent, false},
		{"within a wide margin and yet different", quiet(12, .01), func(r *results.Run) { r.Workload.Margin = 3 }, "triple", "p50", Equivalent, false},
		{"too few", quiet(6, .01), nil, "triple", "p50", TooFewBlocks, true},
		{"not declared", quiet(12, .01), nil, "triple", "p99", Exploratory, false},
		{"declared in full", quiet(12, .01), func(r *results.Run) { r.Profile = "full" }, "triple", "p99", Differs, false},
		{"quick names no winner", quiet(12, .01), func(r *results.Run) { r.Profile = "quick" }, "triple", "p50", Exploratory, false},
		{"a stand-in", quiet(12, .01), func(r *results.Run) {
			r.Arms[3].Needs, r.Environment.Stores = []string{"redis"}, []results.Store{{Kind: "redis", StandIn: true}}
		}, "triple", "p50", results.NotApplicable, false},
		{"not comparable", quiet(12, .01), func(r *results.Run) { r.Trials = nil }, "triple", "p50", results.NotApplicable, false},
		{"the duplicate differs", quiet(12, .01), func(r *results.Run) {
			for i := range r.Trials {
				if tr := &r.Trials[i]; tr.Arm == "base~aa" {
					*tr.Latency.P50 *= 2
				}
			}
		}, "triple", "p50", results.Invalid, false},
		{"a check is invalid", quiet(12, .01), func(r *results.Run) {
			r.Verdicts = []results.Verdict{{Scenario: "steady", Arm: "triple", Check: "accounting", Status: results.Invalid}}
		}, "same", "cpu", results.Invalid, false},
		{"that of another scenario", quiet(12, .01), func(r *results.Run) {
			r.Verdicts = []results.Verdict{{Scenario: "redis-outage", Arm: "triple", Check: "accounting", Status: results.Invalid}}
		}, "triple", "cpu", Differs, false},
		{"validity is by trial", quiet(12, .01), func(r *results.Run) {
			r.Verdicts = []results.Verdict{{Scenario: "steady", Arm: "triple", Check: "validity", Status: results.Invalid}}
		}, "triple", "cpu", Differs, false},
	} {
		if c.edit != nil {
			c.edit(c.run)
		}
		all := CompareAll(c.run)
		got := find(t, all, c.arm, c.metric)
		if got.Status != c.want || got.Needed > 0 != c.needed {
			t.Errorf("%s: %s, %d needed (x%.3f [%.3f, %.3f], p %.4f, %q), want %s", c.name,
				got.Status, got.Needed, got.Ratio.Value, got.Ratio.Lo, got.Ratio.Hi, got.Holm, all.Red, c.want)
		}
		if got.Needed > 0 && got.Needed <= got.Blocks {
			t.Errorf("%s: %d blocks needed, %d compared", c.name, got.Needed, got.Blocks)
		}
	}
}

// TestDetectableAfter: what is said to be detectable with these blocks is what
// BlocksFor says takes as many.
func TestDetectableAfter(t *testing.T) {
	all := CompareAll(planted(12, .1, "base~aa", "same", "triple"))
	for _, c := range all.List {
		effect := math.Log(c.Detectable)
		n, err := BlocksFor(c.SD, effect*(1+1e-9), Alpha/4, Power)
		if err != nil || n != c.Blocks {
			t.Errorf("%s, %s: x%.3f detectable, of which %d blocks are said to show it, %v", c.Arm, c.Metric.Name, c.Detectable, n, err)
		}
	}
	aa := all.AA.List[0]
	if want, _ := DetectableEffect(aa.SD, 12, AlphaAA/2, Power); aa.Detectable != math.Exp(want) {
		t.Errorf("A/A: %v, want %v", aa.Detectable, math.Exp(want))
	}
	few := find(t, CompareAll(planted(6, .1, "same", "triple")), "same", "p50")
	if !math.IsInf(few.Detectable, 1) {
		t.Errorf("6 blocks among 4 comparisons can show x%v", few.Detectable)
	}
	if one := find(t, CompareAll(planted(1, .1, "same")), "same", "p50"); one.Detectable != 0 {
		t.Errorf("one block: %v", one.Detectable)
	}
}

// TestOnlyTrialsOfCost: a trial in which something was disturbed, of the same arm and
// block, is not compared, wherever in the run it stands.
func TestOnlyTrialsOfCost(t *testing.T) {
	run := planted(12, .05, "base~aa", "triple")
	want := CompareAll(run)
	var disturbed []results.Trial
	for _, tr := range run.Trials {
		p50 := 50 * *tr.Latency.P50
		tr.Latency.P50, tr.Scenario, tr.Chaos = &p50, "redis-outage", &results.Chaos{}
		disturbed = append(disturbed, tr)
	}
	for name, trials := range map[string][]results.Trial{
		"after":  slices.Concat(run.Trials, disturbed),
		"before": slices.Concat(disturbed, run.Trials),
	} {
		run.Trials = trials
		got := CompareAll(run)
		for i, c := range got.List {
			if c.Ratio != want.List[i].Ratio || c.Blocks != 12 {
				t.Errorf("%s: %s, %s: %v of %d blocks, want %v", name, c.Arm, c.Metric.Name, c.Ratio, c.Blocks, want.List[i].Ratio)
			}
		}
		if got.AA.Reason != want.AA.Reason {
			t.Errorf("%s: A/A %s, want %s", name, got.AA.Reason, want.AA.Reason)
		}
	}
}

func TestExpect(t *testing.T) {
	// By hand, for 6 comparisons: z of 1-0.05/12 is 2.638, of 0.8 is 0.842, and
	// 2.638^2/2 = 3.480; 0.11 * 3.480 / sqrt(12*0.95493-3.480) = 0.1358.
	got, err := Expect("default", 3, 12, AssumedSpreads())
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	p50 := got[0]
	if p50.Metric != "p50" || p50.Comparisons != 6 || p50.SD != 0.11 || !strings.Contains(p50.From, "assumed") {
		t.Errorf("%+v", p50)
	}
	near(t, "detectable", p50.Detectable, math.Exp(0.1358), 0.0005)
	if full, err := Expect("full", 3, 12, AssumedSpreads()); err != nil || len(full) != 3 || full[2].Comparisons != 9 {
		t.Errorf("full: %+v, %v", full, err)
	}
	if few, err := Expect("quick", 7, 6, AssumedSpreads()); err != nil || few[0].Detectable != 0 {
		t.Errorf("6 blocks: %+v, %v", few, err)
	}
	if none, err := Expect("default", 0, 12, AssumedSpreads()); err != nil || len(none) != 0 {
		t.Errorf("nothing to compare: %+v, %v", none, err)
	}
	if _, err := Expect("default", 1, 12, []Spread{{Metric: "p50", SD: -1}}); err == nil {
		t.Error("a negative spread")
	}
	// Before and after are one computation.
	run := planted(12, .1, "base~aa", "same", "triple")
	run.ID = "earlier"
	spreads := SpreadsOf(run)
	if len(spreads) != 3 || spreads[0].From != "measured in earlier" {
		t.Fatalf("%+v", spreads)
	}
	near(t, "spread", spreads[0].SD, .1*math.Sqrt2, 0.04)
	c := find(t, CompareAll(run), "same", "p50")
	after, err := Expect("default", 2, 12, []Spread{{Metric: "p50", SD: c.SD}})
	if err != nil || after[0].Detectable != c.Detectable {
		t.Errorf("before %v, after %v, %v", after, c.Detectable, err)
	}
}

// TestAssumedSpreads: what is assumed is what committed runs show, within a factor of
// two (an SD from 12 blocks is off by a fifth by itself).
func TestAssumedSpreads(t *testing.T) {
	run, _, err := results.Open(publishedRun(t))
	if err != nil {
		t.Fatal(err)
	}
	measured := SpreadsOf(run)
	for i, s := range AssumedSpreads() {
		if m := measured[i]; m.Metric != s.Metric || m.SD > 2*s.SD || m.SD < s.SD/2 {
			t.Errorf("%s: assumed %v, %s %v", s.Metric, s.SD, m.From, m.SD)
		}
	}
}
