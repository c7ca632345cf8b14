package stat

import (
	"cmp"
	"math"
	"slices"
)

// SignedRank is the outcome of Wilcoxon's signed-rank test.
type SignedRank struct {
	N     int     // values
	Zeros int     // of them zero
	Plus  float64 // sum of the ranks of the positive values (R's V)
	Minus float64 // sum of the ranks of the negative values
	P     float64 // exact, two-sided
}

// SignedRankTest tests whether x lies symmetrically about zero. x holds 1 to
// MaxN finite values.
//
// The absolute values are ranked, the smallest 1, equal ones with their mean
// rank. Zeros are ranked with the others and their ranks are then left out
// (Pratt 1959). P is conditional on the ranks that came out: under the
// hypothesis each of them is positive or negative with probability 1/2,
// independently, and P = min(1, 2 min(P(T <= t), P(T >= t))) over all these
// signs. So it is exact with ties and zeros too. If all values are zero, P is 1.
func SignedRankTest(x []float64) (SignedRank, error) {
	if err := checkSample(x); err != nil {
		return SignedRank{}, err
	}
	sorted := slices.Clone(x)
	slices.SortFunc(sorted, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })

	t := SignedRank{N: len(x)}
	ranks := make([]int, 0, len(x)) // doubled, of the values that are not zero
	plus, minus := 0, 0             // doubled
	for from, to := 0, 0; from < len(sorted); from = to {
		to = from + 1
		for to < len(sorted) && math.Abs(sorted[to]) == math.Abs(sorted[from]) {
			to++
		}
		if sorted[from] == 0 {
			t.Zeros = to
			continue
		}
		for _, v := range sorted[from:to] {
			r := doubledRank(from, to)
			ranks = append(ranks, r)
			if v > 0 {
				plus += r
			} else {
				minus += r
			}
		}
	}
	t.Plus, t.Minus = float64(plus)/2, float64(minus)/2
	// The distribution is symmetric: P(T+ >= t+) is P(T- <= t-).
	t.P = min(1, 2*lowerTail(ranks, min(plus, minus)))
	return t, nil
}

// doubledRank is twice the mean of the ranks from+1 to to: a whole number, where
// a mean rank may be a half.
func doubledRank(from, to int) int { return from + to + 1 }

// lowerTail is P(T <= t) where T adds each of the ranks with probability 1/2.
// Ranks (at most MaxN) and t are doubled.
//
// It counts the subsets by their sum, adding one rank at a time. The counts are
// whole numbers, exact up to 53 ranks; beyond, the relative error is that of n
// additions of positive float64. 2^MaxN does not overflow one.
func lowerTail(ranks []int, t int) float64 {
	subsets := make([]float64, t+1)
	subsets[0] = 1
	reach := 0 // the largest sum so far, no further than t
	for _, r := range ranks {
		reach = min(reach+r, t)
		for s := reach; s >= r; s-- {
			subsets[s] += subsets[s-r]
		}
	}
	total := 0.0
	for _, c := range subsets {
		total += c
	}
	return math.Ldexp(total, -len(ranks))
}
