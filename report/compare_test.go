package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// planted is a run whose truth is known: the CPU and the median response of every
// arm are a multiple of those of the baseline, up to a noise of 2 % a trial and of
// the given spread of blocks, which is the same for all arms of one.
func planted(blocks int) *results.Run {
	rng := rand.New(rand.NewPCG(4, 2))
	factors := []struct {
		name string
		f    float64
	}{{"base", 1}, {"base~aa", 1}, {"half", .5}, {"equal", 1}, {"vague", 1.02}}
	run := &results.Run{
		SchemaVersion: 1, Profile: "default", Baseline: "base", Verdicts: []results.Verdict{},
		Workload: results.Workload{Scenario: "steady", Blocks: blocks, Rate: 2000},
	}
	for _, a := range factors {
		run.Arms = append(run.Arms, results.Arm{Name: a.name, Mechanism: "token", Duplicate: a.name == "base~aa"})
	}
	valid := results.Validity{Status: results.ValidityValid}
	for b := 1; b <= blocks; b++ {
		block := math.Exp(.3 * rng.NormFloat64())
		for _, a := range factors {
			noise := .02
			if a.name == "vague" {
				noise = .2
			}
			value := func() float64 { return 2e5 * a.f * block * math.Exp(noise*rng.NormFloat64()) }
			p50 := int64(value())
			run.Trials = append(run.Trials, results.Trial{
				Arm: a.name, Block: b,
				Measurement: results.Measurement{
					DurationNS: 1e9, Validity: valid, Accounting: results.Accounting{Scheduled: 6000, OK: 6000},
					Latency: results.Quantiles{Count: 6000, P50: &p50, P99: &p50, P999: &p50, Max: &p50},
				},
				Saturate: &results.Measurement{DurationNS: 1e9, Validity: valid, Usage: results.Usage{Target: results.Process{CPUPerRequest: value(), Known: true}}},
			})
		}
	}
	return run
}

// each edits the trials of an arm.
func each(run *results.Run, arm string, edit func(*results.Trial)) {
	for i := range run.Trials {
		if run.Trials[i].Arm == arm {
			edit(&run.Trials[i])
		}
	}
}

type jsonReport struct {
	AA          aaJSON           `json:"a_a"`
	Comparisons []comparisonJSON `json:"comparisons"`
}

func asJSON(t *testing.T, run *results.Run) jsonReport {
	t.Helper()
	var b bytes.Buffer
	if err := JSON(&b, board(run, nil)); err != nil {
		t.Fatal(err)
	}
	var doc jsonReport
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func (d jsonReport) find(t *testing.T, arm, metric string) comparisonJSON {
	t.Helper()
	for _, c := range d.Comparisons {
		if c.Arm == arm && c.Metric == metric {
			return c
		}
	}
	t.Fatalf("no comparison of %s by %s", arm, metric)
	return comparisonJSON{}
}

// flat is a report as one line without markup's line breaks, in plain characters.
func flat(s string) string { return strings.Join(strings.Fields(number.ASCII(s)), " ") }

// names matches a sentence that says that two arms differ.
var names = regexp.MustCompile(`\b(costs|takes) x\d`)

func TestPlantedTruth(t *testing.T) {
	run := planted(12)
	doc := asJSON(t, run)
	for _, metric := range []string{"cpu", "p50"} {
		for arm, want := range map[string]string{"half": evidence.Differs, "equal": evidence.Equivalent, "vague": evidence.Inconclusive} {
			c := doc.find(t, arm, metric)
			if c.Status != want || !c.Primary || c.PHolm == nil || *c.PHolm < *c.P || c.Blocks != 12 || c.Unit != "ns" {
				t.Errorf("%s of %s is %s, want %s: %+v", metric, arm, c.Status, want, c)
			}
			if (c.BlocksNeeded != nil) != (want == evidence.Inconclusive) {
				t.Errorf("%s of %s: blocks needed %v", metric, arm, c.BlocksNeeded)
			}
		}
		if r := doc.find(t, "half", metric).Ratio; !r.Bounded || *r.Lo > .5 || *r.Hi < .5 || r.Level != .95 || r.Achieved < .95 {
			t.Errorf("half is %+v by %s", r, metric)
		}
	}
	if c := doc.find(t, "half", "p99"); c.Primary || c.PHolm != nil || c.Status != evidence.Exploratory {
		t.Errorf("p99 is judged: %+v", c)
	}
	if len(doc.Comparisons) != 9 || doc.AA.Status != results.Pass {
		t.Errorf("%d comparisons, A/A %+v", len(doc.Comparisons), doc.AA)
	}
	for format, got := range map[string]string{"text": flat(text(t, run, nil, "")), "html": flat(render(t, run, nil))} {
		for _, want := range []string{
			`half costs x0\.\d\d \[0\.4\d, 0\.5\d\] the CPU of base, 12 blocks\.`,
			`half takes x0\.\d\d \[0\.4\d, 0\.5\d\] the median response time of base, 12 blocks\.`,
			`equal costs x(1|0)\.\d\d \[[^]]*\] the CPU of base, 12 blocks: equivalent within 5 %\.`,
			`vague, CPU inconclusive against base: 0\.\d\d to 1\.\d\d, 12 blocks; about [\d,]+0 blocks would settle 5 %\.`,
			`base~aa is base measured a second time: .* No difference was found at 1 %`,
		} {
			if !regexp.MustCompile(want).MatchString(got) {
				t.Errorf("%s does not say %s", format, want)
			}
		}
	}
}

// TestTooFewBlocks: six comparisons take eight blocks. With seven there are
// estimates and nothing else; below six there is not even an interval.
func TestTooFewBlocks(t *testing.T) {
	for _, blocks := range []int{1, 2, 5, 6, 7} {
		run := planted(blocks)
		for _, c := range asJSON(t, run).Comparisons {
			if c.Primary && (c.Status != evidence.TooFewBlocks || c.BlocksNeeded == nil || *c.BlocksNeeded != 8 || !strings.HasSuffix(c.Sentence, "; 8 blocks needed.")) {
				t.Errorf("%d blocks: %+v", blocks, c)
			}
			if c.Ratio == nil || c.Ratio.Bounded != (blocks > 5) || (c.Ratio.Lo == nil) != (blocks <= 5) {
				t.Errorf("%d blocks: ratio %+v", blocks, c.Ratio)
			}
		}
		for format, got := range map[string]string{"text": flat(text(t, run, nil, "")), "html": flat(render(t, run, nil))} {
			if hit := names.FindString(got); hit != "" || strings.Contains(got, "inconclusive against") || strings.Contains(got, "Inf") {
				t.Errorf("%s of %d blocks says %q", format, blocks, hit)
			}
			if want := fmt.Sprintf("No winner is named: 6 comparisons with base, judged together, take 8 blocks, and there are %d.", blocks); !strings.Contains(got, want) {
				t.Errorf("%s of %d blocks does not say so", format, blocks)
			}
		}
	}
	run := planted(8)
	if c := asJSON(t, run).find(t, "half", "cpu"); c.Status != evidence.Differs {
		t.Errorf("8 blocks are enough: %+v", c)
	}
}

// TestQuickNamesNoWinner, however many blocks it was given.
func TestQuickNamesNoWinner(t *testing.T) {
	run := planted(12)
	run.Profile = "quick"
	got := text(t, run, nil, "")
	if !strings.HasPrefix(got, "Quick run: estimates only. It names no winner.\n") || names.MatchString(flat(got)) {
		t.Error(got)
	}
	if c := asJSON(t, run).find(t, "half", "cpu"); c.Status != evidence.Exploratory {
		t.Errorf("%+v", c)
	}
}

func TestFullJudgesP99(t *testing.T) {
	run := planted(12)
	run.Profile = "full"
	if c := asJSON(t, run).find(t, "half", "p99"); !c.Primary || c.Status != evidence.Differs {
		t.Errorf("%+v", c)
	}
	if got := flat(text(t, run, nil, "")); !strings.Contains(got, "9 comparisons") || !strings.Contains(got, "the p99 of base, 12 blocks.") {
		t.Error(got)
	}
}

// TestABaselineThatDiffersFromItself takes every sentence with it.
func TestABaselineThatDiffersFromItself(t *testing.T) {
	run := planted(12)
	each(run, "base~aa", func(tr *results.Trial) { tr.Saturate.Usage.Target.CPUPerRequest *= 1.2 })
	// What the run says of itself was said by a version without the test.
	run.Verdicts = []results.Verdict{{Scenario: "steady", Arm: "base~aa", Check: "a-a", Status: results.Unknown, Reason: "not tested"}}
	doc := asJSON(t, run)
	if doc.AA.Status != results.Invalid {
		t.Fatalf("%+v", doc.AA)
	}
	for _, c := range doc.Comparisons {
		if c.Status != evidence.Invalid || c.Ratio == nil || names.MatchString(c.Sentence) {
			t.Errorf("%+v", c)
		}
	}
	got := text(t, run, nil, "")
	if !strings.HasPrefix(got, "Invalid: the A/A check failed. No winner is named.\n! Invalid: the A/A check failed. ") || names.MatchString(flat(got)) {
		t.Error(got)
	}
	page := render(t, run, nil)
	if !strings.Contains(page, `<p class="red">Invalid: the A/A check failed. Measured twice, the baseline differs from itself: cpu x1.2`) || names.MatchString(flat(page)) {
		t.Error("the page has no red light, or names a winner all the same")
	}
	if !strings.Contains(page, `<span class="lamp invalid">invalid</span>`) || strings.Contains(page, "not tested") {
		t.Error("the table of verdicts says something else")
	}
	if !strings.HasPrefix(run.Verdicts[0].Reason, "not") {
		t.Error("the run was changed")
	}
}

func TestInvalidTrialsAreNotCompared(t *testing.T) {
	run := planted(12)
	each(run, "half", func(tr *results.Trial) {
		switch tr.Block {
		case 1, 2: // were these compared, half would not be a half
			tr.Saturate.Usage.Target.CPUPerRequest *= 100
			tr.Saturate.Validity = results.Validity{Status: results.ValidityInvalid, Reasons: []string{"the generator was saturated"}}
		case 3:
			tr.Saturate.Validity.Status = results.ValidityDegraded
		}
	})
	c := asJSON(t, run).find(t, "half", "cpu")
	if c.Blocks != 10 || c.LeftOut != 2 || c.Degraded != 1 || *c.Ratio.Hi > .55 || c.Status != evidence.Differs {
		t.Errorf("%+v, ratio %+v", c, c.Ratio)
	}
	if want := "the CPU of base, 10 of 12 blocks (1 degraded)."; !strings.HasSuffix(c.Sentence, want) {
		t.Errorf("%q does not end with %q", c.Sentence, want)
	}
}

func TestWhatIsNotCompared(t *testing.T) {
	run := planted(12)
	run.NotMeasured = []results.Missing{{Arm: "absent", Reason: "No such store."}}
	run.Arms[3].Needs = []string{"redis"}
	run.Environment.Stores = []results.Store{{Kind: "redis", Product: "miniredis", StandIn: true}}
	each(run, "half", func(tr *results.Trial) {
		if tr.Block == 1 {
			tr.Latency.P50 = nil
		}
	})
	each(run, "equal", func(tr *results.Trial) { tr.Saturate.Usage.Store.Known = true })
	doc := asJSON(t, run)
	for _, c := range []struct{ arm, metric, says string }{
		{"absent", "cpu", "absent was not measured: No such store."},
		{"equal", "cpu", "no verdict is drawn from a stand-in store"},
		{"half", "p50", "not compared with base, the p50 lies beyond the timeout in 1 of 12 blocks"},
	} {
		if got := doc.find(t, c.arm, c.metric); got.Status != evidence.None || !strings.Contains(got.Sentence, c.says) {
			t.Errorf("%s of %s: %+v", c.metric, c.arm, got)
		}
	}
	if c := doc.find(t, "half", "p50"); c.Ratio != nil || c.P != nil || c.PHolm != nil {
		t.Errorf("numbers without an estimate: %+v", c)
	}

	run = planted(12)
	run.Baseline = ""
	if doc := asJSON(t, run); len(doc.Comparisons) != 0 || strings.Contains(render(t, run, nil), "× </th>") {
		t.Errorf("compared with nothing: %+v", doc.Comparisons)
	}
}

// TestARunWideRedLight: what is wrong with all of it leaves nothing to say.
func TestARunWideRedLight(t *testing.T) {
	run := planted(12)
	run.Verdicts = []results.Verdict{{Arm: "base", Check: "drift", Status: results.Invalid, Reason: "twice as slow in the end"}}
	if got := flat(text(t, run, nil, "")); names.MatchString(got) || !strings.Contains(got, "No winner is named: drift of base is invalid.") {
		t.Error(got)
	}
	run.Verdicts[0].Check = "validity" // which is by trial
	if got := flat(text(t, run, nil, "")); !names.MatchString(got) {
		t.Error(got)
	}
}
