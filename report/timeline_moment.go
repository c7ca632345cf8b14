package report

import (
	"math"
	"math/bits"

	"authbench/results"
)

// octave returns the place of v among buckets of 1/2^digits of a power of two: below
// 2^(digits+1) ns a bucket a nanosecond, above that none wider than 1/2^digits of its
// values. Histograms in the log have 10 digits, so their buckets lie within ours whole.
func octave(v int64, digits int) int {
	shift := max(0, bits.Len64(uint64(v))-digits-1)
	return shift<<digits + int(v>>shift)
}

// octaveRange is the inverse: the values from..to of a bucket, both inclusive.
func octaveRange(bucket, digits int) (from, to int64) {
	if bucket < 2<<digits {
		return int64(bucket), int64(bucket)
	}
	shift := bucket>>digits - 1
	from = int64(bucket&(1<<digits-1)+1<<digits) << shift
	return from, from + 1<<shift - 1
}

// octaveAt is octave without rounding down: where v lies between its bucket and the
// next. It places labels on axes whose unit is a bucket.
func octaveAt(v float64, digits int) float64 {
	shift := max(0, bits.Len64(uint64(v))-digits-1)
	return float64(shift<<digits) + v/float64(int64(1)<<shift)
}

// binDigits makes buckets at most 0.8 % wide: what a panel prints to three digits.
const binDigits = 7

// bins counts latencies, with memory only for the powers of two that occur. The zero
// value is empty.
type bins struct {
	rows  [32]*[1 << binDigits]uint32
	count int64
}

func (b *bins) add(v, n int64) {
	i := octave(v, binDigits)
	row := &b.rows[i>>binDigits]
	if *row == nil {
		*row = new([1 << binDigits]uint32)
	}
	(*row)[i&(1<<binDigits-1)] += uint32(n)
	b.count += n
}

// each calls f for every bucket that is not empty, in ascending order, until f returns
// false.
func (b *bins) each(f func(bucket int, n int64) bool) {
	for r, row := range b.rows {
		if row == nil {
			continue
		}
		for c, n := range row {
			if n > 0 && !f(r<<binDigits+c, int64(n)) {
				return
			}
		}
	}
}

// moment is what became of the arrivals that were due in one interval.
type moment struct {
	ok  bins
	n   [results.Outcomes]int64
	max int64 // ns, the slowest ok
}

// add counts an interval of one outcome.
func (c *moment) add(i *results.Interval) {
	c.n[i.Outcome] += i.Count
	if i.Outcome != results.OK {
		return
	}
	c.max = max(c.max, i.Max)
	for _, b := range i.Buckets {
		c.ok.add(b.From, b.N)
	}
}

func (c *moment) merge(o *moment) {
	for k, n := range o.n {
		c.n[k] += n
	}
	c.max = max(c.max, o.max)
	o.ok.each(func(bucket int, n int64) bool {
		from, _ := octaveRange(bucket, binDigits)
		c.ok.add(from, n)
		return true
	})
}

// scheduled is how many arrivals were due.
func (c *moment) scheduled() int64 {
	sum := int64(0)
	for _, n := range c.n {
		sum += n
	}
	return sum
}

func (c *moment) bad() int64 { return c.scheduled() - c.n[results.OK] }

// quantile ranks every arrival, what is not ok as slower than every ok: +Inf where the
// rank falls there, NaN without arrivals. ns, at most 0.8 % too large.
func (c *moment) quantile(q float64) float64 {
	n := c.scheduled()
	if n == 0 {
		return math.NaN()
	}
	rank := max(1, int64(math.Ceil(q*float64(n)-1e-9)))
	if rank > c.ok.count {
		return math.Inf(1)
	}
	seen, value := int64(0), math.Inf(1)
	c.ok.each(func(bucket int, k int64) bool {
		if seen += k; seen < rank {
			return true
		}
		_, to := octaveRange(bucket, binDigits)
		value = float64(min(to, c.max))
		return false
	})
	return value
}
