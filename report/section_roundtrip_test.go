package report

import (
	"strings"
	"testing"

	"authbench/report/evidence"
	"authbench/results"
)

// movedRun is a run of store-rtt in which everything is made up.
func movedRun() *results.Run {
	span := func(v float64) results.Cell {
		low, high := .95*v, 1.05*v
		return results.Cell{Value: &v, Low: &low, High: &high}
	}
	words := func(s string) results.Cell { return results.Cell{Text: s} }
	axis := results.Column{Name: "round trip", Unit: "us"}
	us := func(names ...string) (out []results.Column) {
		for _, n := range names {
			out = append(out, results.Column{Name: n, Unit: "us"})
		}
		return out
	}
	trips := results.Table{Name: "round-trips", Title: "the session's response time", Axis: axis, Columns: us("p50"), Draw: "p50"}
	for i, label := range []string{"direct", "+100us", "+1ms", "+20ms"} {
		x := []float64{31, 160, 1080, 20_100}[i]
		trips.Rows = append(trips.Rows, results.Row{Label: label, X: &x, Cells: []results.Cell{span(80 + x)}})
	}
	tokens := results.Table{Name: "tokens", Title: "tokens", Axis: results.Column{Name: "arm"}, Columns: us("p50", "CPU against the session")}
	evens := results.Table{
		Name: "break-even", Title: "break-even", Axis: results.Column{Name: "token"},
		Columns: us("verdict", "measured", "predicted", "difference", "agrees", "reckoned", "session slower by"),
	}
	for _, t := range []struct {
		name, verdict, agrees string
		p50                   float64
	}{{"jwt-es256", "level at", "yes", 200}, {"jwt-rs256", "inconclusive", "–", 150}, {"jwt-hs256", "already past at 0", "no", 90}} {
		tokens.Rows = append(tokens.Rows, results.Row{Label: t.name, Cells: []results.Cell{span(t.p50), span(t.p50 / 150)}})
		even := t.p50 - 80
		evens.Rows = append(evens.Rows, results.Row{Label: t.name, Cells: []results.Cell{
			words(t.verdict), span(even), span(even + 3), span(-3), words(t.agrees), span(even + 1), span(111 - t.p50),
		}})
	}
	memo := results.Table{Name: "memo", Title: "memo", Axis: results.Column{Name: "token"}, Columns: us("moved by", "predicted")}
	memo.Rows = append(memo.Rows, results.Row{Label: "jwt-es256+memo against jwt-es256", Cells: []results.Cell{span(-70), span(-72)}})
	return &results.Run{
		ID: "moved", Profile: "default", Workload: results.Workload{Scenario: "store-rtt"},
		Environment: results.Environment{Stores: []results.Store{{Kind: "redis", Product: "Redis", Version: "0-synthetic"}}},
		Arms:        []results.Arm{{Name: "session-redis", Mechanism: "session", Needs: []string{"redis"}}},
		Trials: []results.Trial{{
			Scenario: "store-rtt", Arm: "session-redis", Block: 1,
			Chaos: &results.Chaos{Settings: map[string]string{"blocks": "12"}, Tables: []results.Table{trips, tokens, evens, memo}},
		}},
	}
}

// TestMeasuredBreakEven: what was measured stands beside what is predicted, without a
// comparison of costs as well.
func TestMeasuredBreakEven(t *testing.T) {
	alone := drawnSections(t, board(movedRun(), nil), "roundtrip")
	for _, want := range []string{
		`id="measured-breakeven"`, "<b>measured</b>", "120<small>[114, 126]</small>", "<i>agrees</i>", "<i>does not agree</i>",
		"inconclusive<small>near 70 [66.5, 73.5]</small>", "already past at 0", "no comparison of costs beside it",
		"moves by -70 µs [-66.5, -73.5]", "jwt-rs256</li>",
	} {
		if !strings.Contains(alone, want) {
			t.Errorf("it does not say %s", want)
		}
	}
	if strings.Contains(alone, `id="breakeven"`) || strings.Contains(alone, "reckoned, not measured") {
		t.Error("without a comparison of costs nothing is reckoned from one")
	}
	// A level for each of three tokens, one line for the session, a mark for every figure.
	if n := strings.Count(alone, "l dash"); n != 3 {
		t.Errorf("%d levels", n)
	}
	if n := strings.Count(alone, "<use "); n < 4+3 {
		t.Errorf("%d marks", n)
	}
}

// TestMeasuredBesideReckoned: with both, each row has the two, and the arms are the same.
func TestMeasuredBesideReckoned(t *testing.T) {
	run, h := bigRun(t, nil)
	b := evidence.Read(evidence.Source{Run: run, Histograms: h}, evidence.Source{Run: movedRun()})
	page := drawnSections(t, b, "roundtrip")
	for _, want := range []string{`id="measured-breakeven"`, `id="breakeven"`, "what follows is reckoned</b>"} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not say %s", want)
		}
	}
	v := newView(b)
	for _, row := range distancesOf(v).Rows {
		if row.Session != b.Arm("session-redis") {
			t.Error("the session is another one than that of the comparison")
		}
		if a := b.Arm(row.Token.Name); a != nil && (row.Token != a || row.FromCosts.Missing == "no comparison of costs beside it") {
			t.Errorf("%s: %+v", row.Token.Name, row.FromCosts)
		}
	}
}

// TestReckonedAlone: without store-rtt the section says that nothing was measured.
func TestReckonedAlone(t *testing.T) {
	run, h := bigRun(t, nil)
	page := drawnSections(t, board(run, h), "roundtrip")
	if !strings.Contains(page, "reckoned, not measured") || strings.Contains(page, "measured-breakeven") {
		t.Errorf("%.400s", page)
	}
}
