package decide

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"authbench/report/evidence"
	"authbench/results"
	"authbench/targets/contract"
)

// A made-up run of every bundled arm, with their real declarations: no number in it
// was measured. Each arm keeps what it promises.

// madeUp is what the numbers of an arm are drawn around: microseconds and bytes.
type madeUp struct{ p50, target, store, bytes, ops float64 }

func madeUpCosts() map[string]madeUp {
	return map[string]madeUp{
		"control":               {90, 9.7, 0, 110, 0},
		"session-memory":        {88, 10.5, 0, 111, 0},
		"session-redis":         {156, 26, 10, 111, 1},
		"session-mysql":         {239, 48, 48, 111, 1},
		"session-redis+cache":   {130, 20, 5, 111, .4},
		"session-redis+mysql":   {160, 28, 11, 111, 1},
		"jwt-hs256":             {120, 20, 0, 383, 0},
		"jwt-hs256-jwx":         {121, 20.5, 0, 383, 0},
		"jwt-rs256":             {137, 56, 0, 682, 0},
		"jwt-rs256-3072":        {150, 90, 0, 852, 0},
		"jwt-ps256":             {138, 57, 0, 682, 0},
		"jwt-es384":             {990, 900, 0, 468, 0},
		"jwt-eddsa":             {181, 92, 0, 426, 0},
		"jwt-mldsa44":           {240, 140, 0, 3580, 0},
		"jwt-mldsa65":           {290, 200, 0, 4765, 0},
		"jwt-es256":             {192, 100, 0, 426, 0},
		"jwt-es256+memo":        {105, 16, 0, 426, 0},
		"jwt-es256+short":       {192, 100, .1, 430, .005},
		"jwt-es256+denylist":    {260, 116, 10, 426, 1},
		"jwt-es256+epoch":       {262, 117, 10, 450, 1},
		"jwt-es256+epoch-local": {195, 101, .2, 450, .003},
		"jwt-es256+push":        {194, 100.5, .2, 426, .003},
		"hybrid":                {258, 117, 10, 426, 1},
		"session-sealed":        {110, 18, 0, 185, 0},
	}
}

func bundled(t testing.TB, name string) results.Arm {
	t.Helper()
	c, err := contract.Arm(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := results.Arm{Name: name, Summary: c.Summary, Mechanism: c.Mechanism, Contract: name, Settings: c.Settings, Promises: c.Promises.Map(), Notes: c.Notes}
	if c.Start != nil {
		a.Needs = c.Start.Needs
	}
	return a
}

// benchRun is a comparison of costs.
func benchRun(t testing.TB, blocks int, names ...string) *results.Run {
	t.Helper()
	run := &results.Run{
		ID: "20260102T030405Z-bench", Name: "bench", Profile: "default", Command: []string{"authbench", "bench"}, Seed: 42,
		Started:  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Workload: results.Workload{Scenario: "steady", Blocks: blocks, Users: 1000, Rate: 1900},
		Baseline: "session-redis", Environment: results.Environment{CPU: "made up", Cores: 2},
	}
	for _, name := range names {
		run.Arms = append(run.Arms, bundled(t, name))
	}
	aa := bundled(t, "session-redis")
	aa.Name, aa.Duplicate = "session-redis~aa", true
	run.Arms = append(run.Arms, aa)
	rng := rand.New(rand.NewPCG(3, 5))
	costs := madeUpCosts()
	costs["session-redis~aa"] = costs["session-redis"]
	for block := 1; block <= blocks; block++ {
		machine := math.Exp(.1 * rng.NormFloat64())
		for i, a := range run.Arms {
			k := costs[a.Name]
			noise := func() float64 { return machine * math.Exp(.04*rng.NormFloat64()) }
			run.Trials = append(run.Trials, costTrial(a, block, i+1, k, noise))
		}
	}
	return run
}

func costTrial(a results.Arm, block, position int, k madeUp, noise func() float64) results.Trial {
	const n = 5700
	ns := func(us float64) *int64 { v := int64(1e3 * us * noise()); return &v }
	all := results.Accounting{Scheduled: n, OK: n}
	valid := results.Validity{Status: results.ValidityValid, Reasons: []string{}}
	cpu := func(us float64) results.Process {
		return results.Process{CPUPerRequest: 1e3 * us * noise(), Known: true}
	}
	sat := &results.Measurement{
		DurationNS: 1e9, Achieved: 20000, Accounting: all, Validity: valid,
		Usage: results.Usage{Target: cpu(k.target), Store: cpu(k.store)},
	}
	return results.Trial{
		Scenario: "steady", Arm: a.Name, Block: block, Position: position, Saturate: sat,
		Measurement: results.Measurement{
			DurationNS: 3e9, Offered: 1900, Achieved: 1900, Accounting: all, Validity: valid,
			Latency:      results.Quantiles{Count: n, P50: ns(k.p50), P99: ns(3 * k.p50)},
			RequestBytes: k.bytes, ResponseBytes: 168, StoreOpsPerRequest: k.ops, StoreOpsKnown: true,
			Usage: results.Usage{Target: cpu(k.target), Store: cpu(k.store)},
		},
	}
}

// chaosRun puts every promise of the arms to the test; all are kept.
func chaosRun(t testing.TB, names ...string) *results.Run {
	t.Helper()
	run := &results.Run{
		ID: "20260102T040506Z-chaos", Name: "chaos", Profile: "default", Command: []string{"authbench", "run", "--all"}, Seed: 7,
		Started: time.Date(2026, 1, 2, 4, 5, 6, 0, time.UTC), Workload: results.Workload{Scenario: "chaos"},
	}
	for _, name := range names {
		if name == "control" {
			continue
		}
		a := bundled(t, name)
		run.Arms = append(run.Arms, a)
		nodes := 4
		if name == "session-memory" {
			nodes = 1
		}
		for _, how := range []string{"logout", "everywhere"} {
			c := chaosTrial(run, a, "revocation", "", map[string]string{"how": how, "devices": "2"})
			c.Nodes = nodes
			c.Revocation = &results.Revocation{Revocations: 100, Uses: 1000, LastAccept: results.Quantiles{Max: new(int64)}}
		}
		for _, store := range a.Needs {
			for _, fault := range []string{"kill", "kill-empty", "restore-old"} {
				outage(run, a, store, fault)
			}
		}
	}
	return run
}

// chaosTrial adds a trial with the verdicts of one that was passed.
func chaosTrial(run *results.Run, a results.Arm, scenario, fault string, settings map[string]string) *results.Chaos {
	block := len(run.Trials) + 1
	c := &results.Chaos{Nodes: 2, Settings: settings, Fault: fault}
	run.Trials = append(run.Trials, results.Trial{Scenario: scenario, Arm: a.Name, Block: block, Chaos: c})
	for _, check := range []string{"bound-violations", "false-rejects"} {
		run.Verdicts = append(run.Verdicts, results.Verdict{Scenario: scenario, Arm: a.Name, Fault: fault, Block: block, Check: check, Status: results.Pass})
	}
	return c
}

// outage is what the arm declares, as seen.
func outage(run *results.Run, a results.Arm, store, fault string) {
	c := chaosTrial(run, a, store+"-outage", fault, map[string]string{"store": store})
	at := int64(1e9)
	c.Faults = []results.Fault{{Name: fault, On: store, ConfirmedNS: &at, Unreachable: true, DataLoss: fault != "kill"}}
	stage := results.Stage{Name: "during", DurationNS: 1e9, RevokedAsked: 50, RevokedDenied: 50, Accounting: results.Accounting{Scheduled: 300, OK: 300}}
	if a.Promises["on_store_unreachable"] == "503" {
		stage.Accounting = results.Accounting{Scheduled: 300, Unavailable: 300}
		stage.Unavailable = 300
	}
	o := &results.Outage{Stages: []results.Stage{stage}, LiveAsked: 70, RevokedAsked: 30}
	switch {
	case fault == "kill-empty" && a.Promises["on_data_loss"] == "logged-out":
		o.SessionsLost = 70
	case fault == "kill-empty" && a.Promises["on_data_loss"] == "revoked-lives-again", fault == "restore-old" && a.Promises["on_old_data"] == "revoked-lives-again":
		o.Resurrected = 30
	}
	c.Outage = o
}

// board is every bundled arm in both runs.
func board(t testing.TB) *evidence.Board {
	t.Helper()
	return read(benchRun(t, 12, contract.Arms()...), chaosRun(t, contract.Arms()...))
}

func read(runs ...*results.Run) *evidence.Board {
	var src []evidence.Source
	for _, run := range runs {
		src = append(src, evidence.Source{Run: run})
	}
	return evidence.Read(src...)
}

// ask is the defaults with some keys changed.
func ask(t testing.TB, pairs ...string) *Requirements {
	t.Helper()
	r := Defaults()
	for i := 0; i < len(pairs); i += 2 {
		var err error
		if r, err = r.With(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func option(t testing.TB, d *Decision, arm string) Option {
	t.Helper()
	i := slices.IndexFunc(d.Options, func(o Option) bool { return o.Arm == arm })
	if i < 0 {
		t.Fatalf("%s is not among the options", arm)
	}
	return d.Options[i]
}

// without is the run without some of its trials.
func without(run *results.Run, drop func(results.Trial) bool) *results.Run {
	next := *run
	next.Trials = slices.DeleteFunc(slices.Clone(run.Trials), drop)
	return &next
}

func describe(d *Decision) string { return fmt.Sprintf("%s %v", d.Outcome.Kind, d.Outcome.Arms) }
