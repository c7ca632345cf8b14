package decide

import (
	"fmt"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

// Because says why, in one or a few sentences.
func (d *Decision) Because() []string {
	o := d.Outcome
	switch o.Kind {
	case Unsigned:
		return []string{fmt.Sprintf("No decision can be signed: %s.", o.Reason), d.left()}
	case Nobody:
		return []string{"No arm was shown to meet every hard requirement.", d.left()}
	case Unranked:
		return []string{fmt.Sprintf("%s meet every hard requirement, and what they cost was not measured.", strings.Join(o.Arms, ", "))}
	case TooClose:
		return append([]string{fmt.Sprintf("Too close to call between %s: they meet every hard requirement, and the weighted criteria do not separate them.", strings.Join(o.Arms, ", "))}, d.Sentences...)
	}
	if len(d.Ranking.Arms) == 1 {
		return []string{fmt.Sprintf("%s is the only arm that was shown to meet every hard requirement; the weights decide nothing.", o.Arms[0])}
	}
	ranked := 0
	for _, x := range d.Ranking.Arms {
		if x.Place != NotRanked {
			ranked++
		}
	}
	first := fmt.Sprintf("%s meets every hard requirement, and of the %s that do and could be ranked it has the lowest weighted score.", o.Arms[0], number.Count(ranked, "arm"))
	if ranked == 1 {
		first = fmt.Sprintf("%s meets every hard requirement, and is the only one of those whose cost was measured.", o.Arms[0])
	}
	return append([]string{first}, d.Sentences...)
}

// left says what remains of the arms where none is recommended.
func (d *Decision) left() string {
	count := map[string]int{}
	for _, o := range d.Options {
		count[o.Status]++
	}
	return fmt.Sprintf("Of %s, %d are excluded, %d are not shown to meet every requirement, %d meet them.",
		number.Count(len(d.Options), "arm"), count[Excluded], count[NotShown], count[Meets])
}

// Headline is the outcome in a line.
func (d *Decision) Headline() string {
	switch d.Outcome.Kind {
	case Recommended:
		return "Recommended: " + d.Outcome.Arms[0]
	case TooClose:
		return "Too close to call: " + strings.Join(d.Outcome.Arms, ", ")
	case Unranked:
		return "Not ranked: " + strings.Join(d.Outcome.Arms, ", ")
	case Nobody:
		return "No arm was shown to meet the requirements"
	}
	return "No decision can be signed: " + d.Outcome.Reason
}

// drivers are the requirements that exclude, in words, and the weights.
func (d *Decision) drivers() []string {
	var out []string
	for _, k := range constraints() {
		if words := k.asked(d.req); words != "" && k.key != "promises" {
			out = append(out, fmt.Sprintf("%s (`%s`)", upper(words), k.key))
		}
	}
	out = append(out, "It keeps what it promises: an arm that was seen to break a promise is not recommended")
	var weights []string
	for _, k := range criteria() {
		if w := k.weight(d.req); w > 0 {
			weights = append(weights, fmt.Sprintf("%s %s", k.noun, number.Short(w)))
		}
	}
	if len(weights) == 0 {
		return append(out, "No criterion is weighed")
	}
	return append(out, "Of those that meet all this, the lowest weighted geometric mean of the ratios to "+d.reference()+": "+strings.Join(weights, ", "))
}

func (d *Decision) reference() string {
	if d.Ranking.Reference != "" {
		return d.Ranking.Reference
	}
	return "the baseline"
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// verdicts are what the report says of the arm's cost, as it says it.
func (d *Decision) verdicts(arm string) []string {
	var out []string
	for _, c := range d.board.Comparisons {
		if c.Arm == arm && c.Metric.Primary && c.Sentence != "" {
			out = append(out, c.Sentence)
		}
	}
	return out
}

// numbers are the arm's figures, one a line.
func (d *Decision) numbers(o Option) []string {
	var out []string
	add := func(name, unit string, v evidence.Value, print func(float64) string) {
		if v.Missing == "" {
			out = append(out, fmt.Sprintf("%s %s%s (%s to %s, %s)", name, print(v.Value), unit, print(v.Min), print(v.Max), number.Count(v.N, "block")))
		}
	}
	if a := o.candidate.cost; a != nil {
		for i, l := range d.board.Levels {
			if l.Name == "p50" && !a.Latency[i].Merged {
				add("median response time", " µs", a.Latency[i], number.Micros)
			}
		}
		add("CPU per request at saturation, target", " µs", a.SatTarget, number.Micros)
		if len(a.Needs) > 0 {
			add("store", " µs", a.SatStore, number.Micros)
			add("store operations per request", "", a.StoreOps, number.Short)
		}
		add("request", " bytes", a.RequestBytes, number.Short)
	}
	if c := o.Capacity; c != nil {
		text := fmt.Sprintf("%s requests/s take %s cores in the target", number.Integer(int64(c.PerSecond)), c.Target)
		if len(o.candidate.arm.Needs) > 0 {
			text += fmt.Sprintf(" and %s in the store", c.Store)
		}
		out = append(out, text+" (rate x CPU, no headroom)")
	}
	return out
}

// tame takes out what could reach a terminal or open a tag: names and reasons come
// from files.
func tame(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, strings.ReplaceAll(s, number.NBSP, " "))
}
