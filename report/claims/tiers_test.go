package claims

import (
	"strings"
	"testing"

	"authbench/results"
)

// fannedOut is a trial of an edge that checks alone: its CPU behind the edge as a share
// of that with a check in each service, and how far to both sides the interval goes;
// negative: there is none.
func fannedOut(arm string, behind, spread float64) results.Trial {
	cell := func(v float64) results.Cell {
		c := results.Cell{Value: &v}
		if low, high := v-spread, v+spread; spread >= 0 {
			c.Low, c.High = &low, &high
		}
		return c
	}
	table := results.Table{
		Name: "against-each", Axis: results.Column{Name: "who checks"},
		Columns: []results.Column{{Name: "edge"}, {Name: "services"}, {Name: "behind the edge"}, {Name: "in all"}},
		Rows: []results.Row{
			{Label: "checked at the edge alone, 1 service", Cells: []results.Cell{cell(1), cell(1), cell(1), cell(1)}},
			{Label: "checked at the edge alone, 4 services", Cells: []results.Cell{cell(1.9), cell(.5), cell(behind), cell(.75)}},
			{Label: "phantom token, 4 services", Cells: []results.Cell{cell(3), cell(3), cell(3), cell(3)}},
		},
	}
	return tried("fan-out", arm, "", &results.Chaos{Tables: []results.Table{table}}, "how", "all")
}

func TestOffloadsBackend(t *testing.T) {
	for name, c := range map[string]struct {
		trials []results.Trial
		want   Status
		says   string
	}{
		"less behind the edge":  {[]results.Trial{fannedOut("jwt-es256", .25, .05)}, Supported, "jwt-es256, 4 services: ×0.25 [0.20, 0.30] behind the edge, ×1.9"},
		"more of it":            {[]results.Trial{fannedOut("jwt-hs256", 1.25, .05)}, Contradicted, "×1.25"},
		"it depends on the arm": {[]results.Trial{fannedOut("jwt-es256", .25, .05), fannedOut("jwt-hs256", 1.25, .05)}, Depends, "jwt-hs256"},
		"one that is not settled": {
			[]results.Trial{fannedOut("jwt-es256", .25, .05), fannedOut("jwt-hs256", .95, .1)}, Supported, "Not settled: jwt-hs256",
		},
		"none that is settled": {[]results.Trial{fannedOut("jwt-es256", .95, .1)}, NotMeasured, ""},
		"too few blocks":       {[]results.Trial{fannedOut("jwt-es256", .25, -1)}, NotMeasured, ""},
		"no edge":              {[]results.Trial{tried("fan-out", "control", "", &results.Chaos{})}, NotMeasured, ""},
	} {
		f := judged(t, board(chaos(c.trials...)))["C35"]
		if f.Status != c.want || !strings.Contains(f.Says, c.says) {
			t.Errorf("%s: %s, %q, %q", name, f.Status, f.Says, f.Why)
		}
		if f.Status == NotMeasured && f.Would == "" {
			t.Errorf("%s: it does not say what would measure it", name)
		}
		if f.Status == Depends && (!strings.Contains(f.On, "less with jwt-es256") || !strings.Contains(f.On, "more with jwt-hs256")) {
			t.Errorf("%s: on %q", name, f.On)
		}
	}
}
