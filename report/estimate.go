package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// estimate is one cell: a number with its spread over trials, or the reason why
// there is none. Infinity is a latency beyond the timeout.
type estimate struct {
	Value    float64
	Min, Max float64
	N        int    // trials behind it
	Merged   bool   // from the merged histogram, so without spread or comparison
	Missing  string // why there is no number; empty otherwise
}

func missing(format string, args ...any) estimate {
	return estimate{Missing: fmt.Sprintf(format, args...)}
}

// median of a copy of v, which is not empty. With an even number it is the mean
// of the middle two, infinite as soon as one of them is.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// over summarises one number a trial. get is false where the trial has none.
func over(trials []*results.Trial, get func(*results.Trial) (float64, bool)) estimate {
	var v []float64
	for _, t := range trials {
		if x, ok := get(t); ok {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return missing("no trial has it")
	}
	return estimate{Value: median(v), Min: slices.Min(v), Max: slices.Max(v), N: len(v)}
}

// SamplesFor is the smallest sample that supports the quantile q; see
// stat.SamplesFor.
func SamplesFor(q float64) int64 { return stat.SamplesFor(q) }

// supported is the largest quantile that n samples support; see SamplesFor.
func supported(n int64) float64 { return math.Pow(0.025, 1/float64(max(n, 1))) }

// level is a quantile that run.json has for every trial.
type level struct {
	Name string
	Q    float64
	get  func(*results.Quantiles) *int64
}

func levels() []level {
	return []level{
		{"p50", .5, func(q *results.Quantiles) *int64 { return q.P50 }},
		{"p99", .99, func(q *results.Quantiles) *int64 { return q.P99 }},
		{"p99.9", .999, func(q *results.Quantiles) *int64 { return q.P999 }},
	}
}

// ns reads a level of a trial's response time; infinite beyond the timeout.
func (l level) ns(t *results.Trial) (float64, bool) {
	if t.Latency.Count == 0 {
		return 0, false
	}
	if v := l.get(&t.Latency); v != nil {
		return float64(*v), true
	}
	return math.Inf(1), true
}

// distribution is all response times of one arm: ok ones by histogram, the rest
// by number.
type distribution struct {
	ok        *hdrhistogram.Histogram // nil: none recorded
	okCounted int64                   // ok arrivals by the accounting: the histogram holds as many
	scheduled int64
}

// at returns the quantile q in nanoseconds with every scheduled arrival ranked;
// infinite where it falls among those that did not end ok.
func (d distribution) at(q float64) float64 {
	n := d.ok.TotalCount()
	rank := int64(math.Ceil(q * float64(d.scheduled)))
	if rank > n {
		return math.Inf(1)
	}
	return float64(d.ok.ValueAtQuantile(100 * float64(max(rank, 1)) / float64(n)))
}

// foreign says that the histograms hold other arrivals than were counted.
func (d distribution) foreign() bool { return d.ok != nil && d.ok.TotalCount() != d.okCounted }

// mergedQuantile is what stands in for trials that are too short.
func mergedQuantile(d distribution, l level) estimate {
	need := SamplesFor(l.Q)
	switch {
	case d.scheduled < need:
		return missing("needs %s samples, all blocks together have %s", number.Integer(need), number.Integer(d.scheduled))
	case d.ok == nil:
		return missing("a trial has fewer than the %s samples it needs, and no histograms were recorded", number.Integer(need))
	}
	return estimate{Value: d.at(l.Q), Merged: true}
}

// mergeBlocks adds the histograms of the given trials.
func mergeBlocks(src HistogramSource, trials []*results.Trial) distribution {
	var d distribution
	for _, t := range trials {
		d.scheduled += t.Accounting.Scheduled
		d.okCounted += t.Accounting.OK
		if src == nil {
			continue
		}
		h := src.Histogram(results.Tag{Arm: t.Arm, Operation: "use", Outcome: results.OK, Metric: "latency", Block: t.Block})
		if h == nil {
			continue
		}
		if d.ok == nil {
			d.ok = hdrhistogram.New(results.HistogramMin, results.HistogramMax, results.HistogramDigits)
		}
		d.ok.Merge(h) // same geometry: results.Histograms has checked it
	}
	return d
}

// byBlock sorts trials by block.
func byBlock(a, b *results.Trial) int { return cmp.Compare(a.Block, b.Block) }
