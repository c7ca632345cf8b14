package decide

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"authbench/report/number"
)

// Text writes the decision for a terminal.
func (d *Decision) Text(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) {
		for i, v := range args {
			if s, ok := v.(string); ok {
				args[i] = tame(s)
			}
		}
		fmt.Fprintf(&b, format+"\n", args...)
	}
	line("%s", d.Title)
	line("")
	line("%s", d.Headline())
	for _, s := range d.Because() {
		line("  %s", s)
	}
	if len(d.Flips) > 0 {
		line("\nWhat would change it, one requirement at a time")
		for _, f := range d.Flips {
			line("  %-35s %s", f.Key, f.Text)
		}
	}
	if len(d.Weights) > 0 && len(d.Ranking.Arms) > 1 {
		line("\nHow far each weight can go, the others as they are")
		for _, x := range d.Weights {
			line("  %s", x.Sentence())
		}
	}
	for _, status := range []string{Meets, NotShown, Excluded} {
		d.textOptions(line, status)
	}
	line("\nNot measured")
	for _, s := range d.NotMeasured {
		line("  %s", s)
	}
	line("\nRuns")
	for _, o := range d.Origins {
		line("  %s, %s, sha256 of run.json %s", o.Run, o.Command, orUnknown(o.Digest))
	}
	_, err := io.WriteString(w, number.ASCII(b.String()))
	return err
}

func (d *Decision) textOptions(line func(string, ...any), status string) {
	words := map[string]string{Meets: "Meet every hard requirement", NotShown: "Not shown to meet every hard requirement", Excluded: "Excluded"}[status]
	first := true
	for _, o := range d.Options {
		if o.Status != status {
			continue
		}
		if first {
			line("\n%s", words)
			first = false
		}
		line("  %s", o.Arm)
		if status == Meets {
			for _, s := range d.numbers(o) {
				line("      %s", s)
			}
		}
		for _, c := range o.Checks {
			if c.Status != status || status == Meets && len(c.Cites) == 0 {
				continue
			}
			line("      %s: %s%s", c.Requirement, c.Reason, byWords(c))
			if len(c.Cites) > 0 {
				line("        %s%s", c.Cites[0].String(), more(len(c.Cites)))
			}
			if c.Remedy != "" {
				line("        to show it: %s", c.Remedy)
			}
		}
	}
}

func byWords(c Check) string {
	if c.By == "" {
		return ""
	}
	return " (" + c.By + ")"
}

func more(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n-1)
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// JSON writes the decision for other programs.
func (d *Decision) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(d)
}
