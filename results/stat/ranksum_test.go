package stat

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/aclements/go-moremath/stats"
)

// TestRankSumTable: the largest U that is significant at 5 %, two-sided, for two
// samples of n. From the tables of Mann and Whitney (1947) as extended by Milton
// (Journal of the American Statistical Association 59, 1964).
func TestRankSumTable(t *testing.T) {
	for n, critical := range map[int]int{4: 0, 5: 2, 6: 5, 7: 8, 8: 13, 9: 17, 10: 23, 12: 37, 15: 64, 20: 127} {
		for _, c := range []struct {
			u           int
			significant bool
		}{{critical, true}, {critical + 1, false}} {
			r, err := RankSumTest(samplesWith(n, c.u))
			if err != nil || r.U != float64(c.u) {
				t.Fatalf("n %d: U %v instead of %d, %v", n, r.U, c.u, err)
			}
			if got := r.P <= 0.05; got != c.significant {
				t.Errorf("n %d, U %d: p %v", n, c.u, r.P)
			}
		}
	}
}

// samplesWith makes x 1..n by twos and a y that is larger in u pairs.
func samplesWith(n, u int) (x, y []float64) {
	for i := range n {
		x = append(x, float64(2*i+2))
		above := min(n, u) // pairs that this y is larger in
		u -= above
		y = append(y, float64(2*above+1))
	}
	// Equal values of y are moved apart without passing any x.
	for i := range y {
		y[i] += float64(i) / float64(4*n)
	}
	return x, y
}

// Hollander and Wolfe, Nonparametric Statistical Methods (1973), page 69: the
// permeability of membranes at term and at 12 to 26 weeks.
func TestRankSumOfABook(t *testing.T) {
	x := []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	y := []float64{1.15, 0.88, 0.90, 0.74, 1.21}
	r, err := RankSumTest(x, y)
	if err != nil || r.U != 15 || math.Abs(r.Less-0.1272) > 5e-5 {
		t.Errorf("%+v, %v", r, err)
	}
	e, err := Shift(y, x, .95)
	if err != nil || math.Abs(e.Value-0.305) > 1e-9 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestRankSumAgainstMoremath compares with another implementation, with and without
// ties, where its result is exact, too.
func TestRankSumAgainstMoremath(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		x, y := drawn(rng, 1+rng.IntN(12)), drawn(rng, 1+rng.IntN(12))
		r, err := RankSumTest(x, y)
		if err != nil {
			t.Fatal(err)
		}
		// Its upper tail steps by 1 where ties step by a half: both tails are asked for
		// as lower ones.
		less, err := stats.MannWhitneyUTest(y, x, stats.LocationLess)
		if err != nil { // all values equal
			continue
		}
		more, err := stats.MannWhitneyUTest(x, y, stats.LocationLess)
		if err != nil || r.U != less.U || math.Abs(r.Less-less.P) > 1e-9 || math.Abs(r.More-more.P) > 1e-9 {
			t.Fatalf("%v against %v: %+v, want %+v and %+v", y, x, r, *less, *more)
		}
	}
}

// drawn is n values, in every other sample with ties.
func drawn(rng *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	step := []float64{.5, 1e-9}[rng.IntN(2)]
	for i := range out {
		out[i] = math.Round(rng.NormFloat64()/step) * step
	}
	return out
}

// TestRankSumByEnumeration counts every choice of ranks.
func TestRankSumByEnumeration(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		x, y := drawn(rng, 1+rng.IntN(6)), drawn(rng, 1+rng.IntN(6))
		r, err := RankSumTest(x, y)
		if err != nil {
			t.Fatal(err)
		}
		all := append(append([]float64{}, x...), y...)
		less, more, choices := 0, 0, 0
		for mask := range 1 << len(all) {
			if bits.OnesCount(uint(mask)) != len(y) {
				continue
			}
			u := 0.0
			for i, a := range all {
				for j, b := range all {
					if mask>>i&1 == 1 && mask>>j&1 == 0 {
						u += map[bool]float64{true: 1}[a > b]
						u += map[bool]float64{true: .5}[a == b]
					}
				}
			}
			choices++
			less += map[bool]int{true: 1}[u <= r.U]
			more += map[bool]int{true: 1}[u >= r.U]
		}
		if c := float64(choices); math.Abs(r.Less-float64(less)/c) > 1e-12 || math.Abs(r.More-float64(more)/c) > 1e-12 {
			t.Fatalf("%v, %v: %+v, enumerated %d and %d of %d", x, y, r, less, more, choices)
		}
	}
}

// TestShiftInvertsTheTest: inside the interval nothing is rejected, outside
// everything is, on each side at half of what is left of the level.
func TestShiftInvertsTheTest(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	bounded := 0
	for range 300 {
		x, y := drawn(rng, 1+rng.IntN(9)), drawn(rng, 1+rng.IntN(9))
		e, err := Shift(x, y, .95)
		if err != nil {
			t.Fatal(err)
		}
		rejected := func(theta float64) bool {
			moved := make([]float64, len(y))
			for i, v := range y {
				moved[i] = v - theta
			}
			r, err := RankSumTest(x, moved)
			if err != nil {
				t.Fatal(err)
			}
			return min(r.Less, r.More) <= .025
		}
		if !e.Bounded {
			continue
		}
		bounded++
		if !(e.Lo <= e.Value && e.Value <= e.Hi) || e.Achieved < .95 {
			t.Fatalf("%+v", e)
		}
		// Irrational steps: no theta meets a difference.
		for _, c := range []struct {
			theta float64
			want  bool
		}{{e.Lo - 1e-5*math.Pi, true}, {e.Hi + 1e-5*math.Pi, true}, {e.Lo + 1e-5*math.Pi, false}, {e.Hi - 1e-5*math.Pi, false}} {
			if e.Hi-e.Lo > 1e-3 && rejected(c.theta) != c.want {
				t.Fatalf("%v, %v: [%v, %v], %v rejected: %t", x, y, e.Lo, e.Hi, c.theta, !c.want)
			}
		}
	}
	if bounded < 100 {
		t.Fatalf("only %d intervals", bounded)
	}
}

func TestShiftCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	covered := 0
	const n = 1000
	for range n {
		x, y := make([]float64, 12), make([]float64, 12)
		for i := range x {
			x[i], y[i] = math.Exp(.2*rng.NormFloat64()), 1.1*math.Exp(.2*rng.NormFloat64())
		}
		e, err := ShiftRatio(x, y, .95)
		if err != nil || !e.Bounded {
			t.Fatal(e, err)
		}
		if e.Lo <= 1.1 && 1.1 <= e.Hi {
			covered++
		}
	}
	if covered < 933 || covered > 975 { // 95.5 % is what 12 and 12 achieve; three standard errors
		t.Errorf("%d of %d intervals hold the truth", covered, n)
	}
}

// TestRankSumOfMany: where counting takes too long, the approximation is as good.
func TestRankSumOfMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	worst, worstTail := 0.0, 0.0
	for range 200 {
		x, y := drawn(rng, exactSide), drawn(rng, 10+rng.IntN(exactSide-10))
		ranks, n, sum := shiftedRanks(slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y)), rng.NormFloat64())
		exact, about := choicesExactly(ranks, n, sum), choicesAbout(ranks, n, sum)
		off := math.Abs(exact - about)
		worst = max(worst, off)
		if exact < .05 {
			worstTail = max(worstTail, off)
		}
	}
	if worst > .01 || worstTail > .002 {
		t.Errorf("off by up to %v, by %v where it matters", worst, worstTail)
	}
	big := make([]float64, MaxSide)
	for i := range big {
		big[i] = math.Exp(.2 * rng.NormFloat64())
	}
	if e, err := ShiftRatio(big, big, .95); err != nil || !e.Bounded || e.Lo > 1 || e.Hi < 1 || e.P < .99 {
		t.Errorf("%+v, %v", e, err)
	}
	same := make([]float64, 40)
	if r, err := RankSumTest(same, same); err != nil || r.P != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRankSumLimits(t *testing.T) {
	inf := math.Inf(1)
	r, err := RankSumTest([]float64{1, 2, 3, inf}, []float64{inf, inf, inf, inf})
	if err != nil || r.U != 14 || r.More >= .2 {
		t.Errorf("%+v, %v", r, err)
	}
	if e, err := Shift([]float64{1, 2, 3}, []float64{7, 8, 9}, .95); err != nil || e.Bounded || e.Value != 6 || math.Abs(e.P-.1) > 1e-12 {
		t.Errorf("3 and 3 have an interval: %+v, %v", e, err)
	}
	same := []float64{140, 140, 140, 140}
	if e, err := ShiftRatio(same, same, .95); err != nil || e.Value != 1 || e.P != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	for _, bad := range [][2][]float64{{nil, {1}}, {{1}, nil}, {{math.NaN()}, {1}}, {make([]float64, MaxSide+1), {1}}} {
		if _, err := RankSumTest(bad[0], bad[1]); err == nil {
			t.Errorf("%v is not refused", bad)
		}
	}
	if _, err := Shift([]float64{1}, []float64{inf}, .95); err == nil {
		t.Error("an infinite value has a shift")
	}
	if _, err := ShiftRatio([]float64{0}, []float64{1}, .95); err == nil {
		t.Error("0 has a ratio")
	}
	for m, want := range map[int]int{1: 4, 2: 5, 10: 6, 14: 6, 28: 7} {
		if got := SideNeeded(m, .05); got != want {
			t.Errorf("SideNeeded(%d) = %d, want %d", m, got, want)
		}
	}
}
