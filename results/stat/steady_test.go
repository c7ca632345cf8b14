package stat

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

func publishedRun(t *testing.T) string {
	t.Helper()
	runs, err := filepath.Glob(filepath.Join("..", "published", "*-bench", "run.json"))
	if err != nil || len(runs) == 0 {
		t.Fatalf("no published bench run: %v", err)
	}
	return runs[0]
}

// within trials: seconds that resemble their neighbours, as they do on a machine, with
// a shape over the trial and some seconds in which it stood still.
func shaped(rng *rand.Rand, trials, seconds int, shape func(share float64) float64) [][]float64 {
	out := make([][]float64, trials)
	for i := range out {
		level, wander := 1e5*math.Exp(.1*rng.NormFloat64()), 0.0
		for s := range seconds {
			wander = .7*wander + .03*rng.NormFloat64()
			v := level * math.Exp(wander+shape(float64(s)/float64(seconds)))
			if rng.IntN(30) == 0 {
				v *= 10
			}
			out[i] = append(out[i], v)
		}
	}
	return out
}

func TestSettle(t *testing.T) {
	flat := func(float64) float64 { return 0 }
	cold := func(share float64) float64 { return .2 * math.Exp(-20*share) }
	grows := func(share float64) float64 { return .25 * share }
	for _, c := range []struct {
		name          string
		seconds       int
		shape         func(float64) float64
		warmup, trend float64 // the truth, as a logarithm; NaN: not known
	}{
		{"steady", 120, flat, 0, 0},
		{"steady, short", MinSeconds, flat, 0, 0},
		{"the warm-up was too short", 120, cold, math.NaN(), 0},
		{"it gets slower", 120, grows, -.125, .2},
	} {
		s, err := Settle(shaped(rand.New(rand.NewPCG(51, 52)), 12, c.seconds, c.shape))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, q := range []struct {
			what  string
			e     Estimate
			truth float64
		}{{"warm-up", s.Warmup, c.warmup}, {"trend", s.Trend, c.trend}} {
			if math.IsNaN(q.truth) {
				if q.e.Lo <= 1 {
					t.Errorf("%s: %s %+v is not found", c.name, q.what, q.e)
				}
				continue
			}
			if q.e.N != 12 || math.Log(q.e.Lo) > q.truth+.02 || math.Log(q.e.Hi) < q.truth-.02 || math.Abs(math.Log(q.e.Value)-q.truth) > .05 {
				t.Errorf("%s: %s %+v, want %v", c.name, q.what, q.e, math.Exp(q.truth))
			}
		}
	}
}

// TestSettleFalseAlarms: seconds that wander together within a trial are no trend over
// the trials.
func TestSettleFalseAlarms(t *testing.T) {
	rng := rand.New(rand.NewPCG(53, 54))
	const experiments = 200
	alarms := 0
	for range experiments {
		s, err := Settle(shaped(rng, 12, 25, func(float64) float64 { return 0 }))
		if err != nil {
			t.Fatal(err)
		}
		if s.Warmup.P <= .01 || s.Trend.P <= .01 {
			alarms++
		}
	}
	if alarms > experiments/25 { // two tests at 1 % are 4 of 200; 9 or more have a probability of 2 %
		t.Errorf("%d of %d steady experiments raise an alarm", alarms, experiments)
	}
}

func TestSettleErrors(t *testing.T) {
	good := shaped(rand.New(rand.NewPCG(55, 56)), 3, 30, func(float64) float64 { return 0 })
	for _, c := range []struct {
		name   string
		trials [][]float64
		want   string
	}{
		{"none", nil, "no values"},
		{"short", [][]float64{good[0], good[1][:19]}, "trial 1: 19 seconds: a change within takes 20"},
		{"a zero", [][]float64{append([]float64{0}, good[0]...)}, "trial 0: second 0 is 0"},
		{"infinite", [][]float64{append(good[0][:29:29], math.Inf(1))}, "second 29 is +Inf"},
	} {
		if _, err := Settle(c.trials); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
