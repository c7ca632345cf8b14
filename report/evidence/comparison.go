package evidence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// Margin is the difference that does not matter: an arm whose whole interval lies
// between 1/(1+margin) and 1+margin is called equivalent.
const Margin = 0.05

// Power is the probability with which the blocks that a report asks for would
// settle the question.
const Power = 0.8

// The status of a comparison: what may be said of it.
const (
	Differs      = "differs"             // Holm over the primaries allows it
	Equivalent   = "equivalent"          // the interval lies inside the margin
	Inconclusive = "inconclusive"        // neither
	TooFewBlocks = "too_few_blocks"      // no outcome could have been significant
	Exploratory  = "exploratory"         // not declared beforehand, so not judged
	Invalid      = results.Invalid       // a red light: nothing is said
	None         = results.NotApplicable // no estimate, or no verdict may be drawn from it
)

// Comparison is an arm against the baseline, judged.
type Comparison struct {
	stat.Comparison
	Status   string
	Needed   int // blocks that would settle it; 0: nothing to say
	Sentence string
}

// compare judges every comparison of the run. It comes before the words.
func (b *Board) compare() {
	all := stat.CompareAll(b.Run)
	b.AA, b.M, b.Needed = all.AA, all.M, all.Needed()
	b.Red = b.redLight()
	if base := b.Arm(b.Run.Baseline); base != nil {
		for _, a := range b.Arms {
			for _, m := range stat.Metrics(b.Run.Profile) {
				if a.Duplicate {
					b.Twins = append(b.Twins, stat.Compare(b.Run, a.Arm, base.Arm, m))
				}
			}
		}
	}
	for _, c := range all.List {
		b.Comparisons = append(b.Comparisons, b.judge(c))
	}
	for _, m := range b.Run.NotMeasured {
		for _, metric := range stat.Metrics(b.Run.Profile) {
			if b.Run.Baseline != "" {
				b.Comparisons = append(b.Comparisons, Comparison{
					Comparison: stat.Comparison{Arm: m.Arm, Baseline: b.Run.Baseline, Metric: metric, Err: fmt.Errorf("not measured")},
					Status:     None, Sentence: fmt.Sprintf("%s was not measured: %s", m.Arm, m.Reason),
				})
			}
		}
	}
}

// Primaries are the metrics to draw conclusions from, CPU first: it is what to
// rank by.
func Primaries(profile string) []stat.Metric {
	all := stat.Metrics(profile)
	all = slices.DeleteFunc(all, func(m stat.Metric) bool { return !m.Primary })
	slices.SortStableFunc(all, func(a, b stat.Metric) int { return cmp.Compare(order(a), order(b)) })
	return all
}

func order(m stat.Metric) int {
	if m.Name == "cpu" {
		return 0
	}
	return 1
}

// redLight says what is wrong with the run as a whole, so that no arm may be
// said to differ. A trial that is invalid is left out instead.
func (b *Board) redLight() string {
	if b.AA.Status == results.Invalid {
		return "the A/A check failed"
	}
	for _, a := range b.Arms {
		if a.Dist.Foreign() {
			return "the histograms are not of this run"
		}
	}
	for _, v := range b.Run.Verdicts {
		// That of the A/A arm is made anew, and validity is by trial.
		if !disturbs(v.Scenario) && v.Status == results.Invalid && v.Check != "a-a" && v.Check != "validity" {
			return v.Check + " of " + v.Arm + " is invalid"
		}
	}
	return ""
}

// Verdicts are those of the run. That of the duplicate is made anew: an earlier
// version may have had no test for it.
func (b *Board) Verdicts() []results.Verdict {
	out := slices.Clone(b.Run.Verdicts)
	for i := range out {
		if v := &out[i]; v.Check == "a-a" && len(b.AA.List) > 0 {
			bound := stat.AlphaAA
			v.Status, v.Reason, v.Measured, v.Bound, v.Unit = b.AA.Status, b.AA.Reason, &b.AA.Holm, &bound, "p"
		}
	}
	return out
}

func (b *Board) judge(c stat.Comparison) Comparison {
	j := Comparison{Comparison: c}
	standIn := b.Arm(c.Arm).StandIn || b.Arm(c.Baseline).StandIn
	switch {
	case c.Err != nil:
		j.Status = None
	case b.Red != "":
		j.Status = Invalid
	case standIn:
		j.Status = None
	case c.Metric.Primary && c.Blocks < b.Needed:
		j.Status, j.Needed = TooFewBlocks, b.Needed
	case c.Metric.Primary && b.Run.Profile != "quick":
		j.Status = status(c)
	default:
		j.Status = Exploratory
	}
	if j.Status == Inconclusive {
		// What it takes to be found is what it takes among all of them.
		n, err := stat.BlocksFor(c.SD, math.Log(1+Margin), stat.Alpha/float64(b.M), Power)
		if err == nil && n > c.Blocks && n < math.MaxInt {
			j.Needed = n
		}
	}
	j.Sentence = b.sentence(j, standIn)
	return j
}

// status judges a primary comparison with enough blocks.
func status(c stat.Comparison) string {
	switch r := c.Ratio; {
	case r.Bounded && r.Lo >= 1/(1+Margin) && r.Hi <= 1+Margin:
		return Equivalent
	case c.Holm <= stat.Alpha:
		return Differs
	}
	return Inconclusive
}

// sentence says what the evidence allows, and no more.
func (b *Board) sentence(j Comparison, standIn bool) string {
	blocks := j.BlocksUsed()
	estimate := fmt.Sprintf("%s %s %s %s", j.Arm, verb(j.Metric), Factor(j.Ratio), object(j.Metric, j.Baseline))
	short := fmt.Sprintf("%s, %s: %s that of %s, %s", j.Arm, Noun(j.Metric), Factor(j.Ratio), j.Baseline, blocks)
	switch j.Status {
	case Differs:
		return fmt.Sprintf("%s, %s.", estimate, blocks)
	case Equivalent:
		return fmt.Sprintf("%s, %s: equivalent within %.0f %%.", estimate, blocks, 100*Margin)
	case TooFewBlocks:
		return fmt.Sprintf("%s; %s needed.", short, number.Count(j.Needed, "block"))
	case Exploratory:
		return short + "; not judged."
	case Invalid:
		return fmt.Sprintf("%s, %s: invalid, %s.", j.Arm, Noun(j.Metric), b.Red)
	case Inconclusive:
		return b.inconclusive(j)
	}
	if standIn {
		return fmt.Sprintf("%s, %s: no verdict is drawn from a stand-in store.", j.Arm, Noun(j.Metric))
	}
	return fmt.Sprintf("%s, %s: not compared with %s, %v.", j.Arm, Noun(j.Metric), j.Baseline, j.Err)
}

func (b *Board) inconclusive(j Comparison) string {
	text := fmt.Sprintf("%s, %s inconclusive against %s: %s to %s", j.Arm, Noun(j.Metric), j.Baseline, number.Times(j.Ratio.Lo), number.Times(j.Ratio.Hi))
	if !j.Ratio.Bounded {
		text = fmt.Sprintf("%s, %s inconclusive against %s", j.Arm, Noun(j.Metric), j.Baseline)
	} else if j.Ratio.P <= stat.Alpha {
		text += fmt.Sprintf(", but not among %d comparisons", b.M)
	}
	text += ", " + j.BlocksUsed()
	if j.Needed > 0 {
		return fmt.Sprintf("%s; about %s blocks would settle %.0f %%.", text, number.Integer(about(j.Needed)), 100*Margin)
	}
	return fmt.Sprintf("%s; a difference of %.0f %% would probably have shown.", text, 100*Margin)
}

// about rounds to two digits: more would pretend.
func about(n int) int64 {
	p := int64(1)
	for int64(n)/p >= 100 {
		p *= 10
	}
	return (int64(n) + p/2) / p * p
}

// blocksUsed says on how many blocks a comparison stands, and on which kind.
func (j Comparison) BlocksUsed() string {
	text := strings.ReplaceAll(number.Count(j.Blocks, "block"), " ", number.NBSP)
	if j.LeftOut > 0 {
		text = fmt.Sprintf("%d of %s", j.Blocks, number.Count(j.Blocks+j.LeftOut, "block"))
	}
	if j.Degraded > 0 {
		text += fmt.Sprintf(" (%d degraded)", j.Degraded)
	}
	return text
}

func verb(m stat.Metric) string {
	if m.Name == "cpu" {
		return "costs"
	}
	return "takes"
}

func object(m stat.Metric, baseline string) string {
	switch m.Name {
	case "cpu":
		return "the CPU of " + baseline
	case "p50":
		return "the median response time of " + baseline
	}
	return "the " + m.Name + " of " + baseline
}

func Noun(m stat.Metric) string {
	if m.Name == "cpu" {
		return "CPU"
	}
	return m.Name
}

// factor prints a ratio with its interval: "×2.06 [1.97, 2.10]".
func Factor(e stat.Estimate) string { return "×" + number.Times(e.Value) + number.NBSP + Bracket(e) }

// bracket prints the interval of a ratio; an unbounded one has no ends.
func Bracket(e stat.Estimate) string {
	if !e.Bounded {
		return "[-, -]"
	}
	return "[" + number.Times(e.Lo) + "," + number.NBSP + number.Times(e.Hi) + "]"
}

// Compared finds the comparison of an arm, if it has an estimate; that of a
// duplicate has no status.
func (b *Board) Compared(arm, metric string) (c stat.Comparison, status string, ok bool) {
	for _, c := range b.Comparisons {
		if c.Arm == arm && c.Metric.Name == metric && c.Err == nil {
			return c.Comparison, c.Status, true
		}
	}
	for _, c := range b.Twins {
		if c.Arm == arm && c.Metric.Name == metric && c.Err == nil {
			return c, "", true
		}
	}
	return c, "", false
}
