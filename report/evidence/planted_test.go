package evidence

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"authbench/results"
)

// plantedArm is what the made-up trials of an arm are drawn around.
type plantedArm struct {
	results.Arm
	p50, jitter float64 // us
	target      float64 // us of CPU, saturated
	ops, memory float64 // a use; bytes above a common size
	bad         int64   // arrivals of a trial that did not end ok
}

func plantedArms() []plantedArm {
	arm := func(name, mechanism string, needs ...string) results.Arm {
		return results.Arm{Name: name, Mechanism: mechanism, Needs: needs, Promises: map[string]string{"lifetime": "15m"}}
	}
	aa := arm("session-redis~aa", "session", "redis")
	aa.Duplicate = true
	return []plantedArm{
		{Arm: arm("control", "none"), p50: 80, jitter: 2, target: 8},
		{Arm: arm("session-memory", "session"), p50: 85, jitter: 2, target: 10, memory: 2e6},
		{Arm: arm("session-redis", "session", "redis"), p50: 150, jitter: 2, target: 24, ops: 1},
		{Arm: aa, p50: 150, jitter: 2, target: 24, ops: 1},
		{Arm: arm("jwt-hs256", "token"), p50: 110, jitter: 2, target: 14},
		{Arm: arm("jwt-es256", "token"), p50: 200, jitter: 2, target: 95, bad: 3},
	}
}

// plantedRun is a run of made-up trials.
func plantedRun(arms []plantedArm, blocks int) *results.Run {
	rng := rand.New(rand.NewPCG(3, 5))
	run := &results.Run{ID: "planted", Profile: "default", Baseline: "session-redis", Workload: results.Workload{Scenario: "steady", Blocks: blocks, Users: 1000}}
	for _, a := range arms {
		run.Arms = append(run.Arms, a.Arm)
	}
	valid := results.Validity{Status: results.ValidityValid}
	for b := 1; b <= blocks; b++ {
		machine := 1 + .05*rng.Float64()
		for i, a := range arms {
			p50 := int64(1e3 * (a.p50*machine + a.jitter*(2*rng.Float64()-1)))
			cpu := func(us float64) results.Usage {
				return results.Usage{
					Target: results.Process{Known: true, CPUPerRequest: 1e3 * us * (1 + .01*rng.Float64()), RSSBytes: int64(3e7 + a.memory + 1e3*rng.Float64())},
					Store:  results.Process{Known: true, CPUPerRequest: 1e4},
				}
			}
			const n = 5000
			t := results.Trial{Scenario: "steady", Arm: a.Name, Block: b, Position: i + 1}
			t.Measurement = results.Measurement{
				DurationNS: 25e8, Offered: 2000, Achieved: 2000, Accounting: results.Accounting{Scheduled: n, OK: n - a.bad, Timeout: a.bad},
				Latency: results.Quantiles{Count: n, P50: &p50, P99: &p50, P999: &p50, Max: &p50}, RequestBytes: 100, ResponseBytes: 200,
				Usage: cpu(a.target), StoreOpsPerRequest: a.ops, StoreOpsKnown: true, Validity: valid,
			}
			t.Saturate = &results.Measurement{DurationNS: 1e9, Achieved: 9000, Accounting: results.Accounting{Scheduled: 9000, OK: 9000}, Usage: cpu(a.target), Validity: valid}
			t.Login = &results.Measurement{DurationNS: 1e9, Achieved: 5000, Accounting: results.Accounting{Scheduled: 1000, OK: 1000}, ResponseBytes: 300, Usage: cpu(2 * a.target), Validity: valid}
			run.Trials = append(run.Trials, t)
		}
	}
	return run
}

func planted(t *testing.T, blocks int, edit func([]plantedArm, *results.Run)) *Board {
	t.Helper()
	arms := plantedArms()
	if edit != nil {
		edit(arms, nil)
	}
	run := plantedRun(arms, blocks)
	if edit != nil {
		edit(nil, run)
	}
	return Read(Source{Run: run})
}

// tried is a trial under revocations or a fault.
func tried(scenario, arm, fault string, c results.Chaos) results.Trial {
	c.Fault = fault
	if c.Settings == nil {
		c.Settings = map[string]string{"how": "logout"}
	}
	return results.Trial{
		Scenario: scenario, Arm: arm, Block: 1, Chaos: &c,
		Measurement: results.Measurement{DurationNS: 1e9, Accounting: results.Accounting{Scheduled: 300, OK: 300}, Validity: results.Validity{Status: results.ValidityValid}},
	}
}

// revoked is a log-out after which uses went on for so long.
func revoked(last int64) results.Chaos {
	through := int64(0)
	if last > 0 {
		through = 7
	}
	q := results.Quantiles{Count: 40, P50: &last, Max: &last}
	return results.Chaos{Revocation: &results.Revocation{Revocations: 20, Uses: 100, LetThrough: through, TimeToReject: q, LastAccept: q, Bound: "0s"}}
}

// out is a store that was away.
func out(unavailable, resurrected int64) results.Chaos {
	ns := int64(4e6)
	return results.Chaos{Outage: &results.Outage{
		DetectNS: &ns, RecoverNS: &ns, LiveAsked: 10, RevokedAsked: 5, Resurrected: resurrected,
		Stages: []results.Stage{{Name: "during", DurationNS: 1e9, Unavailable: unavailable, Accounting: results.Accounting{Scheduled: 300, OK: 300 - unavailable, Unavailable: unavailable}}},
	}, Faults: []results.Fault{{Name: "kill", ConfirmedNS: &ns}}}
}

func chaosRun(trials ...results.Trial) *results.Run {
	run := &results.Run{ID: "chaos", Workload: results.Workload{Scenario: "chaos"}, Trials: trials}
	seen := map[string]bool{}
	for _, t := range trials {
		if seen[t.Arm] {
			continue
		}
		seen[t.Arm] = true
		a := results.Arm{Name: t.Arm, Mechanism: "token", Promises: map[string]string{"lifetime": "2s"}}
		if t.Arm != "jwt-es256" {
			a.Mechanism, a.Needs = "session", []string{"redis"}
		}
		run.Arms = append(run.Arms, a)
	}
	return run
}

// TestTheDataAreAsPlanted keeps the helpers honest.
func TestTheDataAreAsPlanted(t *testing.T) {
	b := planted(t, 12, nil)
	if b.Red != "" || len(b.Arms) != 6 || b.Control == nil || len(b.Comparisons) != 12 {
		t.Fatal(fmt.Sprint(b.Red, len(b.Arms), b.Control, len(b.Comparisons)))
	}
}
