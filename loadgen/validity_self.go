package loadgen

import (
	"fmt"
	"math"
	"time"
)

// The bounds of the checks on the generator's own part in what was measured.
const (
	maxLag         = time.Millisecond
	lagShareP50    = 0.1 // of the latency's p50
	lagShareP99    = 0.5 // of the latency's p99 ...
	lagFloorP99    = 200 * time.Microsecond
	minInvoluntary = 50 // a second

	littleRelative = 0.10 // of the number in flight
	littleAbsolute = 0.05 // in flight
	littleErrors   = 5    // standard errors
)

// behind finds a generator that did not keep the schedule at all: what it offered
// is not what was asked for, and most of the latency is its own. An arrival is
// shed the moment the generator gets to it, so that this tells as well.
func behind(r *Recording) string {
	const remedy = "; lower the rate, or give the generator a core of its own (taskset)"
	if p := r.Lag.P50; p != nil && time.Duration(*p) > maxLag {
		return fmt.Sprintf("the generator did not keep the schedule: half of the requests left more than %v late%s%s", round(*p), pushed(r), remedy)
	}
	if n := r.Accounting.Shed; n > 0 && time.Duration(r.shedLate/n) > maxLag {
		return fmt.Sprintf("the generator did not keep the schedule: it got to the arrivals that it shed %v late on average%s%s", round(r.shedLate/n), pushed(r), remedy)
	}
	return ""
}

// lagging compares like with like. Latency starts at the intended time, so that
// every quantile of it contains the generator's lateness: the median is off by
// about the median lag, the p99 by at most the p99 of the lag. A share of the p50
// would be the wrong measure of the latter: a good engine's p99 of 30 us is half
// of the p50 of a fast target, and concerns one request in a hundred.
func lagging(r *Recording) string {
	lag, latency := r.Lag, r.Latency
	remedy := pushed(r) + "; stop what else runs on the generator's core, or give it one of its own (taskset)"
	switch {
	case lag.P99 == nil || behind(r) != "":
		return ""
	case time.Duration(*lag.P99) > maxLag:
		return fmt.Sprintf("schedule lag: 1 %% of the requests left more than %v late%s", round(*lag.P99), remedy)
	case latency.P50 != nil && float64(*lag.P50) > lagShareP50*float64(*latency.P50):
		return fmt.Sprintf("schedule lag: %v of the median response of %v are the generator's%s", round(*lag.P50), round(*latency.P50), remedy)
	case latency.P99 != nil && time.Duration(*lag.P99) > lagFloorP99 && float64(*lag.P99) > lagShareP99*float64(*latency.P99):
		return fmt.Sprintf("schedule lag: up to %v of the p99 of %v are the generator's%s", round(*lag.P99), round(*latency.P99), remedy)
	}
	return ""
}

// pushed says what may be behind a lag: that the generator's threads were made
// to give up their core. It is no finding of its own. A thread that spins gets
// pushed off by every thread of the kernel: 26 phases with a p99 lag below 0.1 ms
// had 127 to 1,003 of it a second, 64 phases with and without somebody else on the
// core 130 to 1,700. A hog shows in the lag (p99 3.6 ms with 460 a second), and
// one that does not show there does no harm.
func pushed(r *Recording) string {
	if r.Involuntary <= 0 || r.Elapsed <= 0 {
		return ""
	}
	rate := float64(r.Involuntary) / (r.Elapsed + r.Drain).Seconds()
	if rate < minInvoluntary {
		return ""
	}
	return fmt.Sprintf(", having been pushed off its core %.0f times a second", rate)
}

// littlesLaw compares the number in flight that was seen with what the recorded
// times add up to. They are two sets of books: a generator that stamps late,
// loses arrivals or leaves out its worst latencies contradicts itself.
func littlesLaw(r *Recording) string {
	o := r.Occupancy
	if o.Looks < minLooks {
		return ""
	}
	l, lw, se := o.little(r.inFlightTime(), float64(r.Elapsed))
	if math.Abs(l-lw) <= max(littleRelative*lw, littleErrors*se, littleAbsolute) {
		return ""
	}
	return fmt.Sprintf("the books of the generator contradict themselves: it saw %.2f arrivals in flight, the recorded times add up to %.2f (Little's law): it gets to arrivals late, or its stamps are wrong; lower the rate, and report it if that is no remedy", l, lw)
}

// minLooks is how many looks the check wants: a tenth of a second's worth.
const minLooks = looksPerSecond / 10

func neverLooked(r *Recording) string {
	if r.Occupancy.Looks > 0 || r.Elapsed < time.Second {
		return ""
	}
	return "how many arrivals were in flight was never looked at: Little's law was not checked; use another engine"
}

// inFlightTime is the time that arrivals spent in flight within the phase, all
// together, in ns. The recorded times begin when an arrival was due; in flight it
// is from when the generator got to it, a lag later. The lag of those that had to
// queue is not known by itself: it is taken to be like that of the others.
func (r *Recording) inFlightTime() float64 {
	entered := r.Accounting.Scheduled - r.Accounting.Shed
	return float64(r.resident) - float64(entered)*r.Lag.Mean
}

func round(ns int64) time.Duration { return time.Duration(ns).Round(time.Microsecond) }
