package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// The status of a comparison: what may be said of it. See stat.Differs and the
// others.
const (
	Differs      = stat.Differs
	Equivalent   = stat.Equivalent
	Inconclusive = stat.Inconclusive
	TooFewBlocks = stat.TooFewBlocks
	Exploratory  = stat.Exploratory
	Invalid      = results.Invalid       // a red light: nothing is said
	None         = results.NotApplicable // no estimate, or no verdict may be drawn from it
)

// Comparison is an arm against the baseline, judged.
type Comparison struct {
	stat.Comparison
	Sentence string
}

// compare puts every comparison of the run into words. It comes before any other
// words.
func (b *Board) compare() {
	all := stat.CompareAll(b.Run)
	b.AA, b.M, b.Needed, b.Margin, b.Red = all.AA, all.M, all.Needed(), all.Margin, all.Red
	if b.Red == "" && slices.ContainsFunc(b.Arms, func(a *Arm) bool { return a.Dist.Foreign() }) {
		b.Red = "the histograms are not of this run"
	}
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
		if b.Red != "" && c.Err == nil {
			c.Status = Invalid
		}
		j := Comparison{Comparison: c}
		j.Sentence = b.sentence(j)
		b.Comparisons = append(b.Comparisons, j)
	}
	for _, m := range b.Run.NotMeasured {
		for _, metric := range stat.Metrics(b.Run.Profile) {
			if b.Run.Baseline != "" {
				b.Comparisons = append(b.Comparisons, Comparison{
					Comparison: stat.Comparison{Arm: m.Arm, Baseline: b.Run.Baseline, Metric: metric, Err: fmt.Errorf("not measured"), Status: None},
					Sentence:   fmt.Sprintf("%s was not measured: %s", m.Arm, m.Reason),
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

// sentence says what the evidence allows, and no more.
func (b *Board) sentence(j Comparison) string {
	blocks := j.BlocksUsed()
	estimate := fmt.Sprintf("%s %s %s %s", j.Arm, verb(j.Metric), Factor(j.Ratio), object(j.Metric, j.Baseline))
	short := fmt.Sprintf("%s, %s: %s that of %s, %s", j.Arm, Noun(j.Metric), Factor(j.Ratio), j.Baseline, blocks)
	switch j.Status {
	case Differs:
		return fmt.Sprintf("%s, %s.", estimate, blocks)
	case Equivalent:
		return fmt.Sprintf("%s, %s: equivalent within %.0f %%.", estimate, blocks, 100*b.Margin)
	case TooFewBlocks:
		return fmt.Sprintf("%s; %s needed.", short, number.Count(j.Needed, "block"))
	case Exploratory:
		return short + "; not judged."
	case Invalid:
		return fmt.Sprintf("%s, %s: invalid, %s.", j.Arm, Noun(j.Metric), b.Red)
	case Inconclusive:
		return b.inconclusive(j)
	}
	if j.Err == nil {
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
		return fmt.Sprintf("%s; about %s blocks would settle %.0f %%.", text, number.Integer(about(j.Needed)), 100*b.Margin)
	}
	return fmt.Sprintf("%s; a difference of %.0f %% would probably have shown.", text, 100*b.Margin)
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
