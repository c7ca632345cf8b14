package main

import (
	"fmt"
	"io"
	"strings"

	"authbench/report/number"
	"authbench/results"
	"authbench/scenarios/attack"
)

// probeMarkdown writes a probe as GitHub-flavoured Markdown: the verdict first, then what
// failed, then the counts of every class, and what is unknown.
func probeMarkdown(w io.Writer, r *attack.Report) error {
	var b strings.Builder
	word := strings.ToUpper(results.Pass)
	failed, unknown := r.Count(results.Fail), r.Count(results.Unknown)
	if r.Walk != nil {
		failed, unknown = failed+r.Walk.Count(results.Fail), unknown+r.Walk.Count(results.Unknown)
	}
	switch {
	case failed > 0:
		word = strings.ToUpper(results.Fail)
	case unknown > 0:
		word = strings.ToUpper(results.Unknown)
	}
	fmt.Fprintf(&b, "**%s**: probe of %s at %s. %s\n", word, mdText(r.Contract), mdText(r.Target), probeVerdict(r))
	walkMarkdown(&b, r)
	if r.Count(results.Fail) > 0 {
		fmt.Fprintf(&b, "\n| failed | sent | got | want | reference |\n|---|---|---|---|---|\n")
		for _, c := range r.Cases {
			if c.Status == results.Fail {
				fmt.Fprintf(&b, "| **%s** %s | %s | %s | %s | %s |\n", c.ID, mdText(c.Title), mdText(c.Sent), mdText(c.Got), mdText(c.Want), mdText(c.Reference))
			}
		}
	}
	if len(r.Cases) > 0 {
		fmt.Fprintf(&b, "\n| class | cases | variations | passed | failed | unknown | not applicable |\n|---|---:|---:|---:|---:|---:|---:|\n")
		for _, n := range r.Classes() {
			fmt.Fprintf(&b, "| %s | %d | %s | %d | %d | %d | %d |\n", n.Name, n.Cases, number.Integer(int64(n.Tried)), n.Passed, n.Failed, n.Unknown, n.NotApplicable)
		}
	}
	if r.Count(results.Unknown) > 0 {
		fmt.Fprintf(&b, "\nUnknown:\n\n")
		for _, c := range r.Cases {
			if c.Status == results.Unknown {
				fmt.Fprintf(&b, "- **%s** %s: %s\n", c.ID, mdText(c.Title), mdText(c.Reason))
			}
		}
	}
	fmt.Fprintf(&b, "\n%s\n", mdText(probeSent(r)))
	_, err := io.WriteString(w, b.String())
	return err
}

// walkMarkdown lists what of the walk did not pass.
func walkMarkdown(b *strings.Builder, r *attack.Report) {
	if r.Walk == nil {
		return
	}
	fmt.Fprintf(b, "\nThe walk through its contract: %d passed, %d failed, %d unknown, %d not applicable.\n",
		r.Walk.Count(results.Pass), r.Walk.Count(results.Fail), r.Walk.Count(results.Unknown), r.Walk.Count(results.NotApplicable))
	for _, c := range r.Walk.Checks {
		if c.Verdict == results.Fail || c.Verdict == results.Unknown {
			fmt.Fprintf(b, "- %s: **%s**. Expected %s. %s\n", c.Verdict, mdText(c.Name), mdText(c.Expected), mdText(c.Detail))
		}
	}
}

// mdText keeps text from being read as Markdown, or as the end of a cell.
func mdText(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;", "[", `\[`).Replace(printable(s))
}
