package evidence

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/results"
)

// TestRankedIsTheDistribution: a search and a walk find the same.
func TestRankedIsTheDistribution(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	h := hdrhistogram.New(results.HistogramMin, results.HistogramMax, results.HistogramDigits)
	for range 3000 {
		if err := h.RecordValue(1 + int64(1e5*rng.ExpFloat64())); err != nil {
			t.Fatal(err)
		}
	}
	d := Distribution{OK: h, Scheduled: 3010}
	r := d.Rank()
	for i := range 2000 {
		q := float64(i) / 2000
		if got, want := r.At(q), d.At(q); got != want {
			t.Fatalf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if r.At(1) != d.At(1) || r.Scheduled() != 3010 {
		t.Error("what did not end ok is not slower than all")
	}
}

func TestObjective(t *testing.T) {
	for text, want := range map[string][2]float64{
		"p99<5ms, errors<0.1%":    {.99, 5e6},
		"errors<1%,p99.9 < 250us": {.999, 250e3},
		"errors<0.1%":             {},
		"":                        {},
		"p99<fast":                {},
		"p100<1s":                 {},
	} {
		if q, ns, ok := Objective(text); math.Abs(q-want[0]) > 1e-12 || ns != want[1] || ok != (want[0] > 0) {
			t.Errorf("%q: %v, %v, %v", text, q, ns, ok)
		}
	}
}
