package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

//go:embed chaos.tmpl
var chaosTemplate string

//go:embed chaos.css
var chaosSheet string

// chaosPage is what chaos.tmpl sees.
type chaosPage struct {
	*chaosSummary
	Title    string
	Policy   string
	Style    template.HTML
	Markers  template.HTML
	Facts    [][2]string
	Matrix   []matrixRow
	Problems []problem
	More     []problem // those after the first
	Aside    []aside
	Details  []verdictsOf
	Revoked  []evidence.Revoked
	Beside   []evidence.Revoked // likewise, in trials that were about an outage
	Reject   *chart
	Faulted  []faulted
	Found    []found
	Stories  []stories
	Cuts     int // stories that are not printed
	Load     []*results.Trial
	Machine  [][2]string
	Command  string
}

// matrixRow is one arm over all scenarios.
type matrixRow struct {
	Ref   *evidence.Arm
	Lamps []lamp
}

// problem is a verdict that is no pass, and a sentence on it.
type problem struct {
	results.Verdict
	Subject, Sentence string
}

// aside is one reason for which something was not asked, and of whom.
type aside struct {
	Scenario, Reason string
	Who              []string
}

// verdictsOf is everything that one scenario judged.
type verdictsOf struct {
	Scenario string
	Tally    evidence.Tally
	Verdicts []problem
}

// problemsShown is how many verdicts that are no pass stand in the open.
const problemsShown = 20

// faulted is one kind of fault in one scenario, over the arms.
type faulted struct {
	Scenario, Fault string
	Outages         []evidence.Outage
}

// found is what one scenario says of trials that have no table of their own.
type found struct {
	Scenario  string
	Sentences []string
}

// stories are the broken promises of one arm.
type stories struct {
	*evidence.Tried
	Told []evidence.Told[results.Violation]
}

// storiesShown is how many broken promises of one arm are printed with their
// events; the others are in events.jsonl.
const storiesShown = 20

// chaosHTML writes the page of a chaos run; see HTML.
func chaosHTML(w io.Writer, promises *evidence.Promises) error {
	s := summariseChaos(promises)
	run := s.Run
	sheet := styleSheet + chaosSheet
	sum := sha256.Sum256([]byte(sheet))
	p := chaosPage{
		chaosSummary: s,
		Title:        fmt.Sprintf("authbench: %s", run.ID),
		Policy:       policy(sum[:]),
		Style:        template.HTML("<style>" + sheet + "</style>"), // as hashed: the template would rewrite it
		Markers:      template.HTML(markers),
		Facts:        s.facts(),
		Problems:     s.problems(results.Fail, results.Invalid, results.Unknown),
		Aside:        s.aside(),
		Details:      s.details(),
		Faulted:      s.faulted(),
		Machine:      environment(run),
		Command:      command(run),
	}
	if len(p.Problems) > problemsShown {
		p.Problems, p.More = p.Problems[:problemsShown], p.Problems[problemsShown:]
	}
	p.Revoked, p.Beside = s.Revocations()
	p.Reject = s.rejectChart(p.Revoked)
	for i := range s.Arms {
		row := matrixRow{Ref: s.Arms[i]}
		for _, name := range s.Scenarios {
			row.Lamps = append(row.Lamps, s.lampOf(row.Ref.Name, name))
		}
		p.Matrix = append(p.Matrix, row)
	}
	for _, g := range s.Tried {
		if _, disturbed := g.Outage(); !disturbed && len(g.Facts()) > 0 {
			if n := len(p.Found); n == 0 || p.Found[n-1].Scenario != g.Scenario {
				p.Found = append(p.Found, found{Scenario: g.Scenario})
			}
			last := &p.Found[len(p.Found)-1]
			last.Sentences = append(last.Sentences, sentences(g, g.Note())...)
		}
		if v := g.Violations(); len(v) > 0 {
			shown := v[:min(len(v), storiesShown)]
			p.Stories = append(p.Stories, stories{g, shown})
			p.Cuts += len(v) - len(shown)
		}
	}
	for i := range run.Trials {
		if run.Trials[i].Accounting.Scheduled > 0 {
			p.Load = append(p.Load, &run.Trials[i])
		}
	}
	return p.write(w)
}

func (p chaosPage) write(w io.Writer) error {
	t, err := template.New("page").Funcs(functions()).Parse(pageTemplate)
	if err == nil {
		t, err = t.New("chaos").Parse(chaosTemplate) // shares the parts that page.tmpl defines
	}
	if err != nil {
		return err
	}
	var b bytes.Buffer // an error midway shall not leave half a page
	if err := t.Execute(&b, p); err != nil {
		return fmt.Errorf("render the report: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

func (s *chaosSummary) facts() [][2]string {
	var operations int64
	for _, g := range s.Tried {
		for _, t := range g.Trials {
			operations += t.Chaos.Operations
		}
	}
	return [][2]string{
		{"Scenarios", OrElse(strings.Join(s.Scenarios, ", "), "none")},
		{"Checks", number.Integer(int64(s.Counts.All()))},
		{"Trials", number.Integer(int64(len(s.Run.Trials)))},
		{"Operations judged", number.Integer(operations)},
		{"Profile", OrElse(s.Run.Profile, "none")},
		{"Seed", fmt.Sprint(s.Run.Seed)},
		{"Exit, --strict", fmt.Sprint(s.Exit)},
	}
}

// problems lists the verdicts of the given statuses, one after the other.
func (s *chaosSummary) problems(statuses ...string) []problem {
	var out []problem
	for _, status := range statuses {
		for _, v := range s.With(status) {
			out = append(out, problem{v, s.subject(v), s.sentence(v)})
		}
	}
	return out
}

// aside gathers what was not applicable by its reason: most arms share one.
func (s *chaosSummary) aside() []aside {
	var out []aside
	at := map[[2]string]int{}
	for _, v := range s.With(results.NotApplicable) {
		k := [2]string{v.Scenario, v.Reason}
		i, known := at[k]
		if !known {
			i = len(out)
			at[k], out = i, append(out, aside{v.Scenario, OrElse(v.Reason, "no reason given"), nil})
		}
		who := s.who(v)
		if v.Check != "" && v.Check != "applicable" {
			who += ": " + v.Check
		}
		out[i].Who = append(out[i].Who, who)
	}
	return out
}

func (s *chaosSummary) details() []verdictsOf {
	var out []verdictsOf
	for _, name := range s.Scenarios {
		of := verdictsOf{Scenario: name}
		for _, v := range s.Run.Verdicts {
			if v.Scenario == name {
				of.Tally.Add(v.Status)
				of.Verdicts = append(of.Verdicts, problem{v, s.who(v), ""})
			}
		}
		if len(of.Verdicts) > 0 {
			out = append(out, of)
		}
	}
	return out
}

// faulted gathers the outages by fault: they are in that order.
func (s *chaosSummary) faulted() []faulted {
	var out []faulted
	for _, o := range s.Outages() {
		if n := len(out); n == 0 || out[n-1].Scenario != o.Scenario || out[n-1].Fault != o.Fault {
			out = append(out, faulted{Scenario: o.Scenario, Fault: o.Fault})
		}
		last := &out[len(out)-1]
		last.Outages = append(last.Outages, o)
	}
	return out
}

// Told lists the sentences of all arms under the fault.
func (f faulted) Told() []string {
	var out []string
	for _, o := range f.Outages {
		out = append(out, sentences(o.Tried, o.Variant)...)
	}
	return out
}

// sentences are the facts of a scenario, each with whose it is.
func sentences(g *evidence.Tried, note string) []string {
	var out []string
	for _, f := range g.Facts() {
		block := ""
		if f.Block > 0 {
			block = fmt.Sprintf("block %d", f.Block)
		}
		out = append(out, strings.Join(nonEmpty([]string{g.Arm, note, block}), ", ")+": "+f.Of.Text)
	}
	return out
}

// instant prints when something happened, in seconds since the trial began.
func instant(ns int64) string { return fmt.Sprintf("%.4f", float64(ns)/1e9) }

// since prints the distance of two instants; "–" where one was not reached.
func since(from int64, to *int64) string {
	if to == nil {
		return "not seen"
	}
	return number.Lasted(*to - from)
}

// life says how a fault went: confirmed after, active for, recovered after.
func life(f results.Fault) [3]string {
	out := [3]string{since(f.RequestedNS, f.ConfirmedNS), "–", "–"}
	if f.ConfirmedNS != nil {
		out[1] = since(*f.ConfirmedNS, f.RecoverNS)
	}
	if f.RecoverNS != nil {
		out[2] = since(*f.RecoverNS, f.RecoveredNS)
	}
	return out
}

// quantileText prints a quantile of a latency that may lie beyond the timeout.
func quantileText(q results.Quantiles, v *int64) string {
	switch {
	case q.Count == 0:
		return "–"
	case v == nil:
		return "> timeout"
	}
	return number.Lasted(*v)
}

// figure prints a number that a verdict may lack; a count without decimals.
func figure(v *float64, unit string) string {
	if v != nil && *v == math.Trunc(*v) && math.Abs(*v) < 1e15 {
		return strings.TrimSpace(number.Integer(int64(*v)) + " " + unit)
	}
	return value(v, unit)
}

// statusWord is a verdict's status as people read it.
func statusWord(status string) string { return strings.ReplaceAll(status, "_", " ") }
