package scenarios

import (
	"strings"
	"testing"

	"authbench/results"
)

// sound is a run of two blocks in which everything is as it should be.
func sound() *results.Run {
	run := &results.Run{
		Workload:    results.Workload{Scenario: "steady", Blocks: 2},
		Environment: results.Environment{Stores: []results.Store{{Kind: "redis"}}},
		Arms: []results.Arm{
			{Name: "control"},
			{Name: "session-redis", Needs: []string{"redis"}},
		},
	}
	for block := 1; block <= 2; block++ {
		for _, arm := range run.Arms {
			t := results.Trial{Arm: arm.Name, Block: block, Measurement: results.Measurement{
				Accounting:    results.Accounting{Scheduled: 10, OK: 10},
				StoreOpsKnown: true,
				Validity:      results.Validity{Status: results.ValidityValid},
			}}
			if len(arm.Needs) > 0 {
				t.StoreOps, t.StoreOpsPerRequest = 10, 1
			}
			run.Trials = append(run.Trials, t)
		}
	}
	return run
}

func TestVerdicts(t *testing.T) {
	const control, redis = 0, 1 // trials of block 1
	for _, c := range []struct {
		name   string
		breach func(*results.Run)
		arm    string
		check  string
		want   string
		reason string
	}{
		{"sound", func(*results.Run) {}, "session-redis", CheckStoreOps, results.Pass, ""},
		{"an arrival lost", func(r *results.Run) { r.Trials[redis].Accounting.OK-- }, "session-redis", CheckAccounting, results.Fail, "block 1"},
		{"an arrival lost while saturated", func(r *results.Run) {
			r.Trials[redis].Saturate = &results.Measurement{Accounting: results.Accounting{Scheduled: 2, OK: 1}}
		}, "session-redis", CheckAccounting, results.Fail, "block 1"},
		{"a timeout", func(r *results.Run) {
			r.Trials[control].Accounting = results.Accounting{Scheduled: 10, OK: 9, Timeout: 1}
		}, "control", CheckErrors, results.Fail, "1 of 10"},
		{"a session that asks nobody", func(r *results.Run) { r.Trials[redis].StoreOps, r.Trials[redis].StoreOpsPerRequest = 9, 0.9 }, "session-redis", CheckStoreOps, results.Fail, "fewer than one"},
		{"a session that asks sometimes, as it says", func(r *results.Run) {
			r.Arms[1].UseAsks, r.Trials[redis].StoreOps, r.Trials[redis].StoreOpsPerRequest = "sometimes", 1, 0.1
		}, "session-redis", CheckStoreOps, results.NotApplicable, "what the node knows"},
		{"a control that asks a store", func(r *results.Run) { r.Trials[control].StoreOps, r.Trials[control].StoreOpsPerRequest = 1, 0.1 }, "control", CheckStoreOps, results.Fail, "without a store"},
		{"counters not read", func(r *results.Run) { r.Trials[redis].StoreOpsKnown = false }, "session-redis", CheckStoreOps, results.Unknown, "counters"},
		{"a stand-in", func(r *results.Run) { r.Environment.Stores[0].StandIn = true }, "session-redis", CheckStoreOps, results.Unknown, "stand-in"},
		{"saturated generator", func(r *results.Run) {
			r.Trials[redis].Validity = results.Validity{Status: results.ValidityInvalid, Reasons: []string{"generator saturated"}}
		}, "session-redis", CheckValidity, results.Invalid, "generator saturated"},
		{"nothing said of validity", func(r *results.Run) { r.Trials[redis].Validity = results.Validity{} }, "session-redis", CheckValidity, results.Unknown, ""},
		{"a trial missing", func(r *results.Run) { r.Trials = r.Trials[:3] }, "session-redis", CheckErrors, results.Unknown, "1 of 2 trials"},
		{"a trial failed", func(r *results.Run) { r.Trials[redis].Error = "log in: 503" }, "session-redis", CheckValidity, results.Unknown, "1 of 2 trials"},
		{"no trial at all", func(r *results.Run) { r.Trials = nil }, "control", CheckAccounting, results.Unknown, "0 of 2 trials"},
		{"a duplicate of nothing", func(r *results.Run) { r.Arms[1].Duplicate = true }, "session-redis", CheckAA, results.Unknown, "no duplicate of its baseline"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := sound()
			c.breach(run)
			for _, v := range Verdicts(run) {
				if v.Arm != c.arm || v.Check != c.check {
					continue
				}
				if v.Status != c.want || !strings.Contains(v.Reason, c.reason) {
					t.Errorf("%s of %s: %s (%s), want %s (%s)", v.Check, v.Arm, v.Status, v.Reason, c.want, c.reason)
				}
				return
			}
			t.Errorf("no verdict %s for %s", c.check, c.arm)
		})
	}
}
