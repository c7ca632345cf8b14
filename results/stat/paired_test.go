package stat

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestLogRatiosAndDifferences(t *testing.T) {
	arm, baseline := []float64{200, 100, 50, 3}, []float64{100, 100, 100, 3}
	ratios, err := LogRatios(arm, baseline)
	if err != nil {
		t.Fatal(err)
	}
	differences, err := Differences(arm, baseline)
	if err != nil {
		t.Fatal(err)
	}
	wantR, wantD := []float64{math.Ln2, 0, -math.Ln2, 0}, []float64{100, 0, -50, 0}
	for i := range arm {
		near(t, "log-ratio", ratios[i], wantR[i], 1e-15)
		near(t, "difference", differences[i], wantD[i], 0)
	}
	// Ranks need that opposites are opposites and equal quotients are equal.
	if ratios[0] != -ratios[2] || ratios[1] != 0 {
		t.Errorf("ratios %v", ratios)
	}
	same, err := LogRatios([]float64{11, 22, 3300}, []float64{7, 14, 2100})
	if err != nil || same[0] != same[1] || same[1] != same[2] {
		t.Errorf("equal quotients: %v, %v", same, err)
	}
	// A quotient beyond float64 still has a logarithm.
	far, err := LogRatios([]float64{1e300, 1e-300}, []float64{1e-300, 1e300})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "a far quotient", far[0], 600*math.Ln10, 1e-12)
	near(t, "its inverse", far[1], -far[0], 0)
}

func TestPairErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		name          string
		arm, baseline []float64
		want          string // in both, or "" for no error
		ratio         string // in the ratio
	}{
		{"longer arm", []float64{1, 2, 3}, []float64{1, 2}, "index 2 has one only", "index 2 has one only"},
		{"longer baseline", []float64{1}, []float64{1, 2}, "index 1 has one only", "index 1 has one only"},
		{"NaN", []float64{1, nan}, []float64{1, 2}, "arm[1] is NaN", "arm[1] is NaN"},
		{"infinite", []float64{1, 2, 3}, []float64{1, 2, inf}, "baseline[2] is +Inf", "baseline[2] is +Inf"},
		{"zero", []float64{1, 0}, []float64{1, 2}, "", "arm[1] is 0: a ratio needs positive values"},
		{"zero baseline", []float64{1, 2}, []float64{1, 0}, "", "baseline[1] is 0: a ratio needs positive values"},
		{"negative", []float64{1, 2}, []float64{-1, 2}, "", "baseline[0] is -1: a ratio needs positive values"},
		{"overflow", []float64{1, 1e308}, []float64{1, -1e308}, "arm[1] - baseline[1] overflows", "baseline[1] is -1e+308"},
		{"empty", nil, nil, "no values", "no values"},
	} {
		_, err := Difference(tt.arm, tt.baseline, 0.95)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: difference: %v, want %q", tt.name, err, tt.want)
		}
		_, err = Ratio(tt.arm, tt.baseline, 0.95)
		if err == nil || !strings.Contains(err.Error(), tt.ratio) {
			t.Errorf("%s: ratio: %v, want %q", tt.name, err, tt.ratio)
		}
	}
}

// TestRatio: the arm costs twice the baseline in every one of 9 blocks, but for
// one where it is 2.5 times.
func TestRatio(t *testing.T) {
	baseline := []float64{100, 110, 120, 130, 140, 150, 160, 170, 180}
	arm := make([]float64, len(baseline))
	for i, b := range baseline {
		arm[i] = 2 * b
	}
	arm[4] = 2.5 * baseline[4]
	e, err := Ratio(arm, baseline, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "factor", e.Value, 2, 1e-15)
	near(t, "lower end", e.Lo, 2, 1e-15)
	if e.P != 2./512 || e.N != 9 || !e.Bounded || !(e.Hi > 2 && e.Hi < 2.5) {
		t.Errorf("%+v", e)
	}
	// By hand: of the 45 sums of two differences 20 are below 290 and 22 above.
	d, err := Difference(arm, baseline, 0.95)
	if err != nil || d.Value != 145 || d.P != e.P {
		t.Errorf("difference %+v, %v", d, err)
	}

	few, err := Ratio(arm[:5], baseline[:5], 0.95)
	if err != nil || few.Bounded || few.Lo != 0 || !math.IsInf(few.Hi, 1) || few.Value < 2 || few.P != 2./32 {
		t.Errorf("5 blocks: %+v, %v", few, err)
	}
}

// TestRatioEquivariance: swapping inverts, a unit of another size changes nothing.
func TestRatioEquivariance(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	for range 100 {
		n := 1 + rng.IntN(20)
		a, b, a8, b8 := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range a {
			a[i], b[i] = float64(1+rng.IntN(40)), float64(1+rng.IntN(40))
			a8[i], b8[i] = 8*a[i], 8*b[i]
		}
		e, err := Ratio(a, b, 0.9)
		if err != nil {
			t.Fatal(err)
		}
		swapped, err := Ratio(b, a, 0.9)
		if err != nil {
			t.Fatal(err)
		}
		if swapped.P != e.P || swapped.Achieved != e.Achieved {
			t.Fatalf("swapped: %+v, before %+v", swapped, e)
		}
		near(t, "swapped", swapped.Value, 1/e.Value, 1e-12)
		if e.Bounded {
			near(t, "swapped ends", swapped.Lo, 1/e.Hi, 1e-12)
		}
		if other, err := Ratio(a8, b8, 0.9); err != nil || other != e {
			t.Fatalf("in another unit: %+v, %v; before %+v", other, err, e)
		}
	}
}
