package stat

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// The sizes of a rank-sum test. The exact distribution costs about n^4 steps, so
// beyond exactSide values on either side it is approximated.
const (
	MaxSide   = MaxN
	exactSide = 30
)

// RankSum is the outcome of the rank-sum test of Wilcoxon, Mann and Whitney.
type RankSum struct {
	NX, NY int
	U      float64 // pairs in which y is the larger, those that are equal counted half
	P      float64 // two-sided
	Less   float64 // probability of a U as small or smaller: y lies lower
	More   float64 // as large or larger: y lies higher
}

// RankSumTest tests whether two independent samples come from one distribution
// (Wilcoxon 1945; Mann and Whitney 1947). Each holds 1 to MaxSide values, none of
// them NaN; +Inf is larger than all others and equal to itself.
//
// Equal values get their mean rank. The probabilities are conditional on the ranks
// that came out: under the hypothesis every choice of len(y) of them is equally
// likely to be y's. So they are exact with ties, too, and P is
// min(1, 2 min(Less, More)): with ties the distribution need not be symmetric. With
// more than 30 values on a side the distribution is the normal one of the same mean
// and variance, ties included, with a correction for continuity: off by up to
// 0.01 in its middle and by less than 0.002 in the tails.
func RankSumTest(x, y []float64) (RankSum, error) {
	if err := checkSides(x, y); err != nil {
		return RankSum{}, err
	}
	type value struct {
		v float64
		y bool
	}
	all := make([]value, 0, len(x)+len(y))
	for _, v := range x {
		all = append(all, value{v, false})
	}
	for _, v := range y {
		all = append(all, value{v, true})
	}
	slices.SortFunc(all, func(a, b value) int { return cmp.Compare(a.v, b.v) })
	ranks := make([]int, 0, len(all)) // doubled
	sum := 0                          // of y's
	for from, to := 0, 0; from < len(all); from = to {
		for to = from + 1; to < len(all) && all[to].v == all[from].v; to++ {
		}
		for _, v := range all[from:to] {
			ranks = append(ranks, doubledRank(from, to))
			if v.y {
				sum += doubledRank(from, to)
			}
		}
	}
	t := RankSum{NX: len(x), NY: len(y), U: float64(sum)/2 - float64(len(y)*(len(y)+1))/2}
	t.Less, t.More = choicesUpTo(ranks, len(y), sum), choicesFrom(ranks, len(y), sum)
	t.P = min(1, 2*min(t.Less, t.More))
	return t, nil
}

// Shift estimates by how much y lies above x, two independent samples of 1 to
// MaxSide finite values that are assumed to differ by a shift alone: the median of
// all differences y - x (Hodges and Lehmann 1963), the P of RankSumTest, and the
// interval that inverts this test at the confidence level, between 0 and 1.
//
// Every shift strictly inside the interval is not rejected at 1-level by the test of
// y - shift against x, every shift outside is; an end is counted in.
//
// How the ends are found. More of y - theta against x changes only where theta is
// one of the differences, and it never falls as theta grows, ties or not. Let a
// values of x meet b values of y at theta. As theta passes, all b go below all a, and
// the sum of y's ranks falls by ab. Take any other choice of len(y) values: each of
// the a in it rises by b, each of the b in it falls by a, so that its sum falls by no
// more than ab. What was at least as large as y's sum still is. The step onto the ties
// at theta itself is half of that. So the thetas with More > (1-level)/2 are a
// half-line that begins at a difference, which a binary search over the gaps between
// them finds; the upper end mirrors it.
func Shift(x, y []float64, level float64) (Estimate, error) {
	if err := checkLevel(level); err != nil {
		return Estimate{}, err
	}
	t, err := RankSumTest(x, y)
	if err != nil {
		return Estimate{}, err
	}
	if err := checkFinite("x", x); err != nil {
		return Estimate{}, err
	}
	if err := checkFinite("y", y); err != nil {
		return Estimate{}, err
	}
	x, y = slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y))
	differences := make([]float64, 0, len(x)*len(y))
	for _, b := range y {
		for _, a := range x {
			differences = append(differences, b-a)
		}
	}
	if err := checkFinite("differences", differences); err != nil {
		return Estimate{}, err
	}
	slices.Sort(differences)
	e := Estimate{Value: median(differences), Interval: unbounded(level), P: t.P, N: len(x) + len(y)}
	lo, outsideLo, ok := lowerShift(x, y, differences, (1-level)/2)
	if !ok {
		return e, nil
	}
	mirror(x)
	mirror(y)
	mirror(differences)
	hi, outsideHi, ok := lowerShift(x, y, differences, (1-level)/2)
	if !ok {
		return e, nil
	}
	e.Interval = Interval{Lo: lo, Hi: -hi, Level: level, Achieved: 1 - 2*max(outsideLo, outsideHi), Bounded: true}
	return e, nil
}

// ShiftRatio is how many times x y is: Shift of the logarithms, as factors. The
// values are positive and finite.
func ShiftRatio(x, y []float64, level float64) (Estimate, error) {
	logs := func(name string, v []float64) ([]float64, error) {
		out := make([]float64, len(v))
		for i, f := range v {
			if !(f > 0) {
				return nil, fmt.Errorf("%s[%d] is %v: a ratio needs positive values", name, i, f)
			}
			out[i] = math.Log(f)
		}
		return out, nil
	}
	lx, err := logs("x", x)
	if err != nil {
		return Estimate{}, err
	}
	ly, err := logs("y", y)
	if err != nil {
		return Estimate{}, err
	}
	e, err := Shift(lx, ly, level)
	if err != nil {
		return Estimate{}, err
	}
	e.Value, e.Lo, e.Hi = math.Exp(e.Value), math.Exp(e.Lo), math.Exp(e.Hi)
	return e, nil
}

// SideNeeded is the least number of values on each of two equal sides with which
// one of m comparisons can be significant at alpha after Holm: 2m / C(2n, n) <=
// alpha. 1 needs 4 at 0.05.
func SideNeeded(m int, alpha float64) int {
	if !(alpha > 0) {
		return math.MaxInt
	}
	n, choices := 0, 1.0
	for 2*float64(m) > alpha*choices {
		n++
		choices *= 2 * float64(2*n-1) / float64(n)
	}
	return n
}

// lowerShift is the difference at which More of y - theta begins to exceed tail, and
// the More just below it. It is not ok if More exceeds tail everywhere. All slices are
// sorted.
func lowerShift(x, y, differences []float64, tail float64) (end, outside float64, ok bool) {
	// A gap is known by the number of differences below it.
	gaps := []int{0}
	for i := range differences {
		if i+1 == len(differences) || differences[i] < differences[i+1] {
			gaps = append(gaps, i+1)
		}
	}
	more := func(gap int) float64 {
		from := math.Inf(-1)
		if gap > 0 {
			from = differences[gap-1]
		}
		return choicesFrom(shiftedRanks(x, y, from))
	}
	first := sort.Search(len(gaps), func(i int) bool { return more(gaps[i]) > tail })
	if first == 0 || first == len(gaps) {
		return 0, 0, false
	}
	return differences[gaps[first]-1], more(gaps[first-1]), true
}

// shiftedRanks is the doubled ranks of x and y - theta together, ascending, for a
// theta just above the difference v, the size of y and the sum of its ranks.
//
// Subtle: theta is never made a number. Whether y - theta lies above x is decided by
// y - x as it was rounded, and rounding keeps the order, so that the ranks agree
// with the differences below.
func shiftedRanks(x, y []float64, v float64) (ranks []int, n, sum int) {
	ranks = make([]int, 0, len(x)+len(y))
	for i, j := 0, 0; i < len(x) || j < len(y); {
		from, to := len(ranks), len(ranks)
		if j < len(y) && (i == len(x) || y[j]-x[i] <= v) {
			for value := y[j]; j < len(y) && y[j] == value; j++ {
				to++
			}
			sum += (to - from) * doubledRank(from, to)
		} else {
			for value := x[i]; i < len(x) && x[i] == value; i++ {
				to++
			}
		}
		for range to - from {
			ranks = append(ranks, doubledRank(from, to))
		}
	}
	return ranks, len(y), sum
}

// choicesFrom is the share of the choices of n of the ranks whose sum is at least
// sum.
func choicesFrom(ranks []int, n, sum int) float64 {
	highest := 2 * (len(ranks) + 1)
	mirrored := make([]int, len(ranks))
	for i, r := range ranks {
		mirrored[i] = highest - r
	}
	return choicesUpTo(mirrored, n, n*highest-sum)
}

// choicesUpTo is the share of the choices of n of the ranks whose sum is at most t.
// All are doubled.
func choicesUpTo(ranks []int, n, t int) float64 {
	if max(n, len(ranks)-n) > exactSide {
		return choicesAbout(ranks, n, t)
	}
	return choicesExactly(ranks, n, t)
}

// choicesAbout is the normal approximation. The variance is that of a sum drawn
// without replacement from these very ranks.
func choicesAbout(ranks []int, n, t int) float64 {
	count, sum := float64(len(ranks)), 0.0
	for _, r := range ranks {
		sum += float64(r)
	}
	mean, squares := sum/count, 0.0
	for _, r := range ranks {
		squares += (float64(r) - mean) * (float64(r) - mean)
	}
	sd := math.Sqrt(float64(n) * (count - float64(n)) / (count * (count - 1)) * squares)
	if sd == 0 {
		return 1 // all values are equal: there is one sum
	}
	return normalCDF((float64(t+1) - float64(n)*mean) / sd)
}

// choicesExactly counts.
//
// It counts the choices by their size and sum, adding one rank at a time. The counts
// are whole numbers, exact up to 2^53; beyond, the relative error is that of as many
// additions of positive float64 as there are ranks.
func choicesExactly(ranks []int, n, t int) float64 {
	width := t + 1
	counts := make([]float64, (n+1)*width)
	counts[0] = 1
	choices := 1.0
	for i, r := range ranks {
		for k := min(i+1, n); k > 0; k-- {
			into, from := counts[k*width:(k+1)*width], counts[(k-1)*width:k*width]
			for s := t; s >= r; s-- {
				into[s] += from[s-r]
			}
		}
	}
	total := 0.0
	for _, c := range counts[n*width:] {
		total += c
	}
	for i := range n {
		choices *= float64(len(ranks)-i) / float64(i+1)
	}
	return min(1, total/choices)
}

func checkSides(x, y []float64) error {
	for _, side := range []struct {
		name string
		v    []float64
	}{{"x", x}, {"y", y}} {
		if len(side.v) == 0 {
			return fmt.Errorf("no values of %s", side.name)
		}
		if len(side.v) > MaxSide {
			return fmt.Errorf("%d values of %s: more than the %d of an exact test", len(side.v), side.name, MaxSide)
		}
		for i, f := range side.v {
			if math.IsNaN(f) {
				return fmt.Errorf("%s[%d] is %v", side.name, i, f)
			}
		}
	}
	return nil
}
