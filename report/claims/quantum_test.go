package claims

import (
	"strings"
	"testing"

	"authbench/results"
)

// signedTrial is a trial of algorithms: ML-DSA-44 and -65 beside ES256, and what they
// leave of a cookie and of a head.
func signedTrial(cookie44, cookie65, head65 float64) results.Trial {
	costs := results.Table{
		Name: "algorithms", Axis: results.Column{Name: "algorithm"},
		Columns: []results.Column{{Name: "issue a token"}, {Name: "check a token"}, {Name: "token"}, {Name: "key set"}},
		Rows: []results.Row{
			{Label: "ES256", Cells: cells(30, 90, 400, 200)},
			{Label: "ML-DSA-44", Cells: cells(400, 120, 3600, 1900)},
			{Label: "ML-DSA-65", Cells: cells(600, 190, 4800, 2700)},
		},
	}
	room := results.Table{
		Name: "room", Axis: results.Column{Name: "algorithm"},
		Columns: []results.Column{{Name: "fasthttp, a head", Unit: "bytes left"}, {Name: cookieLimit, Unit: "bytes left"}, {Name: "answer there"}},
		Rows: []results.Row{
			{Label: "ES256", Cells: left(3500, 3600, 0)},
			{Label: "ML-DSA-44", Cells: left(200, cookie44, 200)},
			{Label: "ML-DSA-65", Cells: left(head65, cookie65, 431)},
		},
	}
	return tried("algorithms", "jwt-es256", "", &results.Chaos{Tables: []results.Table{costs, room}})
}

// left is cells that may be below none.
func left(values ...float64) []results.Cell {
	var out []results.Cell
	for _, v := range values {
		out = append(out, results.Cell{Value: &v})
	}
	return out
}

func TestQuantum(t *testing.T) {
	for name, c := range map[string]struct {
		trial    results.Trial
		profile  string
		refused  float64 // below 0: not settled
		want     Status
		says, on string
	}{
		"fits everywhere":        {signedTrial(100, 50, 40), "default", 0, Supported, "120 µs to check instead of 90", ""},
		"breaks limits":          {signedTrial(100, -700, -300), "default", 0, Depends, "ML-DSA-65: 4,800 bytes", "ML-DSA-65 (browsers, a cookie and fasthttp, a head); none by ML-DSA-44"},
		"no times of quick":      {signedTrial(100, -700, -300), "quick", 0, Depends, "ML-DSA-44: 3,600 bytes, 1,900 of key set.", ""},
		"good tokens refused":    {signedTrial(100, 50, 40), "default", 3, Contradicted, "refused", ""},
		"refusals not known":     {signedTrial(100, 50, 40), "default", -1, NotMeasured, "ML-DSA-44: 3,600 bytes", ""},
		"no such scenario":       {sizedTrial("jwt-es256", 440, 4./3, 100, 150, 8000), "default", 0, NotMeasured, "", ""},
		"the table without room": {tried("algorithms", "jwt-es256", "", &results.Chaos{Tables: signedTrial(1, 1, 1).Chaos.Tables[:1]}), "default", 0, NotMeasured, "", ""},
	} {
		run := chaos(c.trial)
		run.Profile = c.profile
		if c.refused >= 0 {
			run.Verdicts = append(run.Verdicts, results.Verdict{Scenario: "algorithms", Arm: "jwt-es256", Block: 1, Check: "tokens-accepted", Status: results.Pass, Measured: &c.refused})
		}
		f := judged(t, board(run))["C15"]
		if f.Status != c.want || !strings.Contains(f.Says, c.says) || !strings.Contains(f.On, c.on) {
			t.Errorf("%s: %s: %q, on %q, %q", name, f.Status, f.Says, f.On, f.Why)
		}
		if c.profile == "quick" && strings.Contains(f.Says, "µs") {
			t.Errorf("%s: a quick run draws conclusions from times: %q", name, f.Says)
		}
	}
}
