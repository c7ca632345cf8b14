package claims

import (
	"strings"
	"testing"

	"authbench/results"
)

// moved is a trial of store-rtt: sessions take 80 us and one round trip, tokens what is
// given, whatever the distance. Every figure has an interval of so many percent.
func moved(session string, percent float64, tokens map[string]float64) results.Trial {
	span := func(v float64) results.Cell {
		if percent == 0 {
			return results.Cell{Value: &v}
		}
		low, high := v*(1-percent/100), v*(1+percent/100)
		return results.Cell{Value: &v, Low: &low, High: &high}
	}
	trips := results.Table{Name: "round-trips", Axis: results.Column{Name: "round trip", Unit: "us"}, Columns: []results.Column{{Name: "p50", Unit: "us"}}}
	ratios := results.Table{Name: "ratios", Axis: trips.Axis}
	list := results.Table{Name: "tokens", Columns: []results.Column{{Name: "p50", Unit: "us"}, {Name: "CPU against the session"}}}
	evens := results.Table{Name: "break-even", Columns: []results.Column{{Name: "verdict"}, {Name: "measured", Unit: "us"}}}
	var names []string
	for _, name := range []string{"jwt-hs256", "jwt-es256"} {
		if p50, ok := tokens[name]; ok {
			names = append(names, name)
			ratios.Columns = append(ratios.Columns, results.Column{Name: name})
			list.Rows = append(list.Rows, results.Row{Label: name, Cells: []results.Cell{span(p50), span(p50 / 150)}})
			verdict := "level at"
			if p50 < 110 {
				verdict = "already past at 0"
			}
			evens.Rows = append(evens.Rows, results.Row{Label: name, Cells: []results.Cell{{Text: verdict}, span(p50 - 80)}})
		}
	}
	for i, label := range []string{"direct", "+1ms", "+20ms"} {
		trip := []float64{30, 1080, 20080}[i]
		trips.Rows = append(trips.Rows, results.Row{Label: label, X: &trip, Cells: []results.Cell{span(80 + trip)}})
		row := results.Row{Label: label, X: &trip}
		for _, name := range names {
			row.Cells = append(row.Cells, span(tokens[name]/(80+trip)))
		}
		ratios.Rows = append(ratios.Rows, row)
	}
	return tried("store-rtt", session, "", &results.Chaos{Tables: []results.Table{trips, ratios, list, evens}})
}

func TestDistance(t *testing.T) {
	both := map[string]float64{"jwt-hs256": 100, "jwt-es256": 200}
	for name, c := range map[string]struct {
		trials []results.Trial
		bench  bool
		want   map[string]Status
		says   map[string]string
	}{
		"tokens that are slower nearby": {
			[]results.Trial{moved("session-redis", 5, both)},
			false,
			map[string]Status{"C16": Depends, "C46": Depends, "C11": Contradicted, "C49": NotMeasured},
			map[string]string{"C16": "level at 120\u00a0µs [114, 126]", "C11": "by more than 50 % in 4", "C49": "distance is a reason, too"},
		},
		"one that is quicker everywhere": {
			[]results.Trial{moved("session-redis", 5, map[string]float64{"jwt-hs256": 80})},
			false,
			map[string]Status{"C16": Supported, "C46": Contradicted},
			map[string]string{"C16": "CPU per use, node and store: jwt-hs256 ×0.53"},
		},
		"one that is lowered by a third far away": {
			[]results.Trial{moved("session-redis", 5, map[string]float64{"jwt-es256": 700})},
			false,
			map[string]Status{"C11": Depends},
			map[string]string{"C11": "by 30 to 50 % for jwt-es256 beside session-redis at 1.08\u00a0ms"},
		},
		"one that is level nearby": {
			[]results.Trial{moved("session-redis", 5, map[string]float64{"jwt-hs256": 110})},
			false,
			map[string]Status{"C16": Supported, "C49": NotMeasured},
			map[string]string{"C49": "sooner in 2 of 3 pairs"},
		},
		"no intervals": {
			[]results.Trial{moved("session-redis", 0, both)},
			false,
			map[string]Status{"C16": NotMeasured, "C46": NotMeasured, "C11": NotMeasured, "C49": NotMeasured},
			nil,
		},
		"beside a comparison of costs": {
			[]results.Trial{moved("session-redis", 5, both)},
			true,
			map[string]Status{"C16": Depends, "C46": Depends, "C11": Contradicted},
			map[string]string{"C16": "Beside session-redis:"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			runs := []*results.Run{chaos(c.trials...)}
			if c.bench {
				runs = append([]*results.Run{bench(plants())}, runs...)
			}
			list, err := Judge(board(runs...))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range list {
				if want, ok := c.want[f.Claim.ID]; ok && f.Status != want {
					t.Errorf("%s is %s, not %s: %s %s", f.Claim.ID, f.Status, want, f.Says, f.Why)
				}
				if says := c.says[f.Claim.ID]; !strings.Contains(f.Says+f.On, says) {
					t.Errorf("%s does not say %q: %s On %s", f.Claim.ID, says, f.Says, f.On)
				}
			}
		})
	}
}
