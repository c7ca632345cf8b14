package stat

import (
	"fmt"
	"math"
)

// LogRatios is log(arm[i] / baseline[i]) for every block i. The values are
// positive and finite, in any unit that both share.
//
// Swapping the two arguments changes the signs and nothing else, to the last
// bit, and equal quotients give equal logarithms: ranks need both.
func LogRatios(arm, baseline []float64) ([]float64, error) {
	if err := checkPairs(arm, baseline); err != nil {
		return nil, err
	}
	out := make([]float64, len(arm))
	for i, a := range arm {
		b := baseline[i]
		switch {
		case a <= 0:
			return nil, fmt.Errorf("arm[%d] is %v: a ratio needs positive values", i, a)
		case b <= 0:
			return nil, fmt.Errorf("baseline[%d] is %v: a ratio needs positive values", i, b)
		case a >= b:
			out[i] = logQuotient(a, b)
		default:
			out[i] = -logQuotient(b, a)
		}
	}
	return out, nil
}

// logQuotient is log(a/b) for a >= b > 0, also where a/b overflows.
func logQuotient(a, b float64) float64 {
	if q := a / b; !math.IsInf(q, 1) {
		return math.Log(q)
	}
	return math.Log(a) - math.Log(b)
}

// Differences is arm[i] - baseline[i] for every block i, in their unit.
func Differences(arm, baseline []float64) ([]float64, error) {
	if err := checkPairs(arm, baseline); err != nil {
		return nil, err
	}
	out := make([]float64, len(arm))
	for i, a := range arm {
		out[i] = a - baseline[i]
		if math.IsInf(out[i], 0) {
			return nil, fmt.Errorf("arm[%d] - baseline[%d] overflows: %v and %v", i, i, a, baseline[i])
		}
	}
	return out, nil
}

// Ratio compares an arm with the baseline by block: how many times the baseline
// it is. Value, Lo and Hi are factors (1 is equal), the exponentials of Location
// of the log-ratios; P is of the log-ratios.
func Ratio(arm, baseline []float64, level float64) (Estimate, error) {
	x, err := LogRatios(arm, baseline)
	if err != nil {
		return Estimate{}, err
	}
	return factor(x, level)
}

// factor is Location of logarithms, as a factor.
func factor(logs []float64, level float64) (Estimate, error) {
	e, err := Location(logs, level)
	if err != nil {
		return Estimate{}, err
	}
	e.Value, e.Lo, e.Hi = math.Exp(e.Value), math.Exp(e.Lo), math.Exp(e.Hi)
	return e, nil
}

// Difference compares an arm with the baseline by block: how much more than the
// baseline it is, in their unit.
func Difference(arm, baseline []float64, level float64) (Estimate, error) {
	x, err := Differences(arm, baseline)
	if err != nil {
		return Estimate{}, err
	}
	return Location(x, level)
}

func checkPairs(arm, baseline []float64) error {
	if len(arm) != len(baseline) {
		return fmt.Errorf("not paired: %d values of the arm, %d of the baseline; index %d has one only",
			len(arm), len(baseline), min(len(arm), len(baseline)))
	}
	if err := checkFinite("arm", arm); err != nil {
		return err
	}
	return checkFinite("baseline", baseline)
}
