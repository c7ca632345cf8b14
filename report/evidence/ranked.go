package evidence

import (
	"math"
	"sort"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/results"
)

// Ranked is a distribution that is asked many times: At takes a search instead of
// a walk over all buckets.
type Ranked struct {
	scheduled int64
	upTo      []int64 // arrivals in this bucket or below
	value     []int64 // the largest of the bucket, ns
}

// Rank prepares d, which has histograms.
func (d Distribution) Rank() Ranked { return rank(d.OK, d.Scheduled) }

func rank(h *hdrhistogram.Histogram, scheduled int64) Ranked {
	r := Ranked{scheduled: scheduled}
	sum := int64(0)
	for _, b := range h.Distribution() {
		if b.Count > 0 {
			sum += b.Count
			r.upTo, r.value = append(r.upTo, sum), append(r.value, b.To)
		}
	}
	return r
}

// RankBlocks prepares the distribution of every trial by itself, in their order;
// one without histograms is left out.
func RankBlocks(src Histograms, trials []*results.Trial) []Ranked {
	var out []Ranked
	for _, t := range trials {
		if src == nil {
			break
		}
		if h := src.Histogram(useTag(t)); h != nil && h.TotalCount() > 0 {
			out = append(out, rank(h, t.Accounting.Scheduled))
		}
	}
	return out
}

// Scheduled is how many arrivals are ranked, those that did not end ok included.
func (r Ranked) Scheduled() int64 { return r.scheduled }

// At is Distribution.At.
func (r Ranked) At(q float64) float64 {
	want := max(1, int64(math.Ceil(q*float64(r.scheduled))))
	i := sort.Search(len(r.upTo), func(i int) bool { return r.upTo[i] >= want })
	if i == len(r.upTo) {
		return math.Inf(1)
	}
	return float64(r.value[i])
}

// Costs is the run in which the cost of arms is compared.
func (b *Board) Costs() Source {
	for _, s := range b.Sources {
		if s.Run == b.Run {
			return s
		}
	}
	return Source{Run: b.Run}
}
