package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"authbench/report/number"
	"authbench/results"
	"authbench/scenarios/attack"
	"authbench/targets/contract"
)

// probeMark is how a line of the text begins.
func probeMark(status string) string {
	return map[string]string{results.Pass: "PASS", results.Fail: "FAIL", results.Unknown: "?", results.NotApplicable: "n/a"}[status]
}

// probeText prints a probe for a terminal: the walk, the cases of each class, what was
// sent, and the verdict.
func probeText(w io.Writer, r *attack.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s\n", r.Contract, r.Target)
	if r.Walk != nil {
		walkText(&b, r.Walk)
	}
	if len(r.Cases) > 0 {
		casesText(&b, r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// walkText prints a line a check, and what there is to say below it.
func walkText(b *strings.Builder, r *contract.Report) {
	name, sent := 0, 1
	for _, c := range r.Checks {
		name, sent = max(name, len(c.Name)), max(sent, len(c.Sent))
	}
	fmt.Fprintf(b, "\nThe walk through its contract\n")
	for _, c := range r.Checks {
		got := cmp.Or(c.Outcome, "-")
		if c.Status != 0 {
			got = fmt.Sprintf("%d %s", c.Status, c.Outcome)
		}
		fmt.Fprintf(b, "%-4s  %-*s  %-*s  %s\n", probeMark(c.Verdict), name, c.Name, sent, cmp.Or(c.Sent, "-"), got)
		if c.Verdict == results.Fail {
			fmt.Fprintf(b, "        expected: %s\n", c.Expected)
		}
		if c.Detail != "" {
			fmt.Fprintf(b, "        %s\n", c.Detail)
		}
	}
	verdict := "Everything is as promised"
	switch {
	case r.Count(results.Fail) > 0:
		verdict = "Not as promised"
	case r.Count(results.Unknown) > 0:
		verdict = "Some of it could not be told"
	}
	fmt.Fprintf(b, "%s: %d passed, %d failed, %d unknown, %d not applicable.\n", verdict,
		r.Count(results.Pass), r.Count(results.Fail), r.Count(results.Unknown), r.Count(results.NotApplicable))
}

// casesText prints a line a case, and below it what is to be known of one that did not
// pass. Cases of a class that do not apply for the same reason are one line.
func casesText(b *strings.Builder, r *attack.Report) {
	class := ""
	for i := 0; i < len(r.Cases); i++ {
		c := r.Cases[i]
		if c.Class != class {
			class = c.Class
			fmt.Fprintf(b, "\n%s\n", strings.ToUpper(class[:1])+class[1:])
		}
		if c.Status == results.NotApplicable {
			ids := c.ID
			for i+1 < len(r.Cases) && r.Cases[i+1].Status == c.Status && r.Cases[i+1].Reason == c.Reason && r.Cases[i+1].Class == class {
				i++
				ids += " " + r.Cases[i].ID
			}
			fmt.Fprintf(b, "n/a   %s: %s\n", ids, c.Reason)
			continue
		}
		caseText(b, c)
	}
	fmt.Fprintln(b)
	classesText(b, r)
	fmt.Fprintln(b, probeSent(r))
	fmt.Fprintf(b, "%s\n", probeVerdict(r))
}

func caseText(b *strings.Builder, c attack.Result) {
	fmt.Fprintf(b, "%-4s  %-3s  %s", probeMark(c.Status), c.ID, c.Title)
	switch {
	case c.Status == results.Pass && c.Got != "":
		fmt.Fprintf(b, ": %s, got %s", number.Count(c.Tried, "variation"), c.Got)
	case c.Status == results.Fail:
		fmt.Fprintf(b, "\n        sent: %s\n        got:  %s\n        want: %s\n        %s", c.Sent, c.Got, c.Want, c.Reference)
	}
	fmt.Fprintln(b)
	if c.Reason != "" {
		fmt.Fprintf(b, "        %s\n", c.Reason)
	}
}

func classesText(b *strings.Builder, r *attack.Report) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tcases\tvariations\tpassed\tfailed\tunknown\tnot applicable\t")
	for _, n := range r.Classes() {
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%d\t%d\t\n", n.Name, n.Cases, number.Integer(int64(n.Tried)), n.Passed, n.Failed, n.Unknown, n.NotApplicable)
	}
	w.Flush() // a strings.Builder takes everything
}

// sentKinds is how many kinds of request are told apart.
const sentKinds = 10

// probeSent says what the target was sent, in a sentence: the most frequent first.
func probeSent(r *attack.Report) string {
	total, rest := 0, 0
	var parts []string
	kinds := slices.Clone(r.Sent)
	slices.SortStableFunc(kinds, func(a, b attack.Sent) int { return cmp.Compare(b.Count, a.Count) })
	for i, s := range kinds {
		total += s.Count
		if i >= sentKinds {
			rest += s.Count
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s", s.Request, number.Integer(int64(s.Count))))
	}
	if total == 0 {
		return "Nothing was sent."
	}
	if rest > 0 {
		parts = append(parts, fmt.Sprintf("%d other kinds %s", len(kinds)-sentKinds, number.Integer(int64(rest))))
	}
	return fmt.Sprintf("Sent: %s (%s).", number.Count(total, "request"), strings.Join(parts, ", "))
}

// probeVerdict is the last line.
func probeVerdict(r *attack.Report) string {
	verdict := "No case failed"
	switch pass := r.Count(results.Pass); {
	case r.Count(results.Fail) > 0:
		verdict = "Not safe from all of it"
	case pass == 0 && r.Count(results.Unknown) > 0:
		verdict = "Nothing could be told"
	case pass == 0:
		verdict = "Nothing of it applies"
	}
	return fmt.Sprintf("%s: %d passed, %d failed, %d unknown, %d not applicable.", verdict,
		r.Count(results.Pass), r.Count(results.Fail), r.Count(results.Unknown), r.Count(results.NotApplicable))
}

// probeJSON prints the report for machines.
func probeJSON(w io.Writer, r *attack.Report) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// listCases prints the catalogue.
func listCases(w io.Writer, asJSON bool) error {
	type listed struct {
		ID        string `json:"id"`
		Class     string `json:"class"`
		Title     string `json:"title"`
		Reference string `json:"reference"`
	}
	var all []listed
	for _, class := range attack.All() {
		for _, c := range class.Cases {
			all = append(all, listed{c.ID, class.Title, c.Title, c.Reference})
		}
	}
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(all)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	class := ""
	for _, c := range all {
		if c.Class != class {
			class = c.Class
			fmt.Fprintf(t, "%s %s\n", strings.TrimRight(c.ID, "0123456789"), class)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", c.ID, c.Title, c.Reference)
	}
	return t.Flush()
}
