package stat

import (
	"fmt"
	"math"
)

// Wilson is the score interval for a proportion of which k in n were seen
// (Wilson 1927), 0 <= k <= n, n >= 1. It is an approximation that keeps its level
// well on average, also near 0 and 1 (Newcombe, Statistics in Medicine 17, 1998,
// 857-872), unlike the textbook p plus or minus 1.96 standard errors.
func Wilson(k, n int, level float64) (lo, hi float64, err error) {
	if err := checkLevel(level); err != nil {
		return 0, 0, err
	}
	if n < 1 || k < 0 || k > n {
		return 0, 0, fmt.Errorf("%d of %d is not a proportion", k, n)
	}
	z := -normalQuantile((1 - level) / 2)
	size := float64(n)
	p := float64(k) / size
	centre := p + z*z/(2*size)
	half := z * math.Sqrt(p*(1-p)/size+z*z/(4*size*size))
	scale := 1 + z*z/size
	lo, hi = (centre-half)/scale, (centre+half)/scale
	// At the edges the formula gives 0 and 1 but for rounding.
	if k == 0 {
		lo = 0
	}
	if k == n {
		hi = 1
	}
	return lo, hi, nil
}

// NoneIn is the upper bound, at the level, for the rate of something that never
// happened in n independent tries, n >= 1: the rate at which n tries without it
// have probability 1 - level.
//
//	1 - (1-level)^(1/n)
//
// At 95 % that is a little below 3/n, the rule of three (Hanley and
// Lippman-Hand, If nothing goes wrong, is everything all right? JAMA 249, 1983,
// 1743-1745).
func NoneIn(n int, level float64) (float64, error) {
	if err := checkLevel(level); err != nil {
		return 0, err
	}
	if n < 1 {
		return 0, fmt.Errorf("nothing can be said from %d tries", n)
	}
	return -math.Expm1(math.Log1p(-level) / float64(n)), nil
}
