package scenarios

import (
	"strings"
	"testing"

	"authbench/results"
)

// twins is a run of a baseline and its duplicate, of which one block in `every` is
// slower by half; 0: none.
func twins(blocks, every int) *results.Run {
	run := &results.Run{
		Profile: "default", Baseline: "session-redis", Workload: results.Workload{Scenario: "steady", Blocks: blocks},
		Arms: []results.Arm{{Name: "session-redis"}, {Name: "session-redis" + DuplicateSuffix, Duplicate: true}},
	}
	for block := 1; block <= blocks; block++ {
		for i, arm := range run.Arms {
			p50 := int64(100_000 + 1000*block + 100*((block+i)%2))
			if i == 1 && every > 0 && block%every == 0 {
				p50 += p50 / 2
			}
			valid := results.Validity{Status: results.ValidityValid}
			run.Trials = append(run.Trials, results.Trial{
				Arm: arm.Name, Block: block,
				Measurement: results.Measurement{DurationNS: 1, Validity: valid, Latency: results.Quantiles{Count: 1000, P50: &p50}},
				Saturate: &results.Measurement{DurationNS: 1, Validity: valid, Usage: results.Usage{
					Target: results.Process{CPUPerRequest: float64(p50), Known: true},
				}},
			})
		}
	}
	return run
}

func TestVerdictOnTheDuplicate(t *testing.T) {
	for _, c := range []struct {
		name          string
		blocks, every int
		want, reason  string
	}{
		{"equal", 12, 0, results.Pass, "12 blocks"},
		{"slower in every block", 12, 1, results.Invalid, "differs from itself"},
		{"slower in every other", 12, 2, results.Pass, ""},
		{"slower, but too few to tell", 8, 1, results.Unknown, "it takes 9"},
	} {
		found := false
		for _, v := range Verdicts(twins(c.blocks, c.every)) {
			if v.Check != CheckAA {
				continue
			}
			found = true
			if v.Arm != "session-redis"+DuplicateSuffix ||
				v.Status != c.want || !strings.Contains(v.Reason, c.reason) || v.Measured == nil || *v.Bound != .01 {
				t.Errorf("%s: %+v, want %s", c.name, v, c.want)
			}
		}
		if !found {
			t.Errorf("%s: no verdict", c.name)
		}
	}
}
