package claims

import (
	"math"
	"strings"
	"testing"

	"authbench/results"
)

// costClaims are judged by the comparison of costs.
var costClaims = []string{"C01", "C05", "C11", "C12", "C16", "C46", "C50"}

func TestNothingIsKnownOfNothing(t *testing.T) {
	for _, f := range judged(t, board(&results.Run{ID: "empty"})) {
		if f.Status != NotMeasured || len(f.Cites) > 0 {
			t.Errorf("%s is %s of an empty board", f.Claim.ID, f.Status)
		}
	}
	list, err := Judge(nil)
	if err != nil {
		t.Fatal(err)
	}
	if Tally(list)[NotMeasured] != len(list) {
		t.Error("something is known without a board")
	}
}

func TestCosts(t *testing.T) {
	swapped := plants()
	swapped["jwt-hs256"], swapped["jwt-es256"] = swapped["jwt-es256"], swapped["jwt-hs256"]
	cheap := plant{90, 12, 0, 0, 400}
	dear := plant{300, 120, 0, 0, 400}
	asking := plant{240, 100, 12, 1, 450}
	for name, c := range map[string]struct {
		of   map[string]plant
		want map[string]Status
		says map[string]string // in Says or On
	}{
		"as usual": {
			plants(),
			map[string]Status{"C01": Supported, "C05": Supported, "C11": Depends, "C12": Supported, "C16": Depends, "C46": Depends, "C50": Supported, "C10": NotMeasured, "C13": NotMeasured},
			map[string]string{"C16": "Tokens win: jwt-hs256 beside", "C46": "Sessions win: jwt-es256 beside session-redis", "C11": "lower here with jwt-hs256", "C05": "jwt-es256 0 in 72,000 requests"},
		},
		"the algorithms swapped": {
			swapped,
			map[string]Status{"C11": Depends, "C16": Depends},
			map[string]string{"C16": "Tokens win: jwt-es256 beside", "C46": "Sessions win: jwt-hs256 beside session-redis", "C11": "lower here with jwt-es256"},
		},
		"all tokens cheap": {
			with(map[string]plant{"jwt-es256": cheap}),
			map[string]Status{"C11": NotMeasured, "C16": Supported, "C46": Contradicted},
			nil,
		},
		"all tokens dear": {
			only(with(map[string]plant{"jwt-hs256": dear, "jwt-es256": dear}), "session-redis", "jwt-hs256", "jwt-es256"),
			map[string]Status{"C11": NotMeasured, "C16": Contradicted, "C46": Supported},
			nil,
		},
		"all the same": {
			only(with(map[string]plant{"jwt-hs256": {160, 35, 0, 0, 383}}), "session-redis", "jwt-hs256"),
			map[string]Status{"C16": Contradicted, "C46": Contradicted},
			nil,
		},
		"a session that seldom asks": {
			only(with(map[string]plant{"session-redis": {160, 24, 1, .01, 111}}), "session-redis", "session-memory", "jwt-hs256"),
			map[string]Status{"C01": Contradicted},
			nil,
		},
		"one that asks and one that seldom does": {
			with(map[string]plant{"session-redis+cache": {100, 14, 1, .01, 111}}),
			map[string]Status{"C01": Depends},
			map[string]string{"C01": "session-redis+cache 0.01"},
		},
		"a look-up that takes no time": {
			only(with(map[string]plant{"session-memory": {160, 24, 0, 0, 111}}), "session-redis", "session-memory"),
			map[string]Status{"C01": Depends, "C05": NotMeasured, "C16": NotMeasured, "C50": NotMeasured},
			nil,
		},
		"a plain token that asks a store": {
			with(map[string]plant{"jwt-hs256": {100, 14, 0, .5, 383}}),
			map[string]Status{"C05": Depends},
			nil, // it needs a store, then
		},
		"a token that can be revoked": {
			with(map[string]plant{"jwt-es256+denylist": asking}),
			map[string]Status{"C05": Depends},
			map[string]string{"C05": "jwt-es256+denylist 1 a request"},
		},
		"small tokens": {
			with(map[string]plant{"jwt-hs256": {100, 14, 0, 0, 90}, "jwt-es256": {230, 95, 0, 0, 95}}),
			map[string]Status{"C12": Contradicted, "C50": Contradicted},
			nil,
		},
		"one small token": {
			with(map[string]plant{"jwt-hs256": {100, 14, 0, 0, 90}}),
			map[string]Status{"C12": Depends, "C50": Depends},
			map[string]string{"C50": "not larger jwt-hs256 90"},
		},
	} {
		got := judged(t, board(bench(c.of)))
		expect(t, name, got, c.want, c.says)
	}
}

// expect compares findings with what they should be.
func expect(t *testing.T, name string, got map[string]Finding, want map[string]Status, says map[string]string) {
	t.Helper()
	for id, status := range want {
		if f := got[id]; f.Status != status {
			t.Errorf("%s: %s is %s, not %s: %s %s %s", name, id, f.Status, status, f.Says, f.On, f.Why)
		}
	}
	for id, text := range says {
		if f := got[id]; !strings.Contains(f.Says+" "+f.On+" "+f.Why, text) {
			t.Errorf("%s: %s says %q, depends on %q, why %q: not %q", name, id, f.Says, f.On, f.Why, text)
		}
	}
}

// A plain token that declares no store and still causes operations.
func TestPlainTokenThatAsks(t *testing.T) {
	run := bench(plants())
	for i := range run.Trials {
		if tr := &run.Trials[i]; tr.Arm == "jwt-hs256" {
			tr.StoreOps, tr.StoreOpsPerRequest = 6000, 1
		}
	}
	expect(t, "asks", judged(t, board(run)), map[string]Status{"C05": Contradicted}, nil)
}

func TestEpochAndHybrid(t *testing.T) {
	epoch := func(of map[string]plant, settings map[string]string) *results.Run {
		run := bench(of)
		for i := range run.Arms {
			if s := settings[run.Arms[i].Name]; s != "" {
				run.Arms[i].Settings["revocation"] = s
			}
		}
		return run
	}
	asks, keeps := plant{240, 100, 12, 1, 450}, plant{232, 96, 1, .002, 450}
	named := map[string]string{"jwt-es256+epoch": "epoch", "jwt-es256+epoch-local": "epoch-local"}
	both := with(map[string]plant{"jwt-es256+epoch": asks, "jwt-es256+epoch-local": keeps})
	expect(t, "both", judged(t, board(epoch(both, named))), map[string]Status{"C10": Depends}, map[string]string{"C10": "jwt-es256+epoch 1 asks"})
	expect(t, "one that asks", judged(t, board(epoch(with(map[string]plant{"jwt-es256+epoch": asks}), named))), map[string]Status{"C10": Contradicted}, nil)
	expect(t, "one that keeps", judged(t, board(epoch(with(map[string]plant{"jwt-es256+epoch-local": keeps}), named))), map[string]Status{"C10": NotMeasured}, nil)

	dear := bench(with(map[string]plant{"hybrid": asks}))
	expect(t, "cost alone", judged(t, board(dear)), map[string]Status{"C13": NotMeasured}, nil)
	expect(t, "ends at once", judged(t, board(dear, chaos(ending("hybrid", 0, 0, 0)))), map[string]Status{"C13": Depends}, nil)
	expect(t, "goes on and asks", judged(t, board(dear, chaos(ending("hybrid", 9, 9, 2)))), map[string]Status{"C13": Contradicted}, nil)
	free := bench(with(map[string]plant{"hybrid": {100, 14, 0, .001, 450}}))
	expect(t, "ends at once and asks nobody", judged(t, board(free, chaos(ending("hybrid", 0, 0, 0)))), map[string]Status{"C13": Supported}, nil)
}

// TestUnfitRunsDecideNothing spoils a run in every way that takes its verdicts.
func TestUnfitRunsDecideNothing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*results.Run)
		why   string
		ids   []string
	}{
		"quick": {func(r *results.Run) { r.Profile = "quick" }, "is quick", costClaims},
		"the duplicate differs": {func(r *results.Run) {
			for i := range r.Trials {
				if tr := &r.Trials[i]; tr.Arm == "session-redis~aa" {
					*tr.Latency.P50 *= 2
					tr.Saturate.Usage.Target.CPUPerRequest *= 2
				}
			}
		}, "red light", costClaims},
		"a stand-in": {func(r *results.Run) { r.Environment.Stores[0].StandIn, r.Environment.Stores[1].StandIn = true, true }, "stand-in", []string{"C01", "C16", "C46"}},
		"invalid trials": {func(r *results.Run) {
			for i := range r.Trials {
				r.Trials[i].Validity.Status = results.ValidityInvalid
				r.Trials[i].Saturate.Validity.Status = results.ValidityInvalid
			}
		}, "valid", costClaims},
		"an arm that could not run": {func(r *results.Run) {
			r.NotMeasured = []results.Missing{{Arm: "session-redis", Reason: "no Redis was found"}, {Arm: "session-mysql", Reason: "no MySQL was found"}}
			for i := range r.Trials {
				if r.Trials[i].Arm == "session-redis" || r.Trials[i].Arm == "session-mysql" {
					r.Trials[i].Arm = "gone"
				}
			}
		}, "no MySQL was found", []string{"C01"}},
		"noise": {func(r *results.Run) {
			for i := range r.Trials {
				factor := 1 + math.Abs(math.Sin(float64(i*i+7*i))) // another for every trial
				tr := &r.Trials[i]
				p50 := int64(1e5 * factor)
				tr.Latency.P50 = &p50
				tr.Saturate.Usage.Target.CPUPerRequest, tr.Saturate.Usage.Store.CPUPerRequest = 2e4*factor, 0
			}
		}, "inconclusive", []string{"C01", "C16", "C46"}},
		"too few blocks": {func(r *results.Run) { r.Trials = keepBlocks(r.Trials, 3) }, "", []string{"C11", "C16", "C46"}},
	} {
		run := bench(plants())
		c.spoil(run)
		got := judged(t, board(run))
		for _, id := range c.ids {
			if f := got[id]; f.Status != NotMeasured || !strings.Contains(f.Why, c.why) {
				t.Errorf("%s: %s is %s: %s %s", name, id, f.Status, f.Why, f.Says)
			}
		}
	}
}

func keepBlocks(list []results.Trial, most int) []results.Trial {
	var out []results.Trial
	for _, t := range list {
		if t.Block <= most {
			out = append(out, t)
		}
	}
	return out
}
