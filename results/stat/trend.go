package stat

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// MaxPoints is the most points that one trend takes: every pair of them is a
// slope to be sorted. Thin a longer series.
const MaxPoints = 2000

// Trend is a straight line's slope and whether there is one at all.
type Trend struct {
	Slope    float64 // Theil-Sen: y per x
	Interval         // of the slope
	S        int     // Kendall's S: concordant less discordant pairs
	P        float64 // two-sided p of "no trend" (Mann-Kendall)
	N        int     // points
	Exact    bool    // false above 100 points: P and Achieved are normal approximations
}

// TheilSen fits a trend to 2 to MaxPoints points, in any order: the median of
// the slopes between all pairs, its confidence interval at the level, and the
// Mann-Kendall test. All x are finite and different (times, block numbers), all y
// finite.
//
// The interval inverts Kendall's test of y - slope x against x (Sen 1968): from
// the m-th smallest to the m-th largest pairwise slope, m being the least with
// P(D < m+1) > (1-level)/2 for D the discordant pairs of a random order. Between
// two pairwise slopes no residuals are equal, so ties in y change nothing in it.
// Below 5 points there is none at 95 %, and it is unbounded.
//
// P = min(1, 2 P(D <= d)), d being the fewer of the discordant and concordant
// pairs. Equal y make pairs that are neither; P is then conditional on them: over
// all orders of the y as they are, ties included. P <= 1-level outside the
// interval and not inside, as for Location.
func TheilSen(x, y []float64, level float64) (Trend, error) {
	if err := checkLevel(level); err != nil {
		return Trend{}, err
	}
	points, err := pointsByX(x, y)
	if err != nil {
		return Trend{}, err
	}
	n := len(points)
	slopes := make([]float64, 0, n*(n-1)/2)
	s := 0
	for j, q := range points {
		for _, p := range points[:j] {
			slope := (q.y - p.y) / (q.x - p.x)
			if math.IsNaN(slope) || math.IsInf(slope, 0) {
				return Trend{}, fmt.Errorf("the slope from x = %v to %v overflows", p.x, q.x)
			}
			slopes = append(slopes, slope)
			s += cmp.Compare(q.y, p.y)
		}
	}
	slices.Sort(slopes)

	groups := groupSizes(y)
	fewer := (untiedPairs(groups) - max(s, -s)) / 2
	return Trend{
		Slope:    median(slopes),
		Interval: slopeInterval(slopes, n, level),
		S:        s,
		P:        min(1, 2*kendallTail(groups, fewer)(fewer)),
		N:        n,
		Exact:    n <= exactKendall,
	}, nil
}

// slopeInterval picks the ends from the sorted slopes of n points.
func slopeInterval(slopes []float64, n int, level float64) Interval {
	all := len(slopes)
	tail := kendallTail(slices.Repeat([]int{1}, n), all/2)
	// At all/2 the tail is at least 1/2, by symmetry.
	m := sort.Search(all/2, func(m int) bool { return tail(m) > (1-level)/2 })
	if m == 0 {
		return unbounded(level)
	}
	lo, hi := slopes[m-1], slopes[all-m]
	below := sort.Search(all, func(i int) bool { return slopes[i] >= lo })
	above := all - sort.Search(all, func(i int) bool { return slopes[i] > hi })
	return Interval{
		Lo: lo, Hi: hi, Level: level,
		Achieved: 1 - 2*tail(max(below, above)),
		Bounded:  true,
	}
}

type point struct{ x, y float64 }

func pointsByX(x, y []float64) ([]point, error) {
	if len(x) != len(y) {
		return nil, fmt.Errorf("not paired: %d x, %d y; index %d has one only", len(x), len(y), min(len(x), len(y)))
	}
	if len(x) < 2 || len(x) > MaxPoints {
		return nil, fmt.Errorf("a trend takes 2 to %d points, not %d", MaxPoints, len(x))
	}
	if err := checkFinite("x", x); err != nil {
		return nil, err
	}
	if err := checkFinite("y", y); err != nil {
		return nil, err
	}
	points := make([]point, len(x))
	for i := range x {
		points[i] = point{x[i], y[i]}
	}
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	for i := 1; i < len(points); i++ {
		if v := points[i].x; v == points[i-1].x {
			return nil, fmt.Errorf("x = %v twice, first at index %d: there is no slope between the two", v, slices.Index(x, v))
		}
	}
	return points, nil
}

// groupSizes is how often each value occurs.
func groupSizes(y []float64) []int {
	sorted := slices.Sorted(slices.Values(y))
	var sizes []int
	for i, v := range sorted {
		if i > 0 && v == sorted[i-1] {
			sizes[len(sizes)-1]++
		} else {
			sizes = append(sizes, 1)
		}
	}
	return sizes
}
