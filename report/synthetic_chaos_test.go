package report

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"authbench/results"
)

// syntheticChaos writes a made-up chaos run through results and reads it back. No
// number in it was measured, and it says so.
func syntheticChaos(t testing.TB, root string, edit func(*results.Run)) *results.Run {
	t.Helper()
	run := &results.Run{
		Profile: "quick", Command: []string{"authbench", "run", "--all", "--profile", "quick", "--strict"}, Seed: 42,
		Tool: results.Tool{Version: "v0.0.0-synthetic"}, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Finished: time.Date(2026, 1, 2, 3, 9, 5, 0, time.UTC),
		Environment: results.Environment{
			CPU: "Synthetic CPU", Cores: 2, MemoryB: 4 << 30, OS: "linux", Kernel: "0.0 synthetic", Go: "go1.26", Engine: "portable",
			Stores: []results.Store{{Kind: "redis", Product: "Redis", Version: "0.0.0-synthetic", Provider: "process", Network: "loopback"}},
		},
		Workload:    results.Workload{Scenario: "chaos", Blocks: 1, Users: 200},
		Arms:        syntheticChaosArms(),
		NotMeasured: []results.Missing{{Arm: "session-mysql", Reason: "No MySQL or MariaDB was found."}},
		Warnings:    []string{"Synthetic data for tests: nothing on this page was measured."},
	}
	w, err := results.Create(root, "chaos", run)
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range syntheticChaosTrials() {
		if err := w.Add(trial, nil); err != nil {
			t.Fatal(err)
		}
	}
	run.Verdicts = syntheticChaosVerdicts(run)
	if edit != nil {
		edit(run)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	run, _, err = results.Open(w.Dir())
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func syntheticChaosArms() []results.Arm {
	arm := func(name, mechanism, summary, bound, unreachable, loss string, needs ...string) results.Arm {
		return results.Arm{
			Name: name, Mechanism: mechanism, Summary: summary, Contract: name, Needs: needs,
			Promises: map[string]string{"revocation_bound": bound, "on_store_unreachable": unreachable, "on_data_loss": loss, "lifetime": "5s", "leeway": "5s"},
			Settings: map[string]string{"gomaxprocs": "1"},
		}
	}
	return []results.Arm{
		arm("session-redis", "session", "Opaque id, record in Redis", "0s", "503", "logged-out", "redis"),
		arm("session-redis+cache", "session", "The same, with a copy on the node", "1s", "stale(1s)", "logged-out", "redis"),
		arm("jwt-es256", "token", "Signed with ECDSA P-256", "exp + leeway", "unaffected", "unaffected"),
		arm("jwt-es256+denylist", "token", "Revoked ids in Redis", "0s", "503", "revoked-lives-again", "redis"),
		arm("jwt-es256+push", "token", "Revocations pushed to every node", "2s", "503", "logged-out", "redis"),
		arm("hybrid", "hybrid", "A session id inside a token", "0s", "503", "logged-out", "redis"),
	}
}

func syntheticChaosTrials() []results.Trial {
	rng := rand.New(rand.NewPCG(7, 11))
	ms := func(v float64) int64 { return int64(v * 1e6) }
	trials := []results.Trial{
		revocationTrial(rng, "session-redis", "", "refused from the acknowledgement on", 0, 0),
		revocationTrial(rng, "session-redis+cache", "", "for 1s after the acknowledgement", ms(960), 0),
		revocationTrial(rng, "jwt-es256", "", "until exp + leeway (5s + 5s after it was issued)", ms(9700), 0),
		revocationTrial(rng, "jwt-es256+denylist", "", "0s", 0, 0),
		revocationTrial(rng, "jwt-es256+push", "", "2s", ms(21), 0),
		revocationTrial(rng, "hybrid", "", "0s", 0, 0),
		revocationTrial(rng, "jwt-es256+push", "blackhole", "2s", ms(2630), 2),
		outageTrial("session-redis", "kill-empty", true),
		outageTrial("jwt-es256+denylist", "kill-empty", true),
		outageTrial("session-redis", "oom", false),
		outageTrial("jwt-es256+denylist", "oom", false),
	}
	broken := results.Trial{Scenario: "redis-outage", Arm: "hybrid", Block: 1, Started: trials[0].Started, Error: "redis: the fault could not be confirmed: it still answers"}
	return append(trials, broken)
}

// background is the load beside a trial.
func background(offered float64, ns int64, bad int64) results.Measurement {
	n := int64(offered * float64(ns) / 1e9)
	at := func(us int64) *int64 { v := us * 1000; return &v }
	return results.Measurement{
		DurationNS: ns, Offered: offered, Achieved: offered, Accounting: results.Accounting{Scheduled: n, OK: n - bad, Unavailable: bad},
		Latency:  results.Quantiles{Count: n, P50: at(240), P90: at(400), P95: at(520), P99: at(1900), Max: at(21000)},
		Validity: results.Validity{Status: results.ValidityValid},
	}
}

// revocationTrial revokes 1,000 credentials, the last of which goes on for last
// nanoseconds on some node.
func revocationTrial(rng *rand.Rand, arm, fault, bound string, last int64, beyond int64) results.Trial {
	through := int64(0)
	if last > 0 {
		through = 40 + last/3e6
	}
	quantiles := func(most int64) results.Quantiles {
		at := func(q float64) *int64 { v := int64(float64(most) * q); return &v }
		return results.Quantiles{Count: 4000, Mean: float64(most) / 2, P50: at(.5), P90: at(.9), P95: at(.95), P99: at(.99), Max: at(1)}
	}
	r := &results.Revocation{
		Revocations: 1000, Uses: 9210, Triggered: 4000, LetThrough: through, BeyondBound: beyond, Bound: bound,
		TimeToReject: quantiles(max(last+3e6, 4e6)), LastAccept: quantiles(last), ResolutionNS: 48e6, Unknown: 3,
	}
	if beyond == 0 {
		r.RateUpper95 = .003
	}
	for node := range 4 {
		r.ByNode = append(r.ByNode, results.NodeRevocation{Node: node, LetThrough: through/4 + int64(node)*(through%4)/3, TimeToReject: quantiles(max(last+int64(node)*1e6, 3e6))})
	}
	for i := range 25 {
		after := 1e6 * math.Pow(10, float64(i)/6)
		share := 0.0
		if last > 0 {
			share = max(0, 1-after/float64(last)) * (.97 + .03*rng.Float64())
		}
		r.Curve = append(r.Curve, results.CurvePoint{AfterNS: int64(after), Accepted: share})
		if share == 0 {
			break
		}
	}
	c := &results.Chaos{
		Nodes: 4, Settings: map[string]string{"revocations": "1000", "nodes": "4", "rate": "400"}, Fault: fault, Faults: []results.Fault{}, Revocation: r,
		Facts: []results.Fact{}, Violations: []results.Violation{}, Operations: 18_210,
	}
	if arm == "jwt-es256" {
		v := float64(through)
		c.Facts = append(c.Facts, results.Fact{Name: "revocation.let_through", Text: "Logging out did nothing on the server: the last token was accepted until exp + leeway.", Value: &v, Unit: "requests"})
	}
	if fault != "" {
		c.Faults = append(c.Faults, syntheticFault(fault, "link to redis of node 2", true, false))
	}
	for i := range beyond {
		c.Violations = append(c.Violations, syntheticViolation(i))
	}
	return results.Trial{Scenario: "revocation", Arm: arm, Block: 1, Started: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC), Measurement: background(400, 20e9, 0), Chaos: c}
}

func syntheticFault(name, on string, unreachable, loss bool) results.Fault {
	at := func(v int64) *int64 { return &v }
	return results.Fault{Name: name, On: on, RequestedNS: 5e9, ConfirmedNS: at(5_012e6), RecoverNS: at(10_012e6), RecoveredNS: at(10_431e6), Unreachable: unreachable, DataLoss: loss}
}

// syntheticViolation is one use that was accepted past the bound.
func syntheticViolation(n int64) results.Violation {
	base := 7_000_000_000 + n*310_000_000
	event := func(at int64, what string, node int, outcome string, status int, text string) results.Event {
		return results.Event{AtNS: base + at, DoneNS: base + at + 1_400_000, What: what, Node: node, User: "user-17", Credential: "user-17#3", Outcome: outcome, Status: status, Text: text}
	}
	return results.Violation{
		Check:   "bound-violations",
		Summary: "user-17's credential user-17#3 was accepted on node 2 2,614 ms after its acknowledged log-out; the bound is 2,000 ms.",
		Events: []results.Event{
			event(-2_000_000_000, "login", 0, "ok", 200, ""),
			{AtNS: base - 1_988_000_000, DoneNS: base + 3_011_000_000, What: "fault", Node: -1, Text: "blackhole on the link to redis of node 2"},
			event(0, "revoke", 0, "ok", 204, ""),
			event(1_900_000_000, "use", 2, "ok", 200, "within the bound"),
			event(2_614_000_000, "use", 2, "ok", 200, "614 ms beyond the bound"),
		},
	}
}

// outageTrial is Redis killed and started again without its data, or full.
func outageTrial(arm, fault string, empty bool) results.Trial {
	session := arm == "session-redis"
	detect, recover, stampede := int64(1_900_000), int64(212_000_000), 3.4
	stage := func(name string, ok, out, unavailable int64) results.Stage {
		free := 100.0
		return results.Stage{
			Name: name, DurationNS: 5e9, Accounting: results.Accounting{Scheduled: ok + out + unavailable, OK: ok, Rejected: out, Unavailable: unavailable},
			Goodput: float64(ok) / 5, FreeGoodput: free, WronglyOut: out, Unavailable: unavailable, SlowestNS: 303e6, RevokedAsked: 150, RevokedDenied: 150,
		}
	}
	o := &results.Outage{DetectNS: &detect, RecoverNS: &recover, LiveAsked: 200, RevokedAsked: 150, Stampede: &stampede}
	switch {
	case empty && session:
		o.Stages = []results.Stage{stage("before", 2000, 0, 0), stage("during", 0, 0, 2000), stage("after", 1512, 488, 0)}
		o.SessionsLost, o.LogoutsDuring.Failed, o.LoginsDuring.Failed = 200, 40, 30
	case empty:
		o.Stages = []results.Stage{stage("before", 2000, 0, 0), stage("during", 0, 0, 2000), stage("after", 2000, 0, 0)}
		o.Stages[2].WronglyIn, o.Stages[2].RevokedDenied = 150, 0
		o.Resurrected, o.LogoutsDuring.Failed, o.LoginsDuring.OK = 150, 40, 30
	case session:
		o.Stages = []results.Stage{stage("before", 2000, 0, 0), stage("during", 2000, 0, 0), stage("after", 2000, 0, 0)}
		o.LogoutsDuring.OK, o.LoginsDuring.Failed = 40, 30
	default:
		o.Stages = []results.Stage{stage("before", 2000, 0, 0), stage("during", 2000, 0, 0), stage("after", 2000, 0, 0)}
		o.LogoutsDuring.Failed, o.LoginsDuring.OK = 40, 30
	}
	c := &results.Chaos{
		Nodes: 2, Settings: map[string]string{"during": "5s"}, Fault: fault, Outage: o, Violations: []results.Violation{}, Operations: 9_450,
		Faults: []results.Fault{syntheticFault(fault, "redis", empty, empty)},
		Facts:  []results.Fact{{Name: "outage.restart", Text: "Nobody had to restart a node.", Unit: ""}},
	}
	return results.Trial{Scenario: "redis-outage", Arm: arm, Block: 1, Started: time.Date(2026, 1, 2, 3, 6, 6, 0, time.UTC), Measurement: background(400, 15e9, 2000), Chaos: c}
}

func syntheticChaosVerdicts(run *results.Run) []results.Verdict {
	var out []results.Verdict
	zero := 0.0
	for _, t := range run.Trials {
		if t.Chaos == nil {
			continue
		}
		v := results.Verdict{Scenario: t.Scenario, Arm: t.Arm, Fault: t.Chaos.Fault, Status: results.Pass}
		add := func(check string, measured float64, bound *float64, unit, reason string) *results.Verdict {
			w := v
			w.Check, w.Measured, w.Bound, w.Unit, w.Reason = check, &measured, bound, unit, reason
			out = append(out, w)
			return &out[len(out)-1]
		}
		if r := t.Chaos.Revocation; r != nil {
			add("accepts-after-revoke", float64(r.LetThrough), nil, "uses", "reported, not gated")
			if b := add("bound-violations", float64(r.BeyondBound), &zero, "uses", "1,000 independent revocations"); r.BeyondBound > 0 {
				b.Status, b.Reason = results.Fail, "2 uses of 1 credential beyond the bound of 2s"
			}
			add("time-to-reject", float64(*r.TimeToReject.Max)/1e9, nil, "s", "the longest of 4,000")
		}
		if o := t.Chaos.Outage; o != nil {
			add("mislabelled", 0, &zero, "uses", "")
			add("data-loss", float64(o.Resurrected), nil, "credentials", "as declared")
			add("recovery", float64(*o.RecoverNS)/1e9, nil, "s", "without a restart")
		}
	}
	return append(out,
		results.Verdict{Scenario: "revocation", Arm: "hybrid", Check: "refresh-families", Status: results.Unknown, Reason: "no refresh token was used"},
		results.Verdict{Scenario: "redis-outage", Arm: "hybrid", Check: "recovery", Status: results.Invalid, Reason: "the fault could not be confirmed"},
		results.Verdict{Scenario: "redis-outage", Arm: "jwt-es256", Check: "takes-part", Status: results.NotApplicable, Reason: "it needs no store, so there is none to fail"},
		results.Verdict{Scenario: "mysql-outage", Arm: "session-redis", Check: "takes-part", Status: results.NotApplicable, Reason: "it does not use MySQL"},
		results.Verdict{Scenario: "mysql-outage", Arm: "jwt-es256+denylist", Check: "takes-part", Status: results.NotApplicable, Reason: "it does not use MySQL"},
	)
}
