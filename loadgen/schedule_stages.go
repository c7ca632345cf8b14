package loadgen

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// timeline is the clock of a schedule whose rate changes. With r(t) the rate,
// constant or linear within each stage, the arrivals expected by time t are
//
//	L(t) = integral of r from 0 to t
//
// which grows steadily, so that it can be inverted. Arrivals whose distances are
// known at a rate of one (k = 0, 1, 2, ... or the sums of unit exponentials)
// happen at
//
//	at = L^-1(k)                   constant
//	at = L^-1(e_0 + ... + e_k)     Poisson of intensity r(t)
//
// The latter is time rescaling (Cinlar, Introduction to Stochastic Processes,
// 1975, chapter 4). Plain rates are the case L(t) = r t.
//
//	r |        ____ b         L within a ramp from a to b that takes T:
//	  |       /                  L(s) = a s + m s^2 / 2,  m = (b - a) / T
//	  |    a /                its inverse, without cancellation for either sign of m:
//	  |_____/_________           s = 2 y / (a + sqrt(a^2 + 2 m y))
//	        |<-T->|   t
//
// Subtle: a schedule has to be the same on every machine. Stages of a constant
// rate, and where each stage begins on the scale of L, are integers. In a ramp
// the five operations of the inverse are rounded as IEEE 754 says on every
// architecture, square roots included, as long as no compiler fuses a product
// with a sum: the conversions to float64 forbid it (Go specification, Floating
// point operators).
type timeline struct {
	stages []span
	i      int   // the stage of the latest arrival
	last   int64 // its time
}

// span is a stage. Times are nanoseconds, rates arrivals per 10^6 s, L is in
// units of 2^-32 arrivals.
type span struct {
	start, length int64
	from, to      uint64
	base, end     uint64 // L where it starts and where it ends
}

// perMicro is how many nanoseconds there are in the unit of rates.
const perMicro = 1_000_000_000_000_000

// newTimeline checks the stages of a phase. A stage may be a pause, not all.
func newTimeline(stages []Stage, duration time.Duration) (timeline, error) {
	var line timeline
	var start int64
	var base, hi, lo uint64 // hi, lo: L in units of 5 * 10^-16 arrivals, exactly
	var expected float64
	for i, st := range stages {
		for _, r := range []float64{st.Rate, st.To} {
			if !(r >= 0 && r <= maxRate) || r > 0 && r < 1e-6 {
				return line, fmt.Errorf("schedule: stage %d: rate %v/s is neither 0 nor within 0.000001 to 10^9", i+1, r)
			}
		}
		if st.Duration <= 0 {
			return line, fmt.Errorf("schedule: stage %d: duration %v is not positive", i+1, st.Duration)
		}
		s := span{start: start, length: int64(st.Duration), from: uint64(math.Round(st.Rate * 1e6)), base: base}
		s.to = s.from
		if st.To > 0 {
			s.to = uint64(math.Round(st.To * 1e6))
		}
		if expected += float64(s.from+s.to) / 2e6 * st.Duration.Seconds(); expected > maxArrivals {
			return line, fmt.Errorf("schedule: more than 2^31 arrivals by stage %d", i+1)
		}
		h, l := bits.Mul64(s.from+s.to, uint64(s.length))
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi += h + carry
		s.end = fixed(hi, lo)
		start, base = start+s.length, s.end
		line.stages = append(line.stages, s)
	}
	switch {
	case base == 0:
		return line, fmt.Errorf("schedule: the rate is 0 in every stage")
	case start != int64(duration):
		return line, fmt.Errorf("schedule: the stages take %v, the phase %v", time.Duration(start), duration)
	}
	return line, nil
}

// fixed turns L into units of 2^-32 arrivals, rounded up: what is below it is
// then exactly what falls due before.
func fixed(hi, lo uint64) uint64 {
	q, r := bits.Div64(hi<<31|lo>>33, lo<<31, perMicro)
	if r > 0 {
		q++
	}
	return q
}

// at returns L^-1(n) in nanoseconds, math.MaxInt64 after the last stage. The
// calls are in the order of n.
func (l *timeline) at(n uint64) int64 {
	for l.i < len(l.stages) && n >= l.stages[l.i].end {
		l.i++
	}
	if l.i == len(l.stages) {
		return math.MaxInt64
	}
	s := &l.stages[l.i]
	// Within the last nanosecond rounding may reach the end, or pass an arrival.
	l.last = max(l.last, s.start+min(s.inverse(n-s.base), s.length-1))
	return l.last
}

// inverse returns when L has grown by n, in nanoseconds since the stage began.
func (s *span) inverse(n uint64) int64 {
	if s.from == s.to {
		return scale(n, s.from)
	}
	if n == 0 {
		return 0
	}
	y := float64(n) / (1 << 32)
	a, b := float64(s.from)/1e6, float64(s.to)/1e6
	m := float64((b - a) / (float64(s.length) / 1e9))
	root := math.Sqrt(max(0, float64(a*a)+float64(float64(2*m)*y)))
	seconds := float64(2*y) / float64(a+root)
	return int64(float64(seconds * 1e9))
}
