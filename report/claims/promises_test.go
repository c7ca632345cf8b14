package claims

import (
	"strings"
	"testing"

	"authbench/results"
)

func TestPromises(t *testing.T) {
	refresh := func(arm string, accepted int) results.Trial {
		return withFact(tried("revocation", arm, "", &results.Chaos{}, "how", "refresh"), "refresh.replays", float64(accepted),
			"%d of 30 refresh tokens that had been traded in long before were accepted again; 30 families were still alive after it.", accepted)
	}
	devices := func(how string, others int) results.Trial {
		return withFact(ending("jwt-es256+denylist", 0, 0, 0, "how", how, "devices", "2"), "devices.others", float64(others),
			"After %s on one of the 2 devices of a user, %d of 240 uses of the other devices were accepted.", how, others)
	}
	pool := func(bad int64) results.Trial {
		return outageOf("pool-exhaustion", "session-redis", "delay", bad, 0, 0, "pool", "2", "rate", "300")
	}
	slow := func(bad int64, rate string) results.Trial {
		return outageOf("redis-outage", "session-redis", "delay", bad, 0, 0, "rate", rate)
	}
	back := outageOf("redis-outage", "session-redis", "kill", 300, 0, 0)
	for name, c := range map[string]struct {
		trials []results.Trial
		want   map[string]Status
		says   map[string]string
	}{
		"a session that ends": {
			[]results.Trial{ending("session-redis", 0, 0, 0)},
			map[string]Status{"C26": Supported, "C21": Supported, "C30": NotMeasured, "C08": NotMeasured, "C43": NotMeasured},
			map[string]string{"C26": "0 of 1,000 uses through, of 100 revocations (below 3.00\u00a0% of them, at 95 %)", "C30": "only one arm"},
		},
		"a session that goes on": {
			[]results.Trial{ending("session-redis", 12, 12, 3)},
			map[string]Status{"C26": Contradicted, "C21": Contradicted},
			nil,
		},
		"a session with a copy": {
			[]results.Trial{ending("session-redis", 0, 0, 0), ending("session-redis+cache", 40, 0, .9)},
			map[string]Status{"C26": Depends, "C21": Depends, "C30": Contradicted},
			map[string]string{"C26": "it holds of session-redis, not of session-redis+cache"},
		},
		"a session with a copy alone": {
			[]results.Trial{ending("session-redis+cache", 40, 0, .9)}, map[string]Status{"C26": Contradicted}, nil,
		},
		"a session that is cut off and goes on": {
			[]results.Trial{ending("session-redis", 0, 0, 0), under("blackhole", ending("session-redis", 3, 3, 2))},
			map[string]Status{"C26": Contradicted, "C21": Supported},
			nil,
		},
		"a change of password": {
			[]results.Trial{ending("session-redis", 0, 0, 0, "how", "password")},
			map[string]Status{"C43": Supported, "C26": NotMeasured},
			map[string]string{"C43": "The old credentials: session-redis let 0"},
		},
		"a change of password that ends nothing": {
			[]results.Trial{ending("session-redis", 50, 50, 3, "how", "step-up")}, map[string]Status{"C43": Contradicted}, nil,
		},
		"a plain token": {
			[]results.Trial{ending("jwt-es256", 900, 0, 2.4), ending("session-redis", 0, 0, 0)},
			map[string]Status{"C08": Supported, "C20": Supported, "C30": Supported, "C14": NotMeasured, "C09": NotMeasured},
			map[string]string{"C20": "exp + leeway (2s + 1s)", "C14": "900 of 1,000"},
		},
		"a token that outlives its expiry": {
			[]results.Trial{ending("jwt-es256", 900, 5, 4)}, map[string]Status{"C20": Contradicted, "C08": Supported}, nil,
		},
		"a token that nobody used again in time": {
			[]results.Trial{ending("jwt-es256", 0, 0, 0)}, map[string]Status{"C20": NotMeasured, "C08": NotMeasured}, nil,
		},
		"a denylist": {
			[]results.Trial{ending("jwt-es256+denylist", 0, 0, 0)},
			map[string]Status{"C08": Contradicted, "C09": NotMeasured, "C48": NotMeasured},
			nil,
		},
		"a denylist that leaks": {
			[]results.Trial{ending("jwt-es256+denylist", 4, 4, 1)}, map[string]Status{"C09": Contradicted, "C08": Supported}, nil,
		},
		"a denylist whose store loses its data": {
			[]results.Trial{ending("jwt-es256+denylist", 0, 0, 0), ending("jwt-es256", 900, 0, 2.4), outageOf("redis-outage", "jwt-es256+denylist", "kill-empty", 290, 0, 30)},
			map[string]Status{"C08": Depends, "C09": Depends},
			map[string]string{"C09": "30 of 30 revoked again"},
		},
		"other devices stay in": {[]results.Trial{devices("logout", 240)}, map[string]Status{"C48": Supported}, nil},
		"other devices are out": {[]results.Trial{devices("logout", 0)}, map[string]Status{"C48": Contradicted}, nil},
		"devices by what is denied": {
			[]results.Trial{devices("logout", 240), devices("everywhere", 0)},
			map[string]Status{"C48": Depends},
			map[string]string{"C48": "not with jwt-es256+denylist on everywhere"},
		},
		"a stateless refresh": {[]results.Trial{refresh("jwt-es256", 30)}, map[string]Status{"C22": Supported, "C31": NotMeasured}, nil},
		"a rotating refresh":  {[]results.Trial{refresh("jwt-es256+short", 0)}, map[string]Status{"C22": NotMeasured, "C31": NotMeasured}, nil},
		"both": {
			[]results.Trial{refresh("jwt-es256", 30), refresh("jwt-es256+short", 0)},
			map[string]Status{"C22": Depends, "C31": Supported},
			map[string]string{"C31": "jwt-es256 (no store): 30 of 30"},
		},
		"one that sees replays without a store": {[]results.Trial{refresh("jwt-es256", 0)}, map[string]Status{"C31": Contradicted}, nil},
		"a store that comes back with its data": {[]results.Trial{back}, map[string]Status{"C04": Contradicted, "C37": Supported}, nil},
		"one that comes back empty": {
			[]results.Trial{outageOf("redis-outage", "session-redis", "kill-empty", 300, 70, 0)},
			map[string]Status{"C04": Supported, "C37": Contradicted},
			nil,
		},
		"both of these": {
			[]results.Trial{back, outageOf("redis-outage", "session-redis", "kill-empty", 300, 70, 0)},
			map[string]Status{"C04": Depends, "C37": Depends},
			map[string]string{"C04": "it holds of session-redis (kill-empty), not of session-redis (kill)"},
		},
		"revoked sessions that live again": {
			[]results.Trial{outageOf("redis-outage", "session-redis", "restore-old", 300, 0, 30)}, map[string]Status{"C37": Contradicted}, nil,
		},
		"an eviction": {
			[]results.Trial{outageOf("eviction", "session-redis", "evict-lru", 0, 40, 0)},
			map[string]Status{"C32": Supported},
			map[string]string{"C32": "A partition was not measured"},
		},
		"a partition that nobody noticed": {
			[]results.Trial{outageOf("redis-outage", "session-redis", "blackhole", 0, 0, 0)}, map[string]Status{"C32": Contradicted}, nil,
		},
		"an eviction and that partition": {
			[]results.Trial{outageOf("eviction", "session-redis", "evict-lru", 0, 40, 0), outageOf("redis-outage", "session-redis", "blackhole", 0, 0, 0)},
			map[string]Status{"C32": Depends},
			nil,
		},
		"a small pool":                {[]results.Trial{pool(400), slow(2, "300")}, map[string]Status{"C36": Supported}, map[string]string{"C36": "400 of 1,000 uses not ok with a pool of 2"}},
		"a small pool that is enough": {[]results.Trial{pool(2), slow(400, "300")}, map[string]Status{"C36": Contradicted}, nil},
		"pools alike":                 {[]results.Trial{pool(20), slow(22, "300")}, map[string]Status{"C36": NotMeasured}, map[string]string{"C36": "inconclusive"}},
		"pools under other loads":     {[]results.Trial{pool(400), slow(2, "900")}, map[string]Status{"C36": NotMeasured}, map[string]string{"C36": "one size of pool"}},
	} {
		expect(t, name, judged(t, board(chaos(c.trials...))), c.want, c.says)
	}
}

// under puts a trial under a fault.
func under(fault string, t results.Trial) results.Trial {
	at := int64(1e9)
	t.Chaos.Fault, t.Chaos.Faults = fault, []results.Fault{{Name: fault, On: "link to redis of node 3", ConfirmedNS: &at, Unreachable: true}}
	return t
}

// TestUnfitTrialsDecideNothing spoils a trial in every way that takes its verdict.
func TestUnfitTrialsDecideNothing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*results.Run)
		why   string
	}{
		"a stand-in":         {func(r *results.Run) { r.Environment.Stores[0].StandIn = true }, "stand-in"},
		"an unfinished one":  {func(r *results.Run) { r.Trials[0].Error = "the node died" }, "the node died"},
		"an invalid one":     {func(r *results.Run) { r.Trials[0].Validity.Status = results.ValidityInvalid }, "invalid"},
		"an invalid verdict": {func(r *results.Run) { r.Verdicts = invalid(r) }, "clocks ran apart"},
		"a fault unseen":     {func(r *results.Run) { r.Trials[0].Chaos.Faults = []results.Fault{{Name: "kill"}} }, "not seen to act"},
		"nothing revoked":    {func(r *results.Run) { r.Trials[0].Chaos.Revocation.Revocations = 0 }, "acknowledged no revocation"},
		"much unresolved":    {func(r *results.Run) { r.Trials[0].Chaos.Revocation.Unresolved = 2 }, "never resolved"},
	} {
		run := chaos(ending("session-redis", 0, 0, 0))
		c.spoil(run)
		if f := judged(t, board(run))["C26"]; f.Status != NotMeasured || !strings.Contains(f.Why, c.why) || f.Would == "" {
			t.Errorf("%s: %s, %q", name, f.Status, f.Why)
		}
	}
}

func invalid(r *results.Run) []results.Verdict {
	return []results.Verdict{{Scenario: "revocation", Arm: r.Trials[0].Arm, Check: "time-to-reject", Block: 1, Status: results.Invalid, Reason: "clocks ran apart"}}
}

// TestCitesTheRunItIsOf joins runs, in which blocks are counted on.
func TestCitesTheRunItIsOf(t *testing.T) {
	first, second := chaos(ending("jwt-es256", 900, 0, 2), ending("jwt-hs256", 900, 0, 2)), chaos(ending("session-redis", 0, 0, 0))
	second.ID = "chaos-2"
	f := judged(t, board(first, bench(plants()), second))["C26"]
	if len(f.Cites) != 1 || f.Cites[0].Run != "chaos-2" || f.Cites[0].Blocks[0] != 1 {
		t.Errorf("%+v", f.Cites)
	}
	if want := "revocation, session-redis: accepts-after-revoke, block 1 of chaos-2"; len(f.Cites) == 1 && f.Cites[0].String() != want {
		t.Errorf("%q, not %q", f.Cites[0], want)
	}
}
