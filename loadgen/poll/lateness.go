// Package poll is an event loop's eyes and its clock: which sockets are ready,
// and a timer that is right to the microsecond. The load engine and the delaying
// link stand on it. It is there on Linux only.
package poll

// lateness follows how late a sleeper wakes up, and sets the window in front of
// an instant in which spinning takes over: the 99th percentile, at most 100 us.
// Old observations fade: every 1,024 of them the counts are halved.
type lateness struct {
	window int64 // ns
	n      int
	counts [maxWindow / 1000]uint32 // by microsecond; the last holds all beyond
}

const (
	maxWindow   = 100_000 // ns
	firstWindow = 60_000  // until there are observations
	adjustEvery = 64
	fadeEvery   = 1024
)

func newLateness() lateness { return lateness{window: firstWindow} }

// add notes that a sleeper woke up d nanoseconds late.
func (l *lateness) add(d int64) {
	l.counts[min(max(d, 0)/1000, int64(len(l.counts)-1))]++
	if l.n++; l.n%adjustEvery != 0 {
		return
	}
	var all, seen uint32
	for _, c := range l.counts {
		all += c
	}
	for i, c := range l.counts {
		if seen += c; uint64(seen)*100 >= uint64(all)*99 {
			l.window = int64(i+1) * 1000
			break
		}
	}
	if l.n%fadeEvery == 0 {
		for i := range l.counts {
			l.counts[i] /= 2
		}
	}
}
