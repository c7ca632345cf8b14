package loadgen

import "math"

// Occupancy is the number of arrivals in flight, looked at in random instants:
// the L of Little's law (Little, Operations Research 9, 1961), L = lambda W,
// observed on its own, without latencies. Poisson instants see time averages
// (Wolff, Operations Research 30, 1982).
type Occupancy struct {
	Looks int64   // how often it was looked at
	Sum   float64 // of the numbers seen
	Sum2  float64 // of their squares
}

// Mean is the average number in flight, NaN without a look.
func (o Occupancy) Mean() float64 { return o.Sum / float64(o.Looks) }

// merge adds another part of the same connections, looked at independently: the
// means add up.
func (o *Occupancy) merge(p Occupancy) {
	if o.Looks == 0 || p.Looks == 0 {
		*o = Occupancy{}
		return
	}
	n := float64(o.Looks)
	mean := o.Mean() + p.Mean()
	variance := o.variance() + p.variance()
	o.Sum, o.Sum2 = n*mean, n*(variance+mean*mean)
}

func (o Occupancy) variance() float64 {
	return max(0, o.Sum2/float64(o.Looks)-o.Mean()*o.Mean())
}

// occupancy takes the looks, at instants that come at random, looksPerSecond on
// average.
type occupancy struct {
	Occupancy
	seed uint64
	k    uint64
	at   int64 // the next instant, nanoseconds since the phase began
}

const (
	looksPerSecond = 1000
	streamLooks    = 0x6c6f6f6b00000003
)

func newOccupancy(seed uint64) occupancy {
	o := occupancy{seed: seed}
	o.next()
	return o
}

func (o *occupancy) next() {
	o.at += scale(exponential(draw(o.seed, streamLooks, o.k)), looksPerSecond*1_000_000)
	o.k++
}

// until notes that n arrivals have been in flight from the last call until time
// now, or until end if that is earlier.
func (o *occupancy) until(now, end int64, n int) {
	for now = min(now, end); o.at < now; o.next() {
		o.Looks++
		o.Sum += float64(n)
		o.Sum2 += float64(n) * float64(n)
	}
}

// look notes that n are in flight right now, if it is time to. It is for an
// engine in which others change n: what it was at instants that have been missed,
// nobody knows.
func (o *occupancy) look(now, end int64, n int) {
	if o.at >= now || now > end {
		return
	}
	o.Looks++
	o.Sum += float64(n)
	o.Sum2 += float64(n) * float64(n)
	for o.at < now {
		o.next()
	}
}

// little compares L with lambda W, given W's sum (ns) over the arrivals of a
// phase of length elapsed (ns). It returns both sides and the error to be
// expected of L from having looked only now and then, as a standard error. The
// looks of one busy period resemble each other: the error assumes that one look
// in ten counts.
func (o Occupancy) little(sumLatency, elapsed float64) (l, lw, se float64) {
	return o.Mean(), sumLatency / elapsed, math.Sqrt(10 * o.variance() / float64(o.Looks))
}
