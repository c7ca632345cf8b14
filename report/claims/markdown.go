package claims

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Markdown writes the findings as a page: how they stand, what contradicts what,
// every claim that was measured, and, last, those that were not and why.
func Markdown(w io.Writer, list []Finding) error {
	articles, err := Articles()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What articles claim, and what was measured\n\n%s\n\n%s\n\n", Headline(list), About)
	if runs := Runs(list); len(runs) > 0 {
		fmt.Fprintf(&b, "Runs: %s.\n\n", listing(runs))
	}
	b.WriteString("| short | article | from |\n|---|---|---|\n")
	for _, a := range articles {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", a.Name, cell(a.Title), cell(a.From))
	}
	b.WriteString("\n## Where articles contradict each other\n")
	for _, d := range Disputes(list) {
		b.WriteString("\n")
		for _, f := range d {
			fmt.Fprintf(&b, "- **%s** (%s): %s **%s**.\n", f.Claim.ID, strings.Join(f.Claim.Articles, ", "), f.Claim.Text, f.Status.Words())
		}
	}
	for _, s := range Statuses() {
		some := With(list, s)
		if len(some) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n", Title(s))
		for _, f := range some {
			f.markdown(&b)
		}
	}
	_, err = w.Write(b.Bytes())
	return err
}

// About says what the words mean.
const About = "A claim is supported or contradicted where every trial that says something of it agrees, and depends where they disagree. " +
	"It is not measured where no trial says anything, or where what it says is noise. " +
	"What a standard says or a contract declares is no measurement. Intervals are at 95 %; ratios are to the baseline of the run."

// Title heads the claims of a status.
func Title(s Status) string {
	return strings.ToUpper(string(s[:1])) + s.Words()[1:]
}

// With are the findings of a status, in their order.
func With(list []Finding, s Status) []Finding {
	return slices.DeleteFunc(slices.Clone(list), func(f Finding) bool { return f.Status != s })
}

// Runs are the IDs of the runs that are cited.
func Runs(list []Finding) []string {
	var out []string
	for _, f := range list {
		for _, c := range f.Cites {
			out = append(out, c.Run)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (f Finding) markdown(b *bytes.Buffer) {
	c := f.Claim
	fmt.Fprintf(b, "\n### %s: %s\n\nSaid by %s.", c.ID, strings.TrimSuffix(c.Text, "."), listing(c.Articles))
	if len(c.Contradicts) > 0 {
		fmt.Fprintf(b, " Contradicts %s.", listing(c.Contradicts))
	}
	if c.Note != "" {
		b.WriteString(" " + c.Note)
	}
	b.WriteString("\n")
	if f.Status == NotMeasured {
		fmt.Fprintf(b, "\nNot measured: %s.\n", f.Why)
		if f.Says != "" {
			fmt.Fprintf(b, "\nNearest to it: %s\n", f.Says)
		}
		fmt.Fprintf(b, "\n%s\n", f.Remedy())
	} else {
		fmt.Fprintf(b, "\n%s\n", f.Says)
	}
	if f.On != "" {
		fmt.Fprintf(b, "\nDepends on %s.\n", strings.TrimSuffix(f.On, "."))
	}
	if len(f.Cites) > 0 {
		b.WriteString("\n")
		for _, c := range f.Cites {
			fmt.Fprintf(b, "- %s\n", c)
		}
	}
}

// Remedy says what would measure it.
func (f Finding) Remedy() string {
	if f.Would != "" {
		return fmt.Sprintf("`%s` would measure it.", f.Would)
	}
	return "What it takes: " + f.Claim.Test + ". authbench has no command for that yet."
}

// cell keeps text inside a column.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
