package claims

import (
	"fmt"
	"testing"

	"authbench/results"
)

// withTable adds a table to a trial: its columns, and for each row its label, its x (or
// "" without an axis) and its cells, of which a text "3/7" is 3, "of 7".
func withTable(t results.Trial, name string, columns []string, rows ...[]any) results.Trial {
	table := results.Table{Name: name, Title: name}
	for _, c := range columns {
		table.Columns = append(table.Columns, results.Column{Name: c})
	}
	for _, r := range rows {
		row := results.Row{Label: r[0].(string)}
		if x, ok := r[1].(float64); ok {
			row.X, table.Axis.Unit = &x, "s"
		}
		for _, v := range r[2:] {
			switch v := v.(type) {
			case float64:
				row.Cells = append(row.Cells, results.Cell{Value: &v})
			case string:
				var n, of float64
				if _, err := fmt.Sscanf(v, "%f/%f", &n, &of); err == nil {
					row.Cells = append(row.Cells, results.Cell{Value: &n, Text: fmt.Sprintf("of %g", of)})
				} else if _, err := fmt.Sscanf(v, "%f reckoned", &n); err == nil {
					row.Cells = append(row.Cells, results.Cell{Value: &n, Text: "reckoned"})
				}
			}
		}
		table.Rows = append(table.Rows, row)
	}
	t.Chaos.Tables = append(t.Chaos.Tables, table)
	return t
}

// skewsOf is a sweep with the given counts of live tokens refused within the leeway,
// beyond it, and of ended ones accepted.
func skewTrial(arm, within, ahead, behind string) results.Trial {
	t := tried("clock-skew", arm, "", &results.Chaos{}, "how", "sweep", "leeway", "2s")
	return withTable(t, "sweep", []string{"wrongly refused", "wrongly accepted"},
		[]any{"-3 s", -3.0, "0/8", behind}, []any{"-2 s", -2.0, within, "0/22"}, []any{"+0 s", 0.0, "0/8", "0/22"},
		[]any{"+2 s", 2.0, within, "0/22"}, []any{"+3 s", 3.0, ahead, "0/22"})
}

func endsTrial(arm string, unused, used float64) results.Trial {
	return withTable(tried("lifetime", arm, "", &results.Chaos{}, "how", "timeouts"), "ends", []string{"ended after", "promised"},
		[]any{"not used", "", unused, unused}, []any{"used all the time", "", used, used})
}

// livesTrial is a sweep of lives in which the longest exposure is that of short at 1 s
// and of long at 4 s, and refreshing has that share at 15 minutes.
func livesTrial(arm string, short, long, share float64) results.Trial {
	reckoned := "901 reckoned"
	if long-short < 1 {
		reckoned = fmt.Sprintf("%g reckoned", long)
	}
	return withTable(tried("lifetime", arm, "", &results.Chaos{}, "how", "sweep"), "lives", []string{"longest exposure", "refreshing"},
		[]any{"1s", 1.0, short, 55.0}, []any{"4s", 4.0, long, 23.0}, []any{"15m", 900.0, reckoned, share})
}

func graceTrial(arm, outside string) results.Trial {
	return withTable(tried("lifetime", arm, "", &results.Chaos{}, "how", "races"), "grace", []string{"accepted outside"}, []any{"right", "", outside}, []any{"an hour ahead", "", outside})
}

func TestClocks(t *testing.T) {
	for name, c := range map[string]struct {
		trials []results.Trial
		broken float64 // uses accepted beyond what is promised
		want   map[string]Status
		says   map[string]string
	}{
		"skews": {
			[]results.Trial{skewTrial("jwt-es256", "0/8", "6/8", "15/22")},
			0,
			map[string]Status{"C38": Depends, "C18": NotMeasured},
			map[string]string{"C38": "0 of 24 live tokens wrongly refused"},
		},
		"skews that a leeway does not cover": {
			[]results.Trial{skewTrial("jwt-es256", "1/8", "6/8", "15/22")}, 0, map[string]Status{"C38": Contradicted}, nil,
		},
		"skews that do nothing": {
			[]results.Trial{skewTrial("jwt-es256", "0/8", "0/8", "0/22")}, 0, map[string]Status{"C38": Supported}, nil,
		},
		"skews of sessions": {
			[]results.Trial{skewTrial("session-redis", "0/8", "6/8", "0/22")}, 0, map[string]Status{"C38": NotMeasured}, nil,
		},
		"a token and a session": {
			[]results.Trial{endsTrial("jwt-es256", 905, 905), endsTrial("session-redis", 1800, 43200)},
			0,
			map[string]Status{"C18": Supported},
			map[string]string{"C18": "session-redis ended after 30m unused, and after 12h in use"},
		},
		"a token alone": {[]results.Trial{endsTrial("jwt-es256", 905, 905)}, 0, map[string]Status{"C18": NotMeasured}, nil},
		"a session that use does not extend": {
			[]results.Trial{endsTrial("jwt-es256", 905, 905), endsTrial("session-redis", 1800, 1800)}, 0, map[string]Status{"C18": Contradicted}, nil,
		},
		"sessions of both sorts": {
			[]results.Trial{endsTrial("jwt-es256", 905, 905), endsTrial("session-redis", 1800, 43200), endsTrial("session-mysql", 1800, 1800)},
			0,
			map[string]Status{"C18": Depends},
			nil,
		},
		"lives of a token": {
			[]results.Trial{livesTrial("jwt-es256", 1.3, 4.1, .2)},
			0,
			map[string]Status{"C14": Supported, "C20": Supported},
			map[string]string{"C14": "15m: up to 15m1s (reckoned)", "C20": "1.30\u00a0s with a life of 1s and 4.10\u00a0s with a life of 4s"},
		},
		"lives of a token that is refreshed dearly": {
			[]results.Trial{livesTrial("jwt-es256", 1.3, 4.1, 9)}, 0, map[string]Status{"C14": Depends}, nil,
		},
		"lives of two": {
			[]results.Trial{livesTrial("jwt-es256", 1.3, 4.1, .2), livesTrial("jwt-es256+denylist", .1, .2, .2)},
			0,
			map[string]Status{"C14": Depends, "C20": Supported},
			nil,
		},
		"lives of a denylist alone": {
			[]results.Trial{livesTrial("jwt-es256+denylist", .1, .2, .2)}, 0, map[string]Status{"C14": NotMeasured, "C20": NotMeasured}, nil,
		},
		"a token that outlives its promise": {
			[]results.Trial{livesTrial("jwt-es256", 1.3, 4.1, .2)}, 3, map[string]Status{"C20": Contradicted}, nil,
		},
		"a refresh token that works again": {
			[]results.Trial{livesTrial("jwt-es256", 1.3, 4.1, .2), graceTrial("jwt-es256", "30/30")},
			0,
			map[string]Status{"C20": Depends},
			map[string]string{"C20": "60 of 60 refresh tokens"},
		},
		"one that does not": {
			[]results.Trial{livesTrial("jwt-es256", 1.3, 4.1, .2), graceTrial("jwt-es256+short", "0/10")}, 0, map[string]Status{"C20": Supported}, nil,
		},
		"log-outs and lives": {
			[]results.Trial{ending("jwt-es256", 900, 0, 2.4), livesTrial("jwt-es256", 1.3, 4.1, .2)}, 0, map[string]Status{"C20": Supported}, nil,
		},
	} {
		run := chaos(c.trials...)
		for _, trial := range run.Trials {
			if trial.Scenario == "lifetime" {
				run.Verdicts = append(run.Verdicts, results.Verdict{
					Scenario: trial.Scenario, Arm: trial.Arm, Block: trial.Block, Check: "exposure", Status: results.Pass, Measured: &c.broken, Reason: "of 30 uses",
				})
			}
		}
		expect(t, name, judged(t, board(run)), c.want, c.says)
	}
}

func TestSeconds(t *testing.T) {
	for v, want := range map[float64]string{1.3: "1.30\u00a0s", 60: "1m", 905: "15m5s", 1800: "30m", 3600: "1h", 43200: "12h", 86401: "24h0m1s", 600: "10m", 36000: "10h"} {
		if got := seconds(v); got != want {
			t.Errorf("%g: %q, not %q", v, got, want)
		}
	}
}
