package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"authbench/report/number"
	"authbench/results"
)

// isChaos says whether a run asked what arms promise, under revocations and
// faults, and not what they cost.
func isChaos(run *results.Run) bool {
	other := func(scenario string) bool { return scenario != "" && scenario != "steady" }
	for _, t := range run.Trials {
		if t.Chaos != nil || other(t.Scenario) {
			return true
		}
	}
	// Where every arm was missing or could not take part there are no trials.
	return other(run.Workload.Scenario) || slices.ContainsFunc(run.Verdicts, func(v results.Verdict) bool { return other(v.Scenario) })
}

// chaosSummary is everything that the formats print of a chaos run, computed
// once.
type chaosSummary struct {
	Run       *results.Run
	Lead      string
	Word      string // pass, fail, unknown, invalid: of the run as a whole
	Exit      int    // with --strict
	Alarms    []alarm
	Short     []string // what holds over several arms, in sentences
	Arms      []armSummary
	Scenarios []string // in the order of the run
	Counts    tally
	Tried     []*tried
}

// tally counts verdicts.
type tally struct {
	Pass, Fail, Unknown, Invalid, NotApplicable int
}

func (t *tally) add(status string) {
	switch status {
	case results.Pass:
		t.Pass++
	case results.Fail:
		t.Fail++
	case results.Invalid:
		t.Invalid++
	case results.NotApplicable:
		t.NotApplicable++
	default: // a status that we do not know is no evidence
		t.Unknown++
	}
}

// Judged are the checks that could be made or should have been.
func (t tally) Judged() int { return t.Pass + t.Fail + t.Unknown + t.Invalid }

// All are all of them.
func (t tally) All() int { return t.Judged() + t.NotApplicable }

// worst is the status of the whole: what is broken before what is not to be
// trusted before what is not known.
func (t tally) worst() string {
	switch {
	case t.Fail > 0:
		return results.Fail
	case t.Invalid > 0:
		return results.Invalid
	case t.Unknown > 0:
		return results.Unknown
	case t.Pass > 0:
		return results.Pass
	case t.NotApplicable > 0:
		return results.NotApplicable
	}
	return ""
}

// tried is one arm in one scenario under one fault, over all blocks.
type tried struct {
	Scenario, Arm, Fault string
	Variant              string // settings that tell it from others of the same name; mostly ""
	Ref                  *armSummary
	trials               []*results.Trial // those that have a Chaos, by block
}

// summariseChaos reads a run.
func summariseChaos(run *results.Run) *chaosSummary {
	s := &chaosSummary{Run: run}
	s.arms()
	s.tried()
	for _, t := range run.Trials {
		s.scenario(t.Scenario)
	}
	for _, v := range run.Verdicts {
		s.scenario(v.Scenario)
		s.Counts.add(v.Status)
	}
	s.sort()
	s.words()
	return s
}

// sort puts what was tried in the order of scenarios, faults and arms.
func (s *chaosSummary) sort() {
	place := map[string]int{}
	for i, a := range s.Arms {
		place[a.Name] = i
	}
	slices.SortStableFunc(s.Tried, func(a, b *tried) int {
		return cmp.Or(
			cmp.Compare(slices.Index(s.Scenarios, a.Scenario), slices.Index(s.Scenarios, b.Scenario)),
			cmp.Compare(a.Fault, b.Fault),
			cmp.Compare(place[a.Arm], place[b.Arm]),
			cmp.Compare(a.Variant, b.Variant),
		)
	})
}

// scenario notes a name, once.
func (s *chaosSummary) scenario(name string) {
	if name != "" && !slices.Contains(s.Scenarios, name) {
		s.Scenarios = append(s.Scenarios, name)
	}
}

// arms lists those that were asked for, whether or not anything came of them.
func (s *chaosSummary) arms() {
	names := map[string]bool{}
	add := func(a *results.Arm) {
		if a.Name != "" && !names[a.Name] {
			names[a.Name] = true
			s.Arms = append(s.Arms, newArm(s.Run, a, nil))
		}
	}
	for i := range s.Run.Arms {
		add(&s.Run.Arms[i])
	}
	for _, m := range s.Run.NotMeasured {
		add(&results.Arm{Name: m.Arm})
	}
	for _, t := range s.Run.Trials {
		add(&results.Arm{Name: t.Arm})
	}
	for _, v := range s.Run.Verdicts {
		add(&results.Arm{Name: v.Arm})
	}
	colours := summary{Run: s.Run, Arms: s.Arms}
	colours.paint()
}

func (s *chaosSummary) arm(name string) *armSummary {
	for i := range s.Arms {
		if s.Arms[i].Name == name {
			return &s.Arms[i]
		}
	}
	return nil
}

// tried groups the trials. Two of one name that ran with different settings are
// not the same thing and are never added up.
func (s *chaosSummary) tried() {
	type key struct{ scenario, arm, fault, settings string }
	groups := map[key]*tried{}
	for i := range s.Run.Trials {
		t := &s.Run.Trials[i]
		if t.Chaos == nil {
			continue
		}
		k := key{t.Scenario, t.Arm, t.Chaos.Fault, pairs(t.Chaos.Settings, nil)}
		g := groups[k]
		if g == nil {
			g = &tried{Scenario: t.Scenario, Arm: t.Arm, Fault: t.Chaos.Fault, Ref: s.arm(t.Arm)}
			groups[k] = g
			s.Tried = append(s.Tried, g)
		}
		g.trials = append(g.trials, t)
	}
	for _, g := range s.Tried {
		slices.SortStableFunc(g.trials, byBlock)
		differ := map[string]bool{}
		for _, other := range s.Tried {
			if other != g && other.Scenario == g.Scenario && other.Arm == g.Arm && other.Fault == g.Fault {
				maps.Copy(differ, differences(g.settings(), other.settings()))
			}
		}
		g.Variant = variant(g.settings(), differ)
	}
}

func (g *tried) settings() map[string]string { return g.trials[0].Chaos.Settings }

// variant names what is different about the settings: what was done differently
// tells more than how often or how long, so numbers are left out if they can be.
func variant(m map[string]string, differ map[string]bool) string {
	if len(differ) == 0 {
		return ""
	}
	words := maps.Clone(differ)
	maps.DeleteFunc(words, func(k string, _ bool) bool { return m[k] == "" || strings.ContainsAny(m[k][:1], "0123456789.-") })
	if len(words) > 0 {
		return pairs(m, words)
	}
	return pairs(m, differ)
}

// differences are the keys of which a and b hold different values.
func differences(a, b map[string]string) map[string]bool {
	out := map[string]bool{}
	for _, m := range []map[string]string{a, b} {
		for k := range m {
			if a[k] != b[k] {
				out[k] = true
			}
		}
	}
	return out
}

// pairs prints settings, or those of the given keys.
func pairs(m map[string]string, only map[string]bool) string {
	var out []string
	for _, k := range sortedKeys(m) {
		if only == nil || only[k] {
			out = append(out, k+"="+m[k])
		}
	}
	return strings.Join(out, " ")
}

// Note is what stands beside the name of the arm: the fault and what tells it
// from others.
func (g *tried) Note() string { return strings.Join(nonEmpty([]string{g.Fault, g.Variant}), ", ") }

// Blocks says how often it was tried.
func (g *tried) Blocks() int { return len(g.trials) }

// Settings and Faults are for the template.
func (g *tried) Settings() map[string]string { return g.settings() }

// told is a sentence or story, and the block that it is from where there are
// several; 0 otherwise.
type told[T any] struct {
	Block int
	Of    T
}

func tell[T any](g *tried, get func(*results.Chaos) []T) []told[T] {
	var out []told[T]
	for _, t := range g.trials {
		block := t.Block
		if len(g.trials) == 1 {
			block = 0
		}
		for _, v := range get(t.Chaos) {
			out = append(out, told[T]{block, v})
		}
	}
	return out
}

// Faults lists every disturbance.
func (g *tried) Faults() []told[results.Fault] {
	return tell(g, func(c *results.Chaos) []results.Fault { return c.Faults })
}

// Facts lists the sentences of the scenario, each once.
func (g *tried) Facts() []told[results.Fact] {
	seen := map[string]bool{}
	return slices.DeleteFunc(tell(g, func(c *results.Chaos) []results.Fact { return c.Facts }), func(f told[results.Fact]) bool {
		again := seen[f.Of.Text] || strings.TrimSpace(f.Of.Text) == ""
		seen[f.Of.Text] = true
		return again
	})
}

// Violations lists the broken promises with their stories.
func (g *tried) Violations() []told[results.Violation] {
	return tell(g, func(c *results.Chaos) []results.Violation { return c.Violations })
}

// judges says whether the verdict is about this.
func (g *tried) judges(v results.Verdict) bool {
	return g.Scenario == v.Scenario && g.Arm == v.Arm && g.Fault == v.Fault &&
		(v.Block == 0 || slices.ContainsFunc(g.trials, func(t *results.Trial) bool { return t.Block == v.Block }))
}

// stories are the violations that belong to a verdict.
func (s *chaosSummary) stories(v results.Verdict) []results.Violation {
	var out []results.Violation
	for _, g := range s.Tried {
		if !g.judges(v) {
			continue
		}
		for _, t := range g.trials {
			for _, x := range t.Chaos.Violations {
				if x.Check == v.Check && (v.Block == 0 || v.Block == t.Block) {
					out = append(out, x)
				}
			}
		}
	}
	return out
}

// explained says whether a verdict tells already why the trial was not completed.
func (s *chaosSummary) explained(t results.Trial) bool {
	return slices.ContainsFunc(s.Run.Verdicts, func(v results.Verdict) bool {
		return v.Scenario == t.Scenario && v.Arm == t.Arm && v.Status != results.Pass && strings.Contains(v.Reason, t.Error)
	})
}

// with are the verdicts of the given status, in the order of the run.
func (s *chaosSummary) with(status string) []results.Verdict {
	var out []results.Verdict
	for _, v := range s.Run.Verdicts {
		if v.Status == status {
			out = append(out, v)
		}
	}
	return out
}

// lamp is one cell of the table of verdicts: a word, and how many.
type lamp struct {
	Status string // for the colour; "" where nothing was asked
	Word   string
}

// lampOf sums up what was asked of an arm in a scenario.
func (s *chaosSummary) lampOf(arm, scenario string) lamp {
	var n tally
	for _, v := range s.Run.Verdicts {
		if v.Arm == arm && v.Scenario == scenario {
			n.add(v.Status)
		}
	}
	of := number.Integer(int64(n.Judged()))
	some := func(word string, k int) lamp {
		return lamp{n.worst(), word + " " + number.Integer(int64(k)) + " of " + of}
	}
	switch n.worst() {
	case results.Fail:
		return some("FAIL", n.Fail)
	case results.Invalid:
		return some("invalid", n.Invalid)
	case results.Unknown:
		return some("unknown", n.Unknown)
	case results.Pass:
		return lamp{results.Pass, "pass " + of}
	case results.NotApplicable:
		return lamp{results.NotApplicable, "not applicable"}
	}
	if a := s.arm(arm); a != nil && a.Missing != "" {
		return lamp{results.Unknown, "not measured"}
	}
	return lamp{"", "–"}
}
