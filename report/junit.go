package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// storiesInJUnit is how many broken promises one failure carries.
const storiesInJUnit = 3

// JUnit writes the verdicts as JUnit XML: a suite a scenario, a case for every
// check of an arm under a fault. A failure is a broken promise, with the events
// that show it; an error is evidence that is not to be trusted, or work that was
// not finished; skipped is what is unknown or not applicable, with the reason. A
// run that judged nothing is an error, not an empty success.
func JUnit(w io.Writer, b *evidence.Board) error {
	s := summariseChaos(evidence.Judged(b.Sources...))
	run := s.Run
	all := junit.Testsuites{Name: strings.TrimSpace("authbench " + run.Name)}
	for _, name := range s.Scenarios {
		suite := newSuite(run, name)
		var ns int64
		for _, t := range run.Trials {
			if t.Scenario != name {
				continue
			}
			ns += took(&t)
			if t.Error != "" && !s.Explained(t) {
				suite.AddTestcase(brokenCase(name, fmt.Sprintf("%s: trial of block %d", subjectOf(t), t.Block), "the trial could not be completed", t.Error))
			}
		}
		suite.Time = fmt.Sprintf("%.3f", time.Duration(ns).Seconds())
		for _, v := range run.Verdicts {
			if v.Scenario == name {
				suite.AddTestcase(s.testcase(v))
			}
		}
		add(&all, suite)
	}
	if rest := restOf(run); rest.Tests > 0 {
		add(&all, rest)
	}
	return all.WriteXML(w)
}

func newSuite(run *results.Run, name string) junit.Testsuite {
	suite := junit.Testsuite{Name: legal(orElse(name, "run")), Time: "0.000"}
	suite.SetTimestamp(run.Started.UTC())
	suite.AddProperty("run", legal(run.ID))
	suite.AddProperty("command", legal(command(run)))
	suite.AddProperty("seed", fmt.Sprint(run.Seed))
	return suite
}

// add numbers the suite and tells apart cases of one name: readers of the format
// keep only one of them.
func add(all *junit.Testsuites, suite junit.Testsuite) {
	suite.ID = len(all.Suites)
	used := map[string]int{}
	for i := range suite.Testcases {
		c := &suite.Testcases[i]
		if used[c.Name]++; used[c.Name] > 1 {
			c.Name = fmt.Sprintf("%s (%d)", c.Name, used[c.Name])
		}
	}
	all.AddSuite(suite)
}

// testcase is one verdict.
func (s *chaosSummary) testcase(v results.Verdict) junit.Testcase {
	c := junit.Testcase{Classname: legal(v.Scenario + "." + v.Arm), Name: legal(s.subject(v))}
	why := legal(orElse(v.Reason, "no reason given"))
	switch v.Status {
	case results.Pass:
	case results.Fail:
		c.Failure = &junit.Result{Message: legal(s.sentence(v)), Type: "broken promise", Data: legal(figures(v) + "\n" + s.proof(v))}
	case results.Invalid:
		c.Error = &junit.Result{Message: why, Type: "invalid", Data: legal(figures(v))}
	case results.NotApplicable:
		c.Skipped = &junit.Result{Message: "not applicable: " + why}
	default:
		c.Skipped = &junit.Result{Message: "unknown: " + why}
	}
	return c
}

// figures are what was measured and what would have been allowed.
func figures(v results.Verdict) string {
	return fmt.Sprintf("%s: measured %s, bound %s. %s", v.Check, number.ASCII(figure(v.Measured, v.Unit)), number.ASCII(figure(v.Bound, v.Unit)), v.Reason)
}

// proof prints the first stories of a broken promise.
func (s *chaosSummary) proof(v results.Verdict) string {
	told := s.Stories(v)
	var b strings.Builder
	for _, story := range told[:min(len(told), storiesInJUnit)] {
		b.WriteString("\n" + story.Summary + "\n" + eventLines(story.Events))
	}
	if more := len(told) - storiesInJUnit; more > 0 {
		fmt.Fprintf(&b, "\nand %s, see events.jsonl\n", number.Count(more, "more violation"))
	}
	return b.String()
}

// eventLines prints a story for fixed-width text, an event a line.
func eventLines(events []results.Event) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "from s\tto s\twhat\tnode\tuser\tcredential\toutcome")
	for _, e := range events {
		outcome := e.Outcome
		if e.Status != 0 {
			outcome = strings.TrimSpace(fmt.Sprintf("%s (%d)", outcome, e.Status))
		}
		at := "-"
		if e.Node >= 0 {
			at = fmt.Sprint(e.Node)
		}
		outcome = strings.Join(nonEmpty([]string{outcome, e.Text}), ", ")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", instant(e.AtNS), instant(e.DoneNS), e.What, at, orElse(e.User, "-"), orElse(e.Credential, "-"), orElse(outcome, "-"))
	}
	w.Flush() // a strings.Builder takes everything
	return b.String()
}

// restOf is what belongs to no scenario: arms that could not be measured, a run
// that was cut short, a run without any verdict.
func restOf(run *results.Run) junit.Testsuite {
	suite := newSuite(run, "run")
	if run.Partial {
		suite.AddTestcase(brokenCase("run", "the run was finished", "partial run", orElse(run.PartialReason, "it was interrupted")))
	}
	if len(run.Verdicts) == 0 {
		suite.AddTestcase(brokenCase("run", "something was judged", "no check was made", "There are no verdicts, so nothing was shown."))
	}
	missing := slices.Clone(run.NotMeasured)
	slices.SortStableFunc(missing, func(a, b results.Missing) int { return cmp.Compare(a.Arm, b.Arm) })
	for _, m := range missing {
		suite.AddTestcase(junit.Testcase{Classname: "run", Name: legal(m.Arm + ": measured"), Skipped: &junit.Result{Message: legal("not measured: " + m.Reason)}})
	}
	return suite
}

func brokenCase(class, name, message, data string) junit.Testcase {
	return junit.Testcase{Classname: legal(class), Name: legal(name), Error: &junit.Result{Message: legal(message), Type: "not finished", Data: legal(data)}}
}

// subjectOf names a trial by its arm and fault.
func subjectOf(t results.Trial) string {
	if t.Chaos != nil && t.Chaos.Fault != "" {
		return t.Arm + ", " + t.Chaos.Fault
	}
	return t.Arm
}

// took is how long a trial went on, as far as run.json tells.
func took(t *results.Trial) int64 {
	ns := t.DurationNS
	if t.Chaos != nil && t.Chaos.Outage != nil {
		var stages int64
		for _, st := range t.Chaos.Outage.Stages {
			stages += st.DurationNS
		}
		ns = max(ns, stages)
	}
	return ns
}

// legal replaces what XML 1.0 cannot hold (section 2.2), not even escaped.
func legal(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000 && r <= 0x10FFFF:
			return r
		}
		return '\uFFFD'
	}, s)
}
