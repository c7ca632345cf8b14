package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// textWidth is the widest line of Terminal.
const textWidth = 100

// Terminal writes the summary as plain text of at most 100 columns. The last
// lines are the answer and, if not empty, path: where the whole report is.
func Terminal(w io.Writer, b *evidence.Board, path string) error {
	run := b.Run
	if b.Promises != nil && !evidence.HasCost(run) {
		return chaosText(w, b.Promises, path)
	}
	s := summarise(b)
	out := bufio.NewWriter(w)
	say := func(prefix, text string) { wrap(out, prefix, number.ASCII(text)) }

	say("", s.Lead)
	for _, a := range s.Alarms {
		say("! ", a.Text)
	}
	fmt.Fprintln(out)
	say("", s.Question()+" "+s.Asked)
	for _, d := range s.Did {
		say("", d)
	}
	say("", fmt.Sprintf("Seed %d, %s blocks. %s", run.Seed, blocks(run), machine(run)))
	fmt.Fprintln(out)
	s.textArms(out)
	s.textCompared(out)
	fmt.Fprintln(out)
	s.textWire(out)
	fmt.Fprintln(out)
	for _, a := range s.Judged {
		say("- ", a)
	}
	for _, a := range s.Answer {
		say("", a)
	}
	if knees := run.Knees; len(knees) > 0 {
		var each []string
		for _, k := range knees {
			each = append(each, k.Arm+" "+k.Summary)
		}
		say("", "The highest rate at "+knees[0].Objective+", one pass, not compared: "+strings.Join(each, "; ")+".")
	}
	if path != "" {
		fmt.Fprintf(out, "Report: %s\n", path)
	}
	return out.Flush()
}

// machine is the environment in one sentence.
func machine(run *results.Run) string {
	e := run.Environment
	parts := []string{orElse(e.CPU, "unknown CPU"), number.Count(e.Cores, "core"), e.Kernel, e.Go}
	for _, st := range e.Stores {
		name := st.Product + " " + st.Version
		if st.StandIn {
			name += " (stand-in)"
		}
		parts = append(parts, name)
	}
	return strings.Join(nonEmpty(parts), ", ") + "."
}

func nonEmpty(in []string) []string {
	var out []string
	for _, s := range in {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (s *summary) textArms(w io.Writer) {
	head := []string{"us"}
	merged := false
	for _, c := range s.Levels {
		name := c.Name
		if c.Merged {
			name, merged = name+"*", true
		}
		head = append(head, name)
	}
	head = append(head, "max", "CPU target", "store", "sum")
	rows := [][]string{head}
	for _, a := range s.Arms {
		row := []string{a.Name}
		if a.StandIn {
			row[0] += " (stand-in)"
		}
		for i := range s.Levels {
			row = append(row, textCell(a.Latency[i]))
		}
		rows = append(rows, append(row, textCell(a.Slowest), textCell(a.SatTarget), textCell(a.SatStore), textCell(a.SatSum)))
	}
	table(w, rows)
	if merged {
		wrap(w, "", "* too few samples a trial: all blocks merged, no comparison.")
	}
	wrap(w, "", "Medians over trials. CPU per request, saturated.")
}

// textCompared is the ratio to the baseline with its interval, and the difference.
func (s *summary) textCompared(w io.Writer) {
	metrics := []string{"p50", "cpu"}
	if i := slices.IndexFunc(s.Levels, func(c evidence.Column) bool { return c.Name == "p99" }); !s.Levels[i].Merged {
		metrics = append(metrics, "p99")
	}
	rows := s.comparedRows(metrics)
	if len(metrics) > 2 && !fits(rows) {
		rows = s.comparedRows(metrics[:2])
	}
	if len(rows) == 1 {
		return
	}
	fmt.Fprintln(w)
	table(w, rows)
	wrap(w, "", "By block: Hodges-Lehmann estimates of ratio and difference; exact Wilcoxon intervals, not adjusted.")
}

func (s *summary) comparedRows(metrics []string) [][]string {
	rows := [][]string{{"x " + s.Run.Baseline}}
	for _, m := range metrics {
		rows[0] = append(rows[0], strings.Replace(m, "cpu", "CPU", 1), "95 %", "us")
	}
	for _, a := range s.Arms {
		row, any := []string{a.Name}, false
		for _, m := range metrics {
			v := s.Against(a.Name, m)
			any = any || v.Ratio != ""
			row = append(row, orElse(v.Ratio, "-"), number.ASCII(orElse(v.Interval, "-")), number.ASCII(orElse(v.Difference, "-")))
		}
		if any {
			rows = append(rows, row)
		}
	}
	return rows
}

func (s *summary) textWire(w io.Writer) {
	rows := [][]string{{"", "bytes out", "bytes in", "store ops", "max req/s", "logins/s", "RSS MiB", "not ok"}}
	for _, a := range s.Arms {
		rows = append(rows, []string{
			a.Name, textNumber(a.RequestBytes, 1), textNumber(a.ResponseBytes, 1), textNumber(a.StoreOps, 1),
			textNumber(a.Capacity, 1), textNumber(a.LoginRate, 1), textNumber(a.TargetRSS, 1<<20), number.Integer(a.Errors.NotOK()),
		})
	}
	table(w, rows)
}

func textCell(e evidence.Value) string {
	if e.Missing != "" {
		return "n/a"
	}
	return number.Micros(e.Value)
}

func textNumber(e evidence.Value, unit float64) string {
	if e.Missing != "" {
		return "n/a"
	}
	return number.Short(e.Value / unit)
}

// columns is how wide each column has to be.
func columns(rows [][]string) []int {
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	return width
}

// fits says whether table keeps within textWidth.
func fits(rows [][]string) bool {
	sum := -2
	for _, n := range columns(rows) {
		sum += n + 2
	}
	return sum <= textWidth
}

// table aligns rows: the first column left, all others right.
func table(w io.Writer, rows [][]string) {
	width := columns(rows)
	for _, r := range rows {
		var b strings.Builder
		for i, c := range r {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i == 0 {
				b.WriteString(c + pad)
			} else {
				b.WriteString("  " + pad + c)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// wrap writes text in lines of at most textWidth columns; all but the first
// are indented below prefix.
func wrap(w io.Writer, prefix, text string) {
	line := prefix
	indent := strings.Repeat(" ", utf8.RuneCountInString(prefix))
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > textWidth {
			fmt.Fprintln(w, line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	fmt.Fprintln(w, line)
}
