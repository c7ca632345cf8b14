package stat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func mustLocation(t testing.TB, x []float64, level float64) Estimate {
	t.Helper()
	e, err := Location(x, level)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestLocationPublished: Hollander and Wolfe find 0.46 and [0.010, 0.786], 96.1 %,
// for the 9 patients. By hand too: the 23rd, 6th and 40th of the 45 Walsh
// averages are (0.430+0.490)/2, 0.010 and (0.952+0.620)/2.
func TestLocationPublished(t *testing.T) {
	e := mustLocation(t, depression, 0.95)
	near(t, "depression", e.Value, 0.46, 1e-12)
	near(t, "lower end", e.Lo, 0.010, 1e-12)
	near(t, "upper end", e.Hi, 0.786, 1e-12)
	near(t, "achieved", e.Achieved, 1-20./512, 0)
	if hl, err := HodgesLehmann(depression); err != nil || hl != e.Value {
		t.Errorf("HodgesLehmann: %v, %v", hl, err)
	}
	if e.N != 9 || e.P != 20./512 || e.Level != 0.95 || !e.Bounded || e.Zeros != 0 {
		t.Errorf("%+v", e)
	}

	// Darwin's plants: 25 is the critical T of 15 pairs, so the ends are the 26th
	// from below and above. Shifts a quarter beside them, where nothing is tied.
	w := walsh(darwin)
	e = mustLocation(t, darwin, 0.95)
	if e.Lo != w[25] || e.Hi != w[len(w)-26] || e.Value != w[60-1]/2+w[61-1]/2 {
		t.Errorf("%+v, want %v to %v", e, w[25], w[len(w)-26])
	}
	for _, end := range []struct{ outside, inside float64 }{{e.Lo - 0.25, e.Lo + 0.25}, {e.Hi + 0.25, e.Hi - 0.25}} {
		if out, in := bruteP(add(darwin, -end.outside)), bruteP(add(darwin, -end.inside)); !(out <= 0.05 && in > 0.05) {
			t.Errorf("Darwin: p = %v at %v, %v at %v", out, end.outside, in, end.inside)
		}
	}
}

// TestOrderStatistics: without ties the ends are the Walsh averages that the
// published critical values say.
func TestOrderStatistics(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, table := range criticalT {
		for i, c := range table.t {
			n := table.least + i
			x := make([]float64, n)
			for j := range x {
				x[j] = rng.NormFloat64()
			}
			e, w := mustLocation(t, x, table.level), walsh(x)
			if e.Lo != w[c] || e.Hi != w[len(w)-1-c] {
				t.Errorf("n = %d at %v: [%v, %v], want averages %d from the ends", n, table.level, e.Lo, e.Hi, c)
			}
			if want := 1 - mustSignedRank(t, withT(n, c)).P; e.Achieved != want || !e.Bounded {
				t.Errorf("n = %d at %v: achieved %v, want %v", n, table.level, e.Achieved, want)
			}
		}
		short := make([]float64, table.least-1)
		for j := range short {
			short[j] = 1 + rng.Float64()
		}
		e := mustLocation(t, short, table.level)
		if want := (Interval{math.Inf(-1), math.Inf(1), table.level, 1, false}); e.Interval != want {
			t.Errorf("n = %d at %v: %+v, want unbounded", len(short), table.level, e.Interval)
		}
	}
}

// TestLocationInvertsTest asks the test itself, at every Walsh average and in
// every gap between two: integers have averages in halves, so all of them are
// multiples of a quarter and no rounding interferes.
func TestLocationInvertsTest(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	bounded := 0
	for range 400 {
		x := lumpy(rng, 3+rng.IntN(8), 1+rng.IntN(12))
		level := []float64{0.5, 0.8, 0.9, 0.9375, 0.95, 0.99}[rng.IntN(6)]
		e := mustLocation(t, x, level)
		if e.Bounded {
			bounded++
		}
		last := 0.0 // p just outside, at most
		for theta := slices.Min(x) - 1; theta <= slices.Max(x)+1; theta += 0.25 {
			p := bruteP(add(x, -theta))
			if theta > e.Lo && theta < e.Hi && p <= 1-level {
				t.Fatalf("%v: %v is in [%v, %v] at %v and has p = %v", x, theta, e.Lo, e.Hi, level, p)
			}
			if theta < e.Lo || theta > e.Hi {
				last = max(last, p)
			}
		}
		if last > 1-level {
			t.Fatalf("%v: [%v, %v] at %v, outside it p = %v", x, e.Lo, e.Hi, level, last)
		}
		if e.Achieved != 1-last {
			t.Fatalf("%v: [%v, %v] at %v achieves %v, the p outside say %v", x, e.Lo, e.Hi, level, e.Achieved, 1-last)
		}
	}
	if bounded < 200 {
		t.Errorf("only %d of the intervals were bounded", bounded)
	}
}

// TestTailNeverFalls is what the binary search rests on, at all shifts.
func TestTailNeverFalls(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 200 {
		x := lumpy(rng, 2+rng.IntN(20), 1+rng.IntN(15))
		last := 0.0
		for theta := slices.Min(x) - 1; theta <= slices.Max(x)+1; theta += 0.25 {
			minus := 0
			var ranks []int
			for i, r := range bruteRanks(add(x, -theta)) {
				if x[i] < theta {
					minus += r
				}
				if r > 0 {
					ranks = append(ranks, r)
				}
			}
			l := lowerTail(ranks, minus)
			if l < last {
				t.Fatalf("%v: L falls from %v to %v at %v", x, last, l, theta)
			}
			last = l
		}
	}
}

func TestLocationEquivariance(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 200 {
		x := lumpy(rng, 1+rng.IntN(25), 1+rng.IntN(30))
		e := mustLocation(t, x, 0.95)

		moved := mustLocation(t, add(x, 1000), 0.95)
		if moved.Value != e.Value+1000 || moved.Lo != e.Lo+1000 || moved.Hi != e.Hi+1000 || moved.Achieved != e.Achieved {
			t.Fatalf("%v: shifted %+v, before %+v", x, moved, e)
		}
		turned, scaled := slices.Clone(x), slices.Clone(x)
		for i := range x {
			turned[len(x)-1-i] = -x[i]
			scaled[i] *= 8
		}
		want := e
		want.Value, want.Lo, want.Hi = -e.Value, -e.Hi, -e.Lo
		if got := mustLocation(t, turned, 0.95); got != want {
			t.Fatalf("%v: signs turned %+v, want %+v", x, got, want)
		}
		want.Value, want.Lo, want.Hi = 8*e.Value, 8*e.Lo, 8*e.Hi
		if got := mustLocation(t, scaled, 0.95); got != want {
			t.Fatalf("%v: scaled %+v, want %+v", x, got, want)
		}
	}
}

// TestCoverage draws 2000 experiments of 12 blocks. With continuous data the
// interval covers as often as Achieved says; with ties and zeros at least as
// often as the level. Four standard errors of allowance.
func TestCoverage(t *testing.T) {
	const experiments, n, truth, level = 2000, 12, 3.0, 0.95
	shapes := map[string]func(*rand.Rand) float64{
		"normal":   (*rand.Rand).NormFloat64,
		"uniform":  func(r *rand.Rand) float64 { return r.Float64() - 0.5 },
		"heavy":    func(r *rand.Rand) float64 { return math.Tan(math.Pi * (r.Float64() - 0.5)) },
		"rounded":  func(r *rand.Rand) float64 { return math.Round(1.5 * r.NormFloat64()) },
		"one of 3": func(r *rand.Rand) float64 { return float64(r.IntN(3) - 1) },
	}
	for name, draw := range shapes {
		rng := rand.New(rand.NewPCG(13, 14))
		covered, achieved := 0.0, 0.0
		for range experiments {
			x := make([]float64, n)
			for i := range x {
				x[i] = truth + draw(rng)
			}
			e := mustLocation(t, x, level)
			if e.Lo <= truth && truth <= e.Hi {
				covered++
			}
			achieved += e.Achieved
		}
		covered, achieved = covered/experiments, achieved/experiments
		allowed := 4 * math.Sqrt(level*(1-level)/experiments)
		if covered < level-allowed {
			t.Errorf("%s: covers %v", name, covered)
		}
		if tied := name == "rounded" || name == "one of 3"; !tied {
			near(t, name+": coverage and Achieved", covered, achieved, allowed)
		}
	}
}

func TestLocationLevels(t *testing.T) {
	for _, level := range []float64{0, 1, -0.95, 95, math.NaN(), math.Inf(1)} {
		want := fmt.Sprintf("confidence level %v is not between 0 and 1", level)
		if _, err := Location(darwin, level); err == nil || err.Error() != want {
			t.Errorf("%v: %v", level, err)
		}
	}
}
