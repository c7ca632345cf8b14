package report

import (
	"path/filepath"
	"strings"
	"testing"

	"authbench/results"
)

// tabledTrial is a trial of one arm with one table of a figure over an axis and one of
// cases.
func tabledTrial(arm string, block int, scale float64) results.Trial {
	f := func(v float64) *float64 { return &v }
	over := results.Table{
		Name: "sizes", Title: "synthetic: what a larger credential costs", Axis: results.Column{Name: "payload", Unit: "bytes"},
		Columns: []results.Column{{Name: "p50", Unit: "us"}, {Name: "refused", Meaning: "431"}}, Draw: "p50",
	}
	for _, x := range []float64{200, 1000, 8000} {
		over.Rows = append(over.Rows, results.Row{Label: "so many", X: f(x), Cells: []results.Cell{
			{Value: f(scale * x), Low: f(.9 * scale * x), High: f(1.1 * scale * x)}, {Text: "none of them"},
		}})
	}
	cases := results.Table{Name: "edges", Title: "synthetic: what was asked at the edges", Axis: results.Column{Name: "instant"}, Columns: []results.Column{{Name: "wrong"}}}
	cases.Rows = append(cases.Rows, results.Row{Label: "exp + leeway", Cells: []results.Cell{{Value: f(0)}}}, results.Row{Label: "nbf", Cells: []results.Cell{{}}})
	return results.Trial{Scenario: "claims-size", Arm: arm, Block: block, Position: 1, Chaos: &results.Chaos{
		Nodes: 1, Settings: map[string]string{}, Faults: []results.Fault{}, Violations: []results.Violation{},
		Facts:  []results.Fact{{Name: "limit", Text: "Refused from 7,168 bytes on."}},
		Tables: []results.Table{over, cases},
	}}
}

// TestTables: every figure of every arm is on the page, with its interval or why there
// is none; a table over an axis with a unit has a chart; the sentences are in this
// section and not in the one for what has none.
func TestTables(t *testing.T) {
	run := syntheticChaos(t, t.TempDir(), func(run *results.Run) {
		run.Trials = append(run.Trials, tabledTrial("jwt-es256", 101, .1), tabledTrial("session-redis", 102, .3))
		for block, arm := range map[int]string{101: "jwt-es256", 102: "session-redis"} {
			run.Verdicts = append(run.Verdicts, results.Verdict{Scenario: "claims-size", Arm: arm, Block: block, Check: "limit", Status: results.Pass})
		}
	})
	page := render(t, run, nil)
	_, section, found := strings.Cut(page, `id="claims-size"`)
	if !found {
		t.Fatal("the scenario has no section")
	}
	section, _, _ = strings.Cut(section, "</section>")
	for _, want := range []string{
		"<figure>", "P50, µs over payload, bytes", "[720, 880]", "[2,160, 2,640]", "431", "none of them",
		"exp &#43; leeway", "not measured", "Refused from 7,168 bytes on.", ">pass 1</span>",
	} {
		if !strings.Contains(section, want) {
			t.Errorf("the section does not have %q", want)
		}
	}
	if n := strings.Count(page, "jwt-es256: Refused from 7,168 bytes on."); n != 1 {
		t.Errorf("the sentence is on the page %d times", n)
	}
	if n := strings.Count(section, "<figure>"); n != 1 {
		t.Errorf("%d charts, want one: cases are not drawn", n)
	}
}

// TestNoTables: a run without the scenario has no section of it.
func TestNoTables(t *testing.T) {
	if page := render(t, syntheticChaos(t, t.TempDir(), nil), nil); strings.Contains(page, `id="claims-size"`) {
		t.Error("a section of a scenario that did not run")
	}
}

// What the reference run has measured in tables has a section that shows it.
func TestEveryTableHasASection(t *testing.T) {
	runs, err := filepath.Glob(filepath.Join("..", "results", "published", "*-chaos", results.RunFile))
	if err != nil || len(runs) == 0 {
		t.Fatalf("no published run of chaos: %v", err)
	}
	for _, path := range runs {
		run, _, err := results.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range run.Trials {
			if one := &run.Trials[i]; one.Chaos != nil && len(one.Chaos.Tables) > 0 && !hasSection(one.Scenario) {
				t.Errorf("%s, block %d: its tables are not in the report", one.Scenario, one.Block)
			}
		}
	}
}
