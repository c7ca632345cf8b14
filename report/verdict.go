package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// verdict is the first screen: the question, the answer, what it was decided by,
// and whether it is to be trusted.
type verdict struct {
	Lamp     lamp
	Question string
	Lead     string   // what kind of evidence this is
	Answer   []string // the first is the answer; the others say what it leaves out
	Deciding string   // the metric that the answer is about
	Eyebrow  string
	Alarms   []alarm // red ones: what a reader has to know before any number
}

func newVerdict(v *view) verdict {
	out := verdict{Eyebrow: eyebrow(v)}
	switch {
	case v.Cost == nil:
		out.Lamp = lamp{v.Held.Word, statusWord(v.Held.Word)}
		out.Question, out.Lead = v.Held.Question(), v.Held.Lead
		out.Deciding = "Deciding: what each arm declares, held against every operation recorded. " + v.Held.Tally() + "."
		out.Alarms = red(v.Held.Alarms)
	default:
		out.Lamp = costLamp(v.Cost)
		out.Question, out.Lead = "JWT or server-side sessions: what does it cost to know who sent a request?", v.Cost.Lead
		out.Answer = append(out.Answer, cheapest(v.Cost))
		out.Deciding = "Deciding metric: CPU per request at saturation, target and store together; response times and bytes stand beside it."
		out.Alarms = red(v.Cost.Alarms)
	}
	if v.Held != nil {
		out.Answer = append(out.Answer, loggedOut(v.Promises), outages(v.Promises))
		if v.Cost != nil {
			out.Answer = append(out.Answer, v.Held.Lead)
		}
		out.Answer = append(out.Answer, v.Held.Short...)
	} else {
		out.Answer = append(out.Answer, "How long a logged-out credential goes on, and what a dead store does, was not measured in this run: `make chaos` does.")
	}
	out.Answer = nonEmpty(out.Answer)
	return out
}

func eyebrow(v *view) string {
	var names []string
	for _, s := range v.Sources {
		names = append(names, fmt.Sprintf("%s, profile %s, %s", s.Run.Name, orElse(s.Run.Profile, "none"), s.Run.Started.UTC().Format("2 January 2006, 15:04 UTC")))
	}
	return "authbench · " + strings.Join(names, " · ")
}

func red(all []alarm) []alarm {
	return slices.DeleteFunc(slices.Clone(all), func(a alarm) bool { return !a.Red })
}

// costLamp says in a word how far the comparison of costs can be trusted.
func costLamp(s *summary) lamp {
	switch {
	case s.Red != "":
		return lamp{results.Invalid, "invalid"}
	case s.M == 0 || s.MostBlocks() < s.Needed || s.Run.Profile == "quick":
		return lamp{results.Unknown, "estimates only"}
	case s.AA.Status == results.Unknown:
		return lamp{results.Unknown, "not checked against itself"}
	case s.Run.Partial:
		return lamp{results.Unknown, "partial"}
	}
	return lamp{results.Pass, "valid"}
}

// cheapest answers in a sentence what authenticating costs.
func cheapest(s *summary) string {
	if s.Red != "" {
		return fmt.Sprintf("No winner is named: %s.", s.Red)
	}
	base := s.Arm(s.Run.Baseline)
	if base == nil || s.M == 0 {
		return "Nothing could be compared, so there is no answer."
	}
	groups := map[string][]string{}
	cheapestFirst := slices.Clone(s.Comparisons)
	slices.SortStableFunc(cheapestFirst, func(x, y evidence.Comparison) int { return cmp.Compare(x.Ratio.Value, y.Ratio.Value) })
	for _, c := range cheapestFirst {
		a := s.Arm(c.Arm)
		if c.Metric.Name != "cpu" || c.Err != nil || a == nil || a.Mechanism == "none" {
			continue
		}
		said := fmt.Sprintf("%s ×%s", c.Arm, number.Times(c.Ratio.Value))
		if c.Ratio.Bounded {
			said = fmt.Sprintf("%s %s", c.Arm, evidence.Factor(c.Ratio))
		}
		switch {
		case c.Status == evidence.Differs && c.Ratio.Value < 1:
			groups["less"] = append(groups["less"], said)
		case c.Status == evidence.Differs:
			groups["more"] = append(groups["more"], said)
		case c.Status == evidence.Equivalent:
			groups["same"] = append(groups["same"], said)
		case c.Status == evidence.Inconclusive:
			groups["open"] = append(groups["open"], said)
		default:
			groups["estimate"] = append(groups["estimate"], said)
		}
	}
	cpu := fmt.Sprintf("CPU than %s (%s µs a request)", s.Run.Baseline, number.Micros(base.SatSum.Value))
	var parts []string
	for _, g := range [][2]string{
		{"less", "less " + cpu}, {"same", "as much " + strings.Replace(cpu, "than", "as", 1)}, {"more", "more " + cpu},
	} {
		if list := groups[g[0]]; len(list) > 0 {
			how := g[1]
			if len(parts) > 0 { // with what, was said
				how, _, _ = strings.Cut(how, " CPU")
			}
			parts = append(parts, fmt.Sprintf("%s %s %s", and(list), plural(len(list), "costs", "cost"), how))
		}
	}
	if list := groups["open"]; len(list) > 0 {
		parts = append(parts, and(list)+": inconclusive")
	}
	if list := groups["estimate"]; len(list) > 0 {
		parts = append(parts, fmt.Sprintf("Estimates beside %s (%s µs of CPU a request), no winner is named: %s", s.Run.Baseline, number.Micros(base.SatSum.Value), and(list)))
	}
	if len(parts) == 0 {
		return "No arm could be compared by CPU, so there is no answer."
	}
	return strings.Join(parts, "; ") + "."
}

// and joins a list as a sentence wants it.
func and(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// loggedOut says in a sentence how long a logged-out credential goes on.
func loggedOut(p *evidence.Promises) string {
	var once, on []string
	asked, _ := p.Revocations()
	for _, r := range asked {
		if r.Fault != "" || r.Settings()["how"] != "logout" || r.Revocations == 0 {
			continue
		}
		switch {
		case r.LetThrough == 0:
			once = append(once, r.Arm)
		case r.Longest.Open:
			on = append(on, fmt.Sprintf("%s for as long as anybody looked, %s (declared: %s)", r.Arm, r.Accepted.Most(), r.Bounded()))
		default:
			on = append(on, fmt.Sprintf("%s until %s (declared: %s)", r.Arm, r.Accepted.Most(), r.Bounded()))
		}
	}
	var parts []string
	if len(once) > 0 {
		parts = append(parts, "is refused at once by "+and(once))
	}
	if len(on) > 0 {
		parts = append(parts, "goes on with "+and(on))
	}
	if len(parts) == 0 {
		return ""
	}
	return "A logged-out credential " + strings.Join(parts, "; ") + "."
}

// outages says in a sentence what users met while the store was away: of every arm
// the worst that any fault did to them.
func outages(p *evidence.Promises) string {
	const (
		goOn = iota
		wait
		out
		in
	)
	words := []string{
		goOn: "they go on", wait: "they are told to wait (503), or hang",
		out: "they are logged out", in: "they go on, and so do some that had been logged out",
	}
	worst := map[string]int{}
	var arms []string
	for _, o := range p.Outages() {
		if !slices.ContainsFunc(o.Faults(), func(f evidence.Told[results.Fault]) bool { return f.Of.Unreachable && f.Of.ConfirmedNS != nil }) {
			continue
		}
		if _, known := worst[o.Arm]; !known {
			arms = append(arms, o.Arm)
		}
		met := goOn
		switch d := o.During; {
		case d.WronglyIn > o.Before.WronglyIn:
			met = in
		case d.WronglyOut > 0:
			met = out
		case d.Unavailable+d.Hung > 0:
			met = wait
		}
		worst[o.Arm] = max(worst[o.Arm], met)
	}
	var parts []string
	for met, word := range words {
		with := slices.DeleteFunc(slices.Clone(arms), func(a string) bool { return worst[a] != met })
		if len(with) > 0 {
			parts = append(parts, "with "+and(with)+" "+word)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "Users with live credentials while the store is away: " + strings.Join(parts, "; ") + "."
}

// primaryNames are the metrics that were declared beforehand.
func primaryNames(profile string) string {
	var out []string
	for _, m := range stat.Metrics(profile) {
		if m.Primary {
			out = append(out, m.Name)
		}
	}
	return strings.Join(out, " and ")
}
