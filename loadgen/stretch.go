package loadgen

import (
	"math"
	"math/bits"
)

// sketch counts values in 16 buckets a power of two: a quantile is right within
// 3 %, which is enough to watch a phase while it runs and to compare parts of it
// with each other. What did not end ok ranks above everything. The zero value is
// empty.
type sketch struct {
	counts [sketchRows << sketchBits]uint32
	ok     int64
	notOK  int64
}

const (
	sketchBits = 4
	sketchRows = 37 - sketchBits // up to 68.7 s
)

func (s *sketch) add(v int64, ok bool) {
	if !ok {
		s.notOK++
		return
	}
	s.ok++
	v = max(v, 0)
	shift := max(0, bits.Len64(uint64(v))-(sketchBits+1))
	i := shift<<sketchBits + int(v>>shift)
	s.counts[min(i, len(s.counts)-1)]++
}

// merge adds the counts of o.
func (s *sketch) merge(o *sketch) {
	for i, n := range o.counts {
		s.counts[i] += n
	}
	s.ok += o.ok
	s.notOK += o.notOK
}

// quantile returns the middle of the bucket that holds quantile q, in
// nanoseconds; +Inf where that falls among what did not end ok, NaN where there
// is nothing.
func (s *sketch) quantile(q float64) float64 {
	n := s.ok + s.notOK
	if n == 0 {
		return math.NaN()
	}
	rank := int64(math.Ceil(q * float64(n)))
	var seen int64
	for i, c := range s.counts {
		if seen += int64(c); c > 0 && seen >= rank {
			if i < 2<<sketchBits {
				return float64(i)
			}
			shift := i>>sketchBits - 1
			return (float64(i-shift<<sketchBits) + 0.5) * float64(int64(1)<<shift)
		}
	}
	return math.Inf(1)
}

// stretchCount is into how many equal parts a phase is cut to see whether it
// was the same from beginning to end.
const stretchCount = 16

// stretches sketches the latency of each part of a phase, by intended time.
type stretches struct {
	width   int64 // ns
	varying bool  // by itself: the rate changes, or it has no planned end
	parts   [stretchCount]sketch
}

func (s *stretches) add(at, v int64, ok bool) {
	if i := at / s.width; i < stretchCount { // Once has no planned end
		s.parts[i].add(v, ok)
	}
}

func (s *stretches) merge(o *stretches) {
	for i := range s.parts {
		s.parts[i].merge(&o.parts[i])
	}
}
