package stat

import (
	"math"
	"testing"
)

// TestWilsonPublished: Newcombe, Statistics in Medicine 17 (1998) 857-872, table
// I, method 3, to four digits.
func TestWilsonPublished(t *testing.T) {
	for _, tt := range []struct {
		k, n   int
		lo, hi float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
	} {
		lo, hi, err := Wilson(tt.k, tt.n, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "lower end", lo, tt.lo, 0.00005)
		near(t, "upper end", hi, tt.hi, 0.00005)
	}
}

// TestWilsonSolves: the ends are where the score statistic is z, which is how
// Wilson defines them.
func TestWilsonSolves(t *testing.T) {
	z := normalQuantile(0.95)
	for n := 1; n < 60; n++ {
		for k := 0; k <= n; k++ {
			lo, hi, err := Wilson(k, n, 0.90)
			if err != nil {
				t.Fatal(err)
			}
			seen := float64(k) / float64(n)
			if !(0 <= lo && lo <= seen && seen <= hi && hi <= 1) {
				t.Fatalf("%d of %d: [%v, %v]", k, n, lo, hi)
			}
			for _, p := range []float64{lo, hi} {
				if p > 0 && p < 1 {
					near(t, "score", math.Abs(seen-p)/math.Sqrt(p*(1-p)/float64(n)), z, 1e-9)
				}
			}
			mirrorLo, mirrorHi, _ := Wilson(n-k, n, 0.90)
			near(t, "mirrored", mirrorLo, 1-hi, 1e-15)
			near(t, "mirrored", mirrorHi, 1-lo, 1e-15)
		}
	}
	if lo, hi, _ := Wilson(0, 7, 0.95); lo != 0 || hi == 0 {
		t.Errorf("none of 7: [%v, %v]", lo, hi)
	}
	if lo, hi, _ := Wilson(7, 7, 0.95); hi != 1 || lo == 1 {
		t.Errorf("7 of 7: [%v, %v]", lo, hi)
	}
}

func TestNoneIn(t *testing.T) {
	// By hand: 1 - 0.05 = 0.95 for one try, 1 - sqrt(0.05) for two.
	for n, want := range map[int]float64{1: 0.95, 2: 1 - math.Sqrt(0.05)} {
		got, err := NoneIn(n, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "upper bound", got, want, 1e-15)
	}
	for _, n := range []int{30, 1000, 1_000_000_000} {
		got, err := NoneIn(n, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "none in n tries", math.Exp(float64(n)*math.Log1p(-got)), 0.05, 1e-12)
		if three := 3 / float64(n); !(got < three && got > 0.95*three) {
			t.Errorf("%d: %v, rule of three %v", n, got, three)
		}
	}
}

func TestProportionErrors(t *testing.T) {
	for _, tt := range []struct {
		k, n  int
		level float64
	}{{1, 0, 0.95}, {-1, 5, 0.95}, {6, 5, 0.95}, {0, -1, 0.95}, {1, 5, 0}, {1, 5, 1}, {1, 5, math.NaN()}} {
		if lo, hi, err := Wilson(tt.k, tt.n, tt.level); err == nil {
			t.Errorf("%+v: [%v, %v]", tt, lo, hi)
		}
	}
	for _, tt := range []struct {
		n     int
		level float64
	}{{0, 0.95}, {-3, 0.95}, {5, 1}, {5, math.NaN()}} {
		if got, err := NoneIn(tt.n, tt.level); err == nil {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
