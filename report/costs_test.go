package report

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"testing"

	"authbench/report/evidence"
	"authbench/results"
)

// drawnSections renders the given sections, and nothing around them.
func drawnSections(t *testing.T, b *evidence.Board, ids ...string) string {
	t.Helper()
	tmpl, err := template.New("page").Funcs(functions()).ParseFS(pageFiles, "page/*.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	v := newView(b)
	var out strings.Builder
	for _, id := range ids {
		for _, s := range sections() {
			if data := s.Data(v); s.ID == id && data != nil {
				if err := tmpl.ExecuteTemplate(&out, id, data); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return out.String()
}

// costSections are those of this file.
func costSections() []string {
	return []string{"scoreboard", "forest", "curve", "histograms", "trials", "sweep", "roundtrip", "cost"}
}

// TestForestShowsEveryBlock: an estimate never stands without what it stands on.
func TestForestShowsEveryBlock(t *testing.T) {
	run, _ := bigRun(t, nil)
	b := board(run, nil)
	c := forest(b, evidence.Primaries("default")[0])
	if c == nil || len(c.Strips) != len(run.Arms)-1 {
		t.Fatalf("%+v", c)
	}
	for i, s := range c.Strips {
		svg := string(s.SVG)
		if n := strings.Count(svg, "<circle"); n != run.Workload.Blocks {
			t.Errorf("%s has %d dots, and there are %d blocks", s.Arm.Name, n, run.Workload.Blocks)
		}
		if !strings.Contains(svg, `class="zone"`) || strings.Count(svg, `class="w `)+strings.Count(svg, `hollow" x1=`) == 0 {
			t.Errorf("%s lacks the band or its interval: %s", s.Arm.Name, svg)
		}
		if len(c.Rows[i]) != len(c.Head) {
			t.Errorf("row %d has %d cells of %d", i, len(c.Rows[i]), len(c.Head))
		}
	}
	aa := b.AA.List[1].Ratio // CPU
	for _, want := range []string{fmt.Sprintf("%.2f to %.2f", aa.Lo, aa.Hi), "Holm decides the sentence; the interval shown is unadjusted"} {
		if !strings.Contains(c.Caption, want) {
			t.Errorf("the caption does not say %q: %s", want, c.Caption)
		}
	}
	run.Arms[3].Duplicate = false
	if c := forest(board(run, nil), evidence.Primaries("default")[0]); !strings.Contains(c.Caption, "how far noise goes is not known") {
		t.Errorf("without a duplicate it says %s", c.Caption)
	}
}

// TestCurveHasRibbonsAndAnObjective: what the cross-hair and the eye need.
func TestCurveHasRibbonsAndAnObjective(t *testing.T) {
	run, h := bigRun(t, nil)
	c := curves(board(run, h))
	svg := string(c.SVG)
	if n := strings.Count(svg, `class="ribbon `); n != len(run.Arms) {
		t.Errorf("%d ribbons of %d arms", n, len(run.Arms))
	}
	for _, a := range run.Arms {
		if !strings.Contains(svg, `<path data-arm="`+a.Name+`"`) || !strings.Contains(string(c.Data), `"name":"`+a.Name+`"`) {
			t.Errorf("a script cannot find %s", a.Name)
		}
	}
	if strings.Contains(svg, "objective") || !strings.Contains(svg, "l dash") {
		t.Error("an objective that nobody set, or no end of the sample")
	}
	run.Knees = knees()
	c = curves(board(run, h))
	if !strings.Contains(string(c.SVG), "objective: p99 below 5 ms") || !strings.Contains(c.Caption, "objective of the load sweep") {
		t.Error("the objective is not drawn")
	}
	one := *run
	one.Trials = run.Trials[:len(run.Arms)]
	if c := curves(board(&one, h)); strings.Contains(string(c.SVG), `"ribbon`) {
		t.Error("a ribbon of one block")
	}
}

// TestTrialsStandInTheOrderInWhichTheyRan and not by arm.
func TestTrialsStandInTheOrderInWhichTheyRan(t *testing.T) {
	run, _ := bigRun(t, func(run *results.Run) {
		run.Trials[2].Validity.Status = results.ValidityInvalid
	})
	b := board(run, nil)
	list := inOrder(b.Arms, func(a *evidence.Arm) []*results.Trial { return a.Steady },
		func(_ *evidence.Arm, t *results.Trial) (float64, bool) { return evidence.Levels()[0].NS(t) })
	if len(list) != len(run.Trials) {
		t.Fatalf("%d of %d trials", len(list), len(run.Trials))
	}
	for i := range list {
		if i > 0 && !list[i-1].t.Started.Before(list[i].t.Started) {
			t.Errorf("trial %d began before the one on its left", i)
		}
	}
	c := trials("name", "what.", list)
	if len(c.Rows) != len(list) || strings.Count(string(c.SVG), "<use") != len(list)-1 || !strings.Contains(c.Caption, "1 trial that cannot be used") {
		t.Errorf("the invalid trial is drawn, or not counted: %s", c.Caption)
	}
}

func knees() []results.Knee {
	probe := func(rate float64, p99 int64, result string) results.KneeProbe {
		n := int64(rate * 2)
		return results.KneeProbe{PerSecond: rate, Result: result, Accounting: results.Accounting{Scheduled: n, OK: n}, Latency: results.Quantiles{Count: n, P99: &p99}}
	}
	return []results.Knee{
		{Arm: "session-redis", Objective: "p99<5ms, errors<0.1%", MetPerSecond: 8000, MissedPerSecond: 9000, Summary: "between 8,000 and 9,000", Probes: []results.KneeProbe{
			probe(8000, 2e6, "met"), probe(16000, 9e7, "not_met"), probe(9000, 6e6, "not_met"), probe(20000, 1e6, "generator_limit"),
		}},
		{Arm: "jwt-hs256", Objective: "p99<5ms, errors<0.1%", MetPerSecond: 16000, GeneratorLimitPerSecond: 20000, Summary: "at least 16,000", Probes: []results.KneeProbe{probe(16000, 3e6, "met")}},
	}
}

func TestSweep(t *testing.T) {
	run, _ := bigRun(t, nil)
	if got := drawnSections(t, board(run, nil), "sweep", "scoreboard"); !strings.Contains(got, "Not measured in this run: authbench bench --knee") || !strings.Contains(got, "not measured: authbench bench --knee") {
		t.Error("a sweep that was not made is not missed")
	}
	run.Knees = knees()
	got := drawnSections(t, board(run, nil), "sweep", "scoreboard")
	for _, want := range []string{"8,000/s", "missed at 9,000/s", "the generator’s limit at 20,000/s", "not at 9,000/s", "objective: p99&lt;5ms, errors&lt;0.1%"} {
		if !strings.Contains(got, want) {
			t.Errorf("does not say %q", want)
		}
	}
	if met, missed := strings.Count(got, `<use class="k c`), strings.Count(got, "k missed"); missed != 2 || met < 2 {
		t.Errorf("%d markers missed the objective, %d met it", missed, met)
	}
	if rows := sweepChart([]sweepRow{{Ref: board(run, nil).Arms[0], Knee: run.Knees[0]}}, run.Knees[0].Objective).Rows; len(rows) != 3 || rows[0][1] != "8,000" || rows[2][1] != "16,000" {
		t.Errorf("what was beyond the generator is shown, or out of order: %v", rows)
	}
}

// TestCostsPrintNoInfinity: whatever a run lacks, the sections say so in words.
func TestCostsPrintNoInfinity(t *testing.T) {
	odd := regexp.MustCompile(`NaN|[+-]?Inf\b|%!|<no value>`)
	small, h := bigRun(t, func(run *results.Run) { run.Trials = run.Trials[:9] })
	failing, _ := bigRun(t, func(run *results.Run) {
		for i := range run.Trials {
			if tr := &run.Trials[i]; tr.Arm == "jwt-rs256" || tr.Arm == "session-redis" && tr.Block == 2 {
				tr.Latency.P50, tr.Latency.P99, tr.Accounting.OK, tr.Accounting.Timeout = nil, nil, 0, tr.Accounting.Scheduled
			}
		}
	})
	untimed, _ := bigRun(t, func(run *results.Run) {
		for i := range run.Trials {
			run.Trials[i].Saturate, run.Trials[i].Login = nil, nil
		}
	})
	nobody, _ := bigRun(t, func(run *results.Run) {
		run.Baseline = "nobody"
		for i := range run.Arms {
			run.Arms[i].Mechanism = "token"
		}
		run.Arms[0].Name = "other"
	})
	for name, b := range map[string]*evidence.Board{
		"empty": board(&results.Run{Profile: "default"}, nil), "small": board(small, h), "failing": board(failing, nil), "untimed": board(untimed, nil),
		"nobody": board(nobody, nil), "chaos": board(syntheticChaos(t, t.TempDir(), nil), nil),
	} {
		got := drawnSections(t, b, costSections()...)
		if hit := odd.FindStringIndex(got); hit != nil {
			t.Errorf("%s: %s", name, got[max(0, hit[0]-200):min(len(got), hit[1]+80)])
		}
	}
	if got := drawnSections(t, board(failing, nil), "scoreboard"); !strings.Contains(got, "&gt; timeout") || !strings.Contains(got, `<b class="bad">100`) {
		t.Error("an arm that fails does not show")
	}
}

// TestScoreboardSaysWhatWasNotMeasured: an empty column has its reason in its head,
// and an arm without costs one cell that says so.
func TestScoreboardSaysWhatWasNotMeasured(t *testing.T) {
	run, h := bigRun(t, nil)
	if got := drawnSections(t, board(run, h), "scoreboard"); strings.Count(got, "authbench run revocation") != 1 {
		t.Errorf("the reason stands %d times", strings.Count(got, "authbench run revocation"))
	}
	chaos := syntheticChaos(t, t.TempDir(), nil)
	got := drawnSections(t, evidence.Read(evidence.Source{Run: run, Histograms: h}, evidence.Source{Run: chaos}), "scoreboard")
	for _, want := range []string{
		"costs not measured: authbench bench --arm jwt-es256+push", "none seen", "0 of 9,210 uses", "&lt; 0.30\u00a0% of 1,000 log-outs",
		"revoked live again", "tried with ", "uses no store",
	} {
		if !strings.Contains(strings.ReplaceAll(got, "&#43;", "+"), want) {
			t.Errorf("does not say %q", want)
		}
	}
	if !regexp.MustCompile(`<b class="bad">[\d,]+ of [\d,]+ revoked live again</b>`).MatchString(got) {
		t.Error("what came back to life is not marked")
	}
	if only := drawnSections(t, board(chaos, nil), "scoreboard"); strings.Contains(only, "p50") || !strings.Contains(only, "none seen") {
		t.Error("a run without costs has columns for them, or lacks its own")
	}
}

func TestShareText(t *testing.T) {
	for v, want := range map[float64]string{.5: "50.0", .0123: "1.2", .000044: "0.0044", 1: "100", 0: "0"} {
		if got := strings.TrimSuffix(shareText(v), "\u00a0%"); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

// TestArmsLookDifferent: no two of many have one colour and one marker.
func TestArmsLookDifferent(t *testing.T) {
	seen := map[string]int{}
	for n := range palette * markerCount {
		a := &evidence.Arm{Series: n + 1}
		k := fmt.Sprint(class(a, "k"), marker(a))
		if other, taken := seen[k]; taken || marker(a) == 0 {
			t.Errorf("arm %d looks like arm %d: %s", n+1, other, k)
		}
		seen[k] = n + 1
	}
}
