package stat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestBlocksNeeded(t *testing.T) {
	for _, tt := range []struct {
		m     int
		alpha float64
		want  int
	}{
		{10, 0.05, 9}, // design rule 4: 20/512 = 0.039, 20/256 = 0.078
		{1, 0.05, 6},  // 2/64 = 0.031: the classical least n
		{1, 0.01, 8},
		{2, 0.01, 9},
		{1, 0.0625, 5}, // 2/32, exactly
		{1, 0.0624, 6},
		{20, 0.05, 10},
		{0, 0.05, 0},
		{1, 2, 0},
		{1, 0, math.MaxInt},
		{1, -1, math.MaxInt},
		{1, math.NaN(), math.MaxInt},
	} {
		if got := BlocksNeeded(tt.m, tt.alpha); got != tt.want {
			t.Errorf("%d comparisons at %v: %d, want %d", tt.m, tt.alpha, got, tt.want)
		}
	}
	for m := 1; m < 40; m++ {
		n := BlocksNeeded(m, 0.05)
		if float64(m)*MinP(n) > 0.05 || float64(m)*MinP(n-1) <= 0.05 {
			t.Errorf("%d comparisons: %d blocks, least p %v", m, n, MinP(n))
		}
	}
	if MinP(0) != 1 || MinP(1) != 1 || MinP(2) != 0.5 || MinP(9) != 2./512 {
		t.Errorf("MinP: %v %v %v %v", MinP(0), MinP(1), MinP(2), MinP(9))
	}
}

func TestBlocksFor(t *testing.T) {
	for _, tt := range []struct {
		name                     string
		sd, effect, alpha, power float64
		want                     int
	}{
		// By hand: (1.95996 + 0.84162)^2 = 7.8489 and 1.95996^2/2 = 1.9207;
		// 9.7696 / 0.95493 = 10.23, and (25*7.8489 + 1.9207) / 0.95493 = 207.5.
		{"one sd", 1, 1, 0.05, 0.8, 11},
		{"a fifth of the sd", 0.5, 0.1, 0.05, 0.8, 208},
		{"the sign does not matter", 0.5, -0.1, 0.05, 0.8, 208},
		{"no spread", 0, 0.05, 0.05, 0.8, 6},
		{"a large effect", 0.01, 1, 0.005, 0.8, 9},
		{"beyond counting", 1, 1e-12, 0.05, 0.8, math.MaxInt},
		{"beyond float64", 1e300, 1e-300, 0.05, 0.8, math.MaxInt},
	} {
		got, err := BlocksFor(tt.sd, tt.effect, tt.alpha, tt.power)
		if err != nil || got != tt.want {
			t.Errorf("%s: %d, %v; want %d", tt.name, got, err, tt.want)
		}
	}
}

// TestDetectableEffectInverts: n blocks show what DetectableEffect says, n-1 do
// not.
func TestDetectableEffectInverts(t *testing.T) {
	for _, n := range []int{9, 12, 40, 240} {
		effect, err := DetectableEffect(0.3, n, 0.05, 0.8)
		if err != nil {
			t.Fatal(err)
		}
		for shrink, want := range map[float64]int{1 + 1e-9: n, 1 - 1e-9: n + 1} {
			if got, err := BlocksFor(0.3, effect*shrink, 0.05, 0.8); err != nil || got != want {
				t.Errorf("%d blocks show %v; for %v of it %d are needed, %v", n, effect, shrink, got, err)
			}
		}
	}
	if e, err := DetectableEffect(0.3, 5, 0.05, 0.8); err != nil || !math.IsInf(e, 1) {
		t.Errorf("5 blocks: %v, %v", e, err)
	}
}

// TestPower: in 2000 experiments of that many blocks the test finds the effect
// about as often as asked. Four standard errors, and one percent for the
// approximation.
func TestPower(t *testing.T) {
	const experiments, power = 2000, 0.8
	rng := rand.New(rand.NewPCG(19, 20))
	for _, effect := range []float64{0.8, 0.5} {
		n, err := BlocksFor(1, effect, 0.05, power)
		if err != nil {
			t.Fatal(err)
		}
		found := 0.0
		for range experiments {
			x := make([]float64, n)
			for i := range x {
				x[i] = effect + rng.NormFloat64()
			}
			if mustSignedRank(t, x).P <= 0.05 {
				found++
			}
		}
		what := fmt.Sprintf("power of %d blocks", n)
		near(t, what, found/experiments, power, 0.01+4*math.Sqrt(power*(1-power)/experiments))
	}
}

func TestPlanErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct{ sd, effect, alpha, power float64 }{
		{-1, 1, 0.05, 0.8},
		{nan, 1, 0.05, 0.8},
		{inf, 1, 0.05, 0.8},
		{1, 1, 0, 0.8},
		{1, 1, 1, 0.8},
		{1, 1, nan, 0.8},
		{1, 1, 0.05, 0.02},
		{1, 1, 0.05, 1},
		{1, 1, 0.05, nan},
		{1, 0, 0.05, 0.8},
		{1, nan, 0.05, 0.8},
		{1, inf, 0.05, 0.8},
	} {
		if n, err := BlocksFor(tt.sd, tt.effect, tt.alpha, tt.power); err == nil {
			t.Errorf("%+v: %d", tt, n)
		}
		if _, err := DetectableEffect(tt.sd, 20, tt.alpha, tt.power); err == nil && tt.effect == 1 {
			t.Errorf("%+v: no error", tt)
		}
	}
}

func TestSD(t *testing.T) {
	// By hand: mean 5, squares 9+1+1+1+0+0+4+16 = 32, over 7.
	got, err := SD([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "SD", got, math.Sqrt(32./7), 1e-15)
	if got, err = SD([]float64{1e9 + 1, 1e9 + 2, 1e9 + 3}); err != nil || got != 1 {
		t.Errorf("far from zero: %v, %v", got, err)
	}
	for _, x := range [][]float64{nil, {1}, {1, math.NaN()}} {
		if _, err := SD(x); err == nil {
			t.Errorf("%v: no error", x)
		}
	}
}

// TestNormal: z of 0.975 and the like are in every table (NIST/SEMATECH
// e-Handbook, 1.3.6.7.1).
func TestNormal(t *testing.T) {
	for _, tt := range []struct{ p, z float64 }{
		{0.5, 0},
		{0.8, 0.8416212335729143},
		{0.975, 1.959963984540054},
		{0.995, 2.5758293035489004},
		{0.0005, -3.2905267314919255},
	} {
		near(t, "quantile", normalQuantile(tt.p), tt.z, 1e-12)
		near(t, "distribution", normalCDF(tt.z), tt.p, 1e-15)
	}
	near(t, "far tail", normalCDF(-10)/7.619853024160527e-24, 1, 1e-12)
}
