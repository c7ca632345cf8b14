package stat

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// darwin is the height of 15 crossed less that of the self-fertilised plant of
// the same pot, Zea mays, in eighths of an inch (Darwin 1876; Fisher, The Design
// of Experiments, 1935).
var darwin = []float64{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48}

// depression is the Hamilton depression scale factor IV of 9 patients, first
// less second visit (Hollander and Wolfe, table 3.1; R, ?wilcox.test).
var depression = func() []float64 {
	first := []float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}
	second := []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29}
	x := make([]float64, len(first))
	for i := range x {
		x[i] = first[i] - second[i]
	}
	return x
}()

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s: %v, want %v within %g", what, got, want, within)
	}
}

func mustSignedRank(t testing.TB, x []float64) SignedRank {
	t.Helper()
	r, err := SignedRankTest(x)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bruteRanks is the doubled ranks of |x| by counting, 0 for a zero.
func bruteRanks(x []float64) []int {
	ranks := make([]int, len(x))
	for i, v := range x {
		below, equal := 0, 0
		for _, w := range x {
			switch {
			case math.Abs(w) < math.Abs(v):
				below++
			case math.Abs(w) == math.Abs(v):
				equal++
			}
		}
		if v != 0 {
			ranks[i] = 2*below + equal + 1
		}
	}
	return ranks
}

// bruteP goes through all 2^n signs: the definition, in the simplest form.
// Flipping the sign of a zero changes nothing, so both signs of it are counted.
func bruteP(x []float64) float64 {
	ranks := bruteRanks(x)
	seen := 0
	for i, v := range x {
		if v > 0 {
			seen += ranks[i]
		}
	}
	atMost, atLeast := 0, 0
	for signs := range uint(1) << len(x) {
		sum := 0
		for s := signs; s != 0; s &= s - 1 {
			sum += ranks[bits.TrailingZeros(s)]
		}
		if sum <= seen {
			atMost++
		}
		if sum >= seen {
			atLeast++
		}
	}
	return min(1, 2*float64(min(atMost, atLeast))/float64(uint(1)<<len(x)))
}

// lumpy is integers with many ties and zeros.
func lumpy(rng *rand.Rand, n, spread int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(rng.IntN(2*spread+1) - spread + rng.IntN(2))
	}
	return x
}

func TestSignedRankPublished(t *testing.T) {
	// The example is Pratt's (1959), the counts are by hand from the partitions
	// into distinct parts (OEIS A000009): discarding the zero gives a one-sided
	// 70/2^12, yet lowering all 13 values by less than 1 gives the smaller 109/2^13.
	reduced := []float64{2, 3, 4, 6, 7, 8, 9, 11, 14, 15, 17, -18}
	for _, tt := range []struct {
		name string
		x    []float64
		want SignedRank
	}{
		// V = 40, one-sided p = 0.01953 = 10/512: R, ?wilcox.test.
		{"depression", depression, SignedRank{N: 9, Plus: 40, Minus: 5, P: 20. / 512}},
		// statistic 24, p = 0.041259765625: SciPy, scipy.stats.wilcoxon.
		{"Darwin", darwin, SignedRank{N: 15, Plus: 96, Minus: 24, P: 0.041259765625}},
		{"Pratt, zero discarded", reduced, SignedRank{N: 12, Plus: 66, Minus: 12, P: 2 * 70. / 4096}},
		{"Pratt, all lowered", add(append(reduced, 0), -0.5), SignedRank{N: 13, Plus: 77, Minus: 14, P: 2 * 109. / 8192}},
		// By hand: ranks 2 to 5, 2^4 signs, all positive.
		{"a zero and four positive", []float64{0, 1, 2, 3, 4}, SignedRank{N: 5, Zeros: 1, Plus: 14, P: 2. / 16}},
		// By hand: ranks 1.5, 1.5, 3; sums 0, 1.5, 1.5, 3, 3, 4.5, 4.5, 6.
		{"a tie of opposites", []float64{1, -1, 2}, SignedRank{N: 3, Plus: 4.5, Minus: 1.5, P: 2 * 3. / 8}},
		// By hand: zeros 1 and 2, then 3.5, 3.5, 5: sums 0, 3.5, 3.5, 5, ...
		{"zeros and ties", []float64{0, 3, 0, -2, 2}, SignedRank{N: 5, Zeros: 2, Plus: 8.5, Minus: 3.5, P: 2 * 3. / 8}},
		{"only zeros", []float64{0, 0, math.Copysign(0, -1)}, SignedRank{N: 3, Zeros: 3, P: 1}},
		{"one value", []float64{-7}, SignedRank{N: 1, Minus: 1, P: 1}},
	} {
		if got := mustSignedRank(t, tt.x); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	// Pratt's remedy: p falls as all values rise, through the zero too.
	whole := append([]float64{0}, reduced...)
	lowered, kept, raised := mustSignedRank(t, add(whole, -0.5)).P, mustSignedRank(t, whole).P, mustSignedRank(t, add(whole, 0.5)).P
	if !(lowered >= kept && kept >= raised && lowered > raised) {
		t.Errorf("Pratt's example lowered, kept, raised: p = %v, %v, %v", lowered, kept, raised)
	}
}

func add(x []float64, shift float64) []float64 {
	out := slices.Clone(x)
	for i := range out {
		out[i] += shift
	}
	return out
}

// criticalT is the largest T that is significant, by the two-sided level.
//
//	10 %: Harvey, Chemometrics Using R, appendix 12.6 (there one-tailed 0.05)
//	 5 %: OEIS A226330 (there 2.5 % one-tailed)
//	 1 %: by the enumeration below, n up to 16; beyond, by the table that textbooks reprint
var criticalT = []struct {
	level float64
	least int // n of the first entry
	t     []int
}{
	{0.90, 5, []int{0, 2, 3, 5, 8, 10, 13, 17, 21, 25, 30, 35, 41, 47, 53, 60}},
	{0.95, 6, []int{0, 2, 3, 5, 8, 10, 13, 17, 21, 25, 29, 34, 40, 46, 52}},
	{0.99, 8, []int{0, 1, 3, 5, 7, 9, 12, 15, 19, 23, 27, 32, 37}},
}

// withT is the values 1 to n, of which the negative ones add up to t.
func withT(n, t int) []float64 {
	x := make([]float64, n)
	for i := n; i >= 1; i-- {
		x[i-1] = float64(i)
		if i <= t {
			t -= i
			x[i-1] = -x[i-1]
		}
	}
	return x
}

func TestCriticalValues(t *testing.T) {
	for _, table := range criticalT {
		for i, c := range table.t {
			n := table.least + i
			significant, not := mustSignedRank(t, withT(n, c)), mustSignedRank(t, withT(n, c+1))
			if significant.Minus != float64(c) || not.Minus != float64(c+1) {
				t.Fatalf("n = %d: T = %v and %v, want %d and %d", n, significant.Minus, not.Minus, c, c+1)
			}
			if alpha := 1 - table.level; !(significant.P <= alpha && not.P > alpha) {
				t.Errorf("n = %d: T = %d has p = %v, T = %d has %v; want %v between", n, c, significant.P, c+1, not.P, alpha)
			}
			if n <= 16 {
				near(t, "by enumeration", significant.P, bruteP(withT(n, c)), 0)
			}
		}
	}
	// MinP is what the test gives at its most extreme.
	for n := 1; n <= 60; n++ {
		if got := mustSignedRank(t, withT(n, 0)).P; got != MinP(n) {
			t.Errorf("n = %d, all positive: p = %v, MinP = %v", n, got, MinP(n))
		}
	}
}

func TestSignedRankByEnumeration(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		x := lumpy(rng, 1+rng.IntN(12), 1+rng.IntN(8))
		got, want := mustSignedRank(t, x).P, bruteP(x)
		if got != want { // both are whole numbers over 2^n
			t.Errorf("%v: p = %v, by enumeration %v", x, got, want)
		}
	}
}

// TestLowerTailSymmetry: P(T <= t) + P(T <= total-t-1) is 1 for any ranks. At 60
// values the counts no longer fit 53 bits.
func TestLowerTailSymmetry(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 7, 20, 60, 200} {
		ranks, total := make([]int, n), 0
		for i := range ranks {
			ranks[i] = 1 + rng.IntN(2*n)
			total += ranks[i]
		}
		for _, at := range []int{0, total / 10, total / 3, total / 2, total - 1} {
			near(t, "both tails", lowerTail(ranks, at)+lowerTail(ranks, total-at-1), 1, 1e-12)
		}
		near(t, "everything", lowerTail(ranks, total), 1, 1e-12)
	}
}

func TestSampleErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		x    []float64
		want string
	}{
		{"none", nil, "no values"},
		{"NaN", []float64{1, math.NaN()}, "x[1] is NaN"},
		{"infinite", []float64{math.Inf(-1), 1}, "x[0] is -Inf"},
		{"too many", make([]float64, MaxN+1), "501 values: more than the 500 of an exact test"},
	} {
		_, err := SignedRankTest(tt.x)
		_, err2 := Location(tt.x, 0.95)
		_, err3 := HodgesLehmann(tt.x)
		for _, err := range []error{err, err2, err3} {
			if err == nil || err.Error() != tt.want {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
		}
	}
}
