package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/results"
)

// costs is the comparison of costs, fit to decide claims.
type costs struct {
	*evidence.Board
}

// costsOf returns it, or a finding that says why it decides nothing.
func costsOf(b *evidence.Board) (costs, *Finding) {
	unfit := func(format string, args ...any) (costs, *Finding) {
		f := missing(fmt.Sprintf(format, args...), "authbench bench")
		return costs{}, &f
	}
	switch {
	case b == nil || b.Run == nil || !evidence.HasCost(b.Run):
		return unfit("no run that compares costs was given")
	case b.Run.Profile == "quick":
		return unfit("run %s is quick: it promised to draw no conclusions", b.Run.ID)
	case b.Red != "":
		return unfit("run %s has a red light: %s", b.Run.ID, b.Red)
	}
	return costs{b}, nil
}

// kind selects arms.
type kind func(*evidence.Arm) bool

func token(a *evidence.Arm) bool         { return a.Mechanism == "token" }
func plainToken(a *evidence.Arm) bool    { return token(a) && len(a.Needs) == 0 }
func session(a *evidence.Arm) bool       { return a.Mechanism == "session" }
func storedSession(a *evidence.Arm) bool { return session(a) && len(a.Needs) > 0 }

// arms lists those of a kind that may be judged: measured, with real stores, no
// duplicate.
func (c costs) arms(k kind) []*evidence.Arm {
	return slices.DeleteFunc(slices.Clone(c.Arms), func(a *evidence.Arm) bool {
		return !k(a) || a.Duplicate || a.StandIn || a.Missing != "" || len(a.Steady) == 0
	})
}

// without says why there is no arm of a kind to judge.
func (c costs) without(k kind, what, command string) Finding {
	for _, a := range c.Arms {
		switch {
		case !k(a) || a.Duplicate:
		case a.StandIn:
			return missing(fmt.Sprintf("%s ran with a stand-in store, of which no verdict is drawn", a.Name), "authbench bench --stores process")
		case a.Missing != "":
			return missing(fmt.Sprintf("%s was not measured: %s", a.Name, a.Missing), command)
		case len(a.All) > 0:
			return missing("no trial of "+a.Name+" is valid", command)
		}
	}
	return missing(fmt.Sprintf("run %s has no %s", c.Run.ID, what), command)
}

// cite names the trials of an arm.
func (c costs) cite(a *evidence.Arm, what string, trials []*results.Trial) Cite {
	return Cite{Run: c.Run.ID, Scenario: "steady", Arm: a.Name, What: what, Blocks: blocks(trials)}
}

func blocks(trials []*results.Trial) []int {
	var out []int
	for _, t := range trials {
		out = append(out, t.Block)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// standing is where an arm lies beside another by one metric.
type standing int

const (
	unsettled standing = iota // nothing may be said
	below                     // less, which is better
	level                     // equivalent within the margin
	above
)

func (s standing) turned() standing {
	switch s {
	case below:
		return above
	case above:
		return below
	}
	return s
}

// beside places an arm beside the baseline, as far as the run has judged it.
func (c costs) beside(a *evidence.Arm, metric string) standing {
	cmp, status, ok := c.Compared(a.Name, metric)
	switch {
	case !ok:
		return unsettled
	case status == evidence.Equivalent:
		return level
	case status == evidence.Differs && cmp.Ratio.Value < 1:
		return below
	case status == evidence.Differs:
		return above
	}
	return unsettled
}

// place places x beside y. Arms are compared with the baseline only, so that two
// others are told apart only where the baseline lies between them.
func (c costs) place(x, y *evidence.Arm, metric string) standing {
	switch base := c.Run.Baseline; {
	case y.Name == base:
		return c.beside(x, metric)
	case x.Name == base:
		return c.beside(y, metric).turned()
	}
	switch a, b := c.beside(x, metric), c.beside(y, metric); {
	case a == below && b == above:
		return below
	case a == above && b == below:
		return above
	}
	return unsettled
}

// figures prints an arm beside the baseline: "jwt-hs256 p50 ×0.70 [0.65, 0.74], CPU
// ×0.47 [0.45, 0.50]". What may not be said of a figure stands behind it.
func (c costs) figures(a *evidence.Arm, metrics ...string) string {
	var parts []string
	for _, m := range metrics {
		cmp, status, ok := c.Compared(a.Name, m)
		if !ok {
			continue
		}
		text := evidence.Noun(cmp.Metric) + " " + evidence.Factor(cmp.Ratio)
		switch status {
		case evidence.Differs:
		case evidence.Equivalent:
			text += " (equivalent)"
		case evidence.TooFewBlocks:
			text += " (too few blocks)"
		default:
			text += " (inconclusive)"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return a.Name + " " + strings.Join(parts, ", ")
}

// citeCompared names the trials of comparisons with the baseline; metrics that stand
// on the same blocks are one citation.
func (c costs) citeCompared(a *evidence.Arm, metrics ...string) []Cite {
	var out []Cite
	base := c.Arm(c.Run.Baseline)
	for _, m := range metrics {
		if _, _, ok := c.Compared(a.Name, m); !ok {
			continue
		}
		mine, theirs := a.Steady, base.Steady
		if m == "cpu" {
			mine, theirs = a.Sat, base.Sat
		}
		both := blocks(theirs)
		both = slices.DeleteFunc(blocks(mine), func(n int) bool { return !slices.Contains(both, n) })
		if i := len(out) - 1; i >= 0 && slices.Equal(out[i].Blocks, both) {
			out[i].What += " and " + m
			continue
		}
		out = append(out, Cite{Run: c.Run.ID, Scenario: "steady", Arm: a.Name, What: m, Blocks: both})
	}
	for i := range out {
		out[i].What += " against " + base.Name
	}
	return out
}
