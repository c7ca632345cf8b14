package report

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

// margin is the difference that does not matter: an arm whose whole interval lies
// between 1/(1+margin) and 1+margin is called equivalent.
const margin = 0.05

// power is the probability with which the blocks that a report asks for would
// settle the question.
const power = 0.8

// The status of a comparison: what may be said of it.
const (
	statusDiffers      = "differs"             // Holm over the primaries allows it
	statusEquivalent   = "equivalent"          // the interval lies inside the margin
	statusInconclusive = "inconclusive"        // neither
	statusTooFew       = "too_few_blocks"      // no outcome could have been significant
	statusExploratory  = "exploratory"         // not declared beforehand, so not judged
	statusInvalid      = results.Invalid       // a red light: nothing is said
	statusNone         = results.NotApplicable // no estimate, or no verdict may be drawn from it
)

// comparison is an arm against the baseline, judged.
type comparison struct {
	stat.Comparison
	Status   string
	Needed   int // blocks that would settle it; 0: nothing to say
	Sentence string
}

// compare judges every comparison of the run. It comes before the words.
func (s *summary) compare() {
	all := stat.CompareAll(s.Run)
	s.AA, s.M, s.Needed = all.AA, all.M, all.Needed()
	s.Red = s.redLight()
	if base := s.arm(s.Run.Baseline); base != nil {
		for _, a := range s.Arms {
			for _, m := range stat.Metrics(s.Run.Profile) {
				if a.Duplicate {
					s.twins = append(s.twins, stat.Compare(s.Run, a.Arm, base.Arm, m))
				}
			}
		}
	}
	for _, c := range all.List {
		s.Comparisons = append(s.Comparisons, s.judge(c))
	}
	for _, m := range s.Run.NotMeasured {
		for _, metric := range stat.Metrics(s.Run.Profile) {
			if s.Run.Baseline != "" {
				s.Comparisons = append(s.Comparisons, comparison{
					Comparison: stat.Comparison{Arm: m.Arm, Baseline: s.Run.Baseline, Metric: metric, Err: fmt.Errorf("not measured")},
					Status:     statusNone, Sentence: fmt.Sprintf("%s was not measured: %s", m.Arm, m.Reason),
				})
			}
		}
	}
}

// primaries are the metrics to draw conclusions from, CPU first: it is what to
// rank by.
func primaries(profile string) []stat.Metric {
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
func (s *summary) redLight() string {
	if s.AA.Status == results.Invalid {
		return "the A/A check failed"
	}
	for _, a := range s.Arms {
		if a.dist.foreign() {
			return "the histograms are not of this run"
		}
	}
	for _, v := range s.Run.Verdicts {
		// That of the A/A arm is made anew, and validity is by trial.
		if v.Status == results.Invalid && v.Check != "a-a" && v.Check != "validity" {
			return v.Check + " of " + v.Arm + " is invalid"
		}
	}
	return ""
}

// verdicts are those of the run. That of the duplicate is made anew: an earlier
// version may have had no test for it.
func (s *summary) verdicts() []results.Verdict {
	out := slices.Clone(s.Run.Verdicts)
	for i := range out {
		if v := &out[i]; v.Check == "a-a" && len(s.AA.List) > 0 {
			bound := stat.AlphaAA
			v.Status, v.Reason, v.Measured, v.Bound, v.Unit = s.AA.Status, s.AA.Reason, &s.AA.Holm, &bound, "p"
		}
	}
	return out
}

func (s *summary) judge(c stat.Comparison) comparison {
	j := comparison{Comparison: c}
	standIn := s.arm(c.Arm).StandIn || s.arm(c.Baseline).StandIn
	switch {
	case c.Err != nil:
		j.Status = statusNone
	case s.Red != "":
		j.Status = statusInvalid
	case standIn:
		j.Status = statusNone
	case c.Metric.Primary && c.Blocks < s.Needed:
		j.Status, j.Needed = statusTooFew, s.Needed
	case c.Metric.Primary && s.Run.Profile != "quick":
		j.Status = status(c)
	default:
		j.Status = statusExploratory
	}
	if j.Status == statusInconclusive {
		// What it takes to be found is what it takes among all of them.
		n, err := stat.BlocksFor(c.SD, math.Log(1+margin), stat.Alpha/float64(s.M), power)
		if err == nil && n > c.Blocks && n < math.MaxInt {
			j.Needed = n
		}
	}
	j.Sentence = s.sentence(j, standIn)
	return j
}

// status judges a primary comparison with enough blocks.
func status(c stat.Comparison) string {
	switch r := c.Ratio; {
	case r.Bounded && r.Lo >= 1/(1+margin) && r.Hi <= 1+margin:
		return statusEquivalent
	case c.Holm <= stat.Alpha:
		return statusDiffers
	}
	return statusInconclusive
}

// sentence says what the evidence allows, and no more.
func (s *summary) sentence(j comparison, standIn bool) string {
	blocks := j.blocksUsed()
	estimate := fmt.Sprintf("%s %s %s %s", j.Arm, verb(j.Metric), factor(j.Ratio), object(j.Metric, j.Baseline))
	short := fmt.Sprintf("%s, %s: %s that of %s, %s", j.Arm, noun(j.Metric), factor(j.Ratio), j.Baseline, blocks)
	switch j.Status {
	case statusDiffers:
		return fmt.Sprintf("%s, %s.", estimate, blocks)
	case statusEquivalent:
		return fmt.Sprintf("%s, %s: equivalent within %.0f %%.", estimate, blocks, 100*margin)
	case statusTooFew:
		return fmt.Sprintf("%s; %s needed.", short, number.Count(j.Needed, "block"))
	case statusExploratory:
		return short + "; not judged."
	case statusInvalid:
		return fmt.Sprintf("%s, %s: invalid, %s.", j.Arm, noun(j.Metric), s.Red)
	case statusInconclusive:
		return s.inconclusive(j)
	}
	if standIn {
		return fmt.Sprintf("%s, %s: no verdict is drawn from a stand-in store.", j.Arm, noun(j.Metric))
	}
	return fmt.Sprintf("%s, %s: not compared with %s, %v.", j.Arm, noun(j.Metric), j.Baseline, j.Err)
}

func (s *summary) inconclusive(j comparison) string {
	text := fmt.Sprintf("%s, %s inconclusive against %s: %s to %s", j.Arm, noun(j.Metric), j.Baseline, number.Times(j.Ratio.Lo), number.Times(j.Ratio.Hi))
	if !j.Ratio.Bounded {
		text = fmt.Sprintf("%s, %s inconclusive against %s", j.Arm, noun(j.Metric), j.Baseline)
	} else if j.Ratio.P <= stat.Alpha {
		text += fmt.Sprintf(", but not among %d comparisons", s.M)
	}
	text += ", " + j.blocksUsed()
	if j.Needed > 0 {
		return fmt.Sprintf("%s; about %s blocks would settle %.0f %%.", text, number.Integer(about(j.Needed)), 100*margin)
	}
	return fmt.Sprintf("%s; a difference of %.0f %% would probably have shown.", text, 100*margin)
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
func (j comparison) blocksUsed() string {
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

func noun(m stat.Metric) string {
	if m.Name == "cpu" {
		return "CPU"
	}
	return m.Name
}

// factor prints a ratio with its interval: "×2.06 [1.97, 2.10]".
func factor(e stat.Estimate) string { return "×" + number.Times(e.Value) + number.NBSP + bracket(e) }

// bracket prints the interval of a ratio; an unbounded one has no ends.
func bracket(e stat.Estimate) string {
	if !e.Bounded {
		return "[-, -]"
	}
	return "[" + number.Times(e.Lo) + "," + number.NBSP + number.Times(e.Hi) + "]"
}

// versus is a comparison ready to print in a table.
type versus struct {
	Ratio, Interval, Difference, DifferenceInterval string
	Status                                          string
}

// Against prints the comparison of an arm with the baseline by a metric, that of
// a duplicate included; zero if there is none.
func (s *summary) Against(arm, metric string) versus {
	if c, status, ok := s.compared(arm, metric); ok {
		return versusOf(c, status)
	}
	return versus{}
}

// compared finds the comparison of an arm, if it has an estimate; that of a
// duplicate has no status.
func (s *summary) compared(arm, metric string) (c stat.Comparison, status string, ok bool) {
	for _, c := range s.Comparisons {
		if c.Arm == arm && c.Metric.Name == metric && c.Err == nil {
			return c.Comparison, c.Status, true
		}
	}
	for _, c := range s.twins {
		if c.Arm == arm && c.Metric.Name == metric && c.Err == nil {
			return c, "", true
		}
	}
	return c, "", false
}

// Word is for what is not a difference.
func (v versus) Word() string {
	if v.Status == statusInconclusive || v.Status == statusEquivalent {
		return v.Status
	}
	return ""
}

// Compares says whether a column of the table of arms has ratios beside it.
func (s *summary) Compares(c column) bool {
	return len(s.Comparisons) > 0 && !c.Merged && c.Q < .999
}

func versusOf(c stat.Comparison, status string) versus {
	v := versus{Ratio: number.Times(c.Ratio.Value), Interval: bracket(c.Ratio), Difference: number.Signed(c.Difference.Value), Status: status}
	v.DifferenceInterval = "[-, -]"
	if d := c.Difference; d.Bounded {
		v.DifferenceInterval = "[" + number.Signed(d.Lo) + ", " + number.Signed(d.Hi) + "]"
	}
	return v
}
