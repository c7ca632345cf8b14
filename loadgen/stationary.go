package loadgen

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"authbench/results/stat"
)

// The bounds of unsteady, from phases of 2 and 3 s at 1,000 to 5,000/s against
// control, session-redis and jwt-es256, and closed loops of 0.5 and 1 s, on two
// virtual cores that others were at work on, too. The third-highest part to the
// third-lowest came to
//
//	                                   median  90 %   max
//	median response, lag p99 < 0.1 ms  1.24    1.48   1.49   (26 phases)
//	median response, all               1.27    1.56   3.1    (64)
//	throughput, all                    1.29    1.83   3.0    (64; parts of 31 and 62 ms)
//
// A target that doubles halfway or swings comes to 2, one that gets slower
// steadily until it takes twice as long comes to 1.6 by parts and 1.9 by its trend.
const (
	minPartSize = 50   // arrivals in a part
	minParts    = 8    // fewer cannot tell a change from two outliers
	trendLevel  = 0.99 // of the trend's confidence interval

	// Slow parts to fast ones.
	maxResponseChange   = 1.6
	maxThroughputChange = 1.8
	// The end to the beginning, of either.
	maxTrend = 1.5
)

// part is what one part of a phase says of the target: a level, and the interval
// in which sampling alone would have left it (two standard errors to each side).
type part struct{ level, low, high float64 }

// levels cuts a phase into parts of at least minPartSize arrivals on average: 16,
// else 8 of them, else none.
func (s *stretches) levels(closed bool) []part {
	var all int64
	for i := range s.parts {
		all += s.parts[i].ok + s.parts[i].notOK
	}
	join := 1
	if all < minPartSize*stretchCount {
		join = 2
	}
	if all < minPartSize*minParts || s.varying {
		return nil
	}
	var parts []part
	for i := 0; i < stretchCount; i += join {
		sum := s.parts[i]
		if join == 2 {
			sum.merge(&s.parts[i+1])
		}
		parts = append(parts, sum.part(closed))
	}
	return parts
}

func (s *sketch) part(closed bool) part {
	if closed {
		n := float64(s.ok)
		return part{n, n - 2*math.Sqrt(n), n + 2*math.Sqrt(n)}
	}
	n := float64(max(s.ok+s.notOK, minPartSize/2)) // the ranks stay within 0 to 1
	return part{s.quantile(0.5), s.quantile(0.5 - 1/math.Sqrt(n)), s.quantile(0.5 + 1/math.Sqrt(n))}
}

// unsteady finds a target that was not the same from beginning to end: it slowed
// down or warmed up, took a step, or went back and forth. Then no single number
// describes it, and which one comes out depends on when the phase ended.
//
// Open loop: the median response time of 16 parts. Closed loop: the requests
// completed in each. Where parts are small they are joined to 8. Two findings:
//
//   - swinging: the third-highest part to the third-lowest (so that two parts may
//     be hit by anything), more than sampling explains;
//   - a trend: what the Theil-Sen slope of the logarithms comes to over the phase,
//     an interval around it that excludes 0 (Mann-Kendall).
//
// Oscillations that are faster than two parts average out within each and are not
// seen: the phase is long in comparison, and its quantiles are those of the mix.
// Nothing is said of a phase with fewer than 50 arrivals in each of 8 parts, nor
// of one whose rate changes by itself.
func unsteady(r *Recording) string {
	if r.stretches == nil || r.Accounting.Unfinished > 0 {
		return ""
	}
	parts := r.stretches.levels(r.Closed)
	if len(parts) < minParts {
		return ""
	}
	what := "median response"
	if r.Closed {
		what = "throughput"
	}
	bound := maxResponseChange
	if r.Closed {
		bound = maxThroughputChange
	}
	from, to, drifted := trend(parts)
	least, most, swung := swing(parts, bound)
	const remedy = "lengthen the warm-up, or find out what changed"
	show := func(x float64) string {
		switch {
		case math.IsInf(x, 0):
			return "failing"
		case r.Closed:
			return fmt.Sprintf("%.0f/s", x/(float64(r.stretches.width)*float64(stretchCount/len(parts))/1e9))
		}
		return time.Duration(x).Round(time.Microsecond).String()
	}
	switch {
	case drifted:
		return fmt.Sprintf("the target was not the same from beginning to end: its %s went from %s to %s; %s", what, show(from), show(to), remedy)
	case swung:
		return fmt.Sprintf("the target was not the same from beginning to end: its %s moved between %s and %s; %s", what, show(least), show(most), remedy)
	}
	return ""
}

// swing compares the slow parts with the fast ones.
func swing(parts []part, bound float64) (least, most float64, swung bool) {
	sorted := slices.SortedFunc(slices.Values(parts), func(a, b part) int { return cmp.Compare(a.level, b.level) })
	spare := len(parts) / 8
	fast, slow := sorted[spare], sorted[len(sorted)-1-spare]
	return fast.level, slow.level, slow.level > bound*fast.level && slow.low > fast.high
}

// trend fits a line to the logarithms of the levels and returns its ends.
func trend(parts []part) (from, to float64, drifted bool) {
	var x, y []float64
	for i, p := range parts {
		if p.level <= 0 || math.IsInf(p.level, 0) {
			return 0, 0, false // that is for swing
		}
		x, y = append(x, float64(i)), append(y, math.Log(p.level))
	}
	t, err := stat.TheilSen(x, y, trendLevel)
	if err != nil || !t.Bounded || t.Lo <= 0 && t.Hi >= 0 {
		return 0, 0, false
	}
	half := t.Slope * float64(len(parts)) / 2
	slices.Sort(y)
	middle := math.Exp(y[len(y)/2])
	from, to = middle*math.Exp(-half), middle*math.Exp(half)
	return from, to, math.Abs(2*half) > math.Log(maxTrend)
}
