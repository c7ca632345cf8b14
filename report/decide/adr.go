package decide

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"authbench/report/number"
)

// ADR writes the decision as an architecture decision record in the form of MADR 4
// (https://adr.github.io/madr/). Its date is the youngest run's.
func (d *Decision) ADR(w io.Writer) error {
	a := &adr{Decision: d}
	a.front()
	a.context()
	a.list("## Decision Drivers", d.drivers())
	a.options()
	a.outcome()
	a.consequences()
	a.confirmation()
	a.prosAndCons()
	a.more()
	_, err := io.WriteString(w, a.b.String())
	return err
}

type adr struct {
	*Decision
	b strings.Builder
}

// line writes a line. What is put into it can open neither a tag nor a line.
func (a *adr) line(format string, args ...any) {
	for i, v := range args {
		switch v := v.(type) {
		case string:
			args[i] = strings.ReplaceAll(tame(v), "<", "&lt;")
		case fmt.Stringer:
			args[i] = strings.ReplaceAll(tame(v.String()), "<", "&lt;")
		}
	}
	fmt.Fprintf(&a.b, format+"\n", args...)
}

func (a *adr) list(heading string, items []string) {
	a.line("\n%s\n", heading)
	for _, s := range items {
		a.line("* %s", s)
	}
}

func (a *adr) front() {
	date := ""
	for _, o := range a.Origins {
		date = max(date, o.Date)
	}
	a.line("---\nstatus: proposed\ndate: %s\n---\n\n# %s", date, a.Title)
}

func (a *adr) context() {
	a.line("\n## Context and Problem Statement\n")
	if a.req.Context != "" {
		a.line("%s\n", strings.Join(strings.Fields(a.req.Context), " "))
	}
	a.line("How does a request prove who sent it: by a session that the server looks up, or by a token that it verifies, and how does that end when the user logs out?")
}

func (a *adr) options() {
	a.line("\n## Considered Options\n")
	for _, o := range a.Options {
		summary := o.Summary
		if summary == "" {
			summary = "not measured: " + o.notMeasure
		}
		a.line("* %s: %s", o.Arm, summary)
	}
}

func (a *adr) outcome() {
	a.line("\n## Decision Outcome\n")
	because := a.Because()
	switch a.Outcome.Kind {
	case Recommended:
		a.line("Chosen option: \"%s\", because %s", a.Outcome.Arms[0], lower(because[0], a.Outcome.Arms[0]))
	case TooClose:
		a.line("Chosen option: none of %s yet, because it is too close to call: they meet every hard requirement, and the weighted criteria do not separate them. Either can be chosen; what is not weighed here may decide.", strings.Join(a.Outcome.Arms, ", "))
	default:
		a.line("Chosen option: none, because %s", lower(because[0], ""))
	}
	if len(because) > 1 {
		a.line("")
	}
	for _, s := range because[1:] {
		a.line("* %s", s)
	}
	if cites := a.shown(); len(cites) > 0 {
		a.line("\nWhat it rests on:\n")
		for _, s := range cites {
			a.line("* %s", s)
		}
	}
}

// lower begins a clause with the text of a sentence; a name keeps its case.
func lower(s, name string) string {
	if name != "" && strings.HasPrefix(s, name) {
		return "it" + strings.TrimPrefix(s, name)
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// shown are the measurements that the outcome cites.
func (a *adr) shown() []string {
	var out []string
	for _, o := range a.Options {
		if !slices.Contains(a.Outcome.Arms, o.Arm) {
			continue
		}
		for _, c := range o.Checks {
			for i, cite := range c.Cites {
				if i < 2 {
					out = append(out, fmt.Sprintf("%s, %s: %s", o.Arm, c.Asked, cite))
				}
			}
		}
	}
	for _, x := range a.Ranking.Arms {
		if len(a.Ranking.Arms) > 1 && x.Place != NotRanked && a.Outcome.Kind != Unsigned {
			out = append(out, a.verdicts(x.Arm)...)
		}
	}
	return out
}

func (a *adr) consequences() {
	a.line("\n### Consequences\n")
	for _, o := range a.Options {
		if !slices.Contains(a.Outcome.Arms, o.Arm) {
			continue
		}
		name := ""
		if len(a.Outcome.Arms) > 1 {
			name = o.Arm + ": "
		}
		for _, c := range o.With(Meets) {
			a.line("* Good, because of %s\"%s\": %s (%s)", name, c.Asked, c.Reason, c.By)
		}
		for _, s := range drawbacks(o) {
			a.line("* Bad, because %s%s", name, s)
		}
		for _, n := range o.Notes {
			a.line("* Neutral, because %sof what it says of itself: %s", name, n)
		}
	}
	for _, s := range a.NotMeasured {
		a.line("* Neutral, because of what was not measured: %s", s)
	}
}

// drawbacks are what an arm declares against itself.
func drawbacks(o Option) []string {
	c := o.candidate
	var out []string
	if bound, _, declared := c.bound(); declared && (bound.Any || bound.D > 0) {
		out = append(out, "a logged-out credential may go on for "+bound.String())
	}
	switch word := o.Promises["on_store_unreachable"]; {
	case len(c.arm.Needs) == 0:
	case word == "503":
		out = append(out, "while the store is away nobody gets in: 503")
	case strings.HasPrefix(word, "stale"), word == "open":
		out = append(out, "while the store is away revoked credentials may be let in: "+word)
	}
	for _, k := range []struct{ key, when string }{{"on_data_loss", "when the store has lost its data"}, {"on_old_data", "when older data is put back"}} {
		switch o.Promises[k.key] {
		case "logged-out":
			out = append(out, "users are thrown out "+k.when)
		case "revoked-lives-again":
			out = append(out, "logged-out credentials come back "+k.when)
		}
	}
	if c.inNode() {
		out = append(out, "its sessions end with the node, and no other node knows them")
	}
	if len(c.arm.Needs) > 0 {
		out = append(out, "it has to run "+strings.Join(c.arm.Needs, " and "))
	}
	if c.token() {
		out = append(out, "keys have to be handed out and rotated")
	}
	return out
}

func (a *adr) confirmation() {
	a.line("\n### Confirmation\n")
	a.line("In CI, each of these has to exit 0:\n\n```sh")
	for _, name := range a.Outcome.Arms {
		for _, o := range a.Options {
			if o.Arm != name {
				continue
			}
			a.line("%s --strict", o.candidate.tryRevocation(""))
			if len(o.candidate.arm.Needs) > 0 {
				a.line("%s --strict", o.candidate.tryOutage("kill"))
			}
		}
	}
	a.line("authbench run --all --profile quick --strict")
	var ids []string
	for _, o := range a.Origins {
		ids = append(ids, o.Path)
	}
	if a.Outcome.Kind == Recommended {
		file := a.File
		if file == "" {
			file = "requirements.yaml"
		}
		a.line("authbench decide -f %s --expect %s %s", file, a.Outcome.Arms[0], strings.Join(ids, " "))
	}
	a.line("```")
	for _, o := range a.Origins {
		if o.Costs {
			a.line("\nWhat it costs is watched by `authbench compare %s NEW --fail-on 'cpu>+10%%'`, NEW being a run of `%s` on the same machine.", o.Path, o.Command)
		}
	}
}

func (a *adr) prosAndCons() {
	a.line("\n## Pros and Cons of the Options")
	for _, o := range a.Options {
		a.line("\n### %s\n", o.Arm)
		a.line("%s.", upper(statusWords(o.Status)))
		a.line("")
		if o.NotCosted {
			a.line("Its cost was not measured: `%s`.\n", o.candidate.tryCost())
		} else {
			a.line("Measured, median of the blocks (smallest to largest): %s.\n", strings.Join(a.numbers(o), "; "))
		}
		for _, c := range o.Checks {
			word := map[string]string{Meets: "Good", Excluded: "Bad", NotShown: "Neutral"}[c.Status]
			a.line("* %s, because of \"%s\": %s%s", word, c.Asked, c.Reason, byWords(c))
			for i, cite := range c.Cites {
				if i == 3 {
					a.line("  * and %d more", len(c.Cites)-i)
					break
				}
				a.line("  * %s", cite)
			}
			if c.Remedy != "" {
				a.line("  * to show it: `%s`", c.Remedy)
			}
		}
		for _, s := range drawbacks(o) {
			a.line("* Bad, because %s", s)
		}
	}
}

func statusWords(status string) string {
	return map[string]string{
		Meets:    "meets every hard requirement",
		Excluded: "excluded by a hard requirement",
		NotShown: "not shown to meet every hard requirement, so it cannot be recommended",
	}[status]
}

func (a *adr) more() {
	a.line("\n## More Information")
	if len(a.Ranking.Arms) > 1 && a.Outcome.Kind != Unsigned {
		a.table()
	}
	if a.Outcome.Kind != Unsigned {
		a.line("\n### Revisit if\n")
		for _, f := range a.Flips {
			a.line("* `%s` changes from %s to %s. %s", f.Key, f.From, f.To, f.Text)
		}
		if len(a.Ranking.Arms) > 1 {
			for _, x := range a.Weights {
				if x.Below != nil || x.Above != nil {
					a.line("* the weight of %s", x.Sentence())
				}
			}
		}
		a.line("* one of the commands above fails, or what was not measured is measured")
	}
	a.line("\n### Requirements\n")
	if a.FileDigest != "" {
		a.line("%s, sha256 %s\n", a.File, a.FileDigest)
	}
	a.line("| requirement | value |\n|---|---|")
	for _, r := range a.Requirements {
		value := r.Value
		if r.Default {
			value += " (default)"
		}
		a.line("| %s | %s |", r.Key, value)
	}
	a.line("\n### Evidence\n")
	for _, o := range a.Origins {
		a.line("* run %s, profile %s, %s", o.Run, orUnknown(o.Profile), o.Date)
		a.line("  * sha256 of run.json: %s", orUnknown(o.Digest))
		a.line("  * command: `%s`", o.Command)
		a.line("  * authbench %s, commit %s", orUnknown(o.Version), orUnknown(o.Commit))
		a.line("  * %s", o.Machine)
	}
}

// table is the ranking.
func (a *adr) table() {
	a.line("\n### Ranking\n")
	a.line("Weighted geometric mean of the ratios to %s, less is better; intervals are at 95 %% and not adjusted, the word beside them is by Holm over the comparisons with the best.\n", a.reference())
	a.line("| arm | score | against the best | | criteria |\n|---|---|---|---|---|")
	for _, x := range a.Ranking.Arms {
		if x.Place == NotRanked {
			a.line("| %s | - | - | not ranked | %s |", x.Arm, x.Missing)
			continue
		}
		var parts []string
		for _, p := range x.Parts {
			parts = append(parts, fmt.Sprintf("%s %s (%s, weight %s)", p.Criterion, p.Ratio, p.By, number.Percent(p.Weight)))
		}
		a.line("| %s | %s | %s | %s | %s |", x.Arm, x.Score, x.Against, x.Place, strings.Join(parts, "; "))
	}
}
