package stat

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func mustTrend(t testing.TB, x, y []float64, level float64) Trend {
	t.Helper()
	r, err := TheilSen(x, y, level)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheilSenPublished(t *testing.T) {
	// Sen 1968, section 6: slope 4, ends 26/7 and 35/8. He calls it 93 %, and so do
	// the tests of R's deming and SciPy, by a rounded normal approximation. Exactly,
	// these 4th slopes from the ends are 97 %: 1+6+20+49 = 76 of 5040 orders have 3
	// inversions or fewer. With 98 more it is the 5th that make 93 %, by hand 30/8
	// and 46/11.
	x, y := []float64{1, 2, 3, 4, 10, 12, 18}, []float64{9, 15, 19, 20, 45, 55, 78}
	r := mustTrend(t, x, y, 0.93)
	near(t, "lower end", r.Lo, 30./8, 1e-15)
	near(t, "upper end", r.Hi, 46./11, 1e-15)
	near(t, "achieved", r.Achieved, 1-2*174./5040, 1e-15)
	r = mustTrend(t, x, y, 0.95)
	near(t, "slope", r.Slope, 4, 0)
	near(t, "lower end", r.Lo, 26./7, 1e-15)
	near(t, "upper end", r.Hi, 35./8, 1e-15)
	near(t, "achieved", r.Achieved, 1-2*76./5040, 1e-15)
	near(t, "p", r.P, 2./5040, 1e-18)
	if r.S != 21 || r.N != 7 || !r.Exact || !r.Bounded {
		t.Errorf("%+v", r)
	}

	// Hollander and Wolfe, example 9.1 (cloud seeding). By hand: 2 slopes of 10
	// are positive, (1+4+9)/120 orders have 2 inversions or fewer, and at 95 %
	// only the one perfect order is out.
	x, y = []float64{1, 2, 3, 4, 5}, []float64{1.26, 1.27, 1.12, 1.16, 1.03}
	r = mustTrend(t, x, y, 0.95)
	near(t, "slope", r.Slope, -0.05625, 1e-15)
	near(t, "lower end", r.Lo, -0.15, 1e-15)
	near(t, "upper end", r.Hi, 0.04, 1e-15)
	near(t, "achieved", r.Achieved, 1-2./120, 1e-15)
	near(t, "p", r.P, 2*14./120, 1e-15)
	if r.S != -6 {
		t.Errorf("S = %d", r.S)
	}
	if r = mustTrend(t, x[:4], y[:4], 0.95); r.Bounded || r.Achieved != 1 || !math.IsInf(r.Lo, -1) || !math.IsInf(r.Hi, 1) {
		t.Errorf("4 points: %+v", r)
	}
}

// TestTheilSenInvertsTest takes slopes as fractions a/b and tests b*y - a*x, so
// that residuals which are equal are equal: at every pairwise slope and between.
func TestTheilSenInvertsTest(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	bounded := 0
	for range 60 {
		y := lumpy(rng, 4+rng.IntN(7), 1+rng.IntN(10))
		x := make([]float64, len(y))
		for i := range x {
			x[i] = float64(2*i + rng.IntN(2))
		}
		level := []float64{0.5, 0.9, 0.95}[rng.IntN(3)]
		r := mustTrend(t, x, y, level)
		if r.Bounded {
			bounded++
		}

		type fraction struct{ a, b float64 }
		var slopes []fraction
		for j := range x {
			for i := range j {
				slopes = append(slopes, fraction{y[j] - y[i], x[j] - x[i]})
			}
		}
		slices.SortFunc(slopes, func(p, q fraction) int { return cmp.Compare(p.a/p.b, q.a/q.b) })
		at := []fraction{{slopes[0].a - slopes[0].b, slopes[0].b}}
		for i, s := range slopes {
			at = append(at, s)
			if next := slopes[min(i+1, len(slopes)-1)]; s.a*next.b != next.a*s.b {
				at = append(at, fraction{s.a*next.b + next.a*s.b, 2 * s.b * next.b})
			}
		}
		last := slopes[len(slopes)-1]
		at = append(at, fraction{last.a + last.b, last.b})

		outside := 0.0
		for _, f := range at {
			residuals := make([]float64, len(x))
			for i := range x {
				residuals[i] = f.b*y[i] - f.a*x[i]
			}
			p, slope := mustTrend(t, x, residuals, level).P, f.a/f.b
			switch {
			case slope < r.Lo || slope > r.Hi:
				outside = max(outside, p)
			case slope > r.Lo && slope < r.Hi && p <= 1-level:
				t.Fatalf("%v, %v: %v is in [%v, %v] and has p = %v", x, y, slope, r.Lo, r.Hi, p)
			}
		}
		if outside > 1-level || math.Abs(r.Achieved-(1-outside)) > 1e-14 {
			t.Fatalf("%v, %v: %+v, p outside up to %v", x, y, r, outside)
		}
	}
	if bounded < 30 {
		t.Errorf("only %d of the intervals were bounded", bounded)
	}
}

func TestTheilSenEquivariance(t *testing.T) {
	rng := rand.New(rand.NewPCG(27, 28))
	for range 50 {
		y := lumpy(rng, 2+rng.IntN(15), 20)
		x := make([]float64, len(y))
		for i := range x {
			x[i] = float64(4 * i)
		}
		r := mustTrend(t, x, y, 0.9)
		turned := make([]float64, len(y))
		for i := range y {
			turned[i] = -y[i]
		}
		want := r
		want.Slope, want.Lo, want.Hi, want.S = -r.Slope, -r.Hi, -r.Lo, -r.S
		if got := mustTrend(t, x, turned, 0.9); got != want {
			t.Fatalf("turned: %+v, want %+v", got, want)
		}
		if got := mustTrend(t, add(x, 64), add(y, 1000), 0.9); got != r {
			t.Fatalf("shifted: %+v, want %+v", got, r)
		}
		backX, backY := slices.Clone(x), slices.Clone(y)
		slices.Reverse(backX)
		slices.Reverse(backY)
		if got := mustTrend(t, backX, backY, 0.9); got != r {
			t.Fatalf("in another order: %+v, want %+v", got, r)
		}
	}
}

func TestTheilSenErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		x, y  []float64
		level float64
		want  string
	}{
		{"one point", []float64{1}, []float64{1}, 0.95, "2 to 2000 points, not 1"},
		{"too many", make([]float64, MaxPoints+1), make([]float64, MaxPoints+1), 0.95, "not 2001"},
		{"unequal", []float64{1, 2, 3}, []float64{1, 2}, 0.95, "index 2 has one only"},
		{"NaN", []float64{1, 2}, []float64{1, math.NaN()}, 0.95, "y[1] is NaN"},
		{"infinite", []float64{1, math.Inf(1)}, []float64{1, 2}, 0.95, "x[1] is +Inf"},
		{"equal x", []float64{3, 7, 1, 7}, []float64{1, 2, 3, 4}, 0.95, "x = 7 twice, first at index 1"},
		{"level", []float64{1, 2}, []float64{1, 2}, 1, "confidence level 1"},
		{"overflow", []float64{0, 1e-300}, []float64{0, 1e300}, 0.95, "from x = 0 to 1e-300 overflows"},
	} {
		if _, err := TheilSen(tt.x, tt.y, tt.level); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
