package stat

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"authbench/results"
)

// planted is a run whose truth is known: what every arm takes as a multiple of
// the baseline, the first. A block shifts all of its trials alike by up to a factor
// of two, each trial is off by about noise, and a ~ marks the duplicate.
func planted(blocks int, noise float64, arms ...string) *results.Run {
	factors := map[string]float64{"half": .5, "same": 1, "triple": 3}
	rng := rand.New(rand.NewPCG(5, 2))
	run := &results.Run{Profile: "default", Baseline: "base", Workload: results.Workload{Scenario: "steady", Blocks: blocks}}
	for _, name := range append([]string{"base"}, arms...) {
		run.Arms = append(run.Arms, results.Arm{Name: name, Duplicate: strings.Contains(name, "~")})
	}
	for b := 1; b <= blocks; b++ {
		block := math.Exp(.35 * rng.NormFloat64())
		for _, arm := range run.Arms {
			f := factors[arm.Name]
			if f == 0 {
				f = 1
			}
			value := func() float64 { return 1e5 * f * block * math.Exp(noise*rng.NormFloat64()) }
			run.Trials = append(run.Trials, plantedTrial(arm.Name, b, int64(value()), value()))
		}
	}
	return run
}

func plantedTrial(arm string, block int, p50 int64, cpu float64) results.Trial {
	valid := results.Validity{Status: results.ValidityValid}
	p99 := 3 * p50
	return results.Trial{
		Arm: arm, Block: block,
		Measurement: results.Measurement{DurationNS: 1, Validity: valid, Latency: results.Quantiles{Count: 6000, P50: &p50, P99: &p99}},
		Saturate: &results.Measurement{DurationNS: 1, Validity: valid, Usage: results.Usage{
			Target: results.Process{CPUPerRequest: cpu, Known: true},
			Store:  results.Process{CPUPerRequest: 1e6, Known: true}, // of a server that the arm does not need
		}},
	}
}

func find(t *testing.T, all Comparisons, arm, metric string) Comparison {
	t.Helper()
	for _, c := range all.List {
		if c.Arm == arm && c.Metric.Name == metric {
			return c
		}
	}
	t.Fatalf("no comparison of %s by %s", arm, metric)
	return Comparison{}
}

func TestPlantedRatiosAreFound(t *testing.T) {
	all := CompareAll(planted(12, .05, "base~aa", "half", "same", "triple"))
	if all.M != 6 || all.Needed() != 8 {
		t.Fatalf("%d comparisons take %d blocks, want 6 and 8", all.M, all.Needed())
	}
	for _, metric := range []string{"p50", "cpu"} {
		for arm, want := range map[string]float64{"half": .5, "same": 1, "triple": 3} {
			c := find(t, all, arm, metric)
			if r := c.Ratio; c.Err != nil || c.Blocks != 12 || r.Lo > want || r.Hi < want || r.Hi > 1.15*r.Lo {
				t.Errorf("%s, %s: %+v, want %v", arm, metric, c, want)
			}
			if differs := c.Holm <= Alpha; differs != (want != 1) {
				t.Errorf("%s, %s: Holm's p is %v", arm, metric, c.Holm)
			}
			if c.Holm < c.Ratio.P {
				t.Errorf("%s, %s: adjusted from %v to %v", arm, metric, c.Ratio.P, c.Holm)
			}
		}
	}
	if d := find(t, all, "triple", "cpu").Difference; d.Lo < 0 || d.Value < 1e5 || d.Value > 4e5 {
		t.Errorf("difference %+v, want about 2e5", d)
	}
}

// TestOneFamily: without a difference anywhere hardly any run claims one.
func TestOneFamily(t *testing.T) {
	claimed := 0
	for seed := range uint64(200) {
		run := planted(12, 0, "a", "b", "c", "d", "e", "f")
		rng := rand.New(rand.NewPCG(seed, 3))
		for i := range run.Trials {
			tr := &run.Trials[i]
			*tr.Latency.P50 = int64(1e5 * math.Exp(.1*rng.NormFloat64()))
			tr.Saturate.Usage.Target.CPUPerRequest = 1e4 * math.Exp(.1*rng.NormFloat64())
		}
		for _, c := range CompareAll(run).List {
			if c.Metric.Primary && c.Holm <= Alpha {
				claimed++
				break
			}
		}
	}
	if claimed > 18 { // 200 at 5 % are 10; 19 or more have a probability of 1 %
		t.Errorf("%d of 200 runs without a difference claim one", claimed)
	}
}

// TestOnlyBlocksWithBoth: what is invalid, failed or missing takes its block away,
// from the phase that it is about; what is degraded does not.
func TestOnlyBlocksWithBoth(t *testing.T) {
	run := planted(12, .05, "triple")
	at := func(arm string, block int) *results.Trial {
		for i := range run.Trials {
			if t := &run.Trials[i]; t.Arm == arm && t.Block == block {
				return t
			}
		}
		return nil
	}
	// Each of these would be seen: it is a hundred times too fast.
	spoil := func(t *results.Trial) { *t.Latency.P50 /= 100; t.Saturate.Usage.Target.CPUPerRequest /= 100 }
	spoil(at("triple", 1))
	at("triple", 1).Validity.Status = results.ValidityInvalid
	at("triple", 1).Saturate.Validity.Status = results.ValidityInvalid
	spoil(at("base", 2))
	at("base", 2).Error = "it broke"
	at("base", 3).Validity.Status = results.ValidityInvalid // its saturation is sound
	at("triple", 4).Validity.Status = results.ValidityDegraded
	run.Trials = run.Trials[:len(run.Trials)-1] // triple, block 12

	all := CompareAll(run)
	p50, cpu := find(t, all, "triple", "p50"), find(t, all, "triple", "cpu")
	if p50.Blocks != 8 || p50.LeftOut != 4 || p50.Degraded != 1 || p50.Ratio.N != 8 {
		t.Errorf("p50 %+v", p50)
	}
	if cpu.Blocks != 9 || cpu.LeftOut != 3 || cpu.Degraded != 0 {
		t.Errorf("cpu %+v", cpu)
	}
	if p50.Ratio.Lo < 2 || cpu.Ratio.Lo < 2 {
		t.Errorf("what is invalid was compared: %v, %v", p50.Ratio, cpu.Ratio)
	}
}

// TestFailingIsNoRatio: an arm beyond the timeout in some blocks is not compared
// by the others, in which it did well.
func TestFailingIsNoRatio(t *testing.T) {
	run := planted(12, .05, "half")
	for i := range run.Trials {
		if tr := &run.Trials[i]; tr.Arm == "half" && tr.Block < 3 {
			tr.Latency.P50 = nil
		}
	}
	all := CompareAll(run)
	if c := find(t, all, "half", "p50"); c.Err == nil || !strings.Contains(c.Err.Error(), "beyond the timeout in 2 of 12 blocks") {
		t.Errorf("%+v", c)
	}
	if c := find(t, all, "half", "cpu"); c.Err != nil || all.M != 1 {
		t.Errorf("%+v, %d primaries", c, all.M)
	}
}

func TestMetricsOfATrial(t *testing.T) {
	tr := plantedTrial("a", 1, 100, 10)
	needy, needless := results.Arm{Needs: []string{"redis"}}, results.Arm{}
	cpu := Metrics("default")[1]
	if v, ok := cpu.Of(needless, &tr); v != 10 || !ok {
		t.Errorf("without a store %v, %t", v, ok)
	}
	if v, ok := cpu.Of(needy, &tr); v != 1e6+10 || !ok {
		t.Errorf("with a store %v, %t", v, ok)
	}
	tr.Saturate.Usage.Store.Known = false
	if _, ok := cpu.Of(needy, &tr); ok {
		t.Error("CPU that could not be read counts as none")
	}
	tr.Latency.Count = 367
	p99 := Metrics("default")[2]
	if _, ok := p99.Of(needless, &tr); ok || p99.Primary || !Metrics("full")[2].Primary {
		t.Error("p99 of 367 arrivals, or primary in the wrong profile")
	}
}

func TestSamplesFor(t *testing.T) {
	for q, want := range map[float64]int64{.99: 368, .999: 3688, .9999: 36887} {
		if got := SamplesFor(q); got != want {
			t.Errorf("SamplesFor(%v) = %d, want %d", q, got, want)
		}
	}
}

func TestCheckAA(t *testing.T) {
	twin := func(blocks int, factor float64) *results.Run {
		run := planted(blocks, .05, "base~aa", "triple")
		for i := range run.Trials {
			if tr := &run.Trials[i]; tr.Arm == "base~aa" {
				*tr.Latency.P50 = int64(factor * float64(*tr.Latency.P50))
			}
		}
		return run
	}
	for _, c := range []struct {
		name   string
		run    *results.Run
		edit   func(*results.Run)
		status string
		reason string
	}{
		{"equal", twin(12, 1), nil, results.Pass, "no difference found at 1 %: p50 x"},
		{"one of two differs", twin(12, 1.4), nil, results.Invalid, "differs from itself: p50 x1.4"},
		{"nine blocks are enough", twin(9, 1.4), nil, results.Invalid, "p50"},
		{"eight cannot tell", twin(8, 1.4), nil, results.Unknown, "too few blocks to find a difference: 8, and it takes 9"},
		{"no duplicate", planted(12, .05, "triple"), nil, results.Unknown, "no duplicate"},
		{"no baseline", twin(12, 1), func(r *results.Run) { r.Baseline = "" }, results.Unknown, "no duplicate"},
		{"no trials", twin(12, 1), func(r *results.Run) { r.Trials = nil }, results.Unknown, "no block"},
		{"a stand-in", twin(12, 1), func(r *results.Run) {
			r.Arms[0].Needs, r.Environment.Stores = []string{"redis"}, []results.Store{{Kind: "redis", StandIn: true}}
		}, results.Unknown, "stand-in"},
		{"one cannot be compared", twin(12, 1), func(r *results.Run) {
			for i := range r.Trials {
				r.Trials[i].Saturate = nil
			}
		}, results.Unknown, "no block has a usable cpu"},
	} {
		if c.edit != nil {
			c.edit(c.run)
		}
		if a := CheckAA(c.run); a.Status != c.status || !strings.Contains(a.Reason, c.reason) {
			t.Errorf("%s: %s (%s), want %s (%s)", c.name, a.Status, a.Reason, c.status, c.reason)
		}
	}
	if all := CompareAll(twin(12, 1)); len(all.List) != 3 {
		t.Errorf("the duplicate is among the comparisons: %d", len(all.List))
	}
}
