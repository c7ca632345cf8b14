package stat

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestInversions: the rows of OEIS A008302, permutations of n by inversions.
func TestInversions(t *testing.T) {
	for n, row := range map[int][]float64{
		2: {1, 1},
		3: {1, 2, 2, 1},
		4: {1, 3, 5, 6, 5, 3, 1},
		5: {1, 4, 9, 15, 20, 22, 20, 15, 9, 4, 1},
		6: {1, 5, 14, 29, 49, 71, 90, 101, 101, 90, 71, 49, 29, 14, 5, 1},
		7: {1, 6, 20, 49, 98, 169, 259, 359, 455, 531, 573, 573, 531, 455, 359, 259, 169, 98, 49, 20, 6, 1},
	} {
		orders, sum := 0.0, 0.0
		for _, c := range row {
			orders += c
		}
		got := countDiscordant(slices.Repeat([]int{1}, n), n, len(row)-1)
		for d, c := range row {
			sum += c
			near(t, "inversions", got[d], sum/orders, 1e-15)
		}
	}
}

// bruteKendall goes through all orders of y: the share with as few discordant,
// or as few concordant, pairs as y itself, doubled.
func bruteKendall(y []float64) float64 {
	score := func(y []float64) (s int) {
		for j := range y {
			for i := range j {
				s += cmp.Compare(y[j], y[i])
			}
		}
		return s
	}
	seen, orders, below, above := score(y), 0.0, 0.0, 0.0
	var permute func(y []float64, k int)
	permute = func(y []float64, k int) {
		if k == len(y) {
			s := score(y)
			orders++
			if s <= seen {
				below++
			}
			if s >= seen {
				above++
			}
			return
		}
		for i := k; i < len(y); i++ {
			y[k], y[i] = y[i], y[k]
			permute(y, k+1)
			y[k], y[i] = y[i], y[k]
		}
	}
	permute(slices.Clone(y), 0)
	return min(1, 2*min(below, above)/orders)
}

func TestMannKendallByEnumeration(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for range 150 {
		y := lumpy(rng, 2+rng.IntN(6), 1+rng.IntN(4))
		x := make([]float64, len(y))
		for i := range x {
			x[i] = float64(i)
		}
		near(t, "p", mustTrend(t, x, y, 0.95).P, bruteKendall(y), 1e-14)
	}
}

// TestKendallApproximation: where the exact count ends, the normal distribution
// is within 0.001 of it, ties or not.
func TestKendallApproximation(t *testing.T) {
	for _, groups := range [][]int{slices.Repeat([]int{1}, exactKendall), slices.Repeat([]int{5}, exactKendall/5), {50, 50}} {
		pairs := untiedPairs(groups)
		exact, approximate := kendallTail(groups, pairs/2), approximateDiscordant(groups, exactKendall)
		for d := range pairs / 2 {
			if math.Abs(exact(d)-approximate(d)) > 0.001 {
				t.Fatalf("groups of %d: P(D <= %d) = %v, approximately %v", groups[0], d, exact(d), approximate(d))
			}
		}
	}
	// A longer series, and a trend that cannot be missed.
	x, y := make([]float64, 150), make([]float64, 150)
	for i := range x {
		x[i], y[i] = float64(i), 3*float64(i)+float64(i%7)
	}
	r := mustTrend(t, x, y, 0.95)
	if r.Exact || r.P > 1e-9 || !(r.Lo <= 3 && 3 <= r.Hi) || r.Hi-r.Lo > 0.02 || r.Achieved < 0.95 {
		t.Errorf("%+v", r)
	}
	if r = mustTrend(t, x, make([]float64, 150), 0.95); r.P != 1 || r.Slope != 0 {
		t.Errorf("all equal: %+v", r)
	}
}
