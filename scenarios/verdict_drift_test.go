package scenarios

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"authbench/results"
	"authbench/results/stat"
)

// drifting is a run whose baseline goes from 100 us by a factor over all blocks.
func drifting(blocks int, factor, noise float64) *results.Run {
	run := &results.Run{
		Baseline: "session-redis", Workload: results.Workload{Scenario: "steady", Blocks: blocks},
		Arms: []results.Arm{{Name: "session-redis"}, {Name: "jwt-es256"}},
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for b := 1; b <= blocks; b++ {
		for _, arm := range run.Arms {
			p50 := int64(100_000 * math.Pow(factor, float64(b-1)/float64(blocks-1)) * math.Exp(noise*rng.NormFloat64()))
			run.Trials = append(run.Trials, results.Trial{Arm: arm.Name, Block: b, Measurement: results.Measurement{
				DurationNS: 1e9, Latency: results.Quantiles{Count: 5000, P50: &p50},
				Validity: results.Validity{Status: results.ValidityValid},
			}})
		}
	}
	return run
}

func driftOf(t *testing.T, run *results.Run) results.Verdict {
	t.Helper()
	var found []results.Verdict
	for _, v := range Verdicts(run) {
		if v.Check == CheckDrift {
			found = append(found, v)
		}
	}
	if len(found) != 1 || found[0].Arm != "session-redis" {
		t.Fatalf("verdicts on drift: %+v", found)
	}
	return found[0]
}

func TestDrift(t *testing.T) {
	for _, c := range []struct {
		name   string
		run    *results.Run
		status string
		words  string
	}{
		{"none", drifting(12, 1, .05), results.Pass, ""},
		{"a quarter more", drifting(12, 1.25, .02), results.Fail, "changed by +2"},
		{"a fifth less", drifting(12, 0.8, .02), results.Fail, "changed by -"},
		{"clear and small", drifting(12, 1.08, 0), results.Pass, ""},
		{"large and not clear", drifting(8, 1.4, .3), results.Pass, ""},
		{"too few", drifting(7, 2, 0), results.Unknown, "7 blocks have"},
	} {
		if v := driftOf(t, c.run); v.Status != c.status || !strings.Contains(v.Reason, c.words) {
			t.Errorf("%s: %s (%s), want %s", c.name, v.Status, v.Reason, c.status)
		} else if strings.HasPrefix(c.name, "large") && math.Abs(*v.Measured) < 100*maxDrift {
			t.Errorf("%s: %v %% is not large", c.name, *v.Measured)
		}
	}
}

// A trial that the harness calls invalid feeds neither the trend nor a comparison,
// whatever its numbers are.
func TestInvalidTrialsFeedNothing(t *testing.T) {
	run := drifting(16, 1, .02)
	p50 := stat.Metrics("default")[0]
	before := stat.Compare(run, run.Arms[1], run.Arms[0], p50)
	spoil := func(status string) {
		for i := range run.Trials {
			if tr := &run.Trials[i]; tr.Block >= 9 && tr.Arm == "session-redis" {
				absurd := int64(tr.Block) * 1e9
				tr.Latency.P50, tr.Validity.Status = &absurd, status
			}
		}
	}
	spoil(results.ValidityInvalid)
	if c := stat.Compare(run, run.Arms[1], run.Arms[0], p50); c.Err != nil || c.Blocks != 8 || math.Abs(c.Ratio.Value/before.Ratio.Value-1) > 0.05 {
		t.Errorf("%d blocks of 8 valid ones compared: ratio %v, %v before, %v", c.Blocks, c.Ratio.Value, before.Ratio.Value, c.Err)
	}
	if v := driftOf(t, run); v.Status != results.Pass || *v.Measured > 20 {
		t.Errorf("drift: %+v", v)
	}
	spoil(results.ValidityDegraded) // or the test above shows nothing
	if c := stat.Compare(run, run.Arms[1], run.Arms[0], p50); c.Blocks != 16 {
		t.Errorf("degraded trials are left out: %d blocks", c.Blocks)
	}
	if v := driftOf(t, run); v.Status != results.Fail {
		t.Errorf("drift of degraded trials: %s, %v", v.Status, *v.Measured)
	}
}
