package stat

import (
	"math"
	"math/rand/v2"
	"testing"

	"golang.org/x/perf/benchmath"
	gonum "gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// These tests hold what is computed here against programs that others wrote.

// TestAgainstBenchmath: benchstat compares two samples by Mann and Whitney. Their U
// is the number of discordant pairs where y has two values only, the sample, and x is
// what was measured: Mann-Kendall of that has to give the p of benchmath.
func TestAgainstBenchmath(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	for range 200 {
		var x, y []float64
		samples := make([][]float64, 2)
		shift := 2 * rng.Float64()
		for i, n := range []int{2 + rng.IntN(12), 2 + rng.IntN(12)} {
			for range n {
				v := rng.NormFloat64() + shift*float64(i)
				x, y, samples[i] = append(x, v), append(y, float64(i)), append(samples[i], v)
			}
		}
		got := mustTrend(t, x, y, Level).P
		a, b := benchmath.NewSample(samples[0], &benchmath.DefaultThresholds), benchmath.NewSample(samples[1], &benchmath.DefaultThresholds)
		near(t, "p of Mann and Whitney", got, benchmath.AssumeNothing.Compare(a, b).P, 1e-12)
	}
}

// TestAgainstBenchmathMedian: benchmath's interval for a median inverts the sign
// test. With 6 values it and the signed-rank test leave the same: all of them.
func TestAgainstBenchmathMedian(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 44))
	for range 50 {
		x := make([]float64, 6)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		e := mustLocation(t, x, Level)
		s := benchmath.AssumeNothing.Summary(benchmath.NewSample(x, &benchmath.DefaultThresholds), Level) // sorts x
		if e.Lo != s.Lo || e.Hi != s.Hi {
			t.Fatalf("[%v, %v], benchmath [%v, %v]", e.Lo, e.Hi, s.Lo, s.Hi)
		}
		near(t, "achieved", e.Achieved, s.Confidence, 1e-12)
	}
}

// TestAgainstBenchmathT: with many normal blocks the signed-rank test and a t test say
// about the same, which is what wilcoxonEfficiency is about. benchmath compares two
// samples; a block's two numbers are taken as theirs, so it is Welch's test of
// samples that are not paired.
func TestAgainstBenchmathT(t *testing.T) {
	rng := rand.New(rand.NewPCG(45, 46))
	apart := 0.0
	const experiments = 200
	for range experiments {
		x, y, d := make([]float64, 60), make([]float64, 60), make([]float64, 60)
		for i := range x {
			x[i], y[i] = rng.NormFloat64()+0.3, rng.NormFloat64()
			d[i] = x[i] - y[i]
		}
		paired := mustSignedRank(t, d).P
		a, b := benchmath.NewSample(x, &benchmath.DefaultThresholds), benchmath.NewSample(y, &benchmath.DefaultThresholds)
		apart += (paired - benchmath.AssumeNormal.Compare(a, b).P) / experiments
	}
	if math.Abs(apart) > 0.03 {
		t.Errorf("p of the signed ranks is on average %.3f from that of the t test", apart)
	}
}

func TestAgainstGonumNormal(t *testing.T) {
	for z := -8.0; z <= 8; z += 0.01 {
		near(t, "distribution", normalCDF(z)/distuv.UnitNormal.CDF(z), 1, 1e-12)
	}
	for p := 1e-6; p < 1; p += 0.001 {
		near(t, "quantile", normalQuantile(p), distuv.UnitNormal.Quantile(p), 1e-6)
	}
}

// TestAgainstGonumBinomial: what is counted out here is a sum of binomial
// probabilities.
func TestAgainstGonumBinomial(t *testing.T) {
	for n := 1; n <= 60; n++ {
		near(t, "all blocks on one side", MinP(n)/math.Min(1, 2*distuv.Binomial{N: float64(n), P: 0.5}.CDF(0)), 1, 1e-9)
		// The largest rate at which n tries without it have a probability of 5 % is the
		// upper end of Clopper and Pearson, one-sided.
		got, err := NoneIn(n, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "none in n", got, distuv.Beta{Alpha: 1, Beta: float64(n)}.Quantile(0.95), 1e-9)
	}
	// The sample of which all values lie below the quantile q with 2.5 %, at most.
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 0.9999} {
		n := float64(SamplesFor(q))
		below := func(n float64) float64 { return distuv.Binomial{N: n, P: 1 - q}.CDF(0) }
		if !(below(n) <= 0.025*(1+1e-9) && below(n-1) > 0.025) {
			t.Errorf("p%v: of %v values none is above with %v, of one fewer with %v", 100*q, n, below(n), below(n-1))
		}
	}
}

// TestWilsonCoverage: over all counts, weighted with their binomial probability, the
// interval holds the rate about as often as it says on average; in places, where a count
// more or less tips over, in 0.91 only.
func TestWilsonCoverage(t *testing.T) {
	const n = 20 // as many as the experiments of a self-check
	sum, rates := 0.0, 0.0
	for p := 0.02; p < 0.99; p += 0.005 {
		binomial := distuv.Binomial{N: n, P: p}
		covered := 0.0
		for k := range n + 1 {
			lo, hi, err := Wilson(k, n, Level)
			if err != nil {
				t.Fatal(err)
			}
			if lo <= p && p <= hi {
				covered += binomial.Prob(float64(k))
			}
		}
		if covered < 0.91 {
			t.Errorf("at %v it holds the rate in %v", p, covered)
		}
		sum, rates = sum+covered, rates+1
	}
	near(t, "coverage on average", sum/rates, Level, 0.015)
}

// TestAgainstGonumT: the power behind BlocksFor, of a t test with the blocks that the
// signed ranks are worth, by the noncentral t distribution: the formula is an
// approximation of it.
func TestAgainstGonumT(t *testing.T) {
	for _, alpha := range []float64{0.05, 0.01, 0.05 / 14} {
		for _, blocks := range []int{12, 20, 50, 240} {
			effect, err := DetectableEffect(1, blocks, alpha, Power)
			if err != nil {
				t.Fatal(err)
			}
			n := float64(blocks) * wilcoxonEfficiency
			critical := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(1 - alpha/2)
			power := 1 - distuv.NoncentralT{Nu: n - 1, Mu: effect * math.Sqrt(n)}.CDF(critical)
			near(t, "power", power, Power, 0.04)
		}
	}
}

func TestAgainstGonumSamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(47, 48))
	for range 100 {
		n := 3 + rng.IntN(60)
		x, y := make([]float64, n), make([]float64, n)
		for i := range x {
			x[i], y[i] = float64(i), rng.NormFloat64()
		}
		sd, err := SD(y)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "SD", sd, gonum.StdDev(y, nil), 1e-12)
		tau := float64(mustTrend(t, x, y, Level).S) / float64(n*(n-1)/2)
		near(t, "Kendall's tau", tau, gonum.Kendall(x, y, nil), 1e-12)
	}
}
