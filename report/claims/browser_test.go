package claims

import (
	"strings"
	"testing"

	"authbench/results"
)

// worded are cells with words.
func worded(list ...string) []results.Cell {
	var out []results.Cell
	for _, w := range list {
		out = append(out, results.Cell{Text: w})
	}
	return out
}

// way is a row of forged requests: of 18 so many had the credential, would have changed
// something, and did.
type way struct {
	label                    string
	attached, would, changed float64
}

// browsed is a trial of csrf.
func browsed(arm string, ways []way, more ...results.Table) results.Trial {
	table := results.Table{
		Name:    "forged",
		Columns: []results.Column{{Name: "tried"}, {Name: "with the credential"}, {Name: "would have changed"}, {Name: "changed"}},
	}
	for _, w := range ways {
		table.Rows = append(table.Rows, results.Row{Label: w.label, Cells: cells(18, w.attached, w.would, w.changed)})
	}
	return tried("csrf", arm, "", &results.Chaos{Tables: append([]results.Table{table}, more...)})
}

func scriptsTable(where, read, elsewhere, used string) results.Table {
	return results.Table{
		Name: "scripts", Columns: []results.Column{{Name: "read"}, {Name: "used elsewhere"}, {Name: "used from the page"}},
		Rows: []results.Row{{Label: where, Cells: worded(read, elsewhere, used)}},
	}
}

// attributesTable has what the lack of HttpOnly and of Secure lets through.
func attributesTable(asSet, httpOnly, secure string) results.Table {
	return results.Table{
		Name: "attributes", Columns: []results.Column{{Name: "kept"}, {Name: "read by a script"}, {Name: "sent without TLS"}},
		Rows: []results.Row{
			{Label: "as the arm sets it", Cells: worded("yes", asSet, "no")},
			{Label: "without HttpOnly", Cells: worded("yes", httpOnly, "no")},
			{Label: "without Secure", Cells: worded("no", "no", "no")},
			{Label: "without __Host- and Secure", Cells: worded("yes", "no", secure)},
		},
	}
}

func TestBrowser(t *testing.T) {
	cookie := "another site, in a cookie, "
	lax := way{cookie + "as the arm has it: SameSite=Lax", 2, 0, 0}
	open := way{cookie + "SameSite=None", 16, 8, 0}
	near := way{"a neighbour, in a cookie, as the arm has it: SameSite=Lax", 4, 2, 0}
	header := "another site, in local storage, sent in a header"
	stored := browsed("jwt-es256", []way{{header, 0, 0, 0}}, scriptsTable("local storage", "yes", "yes", "yes"))
	kept := scriptsTable("cookie, HttpOnly", "no", "no", "yes")
	session := browsed("session-redis", []way{lax, open, near}, kept, attributesTable("no", "yes", "yes"))
	for name, c := range map[string]struct {
		trials []results.Trial
		want   map[string]Status
		says   map[string]string
	}{
		"a session and a token": {
			[]results.Trial{session, stored},
			map[string]Status{"C23": Contradicted, "C24": Contradicted, "C25": Supported, "C34": Supported, "C41": Depends, "C45": Contradicted},
			map[string]string{
				"C23": "sent in a header) 0 of 18; session-redis (in a cookie, as the arm has it: SameSite=Lax) 2 of 18",
				"C24": "could not read the HttpOnly cookie of session-redis, but act as the user from the page.",
				"C25": "without HttpOnly a script read it, without Secure the browser refused it for its name (__Host-), and under another name sent it without TLS, without SameSite (None) 8 of 18",
				"C34": "jwt-es256 (in local storage, sent in a header) 0 of 18",
				"C41": "SameSite=None) 8 of 18",
				"C45": "SameSite=None) 16 of 18",
			},
		},
		"a token alone": {
			[]results.Trial{stored},
			map[string]Status{"C23": NotMeasured, "C24": Contradicted, "C25": NotMeasured, "C34": Supported, "C41": NotMeasured, "C45": NotMeasured},
			nil,
		},
		"a browser that sends tokens by itself": {
			[]results.Trial{session, browsed("jwt-es256", []way{{header, 5, 0, 0}}, scriptsTable("local storage", "no", "no", "no"))},
			map[string]Status{"C23": Supported, "C24": Supported, "C34": Contradicted},
			nil,
		},
		"one that only neighbours have send it": {
			[]results.Trial{browsed("jwt-es256", []way{{header, 0, 0, 0}, {"a neighbour, in local storage, sent in a header", 1, 0, 0}})},
			map[string]Status{"C34": Contradicted},
			nil,
		},
		"flags that do nothing": {
			[]results.Trial{browsed("session-redis", []way{lax, open}, attributesTable("no", "no", "yes"))},
			map[string]Status{"C25": Depends},
			map[string]string{"C25": "without Secure"},
		},
		"a browser that keeps HttpOnly cookies back": {
			[]results.Trial{browsed("session-redis", []way{lax, {cookie + "SameSite=None", 0, 0, 0}}, attributesTable("no", "yes", "yes"))},
			map[string]Status{"C45": Supported, "C41": NotMeasured, "C25": Depends},
			nil,
		},
		"a cookie that is not HttpOnly": {
			[]results.Trial{browsed("session-redis", []way{lax, open}, attributesTable("yes", "yes", "yes"))},
			map[string]Status{"C45": NotMeasured, "C41": Depends},
			nil,
		},
		"only what the arm has": {
			[]results.Trial{browsed("session-redis", []way{lax}, attributesTable("no", "yes", "yes"))},
			map[string]Status{"C41": NotMeasured, "C45": NotMeasured, "C25": NotMeasured},
			nil,
		},
	} {
		found := judged(t, board(chaos(c.trials...)))
		for id, want := range c.want {
			if f := found[id]; f.Status != want || !strings.Contains(f.Says, c.says[id]) {
				t.Errorf("%s: %s is %s: %q, %q", name, id, f.Status, f.Says, f.Why)
			}
		}
	}
}

// attacked is a run of probes: by arm, the cases with the answers that were wrong.
func attacked(by map[string]map[string]float64) *results.Run {
	var trials []results.Trial
	for _, arm := range []string{"session-redis", "session-memory", "jwt-es256", "jwt-hs256"} {
		if by[arm] != nil {
			trials = append(trials, tried("probe", arm, "", &results.Chaos{}, "only", "all"))
		}
	}
	run := chaos(trials...)
	for _, t := range run.Trials {
		for id, wrong := range by[t.Arm] {
			v := results.Verdict{Scenario: "probe", Arm: t.Arm, Check: id, Block: t.Block, Status: results.Pass, Measured: &wrong, Reason: "no defect found in 100,000"}
			if wrong > 0 {
				v.Status, v.Reason = results.Fail, "a defect"
			}
			if wrong < 0 {
				v.Status, v.Measured, v.Reason = results.Unknown, nil, "it could not be told"
			}
			run.Verdicts = append(run.Verdicts, v)
		}
	}
	return run
}

func TestAttacks(t *testing.T) {
	type cases = map[string]float64
	for name, c := range map[string]struct {
		by   map[string]map[string]float64
		want map[string]Status
		says string
	}{
		"all withstand": {
			map[string]map[string]float64{"session-redis": cases{"F1": 0, "F6": 0}, "jwt-es256": cases{"A1": 0, "A8": 0, "A16": 0}},
			map[string]Status{"C19": Contradicted, "C33": Supported, "C40": Supported},
			"no defect found in 100,000",
		},
		"fixation here, not there": {
			map[string]map[string]float64{"session-redis": cases{"F1": 2, "F6": 3}, "session-memory": cases{"F1": 0, "F6": 0}},
			map[string]Status{"C19": Depends, "C33": Depends, "C40": NotMeasured},
			"",
		},
		"fixation": {map[string]map[string]float64{"session-redis": cases{"F1": 1, "F6": 1}}, map[string]Status{"C19": Supported, "C33": NotMeasured}, ""},
		"it could not be told": {
			map[string]map[string]float64{"session-redis": cases{"F1": -1, "F6": -1}, "jwt-es256": cases{"A1": -1, "A8": 0}},
			map[string]Status{"C19": NotMeasured, "C33": NotMeasured, "C40": NotMeasured},
			"",
		},
		"confusion": {map[string]map[string]float64{"jwt-es256": cases{"A1": 0, "A8": 4}}, map[string]Status{"C40": Contradicted}, ""},
		"confusion here, not there": {
			map[string]map[string]float64{"jwt-es256": cases{"A1": 0, "A8": 4}, "jwt-hs256": cases{"A1": 0, "A10": 0}}, map[string]Status{"C40": Depends}, "",
		},
		"alg none alone": {map[string]map[string]float64{"jwt-es256": cases{"A1": 0}}, map[string]Status{"C40": NotMeasured}, ""},
	} {
		found := judged(t, board(attacked(c.by)))
		for id, want := range c.want {
			if f := found[id]; f.Status != want {
				t.Errorf("%s: %s is %s: %q, %q", name, id, f.Status, f.Says, f.Why)
			}
		}
		if f := found["C33"]; !strings.Contains(f.Says, c.says) {
			t.Errorf("%s: %q", name, f.Says)
		}
	}
}
