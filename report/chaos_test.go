package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// hostile is what a name could do to a page, a table, an XML file.
const hostile = "</style><script>alert(1)</script>|`*x*`\n# <img src=x> ]]> \x1b[31m\x00"

func TestChaosGolden(t *testing.T) {
	run := syntheticChaos(t, t.TempDir(), nil)
	for _, f := range Formats() {
		if f.Select { // the same of every run: formats_test.go
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			var b bytes.Buffer
			if err := f.Write(&b, Input{Board: board(run, nil), Path: "results/latest/report.html"}); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "chaos."+f.Name)
			if *update {
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("not as in %s: look at the difference, then go test ./report -run Golden -update", golden)
			}
		})
	}
}

// TestChaosFormatsStandAnything: no format may break on a run that is empty, cut
// short, or full of hostile names.
func TestChaosFormatsStandAnything(t *testing.T) {
	runs := map[string]func(*results.Run){
		"empty":       func(run *results.Run) { *run = results.Run{Workload: results.Workload{Scenario: "chaos"}} },
		"no verdicts": func(run *results.Run) { run.Verdicts = nil },
		"no trials":   func(run *results.Run) { run.Trials = nil },
		"bare": func(run *results.Run) {
			for i := range run.Trials {
				run.Trials[i].Chaos = &results.Chaos{Revocation: &results.Revocation{Revocations: 3}, Outage: &results.Outage{Stages: []results.Stage{{Name: "during"}}}, Faults: []results.Fault{{}}, Violations: []results.Violation{{}}, Facts: []results.Fact{{}}}
			}
		},
		"hostile": func(run *results.Run) {
			run.Arms[0].Name = hostile
			run.Command = append(run.Command, hostile, "a`b``c")
			for i := range run.Trials {
				run.Trials[i].Arm = hostile
				run.Trials[i].Error = hostile
				if c := run.Trials[i].Chaos; c != nil {
					c.Fault = hostile
					c.Facts = append(c.Facts, results.Fact{Text: hostile})
					c.Violations = []results.Violation{{Check: "identity", Summary: hostile, Events: []results.Event{{What: hostile, User: hostile}}}}
				}
			}
			for i := range run.Verdicts {
				run.Verdicts[i] = results.Verdict{Scenario: "revocation", Arm: hostile, Fault: hostile, Check: "identity", Status: results.Fail, Reason: hostile}
			}
		},
	}
	for name, edit := range runs {
		for _, f := range Formats() {
			if f.Select {
				continue
			}
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				run := syntheticChaos(t, t.TempDir(), nil)
				edit(run)
				var b bytes.Buffer
				if err := f.Write(&b, Input{Board: board(run, nil)}); err != nil {
					t.Fatal(err)
				}
				got := b.String()
				if f.Name == "html" {
					got = still(t, got)
				}
				data := f.Name == "json" || f.Name == "csv" || f.Name == "benchfmt" // where infinity is a value
				if !data && regexp.MustCompile(`\b(NaN|[+-]?Inf)\b`).MatchString(got) {
					t.Error("prints what is not a number")
				}
				switch f.Name {
				case "html":
					if strings.Contains(got, "<script") || strings.Contains(got, "<img") {
						t.Error("markup got through")
					}
				case "text", "csv", "benchfmt":
					if strings.Contains(got, "\x1b") {
						t.Errorf("a control sequence got through: %q", got[max(0, strings.Index(got, "\x1b")-80):][:120])
					}
				case "markdown":
					// The command stands as code, all else escaped.
					list, _, _ := strings.Cut(got, "Repeat: ")
					if n := strings.Count(list, "<script"); n != strings.Count(list, `\<script`) || strings.Contains(got, "\x1b") || strings.Count(list, "|`") > 0 {
						t.Errorf("markup got through: %s", list)
					}
					if name == "hostile" && !strings.Contains(got, "Repeat: ```authbench") {
						t.Errorf("the fence of the command can be closed from within: %s", got)
					}
				case "junit":
					parseJUnit(t, b.Bytes())
				}
			})
		}
	}
}

// TestSummaryHasSixtyLines whatever the run holds, and counts what it leaves out.
func TestSummaryHasSixtyLines(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 5, 8, 13, 40, 300} {
		run := syntheticChaos(t, t.TempDir(), func(run *results.Run) {
			for i := range n {
				name := fmt.Sprintf("arm-%d", i)
				run.Arms = append(run.Arms, results.Arm{Name: name, Mechanism: "session", Needs: []string{"redis"}})
				run.NotMeasured = append(run.NotMeasured, results.Missing{Arm: name, Reason: "why\nnot"})
				for j, status := range []string{results.Fail, results.Unknown, results.Invalid, results.Pass, results.NotApplicable} {
					run.Verdicts = append(run.Verdicts, results.Verdict{Scenario: fmt.Sprintf("scenario-%d", j), Arm: name, Check: "identity", Status: status, Reason: strings.Repeat("words ", 400)})
				}
				for _, from := range []int{0, 8} {
					tr := run.Trials[from]
					tr.Arm = name
					run.Trials = append(run.Trials, tr)
				}
			}
		})
		var b bytes.Buffer
		if err := Summary(&b, board(run, nil)); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		lines := strings.Count(got, "\n")
		if lines > summaryLines || !strings.HasSuffix(got, "\n") {
			t.Errorf("%d: %d lines", n, lines)
		}
		if !strings.HasPrefix(got, "**FAIL**: ") || !strings.Contains(got, "exits 1") || !strings.Contains(got, "seed 42") {
			t.Errorf("%d: no verdict first, or no exit code or seed:\n%s", n, got)
		}
		if n >= 40 {
			if more := strings.Count(got, " more, see report.html"); more != 6 {
				t.Errorf("%d: %d lists are cut and say so, want 6:\n%s", n, more, got)
			}
			if lines < summaryLines-1 {
				t.Errorf("%d: only %d of %d lines are used", n, lines, summaryLines)
			}
		}
		// The failures come before everything else that is listed.
		if first := strings.Split(got, "\n")[4]; !strings.Contains(first, "bound-violations") {
			t.Errorf("%d: the fifth line is %q", n, first)
		}
	}
}

func parseJUnit(t *testing.T, data []byte) junit.Testsuites {
	t.Helper()
	var all junit.Testsuites
	if err := xml.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range all.Suites {
		for _, c := range s.Testcases {
			if names[s.Name+c.Name] {
				t.Errorf("two cases are called %q: one of them is lost", c.Name)
			}
			names[s.Name+c.Name] = true
		}
	}
	return all
}

func TestJUnitCountsWhatWasJudged(t *testing.T) {
	run := syntheticChaos(t, t.TempDir(), func(run *results.Run) {
		run.Verdicts = append(run.Verdicts, run.Verdicts[0], run.Verdicts[0]) // names are made unique
	})
	var b bytes.Buffer
	if err := JUnit(&b, board(run, nil)); err != nil {
		t.Fatal(err)
	}
	all := parseJUnit(t, b.Bytes())
	n := summariseChaos(judged(run)).Counts
	// Beside the verdicts: one trial that failed, one arm that was not measured.
	if all.Tests != len(run.Verdicts)+2 || all.Failures != n.Fail || all.Errors != n.Invalid+1 || all.Skipped != n.Unknown+n.NotApplicable+1 {
		t.Errorf("%d tests, %d failures, %d errors, %d skipped of %+v", all.Tests, all.Failures, all.Errors, all.Skipped, n)
	}
	if !strings.Contains(b.String(), "614 ms beyond the bound") {
		t.Error("the failure does not carry the events that show it")
	}
}

// TestNothingJudgedIsNoSuccess: an empty JUnit file is green everywhere.
func TestNothingJudgedIsNoSuccess(t *testing.T) {
	for name, edit := range map[string]func(*results.Run){
		"no verdicts": func(run *results.Run) { run.Trials, run.Verdicts = nil, nil },
		"partial":     func(run *results.Run) { run.Partial = true },
	} {
		run := syntheticChaos(t, t.TempDir(), nil)
		run.Trials = run.Trials[:1]
		edit(run)
		var b bytes.Buffer
		if err := JUnit(&b, board(run, nil)); err != nil {
			t.Fatal(err)
		}
		run.Verdicts = slices.DeleteFunc(run.Verdicts, func(v results.Verdict) bool { return v.Status != results.Pass })
		run.NotMeasured = nil
		if all := parseJUnit(t, b.Bytes()); all.Errors == 0 {
			t.Errorf("%s: no error", name)
		}
		if s := summariseChaos(judged(run)); s.Exit == 0 || s.Word == results.Pass {
			t.Errorf("%s: %s, exit %d", name, s.Word, s.Exit)
		}
	}
}

func TestLeadFollowsTheWorst(t *testing.T) {
	v := func(status ...string) []results.Verdict {
		var out []results.Verdict
		for _, s := range status {
			out = append(out, results.Verdict{Scenario: "revocation", Arm: "a", Check: "identity", Status: s})
		}
		return out
	}
	for _, c := range []struct {
		verdicts []results.Verdict
		missing  int
		word     string
		exit     int
	}{
		{v(results.Pass, results.NotApplicable), 0, results.Pass, 0},
		{v(results.Pass, results.Unknown), 0, results.Unknown, 4},
		{v(results.Pass), 1, results.Unknown, 4},
		{v(results.Unknown, results.Invalid), 1, results.Invalid, 3},
		{v(results.Invalid, results.Unknown, results.Fail, results.Pass), 0, results.Fail, 1},
		{v(results.NotApplicable), 0, results.Unknown, 4},
		{v("a word of a later version"), 0, results.Unknown, 4},
		{nil, 0, results.Unknown, 4},
	} {
		run := &results.Run{Workload: results.Workload{Scenario: "chaos"}, Verdicts: c.verdicts, NotMeasured: make([]results.Missing, c.missing)}
		if s := summariseChaos(judged(run)); s.Word != c.word || s.Exit != c.exit {
			t.Errorf("%v, %d missing: %s, exit %d; want %s, %d", c.verdicts, c.missing, s.Word, s.Exit, c.word, c.exit)
		}
	}
}

func TestEventsAreInTheOrderOfTime(t *testing.T) {
	run := syntheticChaos(t, t.TempDir(), nil)
	var b bytes.Buffer
	if err := Events(&b, board(run, nil)); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	trial, last := "", int64(0)
	for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		var e eventLine
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		kinds[e.Kind]++
		if here := fmt.Sprint(e.Scenario, e.Arm, e.Block, e.Fault); here != trial {
			trial, last = here, 0
		}
		if e.AtNS == nil || *e.AtNS < last {
			t.Errorf("%s is out of order", line)
		}
		last = *e.AtNS
	}
	want := map[string]int{"fault_requested": 5, "fault_confirmed": 5, "fault_recover": 5, "fault_recovered": 5, "violation": 2, "violation_event": 10}
	if fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", kinds, want)
	}
}

// TestWordsOfDataLoss: the sentences say what the counts say, and nothing when
// these are otherwise.
func TestWordsOfDataLoss(t *testing.T) {
	said := func(edit func(*results.Run)) string {
		return strings.Join(summariseChaos(judged(syntheticChaos(t, t.TempDir(), edit))).Short, " ")
	}
	all := []string{"sessions fail closed: session-redis refused 200 of 200", "a denylist fails open: jwt-es256+denylist accepted 150 of 150", "log-out works and denying does not: session-redis logged out 40 of 40 and logged in 0 of 30; jwt-es256+denylist denied 0 of 40"}
	for _, words := range all {
		if got := said(nil); !strings.Contains(got, words) {
			t.Errorf("%q is missing in %q", words, got)
		}
	}
	got := said(func(run *results.Run) {
		for i := range run.Trials {
			if c := run.Trials[i].Chaos; c != nil && c.Outage != nil {
				c.Outage.SessionsLost, c.Outage.Resurrected = 0, 0
				c.Outage.LogoutsDuring = results.Tries{OK: 40}
			}
		}
	})
	if got != "" {
		t.Errorf("says %q of stores that lost nothing", got)
	}
	got = said(func(run *results.Run) {
		for i := range run.Trials {
			if c := run.Trials[i].Chaos; c != nil && c.Outage != nil && c.Fault == "kill-empty" {
				c.Outage.Resurrected = 12 // old data again
			}
		}
	})
	if got := said(func(run *results.Run) {
		for i := range run.Trials {
			if c := run.Trials[i].Chaos; c != nil && c.Outage != nil {
				c.Faults[0].DataLoss = false
			}
		}
	}); strings.Contains(got, "After") {
		t.Errorf("blames a loss of data that nobody saw: %q", got)
	}
	if strings.Contains(got, "sessions fail closed") || !strings.Contains(got, "what was revoked lives again: session-redis accepted 12 of 150") {
		t.Errorf("old data: %q", got)
	}
}

// TestBlocksAreAddedUp, and trials with other settings are not.
func TestBlocksAreAddedUp(t *testing.T) {
	again := func(edit func(*results.Trial)) *chaosSummary {
		return summariseChaos(judgedOf(t, func(run *results.Run) {
			for _, from := range []int{1, 7} { // +cache, session-redis under kill-empty
				tr := run.Trials[from]
				tr.Block = 2
				c := *tr.Chaos
				tr.Chaos = &c
				edit(&tr)
				run.Trials = append(run.Trials, tr)
			}
		}))
	}
	s := again(func(tr *results.Trial) {
		if r := tr.Chaos.Revocation; r != nil {
			more := *r
			longest, last := int64(5e9), int64(1e6)
			more.TimeToReject.Max, more.LastAccept.Max = &longest, &last
			tr.Chaos.Revocation = &more
		}
		if o := tr.Chaos.Outage; o != nil {
			more := *o
			more.RecoverNS = nil
			tr.Chaos.Outage = &more
		}
	})
	asked, _ := s.Revocations()
	if r := asked[1]; r.Revocations != 2000 || r.LetThrough != 720 || r.Longest.Most() != number.Lasted(5e9) || r.Accepted.Most() != number.Lasted(960e6) || fmt.Sprintf("%.4f", r.RateUpper95) != "0.0015" || r.Nodes()[0].LetThrough != 180 {
		t.Errorf("%d revocations, %d let through, longest %s, accepted until %s, rate %v, node 0 %+v", r.Revocations, r.LetThrough, r.Longest.Most(), r.Accepted.Most(), r.RateUpper95, r.Nodes()[0])
	}
	o := s.Outages()[0]
	if o.LiveAsked != 400 || o.Stages[2].WronglyOut != 976 || o.Stages[2].Goodput != 302.4 || o.Recover != "not seen" {
		t.Errorf("live %d, wrongly out %d, goodput %v, recover %s", o.LiveAsked, o.Stages[2].WronglyOut, o.Stages[2].Goodput, o.Recover)
	}

	s = again(func(tr *results.Trial) { tr.Chaos.Settings = map[string]string{"nodes": "1"} })
	asked, _ = s.Revocations()
	if len(asked) != 8 || asked[1].Revocations != 1000 || !strings.Contains(label(asked[1].Tried), "nodes=1") || !strings.Contains(label(asked[2].Tried), "nodes=4") {
		t.Errorf("%d rows, %s, %s", len(asked), label(asked[1].Tried), label(asked[2].Tried))
	}
}

func TestChaosTerminalFits(t *testing.T) {
	got := text(t, syntheticChaos(t, t.TempDir(), nil), nil, "results/latest/report.html")
	for i, line := range strings.Split(got, "\n") {
		if n := utf8.RuneCountInString(line); n > textWidth {
			t.Errorf("line %d has %d columns: %s", i+1, n, line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r > 127 }) {
			t.Errorf("line %d is not for every terminal: %s", i+1, line)
		}
	}
	if !strings.HasPrefix(got, "FAIL. ") || !strings.HasSuffix(got, "\nReport: results/latest/report.html\n") {
		t.Errorf("%s", got)
	}
}

// TestVerdictsFindTheirTrial: two trials of one arm and fault that did different
// things are told apart by name, and each failure gets its own story.
func TestVerdictsFindTheirTrial(t *testing.T) {
	run := syntheticChaos(t, t.TempDir(), func(run *results.Run) {
		run.Verdicts = nil
		for i, how := range []string{"logout", "everywhere"} {
			tr := run.Trials[6]
			c := *tr.Chaos
			c.Settings = map[string]string{"how": how, "users": fmt.Sprint(40 * i)}
			c.Violations = []results.Violation{{Check: "identity", Summary: "seen after " + how}}
			tr.Block, tr.Chaos = 20+i, &c
			run.Trials = append(run.Trials, tr)
			run.Verdicts = append(run.Verdicts, results.Verdict{Scenario: tr.Scenario, Arm: tr.Arm, Fault: c.Fault, Block: tr.Block, Check: "identity", Status: results.Fail, Reason: "it is broken"})
		}
		run.Trials = run.Trials[len(run.Trials)-2:]
	})
	var got []string
	for _, p := range summariseChaos(judged(run)).problems(results.Fail) {
		got = append(got, p.Subject+"; "+p.Sentence)
	}
	want := "jwt-es256+push, blackhole, how=logout: identity; seen after logout|jwt-es256+push, blackhole, how=everywhere: identity; seen after everywhere"
	if strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", strings.Join(got, "|"), want)
	}
}

func judged(run *results.Run) *evidence.Promises {
	return evidence.Judged(evidence.Source{Run: run})
}

func judgedOf(t *testing.T, edit func(*results.Run)) *evidence.Promises {
	t.Helper()
	return judged(syntheticChaos(t, t.TempDir(), edit))
}
