package stat

import (
	"fmt"
	"math"
	"slices"
)

// MinSeconds is the shortest trial, in seconds, that Settle takes: a first fifth of
// four and a rest of sixteen.
const MinSeconds = 20

// Settled says whether the trials of one arm were in a steady state.
type Settled struct {
	// Warmup is the first fifth of a trial to its rest: above 1, the trial began
	// before the target was warm.
	Warmup Estimate
	// Trend is the end of that rest to its beginning: the target kept changing.
	Trend Estimate
}

// Settle looks for a change within the trials of one arm. trials holds what every
// second of each came to, all positive: its median response time, say.
//
// A trial gives two numbers, both of logarithms: the median of its first fifth less
// that of the rest, and the Theil-Sen slope over the rest times its length. Both are
// robust against a few seconds in which something else happened. The trial stays the
// unit: neighbouring seconds resemble each other, so that a test over the seconds of
// one trial would find a change in almost any; over the trials each number is tested
// by the signed ranks, and both estimates are factors with a 95 % interval.
//
// That numbers of a system that has not settled describe nothing is the point of
// Georges, Buytaert and Eeckhout, Statistically rigorous Java performance
// evaluation, OOPSLA 2007, 57-76, and of Kalibera and Jones, Rigorous benchmarking in
// reasonable time, ISMM 2013, 63-74. The former wait within each run until a
// coefficient of variation is small, the latter look at plots; with a warm-up of
// fixed length the question is whether it was enough, over all trials.
func Settle(trials [][]float64) (Settled, error) {
	var warmups, trends []float64
	for i, seconds := range trials {
		warmup, trend, err := within(seconds)
		if err != nil {
			return Settled{}, fmt.Errorf("trial %d: %w", i, err)
		}
		warmups, trends = append(warmups, warmup), append(trends, trend)
	}
	var s Settled
	var err error
	if s.Warmup, err = factor(warmups, Level); err != nil {
		return s, err
	}
	s.Trend, err = factor(trends, Level)
	return s, err
}

// within are the two numbers of one trial.
func within(seconds []float64) (warmup, trend float64, err error) {
	if len(seconds) < MinSeconds {
		return 0, 0, fmt.Errorf("%d seconds: a change within takes %d to be seen", len(seconds), MinSeconds)
	}
	var x, y []float64
	for i, v := range seconds {
		if !(v > 0) || math.IsInf(v, 1) {
			return 0, 0, fmt.Errorf("second %d is %v: not a positive number", i, v)
		}
		x, y = append(x, float64(i)), append(y, math.Log(v))
	}
	first := len(y) / 5
	t, err := TheilSen(x[first:], y[first:], Level)
	if err != nil {
		return 0, 0, err
	}
	middle := func(v []float64) float64 { return median(slices.Sorted(slices.Values(v))) }
	return middle(y[:first]) - middle(y[first:]), t.Slope * float64(len(y)-first-1), nil
}
