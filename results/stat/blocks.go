package stat

import (
	"fmt"
	"math"
)

// MinP is the least two-sided p that n blocks can give, 2/2^n: all of them on
// the same side. A block without a difference counts for nothing here.
func MinP(n int) float64 { return min(1, math.Ldexp(1, 1-n)) }

// BlocksNeeded is the least number of blocks n with 2m/2^n <= alpha: with fewer,
// not one of m comparisons can be significant at alpha after Holm, whatever was
// measured. 10 comparisons at 0.05 need 9. No number is enough for an alpha that
// is not positive: then it is math.MaxInt.
func BlocksNeeded(m int, alpha float64) int {
	if !(alpha > 0) {
		return math.MaxInt
	}
	n := 0
	for p := 2 * float64(m); p > alpha; p /= 2 {
		n++
	}
	return n
}

// wilcoxonEfficiency is what the signed-rank test gets out of a block beside the
// t test, where the differences are normal: 3/pi, about 0.955 (Hodges and
// Lehmann, Annals of Mathematical Statistics 27, 1956, 324-335). With heavier
// tails it is more, so a count of blocks built on it is rather too high.
const wilcoxonEfficiency = 3 / math.Pi

// BlocksFor is about how many blocks would show an effect: the n at which a
// two-sided signed-rank test at alpha finds it with probability power. effect and
// sd have one unit: to settle 5 % pass math.Log(1.05) and the SD of the
// log-ratios. With m comparisons pass alpha/m. It is never below BlocksNeeded(1,
// alpha), and math.MaxInt if it cannot be counted.
//
//	n = (((z(1-alpha/2) + z(power)) sd / effect)^2 + z(1-alpha/2)^2 / 2) / (3/pi)
//
// The second term is what it costs not to know sd in advance (Guenther, The
// American Statistician 35, 1981, 243-244): two blocks, which with few blocks
// are many. An estimate to plan with, from a normal approximation and an sd that
// is itself uncertain (from 10 blocks, by about a quarter): print it with "about".
func BlocksFor(sd, effect, alpha, power float64) (int, error) {
	z, extra, err := plan(sd, alpha, power)
	if err != nil {
		return 0, err
	}
	if math.IsNaN(effect) || math.IsInf(effect, 0) || effect == 0 {
		return 0, fmt.Errorf("effect %v is not a finite number other than 0", effect)
	}
	// Dividing before multiplying: a huge sd over a huge effect is no overflow.
	ratio := sd / math.Abs(effect) * z
	n := math.Ceil((ratio*ratio + extra) / wilcoxonEfficiency)
	if !(n < math.MaxInt32) {
		return math.MaxInt, nil
	}
	return max(int(n), BlocksNeeded(1, alpha)), nil
}

// DetectableEffect is the inverse of BlocksFor: about the least effect, in the
// unit of sd, that n blocks would show with probability power. It is +Inf where
// n blocks cannot show any.
func DetectableEffect(sd float64, n int, alpha, power float64) (float64, error) {
	z, extra, err := plan(sd, alpha, power)
	if err != nil {
		return 0, err
	}
	if n < BlocksNeeded(1, alpha) {
		return math.Inf(1), nil
	}
	// The root is of a positive number from BlocksNeeded on: n is at least
	// log2(2/alpha) there, and extra at most ln(1/alpha).
	return z * sd / math.Sqrt(float64(n)*wilcoxonEfficiency-extra), nil
}

// plan checks what both share. z is the sum of the two normal quantiles, extra
// the second term of BlocksFor.
func plan(sd, alpha, power float64) (z, extra float64, err error) {
	if !(sd >= 0) || math.IsInf(sd, 1) {
		return 0, 0, fmt.Errorf("standard deviation %v is not a finite number of at least 0", sd)
	}
	if !(alpha > 0 && alpha < 1) {
		return 0, 0, fmt.Errorf("alpha %v is not between 0 and 1", alpha)
	}
	// Below alpha/2 no effect at all would do: the test finds one by chance.
	if !(power > alpha/2 && power < 1) {
		return 0, 0, fmt.Errorf("power %v is not between alpha/2 and 1", power)
	}
	quantile := -normalQuantile(alpha / 2)
	return quantile + normalQuantile(power), quantile * quantile / 2, nil
}

// SD is the sample standard deviation of at least two finite values (divisor
// n-1), in their unit.
func SD(x []float64) (float64, error) {
	if len(x) < 2 {
		return 0, fmt.Errorf("a spread needs at least 2 values, not %d", len(x))
	}
	if err := checkFinite("x", x); err != nil {
		return 0, err
	}
	mean, sum := 0.0, 0.0 // Welford's recurrence
	for i, v := range x {
		d := v - mean
		mean += d / float64(i+1)
		sum += d * (v - mean)
	}
	return math.Sqrt(sum / float64(len(x)-1)), nil
}
