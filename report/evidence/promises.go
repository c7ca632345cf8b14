package evidence

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"authbench/results"
)

// Promises is what arms did under revocations and faults, held to what they
// declare.
type Promises struct {
	Run       *results.Run // of several runs: their trials and verdicts one after the other
	Arms      []*Arm
	Scenarios []string // in the order of the run
	Counts    Tally
	Tried     []*Tried
}

// Judged is everything that was judged in the runs, costs included: for a gate.
func Judged(sources ...Source) *Promises {
	p := newPromises(joined(sources, true))
	colour(p.Arms, nil, p.Run.Baseline)
	return p
}

// readPromises joins what the runs have of trials under revocations and faults;
// nil without any.
func readPromises(sources []Source) *Promises {
	if !slices.ContainsFunc(sources, func(s Source) bool { return HasPromises(s.Run) }) {
		return nil
	}
	return newPromises(joined(sources, false))
}

func newPromises(run *results.Run) *Promises {
	p := &Promises{Run: run}
	p.arms()
	p.group()
	for _, t := range run.Trials {
		p.scenario(t.Scenario)
	}
	for _, v := range run.Verdicts {
		p.scenario(v.Scenario)
		p.Counts.Add(v.Status)
	}
	p.sort()
	return p
}

// joined is the first run that has promises, with what the others have of them
// behind it. Trials and verdicts of costs are left out, unless all are asked for.
// Blocks go on counting, so that no two trials are taken for one.
func joined(sources []Source, everything bool) *results.Run {
	var all *results.Run
	blocks := 0
	for _, src := range sources {
		run := src.Run
		if !everything && !HasPromises(run) {
			continue
		}
		if all == nil {
			first := *run
			all = &first
			all.Arms, all.NotMeasured, all.Trials, all.Verdicts, all.Warnings = nil, nil, nil, nil, nil
		}
		last := blocks
		for _, t := range run.Trials {
			if everything || !isCost(t) {
				t.Block += blocks
				last = max(last, t.Block)
				all.Trials = append(all.Trials, t)
			}
		}
		for _, v := range run.Verdicts {
			if !everything && !disturbs(v.Scenario) && HasCost(run) {
				continue
			}
			if v.Block > 0 {
				v.Block += blocks
			}
			all.Verdicts = append(all.Verdicts, v)
		}
		blocks = last
		all.Arms = append(all.Arms, run.Arms...)
		all.NotMeasured = append(all.NotMeasured, run.NotMeasured...)
		all.Warnings = append(all.Warnings, run.Warnings...)
		all.Partial, all.PartialReason = all.Partial || run.Partial, cmp.Or(all.PartialReason, run.PartialReason)
	}
	return all
}

// Tried is one arm in one scenario under one fault, over all blocks.
type Tried struct {
	Scenario, Arm, Fault string
	Variant              string // settings that tell it from others of the same name; mostly ""
	Ref                  *Arm
	Trials               []*results.Trial // those that have a Chaos, by block
}

// sort puts what was tried in the order of scenarios, faults and arms.
func (p *Promises) sort() {
	place := map[string]int{}
	for i, a := range p.Arms {
		place[a.Name] = i
	}
	slices.SortStableFunc(p.Tried, func(a, b *Tried) int {
		return cmp.Or(
			cmp.Compare(slices.Index(p.Scenarios, a.Scenario), slices.Index(p.Scenarios, b.Scenario)),
			cmp.Compare(a.Fault, b.Fault),
			cmp.Compare(place[a.Arm], place[b.Arm]),
			cmp.Compare(a.Variant, b.Variant),
		)
	})
}

// scenario notes a name, once.
func (p *Promises) scenario(name string) {
	if name != "" && !slices.Contains(p.Scenarios, name) {
		p.Scenarios = append(p.Scenarios, name)
	}
}

// arms lists those that were asked for, whether or not anything came of them.
func (p *Promises) arms() {
	add := func(a results.Arm) {
		if a.Name != "" && p.Arm(a.Name) == nil {
			p.Arms = append(p.Arms, newArm(Source{Run: p.Run}, a))
		}
	}
	for _, a := range p.Run.Arms {
		add(a)
	}
	for _, m := range p.Run.NotMeasured {
		add(results.Arm{Name: m.Arm})
	}
	for _, t := range p.Run.Trials {
		add(results.Arm{Name: t.Arm})
	}
	for _, v := range p.Run.Verdicts {
		add(results.Arm{Name: v.Arm})
	}
}

// Arm returns the arm of that name, or nil.
func (p *Promises) Arm(name string) *Arm {
	i := slices.IndexFunc(p.Arms, func(a *Arm) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return p.Arms[i]
}

// group gathers the trials. Two of one name that ran with different settings are
// not the same thing and are never added up.
func (p *Promises) group() {
	type key struct{ scenario, arm, fault, settings string }
	groups := map[key]*Tried{}
	for i := range p.Run.Trials {
		t := &p.Run.Trials[i]
		if t.Chaos == nil {
			continue
		}
		k := key{t.Scenario, t.Arm, t.Chaos.Fault, pairs(t.Chaos.Settings, nil)}
		g := groups[k]
		if g == nil {
			g = &Tried{Scenario: t.Scenario, Arm: t.Arm, Fault: t.Chaos.Fault, Ref: p.Arm(t.Arm)}
			groups[k] = g
			p.Tried = append(p.Tried, g)
		}
		g.Trials = append(g.Trials, t)
	}
	for _, g := range p.Tried {
		slices.SortStableFunc(g.Trials, ByBlock)
		differ := map[string]bool{}
		for _, other := range p.Tried {
			if other != g && other.Scenario == g.Scenario && other.Arm == g.Arm && other.Fault == g.Fault {
				maps.Copy(differ, differences(g.settings(), other.settings()))
			}
		}
		g.Variant = variant(g.settings(), differ)
	}
}

func (g *Tried) settings() map[string]string { return g.Trials[0].Chaos.Settings }

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
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if only == nil || only[k] {
			out = append(out, k+"="+m[k])
		}
	}
	return strings.Join(out, " ")
}

// Note is what stands beside the name of the arm: the fault and what tells it
// from others.
func (g *Tried) Note() string { return strings.Join(nonEmpty([]string{g.Fault, g.Variant}), ", ") }

// Blocks says how often it was tried.
func (g *Tried) Blocks() int { return len(g.Trials) }

// Settings and Faults are for the template.
func (g *Tried) Settings() map[string]string { return g.settings() }

// Told is a sentence or story, and the block that it is from where there are
// several; 0 otherwise.
type Told[T any] struct {
	Block int
	Of    T
}

func tell[T any](g *Tried, get func(*results.Chaos) []T) []Told[T] {
	var out []Told[T]
	for _, t := range g.Trials {
		block := t.Block
		if len(g.Trials) == 1 {
			block = 0
		}
		for _, v := range get(t.Chaos) {
			out = append(out, Told[T]{block, v})
		}
	}
	return out
}

// Faults lists every disturbance.
func (g *Tried) Faults() []Told[results.Fault] {
	return tell(g, func(c *results.Chaos) []results.Fault { return c.Faults })
}

// Facts lists the sentences of the scenario, each once.
func (g *Tried) Facts() []Told[results.Fact] {
	seen := map[string]bool{}
	return slices.DeleteFunc(tell(g, func(c *results.Chaos) []results.Fact { return c.Facts }), func(f Told[results.Fact]) bool {
		again := seen[f.Of.Text] || strings.TrimSpace(f.Of.Text) == ""
		seen[f.Of.Text] = true
		return again
	})
}

// Violations lists the broken promises with their stories.
func (g *Tried) Violations() []Told[results.Violation] {
	return tell(g, func(c *results.Chaos) []results.Violation { return c.Violations })
}

// Judges says whether the verdict is about this.
func (g *Tried) Judges(v results.Verdict) bool {
	return g.Scenario == v.Scenario && g.Arm == v.Arm && g.Fault == v.Fault &&
		(v.Block == 0 || slices.ContainsFunc(g.Trials, func(t *results.Trial) bool { return t.Block == v.Block }))
}

// Stories are the violations that belong to a verdict.
func (p *Promises) Stories(v results.Verdict) []results.Violation {
	var out []results.Violation
	for _, g := range p.Tried {
		if !g.Judges(v) {
			continue
		}
		for _, t := range g.Trials {
			for _, x := range t.Chaos.Violations {
				if x.Check == v.Check && (v.Block == 0 || v.Block == t.Block) {
					out = append(out, x)
				}
			}
		}
	}
	return out
}

// Explained says whether a verdict tells already why the trial was not completed.
func (p *Promises) Explained(t results.Trial) bool {
	return slices.ContainsFunc(p.Run.Verdicts, func(v results.Verdict) bool {
		return v.Scenario == t.Scenario && v.Arm == t.Arm && v.Status != results.Pass && strings.Contains(v.Reason, t.Error)
	})
}

// With are the verdicts of the given status, in the order of the run.
func (p *Promises) With(status string) []results.Verdict {
	var out []results.Verdict
	for _, v := range p.Run.Verdicts {
		if v.Status == status {
			out = append(out, v)
		}
	}
	return out
}

// LostData says whether any of the faults took what the store had acknowledged.
func (g *Tried) LostData() bool {
	return slices.ContainsFunc(g.Faults(), func(f Told[results.Fault]) bool { return f.Of.DataLoss && f.Of.ConfirmedNS != nil })
}

func nonEmpty(list []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}
