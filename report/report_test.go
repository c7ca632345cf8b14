package report

import (
	"bytes"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

var update = flag.Bool("update", false, "rewrite the goldens and, with them, the committed fixture")

// bigRun is as large as a quick bench.
func bigRun(t testing.TB, edit func(*results.Run)) (*results.Run, results.Series) {
	t.Helper()
	_, dir := synthetic(t, t.TempDir(), syntheticArms(), 6, 3000, edit)
	return open(t, dir)
}

// board reads one run; h may be nil.
func board(run *results.Run, h evidence.Histograms) *evidence.Board {
	return evidence.Read(evidence.Source{Run: run, Histograms: h})
}

func render(t *testing.T, run *results.Run, h evidence.Histograms) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, board(run, h)); err != nil {
		t.Fatal(err)
	}
	return still(t, b.String())
}

// still is a page without its script, which is the same on every page, and without
// the data for it, in which there is no markup.
func still(t *testing.T, page string) string {
	t.Helper()
	data := regexp.MustCompile(`<script type="application/json" id="[\w-]+">[^<]*</script>`)
	script := "<script>" + pageScript + "</script>"
	if !strings.Contains(page, script) {
		t.Error("the page has no script")
	}
	return data.ReplaceAllString(strings.Replace(page, script, "", 1), "")
}

func text(t *testing.T, run *results.Run, h evidence.Histograms, path string) string {
	t.Helper()
	var b bytes.Buffer
	if err := Terminal(&b, board(run, h), path); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	if *update {
		writeFixture(t)
	}
	run, h := open(t, fixture)
	for _, f := range Formats() {
		t.Run(f.Name, func(t *testing.T) {
			var first, second bytes.Buffer
			in := Input{Board: board(run, h), Dir: fixture, Path: "results/latest/report.html"}
			if f.Select {
				in.Arm = "jwt-hs256"
			}
			for _, w := range []io.Writer{&first, &second} {
				if err := f.Write(w, in); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Fatal("the same run gave different bytes")
			}
			golden := filepath.Join("testdata", "synthetic."+f.Name)
			if *update {
				if err := os.WriteFile(golden, first.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first.Bytes(), want) {
				t.Errorf("not as in %s: look at the difference, then go test ./report -run Golden -update", golden)
			}
		})
	}
}

// writeFixture makes the committed run: three arms, two blocks.
func writeFixture(t *testing.T) {
	arms := syntheticArms()
	_, dir := synthetic(t, t.TempDir(), []syntheticArm{arms[0], arms[2], arms[5]}, 2, 400, func(run *results.Run) {
		bound, measured := 0.0, 1.0
		run.NotMeasured = []results.Missing{{Arm: "session-mysql", Reason: "No MySQL or MariaDB was found."}}
		run.Verdicts = []results.Verdict{
			{Scenario: "steady", Arm: "session-redis", Check: "store-operations", Status: results.Pass, Measured: &measured, Bound: &measured, Unit: "per request", Reason: "counted by the store"},
			{Scenario: "steady", Arm: "jwt-hs256", Check: "store-operations", Status: results.Pass, Measured: &bound, Bound: &bound, Unit: "per request", Reason: "counted by the store"},
			{Scenario: "steady", Arm: "session-redis", Check: "a-a", Status: results.Unknown, Reason: "2 blocks are too few to fail"},
		}
	})
	if err := os.MkdirAll(fixture, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{results.RunFile, results.HistogramsFile} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(fixture, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTerminalFitsAndEndsWithTheAnswer(t *testing.T) {
	run, h := bigRun(t, func(run *results.Run) {
		run.Warnings = append(run.Warnings, strings.Repeat("a long warning ", 30))
	})
	got := text(t, run, h, "results/latest/report.html")
	for i, line := range strings.Split(got, "\n") {
		if n := utf8.RuneCountInString(line); n > textWidth {
			t.Errorf("line %d has %d columns: %s", i+1, n, line)
		}
		for _, r := range line {
			if r > 127 {
				t.Errorf("line %d: %q is not for every terminal", i+1, r)
			}
		}
	}
	if !strings.HasPrefix(got, "Quick run: estimates only. It names no winner.\n") {
		t.Errorf("first line: %q", got[:80])
	}
	if !strings.HasSuffix(got, "\nReport: results/latest/report.html\n") || !strings.Contains(strings.ReplaceAll(got, "\n", " "), "it takes 9. Report:") {
		t.Errorf("ends with %q", got[len(got)-200:])
	}
}

// TestNoWinner: six blocks carry no conclusion, and nothing may sound like one.
func TestNoWinner(t *testing.T) {
	run, h := bigRun(t, nil)
	words := regexp.MustCompile(`(?i)\b(significant(ly)?|faster|slower than control|cheaper|best|wins?|beats|better|p ?[<=] ?0?\.\d)\b`)
	// The claims of others are quoted as they are.
	page := regexp.MustCompile(`(?s)<section id="claims".*?</section>`).ReplaceAllString(render(t, run, h), "")
	for name, got := range map[string]string{"html": page, "text": text(t, run, h, "")} {
		if hit := words.FindString(got); hit != "" {
			t.Errorf("%s says %q", name, hit)
		}
	}
}

func TestAlarmsComeBeforeNumbers(t *testing.T) {
	run, h := bigRun(t, func(run *results.Run) {
		run.Partial, run.PartialReason = true, "interrupted in block 6"
		run.Environment.Stores[0].StandIn = true
		run.Environment.Stores[0].Product = "miniredis"
		run.NotMeasured = []results.Missing{{Arm: "session-other", Reason: "No such store."}}
		for i := range run.Trials {
			if tr := &run.Trials[i]; tr.Arm == "jwt-es256" {
				tr.Validity = results.Validity{Status: results.ValidityInvalid, Reasons: []string{"the generator was saturated"}}
			}
		}
	})
	for name, got := range map[string]string{"html": render(t, run, h), "text": text(t, run, h, "")} {
		flat := strings.Join(strings.Fields(got), " ")
		before := strings.Index(flat, "What does it cost")
		if name == "html" {
			before = strings.Index(flat, "<main>")
		}
		for _, want := range []string{
			"Partial run: interrupted in block 6", "A stand-in store: miniredis", "Not measured: session-other. No such store.",
			"Invalid: jwt-es256, 6 of 6 trials", "the generator was saturated",
		} {
			if at := strings.Index(strings.ReplaceAll(flat, "! ", ""), want); at < 0 || at > before {
				t.Errorf("%s: %q at %d, the numbers at %d", name, want, at, before)
			}
		}
	}
	page := render(t, run, h)
	if !strings.Contains(page, "none of 6 trials is valid") {
		t.Error("an arm without a valid trial still has numbers, or no reason")
	}
	if strings.Count(page, `class="badge">stand-in store`) < 2 {
		t.Error("the arms that used the stand-in are not marked")
	}
}

// TestFailingIsNotFast: an arm whose median request times out prints so.
func TestFailingIsNotFast(t *testing.T) {
	run, h := bigRun(t, func(run *results.Run) {
		for i := range run.Trials {
			tr := &run.Trials[i]
			if tr.Arm != "jwt-rs256" {
				continue
			}
			n := tr.Accounting.Scheduled
			tr.Accounting.OK, tr.Accounting.Timeout = n/4, n-n/4
			tr.Latency.P50, tr.Latency.P90, tr.Latency.P95, tr.Latency.P99, tr.Latency.P999, tr.Latency.P9999, tr.Latency.Max = nil, nil, nil, nil, nil, nil, nil
		}
	})
	got := text(t, run, h, "")
	row := regexp.MustCompile(`(?m)^jwt-rs256 .*$`).FindString(got)
	if strings.Count(row, "> timeout") < 2 || strings.Contains(row, "Inf") {
		t.Errorf("row %q", row)
	}
	page := render(t, run, h)
	if !strings.Contains(page, "&gt; timeout") || strings.Contains(page, "Inf") || strings.Contains(page, "NaN") {
		t.Error("the page does not say > timeout, or shows infinity")
	}
}

func TestDistributionRanksEveryArrival(t *testing.T) {
	h := hdrhistogram.New(results.HistogramMin, results.HistogramMax, results.HistogramDigits)
	for v := range int64(90) {
		_ = h.RecordValue(v + 1)
	}
	d := evidence.Distribution{OK: h, Scheduled: 100}
	for q, want := range map[float64]float64{.01: 1, .5: 50, .9: 90, .91: math.Inf(1), 1: math.Inf(1)} {
		if got := d.At(q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

// TestHistogramsOfAnotherRun: what does not belong together is not shown as if
// it did.
func TestHistogramsOfAnotherRun(t *testing.T) {
	run, h := bigRun(t, nil)
	run.Trials[0].Accounting.OK--
	run.Trials[0].Accounting.Timeout++
	if got := text(t, run, h, ""); !strings.Contains(got, "hold 18,000 response times") {
		t.Error("a histogram log with other counts went unnoticed")
	}
	run, h = bigRun(t, nil)
	if got := text(t, run, h, ""); strings.Contains(got, "not of this run") {
		t.Error("a false alarm")
	}
}

func TestNothingToShow(t *testing.T) {
	empty := &results.Run{SchemaVersion: 1, Profile: "default", Partial: true, PartialReason: "interrupted before the first trial"}
	short, _ := bigRun(t, func(run *results.Run) { run.Trials = run.Trials[:3] })
	untimed, _ := bigRun(t, func(run *results.Run) {
		for i := range run.Trials {
			run.Trials[i].Saturate, run.Trials[i].Login = nil, nil
		}
	})
	for name, run := range map[string]*results.Run{"empty": empty, "three trials": short, "no saturation": untimed} {
		t.Run(name, func(t *testing.T) {
			for _, got := range []string{render(t, run, nil), text(t, run, nil, "")} {
				if strings.Contains(got, "NaN") || strings.Contains(got, "Inf") {
					t.Error("prints what is not a number")
				}
			}
		})
	}
}

func TestSampleSize(t *testing.T) {
	for q, want := range map[float64]int64{.99: 368, .999: 3688, .9999: 36887} {
		if got := evidence.SamplesFor(q); got != want {
			t.Errorf("evidence.SamplesFor(%v) = %d, want %d", q, got, want)
		}
		if s := evidence.Supported(want); s < q || evidence.Supported(want-1) >= q {
			t.Errorf("%d samples support %v, not %v", want, s, q)
		}
	}
}

// TestColumnKinds: 3,000 arrivals a trial carry p99 but not p99.9, which then
// comes from all blocks and is compared with nothing.
func TestColumnKinds(t *testing.T) {
	run, h := bigRun(t, nil)
	s := summarise(board(run, h))
	if row := s.Scoreboard()[1]; row.Latency[2].Against != nil || row.Latency[1].Against == nil {
		t.Error("p99.9 has ratios, or p99 has none")
	}
	if s.Levels[1].Merged || !s.Levels[2].Merged {
		t.Fatalf("p99 merged %t, p99.9 merged %t", s.Levels[1].Merged, s.Levels[2].Merged)
	}
	for _, a := range s.Arms[1:] {
		if s.Against(a.Name, "p99.9") != (versus{}) || (s.Against(a.Name, "p99") == versus{}) != (a.Name == run.Baseline) || a.Latency[2].Missing != "" {
			t.Errorf("%s: p99 %+v, p99.9 %+v", a.Name, a.Latency[1], a.Latency[2])
		}
	}
	// Without histograms there is nothing to fall back on.
	if e := summarise(board(run, nil)).Arms[0].Latency[2]; !strings.Contains(e.Missing, "no histograms") {
		t.Errorf("%+v", e)
	}
}

func TestCommandCanBePasted(t *testing.T) {
	run := &results.Run{Command: []string{"authbench", "bench", "--set", "a=b c'd"}, Seed: 7}
	if got := command(run); got != `authbench bench --set 'a=b c'\''d' --seed 7` {
		t.Errorf("%s", got)
	}
	run.Command = []string{"authbench", "bench", "--seed=9"}
	if got := command(run); got != "authbench bench --seed=9" {
		t.Errorf("%s", got)
	}
}

// TestHostileNames: what a contract file says lands on the page as text.
func TestHostileNames(t *testing.T) {
	run, h := bigRun(t, func(run *results.Run) {
		run.Arms[1].Name = `<script>alert(1)</script>`
		run.Arms[1].Summary = `"><img src=x>`
		run.Warnings = append(run.Warnings, "</style><script>")
	})
	page := render(t, run, h)
	if strings.Contains(page, "<script") || strings.Contains(page, "<img") {
		t.Error("markup got through")
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", .054: "0.05", 8.2: "8.20", 14.14: "14.1", 99.96: "100", 1234.4: "1,234", 1e6: "1,000,000"} {
		if got := number.Short(v); got != want {
			t.Errorf("number(%v) = %s, want %s", v, got, want)
		}
	}
	if got := number.Integer(-1234567); got != "-1,234,567" {
		t.Error(got)
	}
}
