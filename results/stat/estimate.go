package stat

import (
	"fmt"
	"math"
)

// MaxN is the most values that one comparison takes. The exact distribution
// costs n^3 steps; more blocks than this are not an experiment of this harness.
const MaxN = 500

// Interval is a two-sided confidence interval, both ends included.
//
// Level is what was asked for. Achieved is what the exact test gives, at least
// Level: the highest level at which the interval would still have been this one.
// Without ties it is the exact probability of covering the true value.
//
// With too few values for the level (fewer than 6 at 95 %) no finite interval
// exists. Then Bounded is false, Lo and Hi are -Inf and +Inf (0 and +Inf for a
// ratio) and Achieved is 1, which is true and worth nothing. JSON has no
// infinities: look at Bounded before encoding.
type Interval struct {
	Lo, Hi   float64
	Level    float64
	Achieved float64
	Bounded  bool
}

// Estimate is what one comparison came to. Lo <= Value <= Hi.
type Estimate struct {
	Value float64 // Hodges-Lehmann, in the unit of the input; a factor for a ratio
	Interval
	P     float64 // exact two-sided p of "no difference", not adjusted (see Holm)
	N     int     // blocks
	Zeros int     // blocks without any difference: they rank, and carry no sign
}

func unbounded(level float64) Interval {
	return Interval{Lo: math.Inf(-1), Hi: math.Inf(1), Level: level, Achieved: 1}
}

func checkLevel(level float64) error {
	if !(level > 0 && level < 1) {
		return fmt.Errorf("confidence level %v is not between 0 and 1", level)
	}
	return nil
}

func checkFinite(name string, x []float64) error {
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%s[%d] is %v", name, i, v)
		}
	}
	return nil
}

// checkSample is for the values of one comparison.
func checkSample(x []float64) error {
	if len(x) == 0 {
		return fmt.Errorf("no values")
	}
	if len(x) > MaxN {
		return fmt.Errorf("%d values: more than the %d of an exact test", len(x), MaxN)
	}
	return checkFinite("x", x)
}
