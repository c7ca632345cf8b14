package claims

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"authbench/report/evidence"
	"authbench/results"
)

// Nothing in these runs was measured.

// plant is what an arm of a made-up bench is drawn around.
type plant struct {
	p50, target, store float64 // us
	ops, bytes         float64
}

func plants() map[string]plant {
	return map[string]plant{
		"control":        {70, 8, 0, 0, 100},
		"session-memory": {80, 10, 0, 0, 111},
		"session-redis":  {160, 24, 11, 1, 111},
		"session-mysql":  {220, 30, 35, 1, 111},
		"jwt-hs256":      {100, 14, 0, 0, 383},
		"jwt-es256":      {230, 95, 0, 0, 426},
	}
}

func mechanism(name string) string {
	switch {
	case name == "control":
		return "none"
	case name[:3] == "jwt":
		return "token"
	case name[:3] == "hyb":
		return "hybrid"
	}
	return "session"
}

func needs(name string, p plant) []string {
	switch {
	case name == "session-mysql":
		return []string{"mysql"}
	case p.ops > 0 || name == "session-redis":
		return []string{"redis"}
	}
	return nil
}

// bench makes a run of 12 blocks in which arms differ by what was planted, and by
// a little noise that all of a block share and a little that they do not.
func bench(of map[string]plant) *results.Run {
	run := &results.Run{
		ID: "bench-1", Profile: "default", Baseline: "session-redis",
		Workload: results.Workload{Scenario: "steady", Blocks: 12, Users: 1000},
		Environment: results.Environment{Stores: []results.Store{
			{Kind: "redis", Product: "Redis", Version: "0-synthetic"}, {Kind: "mysql", Product: "MariaDB", Version: "0-synthetic"},
		}},
	}
	var names []string
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	add := func(name string, p plant, seed int) {
		for b := 1; b <= 12; b++ {
			jolt := math.Exp(.05*math.Sin(float64(b)) + .02*math.Sin(float64(37*b+11*seed)))
			ns := func(us float64) float64 { return us * 1e3 * jolt }
			at := int64(ns(p.p50))
			m := results.Measurement{
				DurationNS: 3e9, Offered: 2000, Achieved: 2000, Accounting: results.Accounting{Scheduled: 6000, OK: 6000},
				Latency: results.Quantiles{Count: 6000, P50: &at}, RequestBytes: p.bytes,
				StoreOps: int64(6000 * p.ops), StoreOpsPerRequest: p.ops, StoreOpsKnown: true,
				Usage: results.Usage{
					Target: results.Process{Known: true, CPUPerRequest: ns(p.target)}, Store: results.Process{Known: true, CPUPerRequest: ns(p.store)},
				},
				Validity: results.Validity{Status: results.ValidityValid},
			}
			sat := m
			run.Trials = append(run.Trials, results.Trial{Scenario: "steady", Arm: name, Block: b, Measurement: m, Saturate: &sat})
		}
	}
	for i, name := range names {
		run.Arms = append(run.Arms, results.Arm{Name: name, Mechanism: mechanism(name), Needs: needs(name, of[name]), Settings: map[string]string{}})
		add(name, of[name], i)
	}
	if p, ok := of["session-redis"]; ok {
		run.Arms = append(run.Arms, results.Arm{Name: "session-redis~aa", Mechanism: "session", Needs: []string{"redis"}, Duplicate: true})
		add("session-redis~aa", p, len(names)+1)
	}
	return run
}

// with plants arms beside, or in place of, the usual ones.
func with(more map[string]plant) map[string]plant {
	all := plants()
	for name, p := range more {
		all[name] = p
	}
	return all
}

// only keeps some of the usual arms.
func only(of map[string]plant, names ...string) map[string]plant {
	for name := range of {
		if !slices.Contains(names, name) {
			delete(of, name)
		}
	}
	return of
}

// chaos makes a run of trials under revocations and faults, a block each.
func chaos(trials ...results.Trial) *results.Run {
	run := &results.Run{
		ID: "chaos-1", Profile: "default", Workload: results.Workload{Scenario: "chaos"},
		Environment: results.Environment{Stores: []results.Store{{Kind: "redis", Product: "Redis", Version: "0-synthetic"}}},
	}
	for i, t := range trials {
		t.Block = i + 1
		run.Trials = append(run.Trials, t)
		if slices.ContainsFunc(run.Arms, func(a results.Arm) bool { return a.Name == t.Arm }) {
			continue
		}
		a := results.Arm{Name: t.Arm, Mechanism: mechanism(t.Arm), Needs: []string{"redis"}, Settings: map[string]string{}}
		switch t.Arm {
		case "jwt-es256", "jwt-hs256", "session-memory":
			a.Needs = nil
		case "session-mysql":
			a.Needs = []string{"mysql"}
		case "jwt-es256+denylist":
			a.Settings["revocation"] = "denylist"
		}
		run.Arms = append(run.Arms, a)
	}
	return run
}

// ending is a trial of revocations: how many uses were let through, how many of
// them beyond the bound, and when the last one was.
func ending(arm string, through, beyond int64, last float64, settings ...string) results.Trial {
	ns := int64(last * 1e9)
	reject := ns + 5e6
	r := &results.Revocation{
		Revocations: 100, Uses: 1000, Triggered: 400, LetThrough: through, BeyondBound: beyond,
		Bound:        "refused from the acknowledgement on",
		TimeToReject: results.Quantiles{Count: 400, P50: &reject, Max: &reject}, LastAccept: results.Quantiles{Count: 400, P50: &ns, Max: &ns},
		ByNode: []results.NodeRevocation{{Node: 0}, {Node: 1, LetThrough: through}},
	}
	switch arm {
	case "jwt-es256", "jwt-hs256":
		r.Bound = "until exp + leeway (2s + 1s after it was issued)"
	case "session-redis+cache":
		r.Bound = "for 1s after the acknowledgement"
	}
	return tried("revocation", arm, "", &results.Chaos{Revocation: r}, settings...)
}

// tried is a trial with the given figures; settings are keys and values in turn.
func tried(scenario, arm, fault string, c *results.Chaos, settings ...string) results.Trial {
	c.Nodes, c.Fault, c.Settings = 4, fault, map[string]string{}
	for i := 0; i+1 < len(settings); i += 2 {
		c.Settings[settings[i]] = settings[i+1]
	}
	if at := int64(1e9); fault != "" {
		loss := slices.Contains([]string{"kill-empty", "restore-old", "evict-lru", "flushall"}, fault)
		c.Faults = []results.Fault{{Name: fault, On: "redis", ConfirmedNS: &at, RecoveredNS: &at, DataLoss: loss}}
	}
	return results.Trial{Scenario: scenario, Arm: arm, Chaos: c, Measurement: results.Measurement{DurationNS: 3e9}}
}

// outageOf is a trial of a fault: of 1,000 uses during it so many were unavailable,
// and of 70 credentials so many lost, of 30 revoked so many alive again.
func outageOf(scenario, arm, fault string, unavailable, lost, back int64, settings ...string) results.Trial {
	at := int64(2e6)
	stage := func(name string, bad int64) results.Stage {
		return results.Stage{Name: name, DurationNS: 1e9, Accounting: results.Accounting{Scheduled: 1000, OK: 1000 - bad, Unavailable: bad}, Unavailable: bad}
	}
	o := &results.Outage{
		Stages:   []results.Stage{stage("before", 0), stage("during", unavailable), stage("after", 0)},
		DetectNS: &at, RecoverNS: &at, LiveAsked: 70, SessionsLost: lost, RevokedAsked: 30, Resurrected: back,
	}
	return tried(scenario, arm, fault, &results.Chaos{Outage: o}, settings...)
}

// withFact adds a fact to a trial.
func withFact(t results.Trial, name string, value float64, format string, args ...any) results.Trial {
	t.Chaos.Facts = append(t.Chaos.Facts, results.Fact{Name: name, Value: &value, Text: fmt.Sprintf(format, args...)})
	return t
}

func board(runs ...*results.Run) *evidence.Board {
	var src []evidence.Source
	for _, r := range runs {
		src = append(src, evidence.Source{Run: r})
	}
	return evidence.Read(src...)
}

// judged returns the findings by ID, after checking what holds of all of them.
func judged(t *testing.T, b *evidence.Board) map[string]Finding {
	t.Helper()
	list, err := Judge(b)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Finding{}
	for _, f := range list {
		checkFinding(t, b, f)
		out[f.Claim.ID] = f
	}
	return out
}

// checkFinding holds a finding to the rules: a verdict says something and cites
// trials that exist; what was not measured has a reason.
func checkFinding(t *testing.T, b *evidence.Board, f Finding) {
	t.Helper()
	switch {
	case !slices.Contains(Statuses(), f.Status):
		t.Errorf("%s has status %q", f.Claim.ID, f.Status)
	case f.Status == NotMeasured && f.Why == "":
		t.Errorf("%s was not measured and does not say why", f.Claim.ID)
	case f.Status != NotMeasured && (len(f.Cites) == 0 || f.Says == "" || f.Why != ""):
		t.Errorf("%s is %s with %d citations: %q, %q", f.Claim.ID, f.Status, len(f.Cites), f.Says, f.Why)
	case (f.Status == Depends) != (f.On != ""):
		t.Errorf("%s is %s and depends on %q", f.Claim.ID, f.Status, f.On)
	}
	for _, c := range f.Cites {
		if len(c.Blocks) == 0 {
			t.Errorf("%s cites no block: %+v", f.Claim.ID, c)
		}
		for _, n := range c.Blocks {
			if !slices.ContainsFunc(b.Sources, func(s evidence.Source) bool {
				return s.Run.ID == c.Run && slices.ContainsFunc(s.Run.Trials, func(o results.Trial) bool {
					return o.Scenario == c.Scenario && o.Arm == c.Arm && o.Block == n
				})
			}) {
				t.Errorf("%s cites a trial that no run has: %s", f.Claim.ID, c)
			}
		}
	}
}
