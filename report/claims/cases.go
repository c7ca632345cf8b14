package claims

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/results"
)

// trialCase is one arm in one scenario under one fault, with the trials that can be
// trusted.
type trialCase struct {
	*evidence.Tried
	run *results.Run // whose trials these are
	own []int        // their blocks in it
	all *evidence.Promises
}

// casesOf lists the cases of a scenario that judges may use, or says why there are
// none. what tells those that are kept from others of the scenario, in words.
func casesOf(b *evidence.Board, scenario, what string, keep func(*trialCase) bool) ([]*trialCase, *Finding) {
	unfit := func(why string) ([]*trialCase, *Finding) {
		f := missing(why, "authbench run "+scenario)
		return nil, &f
	}
	if b == nil || b.Promises == nil {
		return unfit("no run with revocations or faults was given")
	}
	var out []*trialCase
	why := strings.TrimSpace("no run tried " + scenario + " " + what)
	for _, g := range b.Promises.Tried {
		c := &trialCase{Tried: g, all: b.Promises}
		if g.Scenario != scenario || !keep(c) {
			continue
		}
		if reason := c.trust(b); reason != "" {
			why = fmt.Sprintf("%s of %s is not to be used: %s", scenario, g.Arm, reason)
			continue
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return unfit(why)
	}
	return out, nil
}

// trust leaves out the trials that are no evidence; if none is left it says why.
func (c *trialCase) trust(b *evidence.Board) string {
	kept := *c.Tried
	kept.Trials = nil
	why := ""
	for _, t := range c.Trials {
		run, own := origin(b, t)
		if reason := c.doubt(run, t); reason != "" {
			why = reason
			continue
		}
		if c.run == nil {
			c.run = run
		}
		if run == c.run { // a case cites one run
			kept.Trials, c.own = append(kept.Trials, t), append(c.own, own)
		}
	}
	c.Tried = &kept
	if len(kept.Trials) > 0 {
		return ""
	}
	return why
}

// doubt says why a trial is no evidence.
func (c *trialCase) doubt(run *results.Run, t *results.Trial) string {
	switch {
	case run == nil:
		return "it is of no run that was given"
	case t.Error != "":
		return t.Error
	case t.Validity.Status == results.ValidityInvalid:
		return "the trial is invalid: " + strings.Join(t.Validity.Reasons, "; ")
	}
	for _, s := range run.Environment.Stores {
		if s.StandIn && slices.Contains(c.Ref.Needs, s.Kind) {
			return "the store is a stand-in, of which no verdict is drawn"
		}
	}
	for _, f := range t.Chaos.Faults {
		if f.ConfirmedNS == nil {
			return "the fault was not seen to act"
		}
	}
	for _, v := range c.all.Run.Verdicts {
		if v.Status == results.Invalid && c.Judges(v) && (v.Block == 0 || v.Block == t.Block) {
			return fmt.Sprintf("%s is invalid: %s", v.Check, v.Reason)
		}
	}
	return ""
}

// origin finds the run of a trial, and its block there: where several runs are
// joined the blocks are counted on.
func origin(b *evidence.Board, t *results.Trial) (*results.Run, int) {
	for _, src := range b.Sources {
		for i := range src.Run.Trials {
			if o := &src.Run.Trials[i]; o.Chaos != nil && o.Chaos == t.Chaos {
				return src.Run, o.Block
			}
		}
	}
	return nil, 0
}

func (c *trialCase) setting(key, otherwise string) string {
	if v := c.Settings()[key]; v != "" {
		return v
	}
	return otherwise
}

// how is what ended the credentials of a revocation.
func (c *trialCase) how() string { return c.setting("how", "logout") }

func (c *trialCase) nodes() int { return c.Trials[0].Chaos.Nodes }

func (c *trialCase) cite(what string) Cite {
	return Cite{Run: c.run.ID, Scenario: c.Scenario, Arm: c.Arm, Fault: c.Note(), What: what, Blocks: slices.Compact(slices.Sorted(slices.Values(c.own)))}
}

// name is the arm, with the fault and what else tells it from other cases.
func (c *trialCase) name() string {
	if c.Note() == "" {
		return c.Arm
	}
	return c.Arm + " (" + c.Note() + ")"
}

// verdict finds what a check measured, and its reason. Several blocks are added up;
// the reason is the last.
func (c *trialCase) verdict(check string) (measured float64, reason string, ok bool) {
	for _, v := range c.all.Run.Verdicts {
		about := slices.ContainsFunc(c.Trials, func(t *results.Trial) bool { return v.Block == 0 || v.Block == t.Block })
		if v.Check == check && c.Judges(v) && about && v.Measured != nil {
			measured, reason, ok = measured+*v.Measured, v.Reason, true
		}
	}
	return measured, reason, ok
}

// fact finds a fact of the scenario by its name; of several blocks the values are
// added up and the text is the last.
func (c *trialCase) fact(name string) (value float64, text string, ok bool) {
	for _, t := range c.Trials {
		for _, f := range t.Chaos.Facts {
			if f.Name == name && f.Value != nil {
				value, text, ok = value+*f.Value, f.Text, true
			}
		}
	}
	return value, text, ok
}

// same says whether two cases ran with the same settings, the given ones aside.
func (c *trialCase) same(o *trialCase, but ...string) bool {
	strip := func(m map[string]string) map[string]string {
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(k, _ string) bool { return slices.Contains(but, k) })
		return m
	}
	return maps.Equal(strip(c.Settings()), strip(o.Settings()))
}
