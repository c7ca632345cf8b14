package stat

import (
	"math"
	"slices"
	"sort"
)

// HodgesLehmann is the median of the n(n+1)/2 Walsh averages (x[i]+x[j])/2,
// i <= j: the shift at which the signed-rank test finds x most symmetric. x
// holds 1 to MaxN finite values; the result has their unit.
func HodgesLehmann(x []float64) (float64, error) {
	if err := checkSample(x); err != nil {
		return 0, err
	}
	return median(walsh(x)), nil
}

// Location estimates the centre of x, 1 to MaxN finite values that are assumed
// symmetric about it: the Hodges-Lehmann estimate, the p of SignedRankTest, and
// the interval that inverts this test at the confidence level, between 0 and 1.
//
// A shift theta is rejected when SignedRankTest of x - theta gives P <=
// 1 - level. Every theta strictly inside the interval is not rejected, every
// theta outside is. An end itself may be either: it is counted in.
//
// How the ends are found. Let L(theta) be P(T- <= t-) of x - theta, with zeros by
// Pratt and mid-ranks for ties, T- being the sum of the negative ranks. L changes
// only at the Walsh averages, and it never falls as theta grows, ties and zeros
// or not:
//
//   - z values equal to theta, zeros at theta, become negative just above it. t-
//     grows by all their ranks, z(z+1)/2, and the random T- by no more than that.
//   - a positive and b negative values of the same magnitude at theta part just
//     above it. t- grows by ab/2, the random T- by no more than that.
//
// Just below theta it is the same with the signs changed. So the thetas with
// L > (1-level)/2 are a half-line that begins at a Walsh average, which a binary
// search over the gaps between them finds; the upper end mirrors it. In a gap
// there are no zeros and t- is the number of Walsh averages below: without equal
// values in x the ends are the usual order statistics of the Walsh averages
// (Hollander and Wolfe 1999, section 3.3), and with them the ranks in the gap are
// tied and the distribution is the one of these ranks.
func Location(x []float64, level float64) (Estimate, error) {
	if err := checkLevel(level); err != nil {
		return Estimate{}, err
	}
	t, err := SignedRankTest(x)
	if err != nil {
		return Estimate{}, err
	}
	sorted := slices.Sorted(slices.Values(x))
	averages := walsh(sorted)
	e := Estimate{
		Value:    median(averages),
		Interval: unbounded(level),
		P:        t.P,
		N:        t.N,
		Zeros:    t.Zeros,
	}
	lo, outsideLo, ok := lowerEnd(sorted, averages, (1-level)/2)
	if !ok {
		return e, nil // then there is no upper end either
	}
	mirror(sorted)
	mirror(averages)
	hi, outsideHi, _ := lowerEnd(sorted, averages, (1-level)/2)
	e.Interval = Interval{
		Lo: lo, Hi: -hi, Level: level,
		Achieved: 1 - 2*max(outsideLo, outsideHi),
		Bounded:  true,
	}
	return e, nil
}

// lowerEnd is the Walsh average at which L begins to exceed tail, and the L just
// below it. It is not ok if L exceeds tail everywhere. Both slices are sorted.
func lowerEnd(x, averages []float64, tail float64) (end, outside float64, ok bool) {
	// A gap is known by the number of averages below it.
	gaps := []int{0}
	for i := range averages {
		if i+1 == len(averages) || averages[i] < averages[i+1] {
			gaps = append(gaps, i+1)
		}
	}
	level := func(gap int) float64 {
		if 2*gap >= len(averages) {
			return 1 // at least 1/2, by symmetry: above any tail
		}
		from := math.Inf(-1)
		if gap > 0 {
			from = averages[gap-1]
		}
		return lowerTail(gapRanks(x, from), 2*gap)
	}
	first := sort.Search(len(gaps), func(i int) bool { return level(gaps[i]) > tail })
	if first == 0 {
		return 0, 0, false
	}
	return averages[gaps[first]-1], level(gaps[first-1]), true
}

// gapRanks is the doubled ranks of |x - theta|, ascending, for a theta just above
// the Walsh average v (or -Inf). x is sorted.
//
// Subtle: theta is never made a number. Which of two values on either side of it
// is nearer is decided by their Walsh average, as it was rounded and sorted, so
// the ranks agree with the count of averages below.
func gapRanks(x []float64, v float64) []int {
	ranks := make([]int, 0, len(x))
	above := sort.Search(len(x), func(i int) bool { return x[i] > v })
	below := above - 1
	for below >= 0 || above < len(x) {
		from, to := len(ranks), len(ranks)
		if above == len(x) || below >= 0 && midpoint(x[below], x[above]) > v {
			for value := x[below]; below >= 0 && x[below] == value; below-- {
				to++
			}
		} else {
			for value := x[above]; above < len(x) && x[above] == value; above++ {
				to++
			}
		}
		for range to - from {
			ranks = append(ranks, doubledRank(from, to))
		}
	}
	return ranks
}

// walsh is the averages of all pairs of x, each value with itself included,
// sorted.
func walsh(x []float64) []float64 {
	out := make([]float64, 0, len(x)*(len(x)+1)/2)
	for i, a := range x {
		for _, b := range x[i:] {
			out = append(out, midpoint(a, b))
		}
	}
	slices.Sort(out)
	return out
}

// midpoint is (a+b)/2, also where a+b overflows.
func midpoint(a, b float64) float64 {
	if s := a + b; !math.IsInf(s, 0) {
		return s / 2
	}
	return a/2 + b/2
}

// median of a sorted slice that is not empty.
func median(sorted []float64) float64 {
	n := len(sorted)
	return midpoint(sorted[(n-1)/2], sorted[n/2])
}

// mirror turns a sorted slice into the sorted slice of the opposites.
func mirror(sorted []float64) {
	slices.Reverse(sorted)
	for i, v := range sorted {
		sorted[i] = -v
	}
}
