package diff

import (
	"fmt"
	"math"

	"authbench/results"
	"authbench/results/stat"
)

// comparison is the numbers of two sides, by block where they are pairs.
type comparison struct {
	x, y     []float64
	pairs    bool
	relative bool
}

// estimate is the change of y: a factor where it is relative, else a difference.
func (c comparison) estimate() (stat.Estimate, error) {
	if c.relative && allZero(c.x) && allZero(c.y) {
		// No share of nothing is needed to see that nothing changed.
		same := stat.Interval{Lo: 1, Hi: 1, Level: stat.Level, Achieved: 1, Bounded: true}
		return stat.Estimate{Value: 1, Interval: same, P: 1, N: len(c.x) + len(c.y)}, nil
	}
	switch {
	case c.pairs && c.relative:
		return stat.Ratio(c.y, c.x, stat.Level)
	case c.pairs:
		return stat.Difference(c.y, c.x, stat.Level)
	case c.relative:
		return stat.ShiftRatio(c.x, c.y, stat.Level)
	}
	return stat.Shift(c.x, c.y, stat.Level)
}

// test asks whether y differs from x changed by the given amount, and on which side.
// It holds where numbers are infinite, too: those are the largest.
func (c comparison) test(change float64) (p float64, above bool, err error) {
	moved := make([]float64, len(c.x))
	for i, v := range c.x {
		if moved[i] = v + change; c.relative {
			moved[i] = v * (1 + change)
		}
	}
	if c.pairs {
		d := make([]float64, len(moved))
		for i, v := range moved {
			d[i] = pairDifference(c.y[i], v, c.relative)
		}
		t, err := stat.SignedRankTest(d)
		return t.P, t.Plus > t.Minus, err
	}
	t, err := stat.RankSumTest(moved, c.y)
	return t.P, t.More < t.Less, err
}

// pairDifference is y against x, logarithms where it is relative. What is infinite on
// one side only outranks all that is finite.
func pairDifference(y, x float64, relative bool) float64 {
	switch {
	case y == x:
		return 0
	case math.IsInf(y, 1):
		return math.MaxFloat64
	case math.IsInf(x, 1):
		return -math.MaxFloat64
	case relative && y > 0 && x > 0:
		return math.Log(y / x)
	}
	return y - x
}

func allZero(v []float64) bool {
	for _, f := range v {
		if f != 0 {
			return false
		}
	}
	return true
}

// changeOf is nil without an estimate. A factor becomes a share of the old value.
func changeOf(e stat.Estimate, err error, relative bool) *Change {
	if err != nil {
		return nil
	}
	out := &Change{Relative: relative, Value: e.Value}
	lo, hi := e.Lo, e.Hi
	if relative {
		out.Value, lo, hi = out.Value-1, lo-1, hi-1
	}
	if e.Bounded {
		out.Lo, out.Hi = &lo, &hi
	}
	return out
}

// conclude adjusts for all that was asked and judges every row.
func (r *Report) conclude(old, new *results.Run, o Options) {
	var tested []*Row
	var p []float64
	for i := range r.Rows {
		if row := &r.Rows[i]; row.P != nil && row.Status == "" {
			tested, p = append(tested, row), append(p, *row.P)
		}
	}
	r.Compared = len(tested)
	adjusted, err := stat.Holm(p)
	for i, row := range tested {
		if err == nil { // an exact P is a probability
			row.Holm = &adjusted[i]
		}
	}
	red := r.trust(old, new)
	for i := range r.Rows {
		row := &r.Rows[i]
		switch {
		case row.Status != "":
		case red != "":
			row.Status, row.Reason = Invalid, red
		case row.Bound == "":
			row.Status = row.changed()
		default:
			row.judge(r)
		}
	}
	if len(o.Bounds) > 0 {
		r.Status = r.overall()
	}
	r.besideControl()
}

// changed is what may be said without a bound.
func (row *Row) changed() string {
	switch {
	case row.Holm == nil || *row.Holm > stat.Alpha:
		return Unknown
	case row.broken:
		return Higher
	}
	return Lower
}

// judge holds a row to its bound.
func (row *Row) judge(r *Report) {
	b := row.bound
	within := func() bool { // the whole interval
		limit, lo, hi := b.change, row.est.Lo, row.est.Hi
		if b.relative {
			limit++
		}
		return row.ok && row.est.Bounded && (b.above && hi <= limit || !b.above && lo >= limit)
	}
	switch {
	case row.Holm != nil && row.broken && *row.Holm <= stat.Alpha:
		row.Status = Regressed
	case within():
		row.Status = Pass
	default:
		row.Status = Unknown
		row.Needed = row.needed()
		if row.Reason == "" {
			row.Reason = row.why(r)
		}
	}
}

// why says what is missing for an answer.
func (row *Row) why(r *Report) string {
	m := max(r.Compared, 1)
	few := ""
	if r.Design == Pairs {
		if need := stat.BlocksNeeded(m, stat.Alpha); len(row.judged.x) < need {
			few = fmt.Sprintf("%d blocks cannot show a regression among %d comparisons: it takes %d", len(row.judged.x), m, need)
		}
	} else if need := stat.SideNeeded(m, stat.Alpha); min(len(row.judged.x), len(row.judged.y)) < need {
		few = fmt.Sprintf("%d and %d trials cannot show a regression among %d comparisons: it takes about %d each", len(row.judged.x), len(row.judged.y), m, need)
	}
	switch {
	case few != "":
		return few
	case row.P != nil && *row.P <= stat.Alpha && row.broken:
		return fmt.Sprintf("beyond the bound by itself (p %.2g), not among %d comparisons", *row.P, m)
	}
	return holdsBound
}

// holdsBound is the plain reason that the table itself shows.
const holdsBound = "the interval holds the bound"

// power is how surely the trials that are asked for would settle a row.
const power = 0.8

// needed plans with the spread of the trials and the distance of the estimate from
// the bound; nil where either is not known. It does not adjust for other comparisons.
func (row *Row) needed() *int {
	c := row.judged
	if !row.ok || len(c.x) < 2 || len(c.y) < 2 {
		return nil
	}
	x, y, effect := c.x, c.y, row.est.Value-row.bound.change
	if c.relative {
		if row.est.Value <= 0 || allZero(c.x) {
			return nil
		}
		x, y, effect = logs(x), logs(y), math.Log(row.est.Value/(1+row.bound.change))
	}
	sd := math.NaN()
	if c.pairs {
		d := make([]float64, len(x))
		for i := range d {
			d[i] = y[i] - x[i]
		}
		if v, err := stat.SD(d); err == nil {
			sd = v
		}
	} else if a, err := stat.SD(x); err == nil {
		if b, err := stat.SD(y); err == nil {
			sd = math.Hypot(a, b) // of the difference of one trial of each
		}
	}
	n, err := stat.BlocksFor(sd, effect, stat.Alpha, power)
	if err != nil || n > stat.MaxSide {
		return nil
	}
	return &n
}

func logs(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, f := range v {
		out[i] = math.Log(f)
	}
	return out
}

// trust is why nothing may be concluded; "" if it may.
func (r *Report) trust(old, new *results.Run) string {
	sides := []struct {
		name string
		run  *results.Run
	}{{"OLD", old}, {"NEW", new}}
	if r.Design == Pairs {
		sides = sides[1:]
		sides[0].name = "The run"
	}
	red := ""
	for _, s := range sides {
		if s.run.Partial {
			r.warn("%s is partial: %s.", s.name, s.run.PartialReason)
		}
		switch aa := stat.CheckAA(s.run); aa.Status {
		case results.Invalid:
			red = fmt.Sprintf("%s: %s", s.name, aa.Reason)
			r.warn("%s is invalid: %s.", s.name, aa.Reason)
		case results.Unknown:
			r.warn("The A/A check of %s is unknown: %s.", s.name, aa.Reason)
		}
	}
	return red
}

// overall is the first of regressed, invalid, cannot tell that there is.
func (r *Report) overall() string {
	worst := Pass
	rank := map[string]int{Pass: 0, Unknown: 1, Invalid: 2, Regressed: 3}
	for _, row := range r.Rows {
		if rank[row.Status] > rank[worst] {
			worst = row.Status
		}
	}
	return worst
}

// besideControl warns where the control moved as well: then it is the machine, or
// what all arms share, and not the arm.
func (r *Report) besideControl() {
	if r.Beside == "" || r.ByControl {
		return
	}
	for _, row := range r.Rows {
		if row.Arm == r.Beside && (row.Status == Regressed || row.Status == Higher || row.Status == Lower) {
			r.warn("%s of %s, which does not authenticate, changed as well (%s): that is the machine, or what all arms share. Changes beside it are in their own column.", row.Metric, row.Arm, row.Change.text(row.metric.unit))
		}
	}
}
