package loadgen

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sort"
)

// Arrival is one scheduled request.
type Arrival struct {
	Index uint64 // k, from 0, over the whole schedule
	At    int64  // intended time, nanoseconds since the phase began
	User  int    // index into Plan.Requests
}

// Schedule computes the arrivals of an open-loop phase. Everything is integer
// arithmetic on (seed, k), so that a schedule is the same on every machine, in
// every arm, at every speed, and never drifts:
//
//	constant   at(k) = floor(k / rate)
//	poisson    at(k) = floor((e_0 + ... + e_k) / rate)
//
// where e_j is a unit exponential variate drawn from the counter j, in units
// of 2^-32. The rate only scales the sum: two rates see the same realisation.
// With stages, the clock that the sum is read from runs at the rate of the
// stage, see timeline.
type Schedule struct {
	poisson  bool
	micro    uint64 // rate, arrivals per 10^6 s; 0: see line
	line     timeline
	end      int64
	seed     uint64
	users    Users
	next     uint64 // k of the next arrival
	sum      uint64 // e_0 + ... + e_(next-1)
	part, of uint64
}

// The streams that one seed is split into.
const (
	streamGaps  = 0x6761707300000001
	streamUsers = 0x7573657200000002
)

// NewSchedule returns the schedule of a phase over the given number of users.
// Rates are resolved to a millionth of an arrival per second. With Stages the
// phase's Duration has to be the sum of theirs.
func NewSchedule(phase Phase, users int) (*Schedule, error) {
	micro, line, err := rates(phase)
	if err != nil {
		return nil, err
	}
	u, err := NewUsers(phase.Popularity, phase.Seed, users)
	if err != nil {
		return nil, err
	}
	s := &Schedule{
		micro: micro,
		line:  line,
		end:   int64(phase.Duration),
		seed:  phase.Seed,
		users: u,
		of:    1,
	}
	switch phase.Arrivals {
	case Poisson, "":
		s.poisson = true
	case Constant:
	default:
		return nil, fmt.Errorf("schedule: unknown arrivals %q (poisson, constant)", phase.Arrivals)
	}
	return s, nil
}

// rates reads how fast the arrivals of a phase come: at one rate, or in stages.
func rates(phase Phase) (micro uint64, line timeline, err error) {
	switch {
	case len(phase.Stages) > 0 && phase.Rate != 0:
		return 0, line, errors.New("schedule: both a rate and stages")
	case len(phase.Stages) > 0:
		line, err = newTimeline(phase.Stages, phase.Duration)
		return 0, line, err
	case !(phase.Rate >= 1e-6 && phase.Rate <= maxRate):
		return 0, line, fmt.Errorf("schedule: rate %v/s is outside 0.000001 to 10^9", phase.Rate)
	case phase.Duration <= 0:
		return 0, line, fmt.Errorf("schedule: duration %v is not positive", phase.Duration)
	case phase.Rate*phase.Duration.Seconds() > maxArrivals:
		return 0, line, fmt.Errorf("schedule: %v/s for %v is more than 2^31 arrivals", phase.Rate, phase.Duration)
	}
	return uint64(math.Round(phase.Rate * 1e6)), line, nil
}

// The limits of a schedule. 2^31 arrivals in units of 2^-32 fit 63 bits.
const (
	maxRate     = 1e9 // per second
	maxArrivals = 1 << 31
)

// Part restricts a schedule that was not started to worker i of n, which owns
// the arrivals k = i (mod n). The union over all workers is the whole schedule.
func (s *Schedule) Part(i, n int) error {
	if n < 1 || i < 0 || i >= n {
		return fmt.Errorf("schedule: no worker %d of %d", i, n)
	}
	s.part, s.of = uint64(i), uint64(n)
	return nil
}

// Next returns the next arrival, or false when the phase is over.
func (s *Schedule) Next() (Arrival, bool) {
	for {
		k := s.next
		sum := k << 32
		if s.poisson {
			sum = s.sum + exponential(draw(s.seed, streamGaps, k))
		}
		var at int64
		if s.micro > 0 {
			at = scale(sum, s.micro)
		} else {
			at = s.line.at(sum)
		}
		if at >= s.end {
			return Arrival{}, false
		}
		s.sum = sum
		s.next++
		if k%s.of == s.part {
			return Arrival{Index: k, At: at, User: s.users.At(k)}, true
		}
	}
}

// scale returns floor(n * 2^-32 * 10^15 / micro), saturated: the time in
// nanoseconds of n * 2^-32 mean gaps at a rate of micro per 10^6 s.
func scale(n, micro uint64) int64 {
	hi, lo := bits.Mul64(n, perMicro)
	lo, hi = lo>>32|hi<<32, hi>>32
	if hi >= micro {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, micro)
	return int64(min(q, math.MaxInt64))
}

// draw is the counter-based generator: 64 random bits that depend only on
// (seed, stream, k). It is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)
// entered at position k of the sequence that the seed and stream select.
func draw(seed, stream, k uint64) uint64 {
	return mix(mix(seed^stream) + (k+1)*0x9e3779b97f4a7c15)
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// exponential returns -ln(u) in units of 2^-32 for u = (x+1) / 2^64.
//
// Subtle: math.Log differs in the last bit between architectures, which would
// give two workers two schedules. This is the shift-and-square logarithm: the
// integer part of log2 is the bit length, and each squaring of the mantissa
// yields one further bit.
func exponential(x uint64) uint64 {
	x++
	if x == 0 {
		return 0 // u = 1
	}
	const fraction = 40
	zeros := bits.LeadingZeros64(x)
	m := x << zeros // mantissa in [1, 2), binary point after the first bit
	var log2 uint64 // of the mantissa, fraction bits
	for range fraction {
		hi, lo := bits.Mul64(m, m)
		log2 <<= 1
		if hi>>63 == 1 { // the square is in [2, 4)
			log2 |= 1
			m = hi
		} else {
			m = hi<<1 | lo>>63
		}
	}
	// -log2(u) = zeros + 1 - log2(mantissa), times ln 2 in units of 2^-64.
	minus := uint64(zeros+1)<<fraction - log2
	const ln2 = 0xb17217f7d1cf79ac
	hi, _ := bits.Mul64(minus, ln2)
	return (hi + 1<<(fraction-33)) >> (fraction - 32)
}

// Users chooses the user of every arrival from (seed, k).
type Users struct {
	seed uint64
	n    uint64
	cdf  []float64 // Zipf: cdf[i] is the share of users 0..i, last 1; nil for uniform
}

// NewUsers returns the choice among n users. Zipf has exponent 1: user i is
// used in proportion to 1/(i+1).
func NewUsers(p Popularity, seed uint64, n int) (Users, error) {
	if n < 1 {
		return Users{}, fmt.Errorf("schedule: no users")
	}
	u := Users{seed: seed, n: uint64(n)}
	switch p {
	case Uniform, "":
	case Zipf:
		u.cdf = make([]float64, n)
		var sum float64
		for i := range u.cdf {
			sum += 1 / float64(i+1)
			u.cdf[i] = sum
		}
		for i := range u.cdf {
			u.cdf[i] /= sum
		}
	default:
		return Users{}, fmt.Errorf("schedule: unknown popularity %q (uniform, zipf)", p)
	}
	return u, nil
}

// At returns the user of arrival k.
func (u Users) At(k uint64) int {
	x := draw(u.seed, streamUsers, k)
	if u.cdf == nil {
		hi, _ := bits.Mul64(x, u.n)
		return int(hi)
	}
	p := float64(x>>11) / (1 << 53) // in [0, 1)
	return sort.Search(len(u.cdf)-1, func(i int) bool { return p < u.cdf[i] })
}
