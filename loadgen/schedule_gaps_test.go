package loadgen

import (
	"math"
	"slices"
	"testing"
	"time"
)

// Critical values of A^2 for a fully specified distribution (case 0): Stephens,
// Journal of the American Statistical Association 69 (1974); D'Agostino and
// Stephens, Goodness-of-Fit Techniques (1986), table 4.2. They do not depend on
// the size of the sample from 5 up.
const (
	ad5percent = 2.492
	ad1percent = 3.857
)

// The gaps of a Poisson schedule, in units of the mean gap, are a sample of the
// unit exponential distribution, with nothing fitted to it. Were they, 1 in 20
// seeds would exceed the 5 % value and 1 in 100 the 1 % value; of 200 seeds 4 to
// 18 and at most 7 do with a probability of 99 %.
func TestPoissonGapsArePoisson(t *testing.T) {
	const seeds = 200
	var over5, over1 int
	for seed := range uint64(seeds) {
		a := andersonDarling(gaps(schedule(t, Phase{Rate: 1000, Duration: 5 * time.Second, Seed: seed}, 1), 1000))
		if a > ad5percent {
			over5++
		}
		if a > ad1percent {
			over1++
		}
	}
	t.Logf("of %d seeds %d are beyond the 5 %% value of A^2, %d beyond the 1 %% value", seeds, over5, over1)
	if over5 < 4 || over5 > 18 || over1 > 7 {
		t.Errorf("of %d seeds %d are beyond the 5 %% value of A^2, %d beyond the 1 %% value", seeds, over5, over1)
	}
}

// What is not Poisson is rejected, or the test above would be worth nothing.
func TestAndersonDarlingHasPower(t *testing.T) {
	poisson := func(n time.Duration) []float64 {
		return gaps(schedule(t, Phase{Rate: 1000, Duration: n, Seed: 2}, 1), 1000)
	}
	scaled := func(g []float64, by float64) []float64 {
		for i := range g {
			g[i] *= by
		}
		return g
	}
	var uniform, thinned []float64
	for k := range uint64(5000) {
		uniform = append(uniform, 2*float64(draw(2, streamGaps, k)>>11)/(1<<53))
	}
	for i, g := range poisson(5 * time.Second) { // 1 in 10 gaps is missing the shortest part
		if i%10 == 0 {
			g = max(g, 0.5)
		}
		thinned = append(thinned, g)
	}
	for _, c := range []struct {
		name string
		gaps []float64
		bad  bool
	}{
		{"Poisson", poisson(5 * time.Second), false},
		{"Poisson, 100,000 of them", poisson(100 * time.Second), false},
		{"constant", gaps(schedule(t, Phase{Rate: 1000, Duration: 5 * time.Second, Arrivals: Constant}, 1), 1000), true},
		{"uniform from 0 to 2", uniform, true},
		{"mean 2 % too long", scaled(poisson(100*time.Second), 1.02), true},
		{"mean 2 % too short", scaled(poisson(100*time.Second), 0.98), true},
		{"a timer that rounds up to 0.5", thinned, true},
	} {
		if a := andersonDarling(c.gaps); a > ad1percent != c.bad {
			t.Errorf("%s: A^2 = %.2f of %d gaps", c.name, a, len(c.gaps))
		}
	}
}

// A Poisson process whose intensity changes is one of a constant intensity on
// the scale of the arrivals expected, and on that scale only.
func TestRescaledRampIsPoisson(t *testing.T) {
	p := staged(Poisson, Stage{10 * time.Second, 100, 900}, Stage{5 * time.Second, 900, 1e-6}, Stage{2 * time.Second, 500, 0})
	expected := func(at int64) float64 { // L(t), written once more
		s := float64(at) / 1e9
		switch {
		case s < 10:
			return 100*s + 40*s*s
		case s < 15:
			s -= 10
			return 5000 + 900*s - 90*s*s
		}
		return 7250 + 500*(s-15)
	}
	for _, seed := range []uint64{1, 2, 3, 4, 5} {
		p.Seed = seed
		var rescaled, plain []float64
		before := Arrival{}
		for _, a := range collect(schedule(t, p, 1)) {
			rescaled = append(rescaled, expected(a.At)-expected(before.At))
			plain = append(plain, float64(a.At-before.At)/1e9*485) // 8,250 in 17 s
			before = a
		}
		if a := andersonDarling(rescaled); a > ad1percent {
			t.Errorf("seed %d: A^2 = %.2f of %d rescaled gaps", seed, a, len(rescaled))
		}
		if a := andersonDarling(plain); a < ad1percent {
			t.Errorf("seed %d: A^2 = %.2f: the rate does not seem to change", seed, a)
		}
	}
}

// gaps returns the distances of arrivals in units of 1/rate.
func gaps(s *Schedule, rate float64) (g []float64) {
	before := int64(0)
	for a, ok := s.Next(); ok; a, ok = s.Next() {
		g = append(g, float64(a.At-before)/1e9*rate)
		before = a.At
	}
	return g
}

// andersonDarling returns A^2 of x against the unit exponential distribution.
func andersonDarling(x []float64) float64 {
	slices.Sort(x)
	n := float64(len(x))
	var s float64
	for i := range x {
		u := -math.Expm1(-x[i])               // F(x_i)
		v := math.Exp(-x[len(x)-1-i])         // 1 - F(x_{n+1-i})
		u, v = max(u, 1e-300), max(v, 1e-300) // a gap of 0 ns
		s += float64(2*i+1) * (math.Log(u) + math.Log(v))
	}
	return -n - s/n
}
