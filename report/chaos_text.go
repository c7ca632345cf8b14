package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// problemsInText is how many of a kind the terminal shows.
const problemsInText = 10

// chaosText is Terminal for a chaos run.
func chaosText(w io.Writer, p *evidence.Promises, path string) error {
	s := summariseChaos(p)
	run := p.Run
	out := bufio.NewWriter(w)
	say := func(prefix, text string) { wrap(out, prefix, number.ASCII(legal(text))) }

	say("", strings.ToUpper(statusWord(s.Word))+". "+s.Lead)
	for _, a := range s.Alarms {
		say("! ", a.Text)
	}
	say("", s.Tally()+". "+s.Asked())
	for _, group := range [][]string{{results.Fail}, {results.Invalid, results.Unknown}} {
		list := s.problems(group...)
		for i, p := range list {
			if i == problemsInText {
				say("- ", fmt.Sprintf("and %d more, see the report", len(list)-i))
				break
			}
			say("- ", fmt.Sprintf("%s: %s, %s. %s", statusWord(p.Status), p.Scenario, p.Subject, cut(p.Sentence)))
		}
	}
	for _, t := range s.Short {
		say("* ", t)
	}
	s.textRevoked(out)
	s.textOutages(out)
	fmt.Fprintln(out)
	say("", fmt.Sprintf("Seed %d. %s", run.Seed, machine(run)))
	say("", "With --strict this run exits "+s.exitMeaning()+".")
	if path != "" {
		fmt.Fprintf(out, "Report: %s\n", path)
	}
	return out.Flush()
}

func (s *chaosSummary) textRevoked(w io.Writer) {
	rows := [][]string{{"revocation", "bound", "revoked", "let through", "beyond", "longest to reject"}}
	asked, _ := s.Revocations()
	for _, r := range asked {
		rows = append(rows, []string{label(r.Tried), r.Bounded(), number.Integer(r.Revocations), number.Of(r.LetThrough, r.Uses), number.Integer(r.BeyondBound), r.Longest.Most()})
	}
	textTable(w, rows)
}

func (s *chaosSummary) textOutages(w io.Writer) {
	rows := [][]string{{"during", "users saw", "log-outs", "log-ins", "detected", "recovered"}}
	for _, o := range s.Outages() {
		rows = append(rows, []string{label(o.Tried), o.Saw(), tries(o.LogoutsDuring), tries(o.LoginsDuring), o.Detect, o.Recover})
	}
	textTable(w, rows)
}

// textTable prints rows that may be wider than a line: it then gives up columns
// from the right, never what is said first.
func textTable(w io.Writer, rows [][]string) {
	if len(rows) < 2 {
		return
	}
	for i := range rows {
		for j := range rows[i] {
			rows[i][j] = number.ASCII(legal(strings.Join(strings.Fields(rows[i][j]), " ")))
		}
	}
	for len(rows[0]) > 2 && !fits(rows) {
		for i := range rows {
			rows[i] = rows[i][:len(rows[i])-1]
		}
	}
	fmt.Fprintln(w)
	table(w, rows)
}
