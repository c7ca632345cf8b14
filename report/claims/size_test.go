package claims

import (
	"fmt"
	"strings"
	"testing"

	"authbench/results"
)

// cells are figures; a negative one is one that could not be had.
func cells(values ...float64) []results.Cell {
	var out []results.Cell
	for _, v := range values {
		if v < 0 {
			out = append(out, results.Cell{Text: "not measured"})
			continue
		}
		out = append(out, results.Cell{Value: &v})
	}
	return out
}

// spread gives a cell an interval of so much to both sides.
func spread(c results.Cell, by float64) results.Cell {
	low, high := *c.Value-by, *c.Value+by
	c.Low, c.High = &low, &high
	return c
}

// sizedTrial is a trial of claims-size with profiles of 200 to 8,000 bytes: bytes of the
// smallest request, bytes more a byte of profile, CPU of the smallest and of the largest,
// and from where on uses are refused.
func sizedTrial(arm string, bytes, more, cpu, dearer float64, refusedFrom float64) results.Trial {
	table := results.Table{
		Name: "cost", Axis: results.Column{Name: "profile", Unit: "bytes"},
		Columns: []results.Column{{Name: "request"}, {Name: "CPU"}, {Name: "refused"}},
	}
	for _, n := range []float64{200, 2000, 8000} {
		row := results.Row{Label: fmt.Sprintf("%g B", n), X: &n, Cells: cells(bytes+more*n, cpu+(dearer-cpu)*(n-200)/7800, 0)}
		if row.Cells[1] = spread(row.Cells[1], 1); n >= refusedFrom {
			row.Cells = cells(bytes+more*n, -1, 100)
		}
		table.Rows = append(table.Rows, row)
	}
	limits := results.Table{
		Name: "limits", Axis: results.Column{Name: "limit"}, Columns: []results.Column{{Name: "largest profile"}},
		Rows: []results.Row{{Label: "this node, a head", Cells: cells(refusedFrom - 1)}},
	}
	return tried("claims-size", arm, "", &results.Chaos{Tables: []results.Table{table, limits}}, "how", "cost")
}

func readTrial(arm, mechanism string, subject, fields, accepted float64) results.Trial {
	table := results.Table{
		Name: "readable", Axis: results.Column{Name: "credential"},
		Columns: []results.Column{{Name: "subject read"}, {Name: "fields read"}, {Name: "altered"}, {Name: "accepted"}},
		Rows:    []results.Row{{Label: mechanism, Cells: cells(subject, fields, 100, accepted)}},
	}
	return tried("claims-size", arm, "", &results.Chaos{Tables: []results.Table{table}}, "how", "read")
}

// sealedRun is a run whose arm session-sealed has its mechanism.
func sealedRun(profile string, trials ...results.Trial) *results.Run {
	run := chaos(trials...)
	run.Profile = profile
	for i := range run.Arms {
		if run.Arms[i].Name == "session-sealed" {
			run.Arms[i].Mechanism, run.Arms[i].Needs = "sealed", nil
		}
	}
	return run
}

func TestSizes(t *testing.T) {
	token := sizedTrial("jwt-es256", 440, 4./3, 100, 150, 8000)
	id := sizedTrial("session-redis", 111, 0, 40, 60, 9999)
	cookie := sizedTrial("session-sealed", 185, 4./3, 20, 30, 8000)
	for name, c := range map[string]struct {
		run  *results.Run
		id   string
		want Status
		says string
	}{
		"a token grows":                {sealedRun("default", token), "C12", Supported, "706 bytes a request with a profile of 200 B, 3,106 with 2000 B"},
		"with its CPU":                 {sealedRun("default", token), "C12", Supported, "of CPU instead of 100"},
		"not so in a quick run":        {sealedRun("quick", token), "C12", Supported, "with 2000 B; 8000 B refused with 431, the largest that fits is 7,999 bytes"},
		"one that does not grow":       {sealedRun("default", sizedTrial("jwt-es256", 440, 0, 100, 100, 9999)), "C12", Contradicted, ""},
		"no tokens":                    {sealedRun("default", id), "C12", NotMeasured, ""},
		"an id and a token":            {sealedRun("default", token, id), "C50", Supported, "session-redis: 111 bytes"},
		"and a session in the cookie":  {sealedRun("default", token, id, cookie), "C50", Depends, "session-sealed: 451"},
		"ids larger than tokens":       {sealedRun("default", token, sizedTrial("session-redis", 900, 0, 40, 60, 9999)), "C50", Contradicted, ""},
		"a token alone":                {sealedRun("default", token), "C50", NotMeasured, ""},
		"signed is read, sealed not":   {sealedRun("quick", readTrial("jwt-es256", "token", 1, 9, 0), readTrial("session-sealed", "sealed", 0, 0, 0)), "C47", Contradicted, "9 named values can be read"},
		"both hide":                    {sealedRun("quick", readTrial("jwt-es256", "token", 0, 0, 0), readTrial("session-sealed", "sealed", 0, 0, 0)), "C47", Supported, ""},
		"only tokens were looked into": {sealedRun("quick", readTrial("jwt-es256", "token", 1, 9, 0)), "C47", NotMeasured, "9 named values"},
	} {
		f := judged(t, board(c.run))[c.id]
		if f.Status != c.want || !strings.Contains(f.Says, c.says) {
			t.Errorf("%s: %s is %s: %q, %q", name, c.id, f.Status, f.Says, f.Why)
		}
	}
	if f := judged(t, board(sealedRun("quick", token)))["C12"]; strings.Contains(f.Says, "CPU") {
		t.Errorf("a quick run draws conclusions from CPU: %q", f.Says)
	}
}

// crowded is a trial of session-footprint: bytes a session, and the p99 of each
// population from 10,000 on.
func crowded(arm string, bytes float64, p99 ...float64) results.Trial {
	table := results.Table{
		Name: "footprint-200", Axis: results.Column{Name: "sessions", Unit: "sessions"},
		Columns: []results.Column{{Name: "a session"}, {Name: "p50"}, {Name: "p99"}},
	}
	n := 10_000.
	for _, v := range p99 {
		row := results.Row{Label: fmt.Sprint(n), X: &n, Cells: cells(bytes, 50, v)}
		row.Cells[1], row.Cells[2] = spread(row.Cells[1], 5), spread(row.Cells[2], 10)
		table.Rows = append(table.Rows, row)
		n *= 10
	}
	left := results.Row{Label: "too many", X: &n, Cells: cells(-1, -1, -1)}
	table.Rows = append(table.Rows, left)
	return tried("session-footprint", arm, "", &results.Chaos{Tables: []results.Table{table}}, "how", "grow")
}

func TestManySessions(t *testing.T) {
	for name, c := range map[string]struct {
		run  *results.Run
		want Status
		says string
	}{
		"grows and slows":     {sealedRun("default", crowded("session-redis", 600, 100, 110, 200)), Supported, "p99 100 µs at 10000 and 200 at 1e+06"},
		"grows, not slower":   {sealedRun("default", crowded("session-redis", 600, 100, 110)), Depends, "600 bytes a session"},
		"one of two slows":    {sealedRun("default", crowded("session-redis", 600, 100, 110), crowded("session-mysql", 900, 100, 300)), Depends, "session-mysql with 200 B: 900 bytes"},
		"takes nothing":       {sealedRun("default", crowded("session-redis", 0, 100, 110)), Contradicted, ""},
		"one population":      {sealedRun("default", crowded("session-redis", 600, 100)), NotMeasured, "600 bytes a session"},
		"quick draws nothing": {sealedRun("quick", crowded("session-redis", 600, 100, 200)), NotMeasured, "600 bytes a session"},
		"nothing but tokens":  {sealedRun("default", crowded("jwt-es256", 0, 100, 200)), NotMeasured, ""},
	} {
		f := judged(t, board(c.run))["C17"]
		if f.Status != c.want || !strings.Contains(f.Says, c.says) {
			t.Errorf("%s: %s: %q, %q", name, f.Status, f.Says, f.Why)
		}
	}
}

func TestListSize(t *testing.T) {
	left := tried("session-footprint", "jwt-es256+denylist", "", &results.Chaos{Tables: []results.Table{{
		Name: "revoked", Axis: results.Column{Name: "log-outs"}, Columns: []results.Column{{Name: "in the stores"}},
		Rows: []results.Row{{Label: "2,000", Cells: cells(144)}},
	}}}, "how", "revoke")
	f := judged(t, board(chaos(ending("jwt-es256+denylist", 0, 0, 0), left, outageOf("redis-outage", "jwt-es256+denylist", "kill-empty", 500, 0, 30))))["C09"]
	if f.Status != Depends || !strings.Contains(f.Says, "jwt-es256+denylist 144 bytes (2,000 log-outs)") || len(f.Cites) < 3 {
		t.Errorf("%s: %q %v", f.Status, f.Says, f.Cites)
	}
	f = judged(t, board(chaos(ending("jwt-es256+denylist", 0, 0, 0), left)))["C09"]
	if f.Status != NotMeasured || !strings.Contains(f.Says, "144 bytes") {
		t.Errorf("%s: %q %q", f.Status, f.Says, f.Why)
	}
}
