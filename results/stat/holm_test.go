package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestHolm(t *testing.T) {
	for _, tt := range []struct {
		name    string
		p, want []float64
	}{
		// Wikipedia, Holm-Bonferroni method: at 0.05 the first and last are
		// rejected, the others not. By hand: 4*0.005, 3*0.01, 2*0.03, 0.04 below it.
		{"four", []float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
		{"capped", []float64{0.5, 0.9, 0.4}, []float64{1, 1, 1}},
		{"equal", []float64{0.02, 0.02}, []float64{0.04, 0.04}},
		{"one", []float64{0.05}, []float64{0.05}},
		{"zero", []float64{0, 1}, []float64{0, 1}},
		{"none", nil, []float64{}},
	} {
		got, err := Holm(tt.p)
		if err != nil || len(got) != len(tt.want) {
			t.Fatalf("%s: %v, %v", tt.name, got, err)
		}
		for i := range got {
			near(t, tt.name, got[i], tt.want[i], 1e-15)
		}
	}
}

// stepDown is Holm's procedure as he states it: from the smallest p on, reject
// while p <= alpha/(m-k+1), stop at the first that is not.
func stepDown(p []float64, alpha float64) []bool {
	rejected := make([]bool, len(p))
	for k := range p {
		best := -1
		for i := range p {
			if !rejected[i] && (best < 0 || p[i] < p[best]) {
				best = i
			}
		}
		if p[best]*float64(len(p)-k) > alpha {
			break
		}
		rejected[best] = true
	}
	return rejected
}

func TestHolmIsStepDown(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for range 300 {
		p := make([]float64, 1+rng.IntN(12))
		for i := range p {
			p[i] = math.Pow(rng.Float64(), 3)
			if i > 0 && rng.IntN(4) == 0 {
				p[i] = p[i-1]
			}
		}
		before := slices.Clone(p)
		adjusted, err := Holm(p)
		if err != nil || !slices.Equal(p, before) {
			t.Fatalf("%v, input %v, was %v", err, p, before)
		}
		for _, alpha := range []float64{0.01, 0.05, 0.2} {
			for i, reject := range stepDown(p, alpha) {
				if (adjusted[i] <= alpha) != reject {
					t.Fatalf("%v at %v: %v says %v of index %d, step-down %v", p, alpha, adjusted, !reject, i, reject)
				}
			}
		}
		for i := range p {
			for j := range p {
				if adjusted[i] < p[i] || p[i] < p[j] && adjusted[i] > adjusted[j] {
					t.Fatalf("%v: adjusted %v", p, adjusted)
				}
			}
		}
	}
}

func TestHolmErrors(t *testing.T) {
	for _, bad := range []float64{math.NaN(), -0.1, 1.1, math.Inf(1)} {
		if got, err := Holm([]float64{0.5, bad}); err == nil {
			t.Errorf("%v: %v", bad, got)
		}
	}
}
