package diff

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"authbench/report/number"
)

// Text writes the comparison for a terminal.
func (r *Report) Text(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "OLD %s\nNEW %s\n", r.Old, r.New)
	if len(r.Differences) > 0 {
		fmt.Fprintln(out, "\nWhat differs:")
		writeTable(out, r.differing())
	}
	for _, s := range r.Warnings {
		fmt.Fprintf(out, "! %s\n", number.ASCII(s))
	}
	if len(r.Rows) > 0 {
		fmt.Fprintln(out)
		writeTable(out, r.table())
		for _, line := range r.reasons() {
			fmt.Fprintf(out, "- %s\n", number.ASCII(line))
		}
		fmt.Fprintf(out, "\n%s\n", number.ASCII(r.method()))
	}
	fmt.Fprintf(out, "%s\n", r.answer())
	return out.Flush()
}

// Markdown writes it for a pull request.
func (r *Report) Markdown(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "**%s**\n\n", md(r.answer()))
	fmt.Fprintf(out, "OLD %s  \nNEW %s\n", md(r.Old.String()), md(r.New.String()))
	for _, s := range r.Warnings {
		fmt.Fprintf(out, "\n- %s", md(s))
	}
	if len(r.Warnings) > 0 {
		fmt.Fprintln(out)
	}
	if len(r.Rows) > 0 {
		writeMarkdown(out, r.table())
		for _, line := range r.reasons() {
			fmt.Fprintf(out, "- %s\n", md(line))
		}
	}
	if len(r.Differences) > 0 {
		fmt.Fprintln(out, "\nWhat differs:")
		writeMarkdown(out, r.differing())
	}
	if len(r.Rows) > 0 {
		fmt.Fprintf(out, "\n%s\n", md(r.method()))
	}
	return out.Flush()
}

// JSON writes all of it.
func (r *Report) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

func (i RunInfo) String() string {
	s := fmt.Sprintf("%s (%s, %s, seed %d, authbench %s)", i.ID, i.Profile, number.Count(i.Blocks, "block"), i.Seed, i.Tool)
	if i.Arm != "" {
		s += ", arm " + i.Arm
	}
	return s
}

// answer is the result in one sentence.
func (r *Report) answer() string {
	if r.Refused {
		n := 0
		for _, d := range r.Differences {
			if d.Matters {
				n++
			}
		}
		return fmt.Sprintf("Not compared: the runs differ in %s that numbers depend on. Measure again with what OLD had (--rate is the usual one), or look all the same with --anyway.", number.Count(n, "thing"))
	}
	n := map[string]int{}
	for _, row := range r.Rows {
		n[row.Status]++
	}
	var parts []string
	for _, s := range []string{Regressed, Invalid, Unknown, Higher, Lower, Pass} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	said := map[string]string{Regressed: "Regressed", Invalid: "Invalid", Unknown: "Cannot tell", Pass: "Pass", "": "No bound was given"}[r.Status]
	return fmt.Sprintf("%s: %s of %s.", said, strings.Join(parts, ", "), number.Count(len(r.Rows), "comparison"))
}

// method says how numbers came about.
func (r *Report) method() string {
	how := "The trials of two runs are compared by rank (Mann-Whitney, exact up to 30 a side; Hodges-Lehmann estimates): they share no blocks."
	if r.Design == Pairs {
		how = "The trials of two arms are compared by block (Wilcoxon signed-rank, exact; Hodges-Lehmann estimates)."
	}
	what := "Intervals 95 %, not adjusted; p of the bound after Holm over " + number.Count(r.Compared, "comparison") + "."
	if slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Needed != nil }) {
		what += " \"About n would\": trials a side that settle it four times out of five, if the change is what it looks like."
	}
	switch {
	case r.ByControl:
		return how + " " + what + " Judged is the change beside that of " + r.Beside + ", taken by block within each run."
	case r.Beside != "":
		return how + " " + what + " Beside " + r.Beside + ": what is left of the change if that of " + r.Beside + " is taken out, by block within each run."
	}
	return how + " " + what
}

func (r *Report) table() [][]string {
	head := []string{"arm", "figure", "old", "new", "change", "95 %"}
	if r.Beside != "" {
		head = append(head, "beside "+r.Beside, "95 %")
	}
	rows := [][]string{append(head, "bound", "p", "result")}
	for _, row := range r.Rows {
		u := row.unit()
		cells := []string{row.Arm, row.Metric, amountIn(row.Old, u), amountIn(row.New, u), row.Change.value(u), row.Change.interval(u)}
		if r.Beside != "" {
			cells = append(cells, row.Control.value(u), row.Control.interval(u))
		}
		p := "-"
		if row.Holm != nil {
			p = number.P(*row.Holm)
		}
		bound := "-"
		if row.Bound != "" {
			bound = strings.TrimPrefix(row.Bound, row.Metric)
		}
		result := row.Status
		if row.Needed != nil {
			result += fmt.Sprintf(", about %d would", *row.Needed)
		}
		rows = append(rows, append(cells, bound, p, result))
	}
	return rows
}

func (row Row) unit() unit {
	m, _ := metricNamed(row.Metric)
	return m.unit
}

// reasons are those of rows that need one beside what the table shows.
func (r *Report) reasons() []string {
	var out []string
	seen := map[string]bool{}
	for _, row := range r.Rows {
		line := row.Arm + ", " + row.Metric + ": " + row.Reason
		if row.Status == Invalid {
			line = row.Reason
		}
		if row.Reason != "" && row.Reason != holdsBound && !seen[line] {
			seen[line] = true
			out = append(out, line+".")
		}
	}
	return out
}

func (r *Report) differing() [][]string {
	rows := [][]string{{"", "OLD", "NEW", ""}}
	for _, d := range r.Differences {
		weight := "noted"
		if d.Matters {
			weight = "matters"
		}
		rows = append(rows, []string{d.What, d.Old, d.New, weight})
	}
	return rows
}

// amountIn prints a value in its unit.
func amountIn(v *float64, u unit) string {
	if v == nil {
		return "n/a"
	}
	switch u {
	case unitTime:
		return number.Lasted(int64(math.Round(*v)))
	case unitShare:
		return number.Short(100**v) + " %"
	case unitBytes:
		return number.Short(*v) + " B"
	case unitRate:
		return number.Short(*v) + "/s"
	}
	return number.Short(*v)
}

func (c *Change) value(u unit) string {
	if c == nil {
		return "n/a"
	}
	return c.print(c.Value, u) + c.unit(u)
}

func (c *Change) interval(u unit) string {
	if c == nil || c.Lo == nil {
		return "n/a"
	}
	return "[" + c.print(*c.Lo, u) + ", " + c.print(*c.Hi, u) + "]"
}

// text is both.
func (c *Change) text(u unit) string {
	if c == nil {
		return "n/a"
	}
	return c.value(u) + " " + c.interval(u)
}

func (c *Change) print(v float64, u unit) string {
	scale := 1.0
	switch {
	case c.Relative || u == unitShare:
		scale = 100
	case u == unitTime:
		scale = 1e-3
	}
	return fmt.Sprintf("%+.1f", math.Round(v*scale*10)/10+0) // + 0: no -0.0
}

func (c *Change) unit(u unit) string {
	switch {
	case c.Relative:
		return " %"
	case u == unitShare:
		return " pp"
	case u == unitTime:
		return " us"
	}
	return ""
}

func writeTable(w io.Writer, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		for i := range r {
			r[i] = number.ASCII(oneLine(r[i]))
		}
		fmt.Fprintln(t, strings.TrimRight(strings.Join(r, "\t"), "\t"))
	}
	t.Flush() // its writer is buffered and keeps the error
}

func writeMarkdown(w io.Writer, rows [][]string) {
	fmt.Fprintln(w)
	for i, r := range rows {
		for j := range r {
			r[j] = md(r[j])
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(r, " | "))
		if i == 0 {
			fmt.Fprintf(w, "|%s\n", strings.Repeat(" --- |", len(r)))
		}
	}
	fmt.Fprintln(w)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// md makes text safe to stand in Markdown, in one line, as what it is.
func md(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s) {
		if strings.ContainsRune("\\`*_[]<>|#~&$!", r) {
			b.WriteByte('\\')
		}
		if r < ' ' || r == 0x7f {
			r = '\uFFFD'
		}
		b.WriteRune(r)
	}
	return b.String()
}
