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

// summaryLines is the longest that Summary gets.
const summaryLines = 60

// sentenceLength is where a sentence is cut in a summary, in characters.
const sentenceLength = 320

// part is a list of a summary that may be cut: head stands above it if it has
// any line at all.
type part struct {
	head  []string
	rows  []string
	table bool
	shown int // lines that rows may take
}

// Summary writes a run for a pull request, as GitHub-flavoured Markdown: the
// verdict first, then what failed, then tables. It has at most 60 lines whatever
// the run holds; what does not fit is counted.
func Summary(w io.Writer, b *evidence.Board) error {
	s := summariseChaos(evidence.Judged(b.Sources...))
	top := []string{fmt.Sprintf("**%s**: %s.", strings.ToUpper(statusWord(s.Word)), s.Tally()), "", md(s.Lead)}
	end := []string{
		fmt.Sprintf("With `--strict` this run exits %s (%s).", s.exitMeaning(), exitCodes),
		fmt.Sprintf("Repeat: %s, seed %d. More in report.html, junit.xml, events.jsonl.", mdCode(command(s.Run)), s.Run.Seed),
	}
	parts := []part{s.mdFailures(), s.mdAlarms(), s.mdShort(), s.mdOpen(), s.mdMatrix(), s.mdRevoked(), s.mdOutages()}
	fit(parts, summaryLines-len(top)-len(end)-1)

	out := bufio.NewWriter(w)
	for _, line := range top {
		fmt.Fprintln(out, line)
	}
	for _, p := range parts {
		for _, line := range p.lines() {
			fmt.Fprintln(out, line)
		}
	}
	fmt.Fprintln(out)
	for i, line := range end {
		if i+1 < len(end) {
			line += "  " // a line break
		}
		fmt.Fprintln(out, line)
	}
	return out.Flush()
}

// fit shares out lines: failures first, then what holds over several arms, then
// the table of all arms, then a row to each in turn.
func fit(parts []part, lines int) {
	for i := range parts {
		if p := &parts[i]; len(p.rows) > 0 {
			p.shown = 1
			lines -= 1 + len(p.head) + 1 // an empty line above
		}
	}
	grow := func(p *part) bool {
		if lines <= 0 || p.shown >= len(p.rows) {
			return false
		}
		p.shown++
		lines--
		return true
	}
	for _, first := range []struct{ part, rows int }{{0, 7}, {2, 4}, {4, 12}} {
		for range first.rows {
			grow(&parts[first.part])
		}
	}
	for grown := true; grown; {
		grown = false
		for i := range parts {
			grown = grow(&parts[i]) || grown
		}
	}
}

// lines are those of a part, cut where they have to be.
func (p part) lines() []string {
	if len(p.rows) == 0 {
		return nil
	}
	out := append([]string{""}, p.head...)
	if p.shown >= len(p.rows) {
		return append(out, p.rows...)
	}
	out = append(out, p.rows[:p.shown-1]...)
	more := fmt.Sprintf("and %d more, see report.html", len(p.rows)-p.shown+1)
	if p.table {
		return append(out, "| "+more+" |")
	}
	return append(out, "- "+more)
}

func (s *chaosSummary) mdFailures() part {
	p := part{}
	for _, v := range s.problems(results.Fail) {
		p.rows = append(p.rows, fmt.Sprintf("- **%s**, %s. %s", md(v.Scenario), md(v.Subject), md(cut(v.Sentence))))
	}
	return p
}

// mdOpen is what is invalid or unknown.
func (s *chaosSummary) mdOpen() part {
	p := part{}
	for _, v := range s.problems(results.Invalid, results.Unknown) {
		p.rows = append(p.rows, fmt.Sprintf("- %s: **%s**, %s. %s", statusWord(v.Status), md(v.Scenario), md(v.Subject), md(cut(v.Sentence))))
	}
	return p
}

func (s *chaosSummary) mdAlarms() part {
	p := part{}
	for _, a := range s.Alarms {
		if a.Red {
			p.rows = append(p.rows, "- "+md(cut(a.Text)))
		}
	}
	return p
}

func (s *chaosSummary) mdShort() part {
	p := part{}
	for _, t := range s.Short {
		p.rows = append(p.rows, "- "+md(cut(t)))
	}
	return p
}

func (s *chaosSummary) mdMatrix() part {
	p := part{table: true}
	if len(s.Scenarios) == 0 {
		return p
	}
	p.head = mdHead("Arm", s.Scenarios...)
	for _, a := range s.Arms {
		row := []string{a.Name}
		for _, name := range s.Scenarios {
			row = append(row, s.lampOf(a.Name, name).Word)
		}
		p.rows = append(p.rows, mdRow(row...))
	}
	return p
}

func (s *chaosSummary) mdRevoked() part {
	p := part{table: true, head: mdHead("Revocation", "declared bound", "revocations", "let through", "beyond bound", "longest time to reject")}
	asked, _ := s.Revocations()
	for _, r := range asked {
		p.rows = append(p.rows, mdRow(label(r.Tried), r.Bounded(), number.Integer(r.Revocations), number.Of(r.LetThrough, r.Uses), number.Integer(r.BeyondBound), r.Longest.Most()))
	}
	return p
}

func (s *chaosSummary) mdOutages() part {
	p := part{table: true, head: mdHead("Outage", "fault", "what users saw", "log-outs", "log-ins", "detected", "recovered", "revoked, accepted")}
	for _, o := range s.Outages() {
		p.rows = append(p.rows, mdRow(strings.Join(nonEmpty([]string{o.Arm, o.Variant}), ", "), orElse(o.Fault, "–"), o.Saw(), tries(o.LogoutsDuring), tries(o.LoginsDuring), o.Detect, o.Recover, number.Of(o.Resurrected, o.RevokedAsked)))
	}
	return p
}

// label names what was tried where there is one column for it.
func label(g *evidence.Tried) string {
	return strings.Join(nonEmpty([]string{g.Arm, g.Note()}), ", ")
}

func mdHead(first string, names ...string) []string {
	return []string{mdRow(append([]string{first}, names...)...), "|" + strings.Repeat(" --- |", 1+len(names))}
}

func mdRow(cells ...string) string {
	for i, c := range cells {
		cells[i] = md(c)
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// md makes text safe to stand in Markdown, in one line, as what it is.
func md(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	var b strings.Builder
	for _, r := range s {
		switch {
		case strings.ContainsRune("\\`*_[]<>|#~&$!", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			b.WriteRune('\uFFFD')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// mdCode is text as code: the fence is longer than any run of backticks in it.
func mdCode(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	s = legal(strings.Join(strings.Fields(s), " "))
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// cut shortens a sentence that would fill a screen.
func cut(s string) string {
	r := []rune(s)
	if len(r) <= sentenceLength {
		return s
	}
	return string(r[:sentenceLength-1]) + "…"
}
