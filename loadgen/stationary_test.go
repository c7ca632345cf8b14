package loadgen

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"authbench/results"
)

// sketched is a recording of n arrivals over 4 s whose latencies follow a shape:
// exponential around a level that depends on the share of the phase that is over,
// with a noise of its own in each part (standard deviation of the logarithm).
func sketched(n int, seed uint64, noise float64, level func(x float64) float64) *Recording {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := &stretches{width: int64(4 * time.Second / stretchCount)}
	var machine [stretchCount]float64
	for i := range machine {
		machine[i] = math.Exp(noise * rng.NormFloat64())
	}
	for i := range n {
		x := float64(i) / float64(n)
		v := 20_000 + 100_000*level(x)*machine[int(x*stretchCount)]*rng.ExpFloat64()
		s.add(int64(x*float64(4*time.Second)), int64(v), true)
	}
	return &Recording{Elapsed: 4 * time.Second, stretches: s, Accounting: results.Accounting{Scheduled: int64(n), OK: int64(n)}}
}

var shapes = map[string]func(x float64) float64{
	"step":      func(x float64) float64 { return 1 + math.Floor(2*x) },
	"step down": func(x float64) float64 { return 2 - math.Floor(2*x) },
	"drift":     func(x float64) float64 { return 1 + x },
	"swing":     func(x float64) float64 { return 1 + float64(int(8*x)%2) },
	"one slow third": func(x float64) float64 {
		if x > 0.3 && x < 0.6 {
			return 2
		}
		return 1
	},
}

// Of 400 phases that are the same throughout, on a machine that makes parts differ
// by 8 % (the spread within quiet phases on two virtual cores), at most a few in a thousand
// may be accused; of those that change by a factor of two nearly all are.
func TestUnsteady(t *testing.T) {
	accused := func(n int, noise float64, shape func(float64) float64) (k int) {
		for seed := range uint64(400) {
			if unsteady(sketched(n, seed, noise, shape)) != "" {
				k++
			}
		}
		return k
	}
	flat := func(float64) float64 { return 1 }
	for _, n := range []int{400, 800, 1600, 4000, 20_000} {
		k := accused(n, 0.08, flat)
		t.Logf("%d arrivals, flat: %d of 400", n, k)
		if k > 2 {
			t.Errorf("%d arrivals: %d of 400 steady phases are accused", n, k)
		}
	}
	for name, shape := range shapes {
		for _, n := range []int{4000, 20_000} {
			k := accused(n, 0.08, shape)
			t.Logf("%d arrivals, %s: %d of 400", n, name, k)
			if k < 380 {
				t.Errorf("%d arrivals, %s: only %d of 400 are accused", n, name, k)
			}
		}
	}
}

func TestUnsteadyWords(t *testing.T) {
	slow := sketched(4000, 1, 0, shapes["drift"])
	for _, c := range []struct {
		name  string
		rec   *Recording
		words string
	}{
		{"drift", slow, "median response went from "},
		{"swing", sketched(4000, 1, 0, shapes["swing"]), "median response moved between "},
		{"few arrivals", sketched(399, 1, 0, shapes["step"]), ""},
		{"changing rates", func() *Recording {
			r := sketched(4000, 1, 0, shapes["step"])
			r.stretches.varying = true
			return r
		}(), ""},
		{"interrupted", func() *Recording {
			r := sketched(4000, 1, 0, shapes["step"])
			r.Accounting.Unfinished = 1
			return r
		}(), ""},
		{"no parts", &Recording{}, ""},
		{"dies", dying(false), "moved between 100µs and failing"},
		{"throughput", dying(true), "throughput moved between 0/s and 1000/s"},
	} {
		got := unsteady(c.rec)
		if !strings.Contains(got, c.words) || (got == "") != (c.words == "") {
			t.Errorf("%s: %q, want %q", c.name, got, c.words)
		}
	}
}

// dying is a target that answers nothing in the second half.
func dying(closed bool) *Recording {
	s := &stretches{width: int64(4 * time.Second / stretchCount)}
	for i := range 4000 {
		if at := int64(i) * int64(time.Millisecond); i < 2000 || !closed {
			s.add(at, 101_000, i < 2000)
		}
	}
	return &Recording{Closed: closed, Elapsed: 4 * time.Second, stretches: s, Accounting: results.Accounting{Scheduled: 4000, OK: 2000, Timeout: 2000}}
}

// What changes by itself is not held to being the same.
func TestVaryingPhases(t *testing.T) {
	for _, c := range []struct {
		p    Phase
		want bool
	}{
		{Phase{Duration: time.Second, Rate: 1}, false},
		{Phase{Duration: time.Second}, false},
		{Phase{Once: true}, true},
		{Phase{Duration: time.Second, Stages: []Stage{{time.Second, 1, 2}}}, true},
	} {
		if got := newRecorder("test", c.p).slices.varying; got != c.want {
			t.Errorf("%+v: %v", c.p, got)
		}
	}
}
