package stat

import (
	"math"
	"math/big"
)

// exactKendall is the most points for which Kendall's distribution is counted
// out. There it takes some ten milliseconds, and the normal approximation is off
// by less than 0.001.
const exactKendall = 100

// kendallTail is P(D <= d), as a function of d <= top, of the discordant pairs D
// in a random order of n values. groups holds the sizes of the groups of equal
// values, 1 for a value of its own; they add up to n. A pair of equal values is
// neither concordant nor discordant. Up to exactKendall values it is exact.
func kendallTail(groups []int, top int) func(d int) float64 {
	n := 0
	for _, t := range groups {
		n += t
	}
	if n > exactKendall {
		return approximateDiscordant(groups, n)
	}
	exact := countDiscordant(groups, n, top)
	return func(d int) float64 { return exact[d] }
}

// approximateDiscordant is P(D <= d) from the normal distribution: the variance
// of S = C - D with ties (Kendall, Rank Correlation Methods), over 4 since D =
// (M - S)/2 for M untied pairs, and half a step for continuity.
func approximateDiscordant(groups []int, n int) func(d int) float64 {
	pairs := untiedPairs(groups)
	v := float64(n) * float64(n-1) * float64(2*n+5)
	for _, t := range groups {
		v -= float64(t) * float64(t-1) * float64(2*t+5)
	}
	sd := math.Sqrt(v / 72)
	return func(d int) float64 { return normalCDF((float64(d) + 0.5 - float64(pairs)/2) / sd) }
}

// untiedPairs is how many pairs are of unequal values.
func untiedPairs(groups []int) int {
	n, pairs := 0, 0
	for _, t := range groups {
		pairs += n * t
		n += t
	}
	return pairs
}

// countDiscordant is P(D <= d) for d = 0..top, counted in whole numbers. The
// orders of a multiset by their inversions are the coefficients of the
// q-multinomial (MacMahon; Stanley, Enumerative Combinatorics 1, section 1.7):
//
//	(1-q)(1-q^2)...(1-q^n) / product over the groups of (1-q)...(1-q^t)
//
// Multiplying by 1-q^i subtracts a shifted copy, dividing adds one up. The
// subtractions are why this is not done in float64.
func countDiscordant(groups []int, n, top int) []float64 {
	count := make([]big.Int, top+1)
	count[0].SetInt64(1)
	for i := 1; i <= n; i++ {
		for s := top; s >= i; s-- {
			count[s].Sub(&count[s], &count[s-i])
		}
	}
	orders := new(big.Int).MulRange(1, int64(n))
	for _, t := range groups {
		for i := 1; i <= t; i++ {
			for s := i; s <= top; s++ {
				count[s].Add(&count[s], &count[s-i])
			}
		}
		orders.Quo(orders, new(big.Int).MulRange(1, int64(t)))
	}
	out := make([]float64, top+1)
	all := new(big.Float).SetInt(orders)
	sum := new(big.Int)
	for d := range out {
		sum.Add(sum, &count[d])
		out[d], _ = new(big.Float).Quo(new(big.Float).SetInt(sum), all).Float64()
	}
	return out
}
