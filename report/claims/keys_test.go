package claims

import (
	"testing"

	"authbench/results"
)

// rotationTrial is a change of keys: uses of good tokens, of which so many were refused,
// falsely or not, and of how many keys every node accepted tokens.
func rotationTrial(arm, how string, uses, refused, falsely, keys float64) results.Trial {
	table := results.Table{
		Name: "rotation", Axis: results.Column{Name: "node"},
		Columns: []results.Column{{Name: "uses"}, {Name: "refused"}, {Name: "false rejects"}},
		Rows:    []results.Row{{Label: "issuer", Cells: cells(1, 0, 0)}, {Label: "all", Cells: cells(uses, refused, falsely)}},
	}
	held := results.Table{
		Name: "keys-held", Axis: results.Column{Name: "node"},
		Columns: []results.Column{{Name: "keys"}, {Name: "private keys"}, {Name: "log-in"}},
		Rows:    []results.Row{{Label: "issuer", Cells: cells(2, 2, 200)}, {Label: "verifier 1", Cells: cells(2, 0, 501)}},
	}
	if arm == "jwt-hs256" {
		held.Rows = []results.Row{{Label: "node 0", Cells: cells(1, 1, 200)}, {Label: "node 1", Cells: cells(1, 1, 200)}}
	}
	t := tried("key-rotation", arm, "", &results.Chaos{Tables: []results.Table{table, held}}, "how", how)
	return withFact(t, "rotation.keys", keys, "Every node accepted tokens of %g keys.", keys)
}

func TestKeys(t *testing.T) {
	broken := rotationTrial("jwt-es256", "overlap", 30000, 0, 0, 5)
	broken.Chaos.Tables[1].Rows[1].Cells = cells(2, 1, 200)
	for name, c := range map[string]struct {
		trials []results.Trial
		want   map[string]Status
		says   map[string]string
	}{
		"none": {[]results.Trial{ending("session-redis", 0, 0, 0)}, map[string]Status{"C39": NotMeasured, "C07": NotMeasured}, nil},
		"with overlap": {
			[]results.Trial{rotationTrial("jwt-es256", "overlap", 24000, 0, 0, 5)},
			map[string]Status{"C39": Supported, "C07": Supported},
			map[string]string{"C39": "jwt-es256 on overlap 0 of 24,000", "C07": "public keys only"},
		},
		"too few uses": {
			[]results.Trial{rotationTrial("jwt-es256", "overlap", 9000, 0, 0, 5), rotationTrial("jwt-rs256", "migrate", 9000, 0, 0, 2)},
			map[string]Status{"C39": NotMeasured},
			map[string]string{"C39": "in 18,000 uses"},
		},
		"enough together": {
			[]results.Trial{rotationTrial("jwt-es256", "schedule", 15000, 0, 0, 5), rotationTrial("jwt-rs256", "migrate", 9000, 0, 0, 2)},
			map[string]Status{"C39": Supported},
			nil,
		},
		"a good token refused": {
			[]results.Trial{rotationTrial("jwt-es256", "overlap", 24000, 1, 1, 5)}, map[string]Status{"C39": Contradicted}, nil,
		},
		"no change was seen": {
			[]results.Trial{rotationTrial("jwt-es256", "overlap", 24000, 0, 0, 1)}, map[string]Status{"C39": NotMeasured}, nil,
		},
		"without overlap alone": {
			[]results.Trial{rotationTrial("jwt-es256", "no-overlap", 24000, 900, 0, 1)}, map[string]Status{"C39": NotMeasured}, nil,
		},
		"with and without": {
			[]results.Trial{rotationTrial("jwt-es256", "overlap", 24000, 0, 0, 5), rotationTrial("jwt-rs256", "no-overlap", 2000, 900, 0, 1)},
			map[string]Status{"C39": Supported},
			map[string]string{"C39": "at once: jwt-rs256 on no-overlap 900 of 2,000"},
		},
		"other cases say nothing of it": {
			[]results.Trial{rotationTrial("jwt-es256", "emergency", 24000, 900, 0, 2)}, map[string]Status{"C39": NotMeasured, "C07": Supported}, nil,
		},
		"a shared secret beside": {
			[]results.Trial{rotationTrial("jwt-es256", "overlap", 24000, 0, 0, 5), rotationTrial("jwt-hs256", "wrong-secret", 2000, 700, 700, 1)},
			map[string]Status{"C07": Depends},
			map[string]string{"C07": "jwt-es256 verify with a public key, jwt-hs256 with the secret"},
		},
		"a shared secret alone": {
			[]results.Trial{rotationTrial("jwt-hs256", "wrong-secret", 2000, 700, 700, 1)}, map[string]Status{"C07": Contradicted}, nil,
		},
		"a verifier that could issue": {[]results.Trial{broken}, map[string]Status{"C07": Contradicted}, nil},
	} {
		run := chaos(c.trials...)
		for i := range run.Arms {
			run.Arms[i].Settings["algorithm"] = map[string]string{"jwt-hs256": "HS256", "jwt-rs256": "RS256"}[run.Arms[i].Name]
		}
		expect(t, name, judged(t, board(run)), c.want, c.says)
	}
}
