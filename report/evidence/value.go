package evidence

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

// Value is a number with its spread over trials, or the reason why
// there is none. Infinity is a latency beyond the timeout.
type Value struct {
	Value    float64
	Min, Max float64
	N        int    // trials behind it
	Merged   bool   // from the merged histogram, so without spread or comparison
	Missing  string // why there is no number; empty otherwise
}

// Missing is a value that there is none of, and why.
func Missing(format string, args ...any) Value {
	return Value{Missing: fmt.Sprintf(format, args...)}
}

// Median of a copy of v, which is not empty. With an even number it is the mean
// of the middle two, infinite as soon as one of them is.
func Median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// Over summarises one number a trial. get is false where the trial has none.
func Over(trials []*results.Trial, get func(*results.Trial) (float64, bool)) Value {
	var v []float64
	for _, t := range trials {
		if x, ok := get(t); ok {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return Missing("no trial has it")
	}
	return Value{Value: Median(v), Min: slices.Min(v), Max: slices.Max(v), N: len(v)}
}

// SamplesFor is the smallest sample that supports the quantile q; see
// stat.SamplesFor.
func SamplesFor(q float64) int64 { return stat.SamplesFor(q) }

// Supported is the largest quantile that n samples support; see SamplesFor.
func Supported(n int64) float64 { return math.Pow(0.025, 1/float64(max(n, 1))) }

// Level is a quantile that run.json has for every trial.
type Level struct {
	Name string
	Q    float64
	get  func(*results.Quantiles) *int64
}

// Levels lists them.
func Levels() []Level {
	return []Level{
		{"p50", .5, func(q *results.Quantiles) *int64 { return q.P50 }},
		{"p99", .99, func(q *results.Quantiles) *int64 { return q.P99 }},
		{"p99.9", .999, func(q *results.Quantiles) *int64 { return q.P999 }},
	}
}

// NS reads a level of a trial's response time; infinite beyond the timeout.
func (l Level) NS(t *results.Trial) (float64, bool) {
	if t.Latency.Count == 0 {
		return 0, false
	}
	if v := l.get(&t.Latency); v != nil {
		return float64(*v), true
	}
	return math.Inf(1), true
}

// Distribution is all response times of one arm: ok ones by histogram, the rest
// by number.
type Distribution struct {
	OK        *hdrhistogram.Histogram // nil: none recorded
	OKCounted int64                   // ok arrivals by the accounting: the histogram holds as many
	Scheduled int64
}

// At returns the quantile q in nanoseconds with every scheduled arrival ranked;
// infinite where it falls among those that did not end ok.
func (d Distribution) At(q float64) float64 {
	n := d.OK.TotalCount()
	rank := int64(math.Ceil(q * float64(d.Scheduled)))
	if rank > n {
		return math.Inf(1)
	}
	return float64(d.OK.ValueAtQuantile(100 * float64(max(rank, 1)) / float64(n)))
}

// Foreign says that the histograms hold other arrivals than were counted.
func (d Distribution) Foreign() bool { return d.OK != nil && d.OK.TotalCount() != d.OKCounted }

// mergedQuantile is what stands in for trials that are too short.
func mergedQuantile(d Distribution, l Level) Value {
	need := SamplesFor(l.Q)
	switch {
	case d.Scheduled < need:
		return Missing("needs %s samples, all blocks together have %s", number.Integer(need), number.Integer(d.Scheduled))
	case d.OK == nil:
		return Missing("a trial has fewer than the %s samples it needs, and no histograms were recorded", number.Integer(need))
	}
	return Value{Value: d.At(l.Q), Merged: true}
}

// MergeBlocks adds the histograms of the given trials.
func MergeBlocks(src Histograms, trials []*results.Trial) Distribution {
	var d Distribution
	for _, t := range trials {
		d.Scheduled += t.Accounting.Scheduled
		d.OKCounted += t.Accounting.OK
		if src == nil {
			continue
		}
		h := src.Histogram(useTag(t))
		if h == nil {
			continue
		}
		if d.OK == nil {
			d.OK = hdrhistogram.New(results.HistogramMin, results.HistogramMax, results.HistogramDigits)
		}
		d.OK.Merge(h) // same geometry: results.Histograms has checked it
	}
	return d
}

// useTag names the response times of a trial.
func useTag(t *results.Trial) results.Tag {
	return results.Tag{Arm: t.Arm, Operation: "use", Outcome: results.OK, Metric: "latency", Block: t.Block}
}

// ByBlock sorts trials by block.
func ByBlock(a, b *results.Trial) int { return cmp.Compare(a.Block, b.Block) }
