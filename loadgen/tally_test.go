package loadgen

import (
	"math/rand/v2"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/results"
)

func TestTallyIsAnHDRHistogram(t *testing.T) {
	ours := &tally{}
	theirs := hdrhistogram.New(results.HistogramMin, results.HistogramMax, results.HistogramDigits)
	r := rand.New(rand.NewPCG(1, 2))
	record := func(v int64) {
		ours.add(v)
		if err := theirs.RecordValue(v); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []int64{0, 1, 1023, 1024, 2047, 2048, 2049, 4095, 4096, results.HistogramMax} {
		record(v)
	}
	for range 20_000 {
		record(r.Int64N(1 << (1 + r.IntN(35))))
	}
	h, err := ours.encode(results.Histogram{Metric: "latency"})
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := hdrhistogram.Decode([]byte(h.Data))
	if err != nil {
		t.Fatal(err)
	}
	if !decoded.Equals(theirs) {
		t.Error("the encoded tally is not the histogram that hdrhistogram recorded")
	}
	if h.Count != theirs.TotalCount() || h.Max != results.HistogramMax {
		t.Errorf("count %d, max %d", h.Count, h.Max)
	}
}

func TestTallyBuckets(t *testing.T) {
	theirs := hdrhistogram.New(results.HistogramMin, results.HistogramMax, results.HistogramDigits)
	for shift := range 36 {
		for _, d := range []int64{-1, 0, 1, 77} {
			v := int64(1)<<shift + d
			if v < 0 || v > results.HistogramMax {
				continue
			}
			row, column := bucket(v)
			top := highest(row, column)
			if top < v || !theirs.ValuesAreEquivalent(v, top) || theirs.ValuesAreEquivalent(v, top+1) {
				t.Errorf("%d: top of its bucket is not %d", v, top)
			}
		}
	}
}

func TestTallyClips(t *testing.T) {
	ours := &tally{}
	ours.add(results.HistogramMax + 1)
	ours.add(-1)
	if ours.count != 0 || ours.clipped != 2 {
		t.Errorf("count %d, clipped %d, want 0 and 2", ours.count, ours.clipped)
	}
}

func TestTallyMerges(t *testing.T) {
	var a, b, both tally
	for v := range int64(5000) {
		a.add(v * 1000)
		b.add(v * 77)
		both.add(v * 1000)
		both.add(v * 77)
	}
	a.merge(&b)
	x, err := a.encode(results.Histogram{})
	if err != nil {
		t.Fatal(err)
	}
	y, err := both.encode(results.Histogram{})
	if err != nil {
		t.Fatal(err)
	}
	if x != y {
		t.Error("merged tallies differ from one that saw everything")
	}
}

func TestQuantilesRankWhatFailed(t *testing.T) {
	var ok tally
	for v := int64(1); v <= 990; v++ {
		ok.add(v)
	}
	q := ok.quantiles(1000) // ten of a thousand did not end ok
	for _, c := range []struct {
		name string
		got  *int64
		want int64 // 0: nil
	}{
		{"p50", q.P50, 500},
		{"p90", q.P90, 900},
		{"p95", q.P95, 950},
		{"p99", q.P99, 990},
		{"p99.9", q.P999, 0},
		{"p99.99", q.P9999, 0},
		{"max", q.Max, 0},
	} {
		switch {
		case c.want == 0 && c.got != nil:
			t.Errorf("%s = %d, want nil: it falls among the failures", c.name, *c.got)
		case c.want != 0 && (c.got == nil || *c.got != c.want):
			t.Errorf("%s = %v, want %d", c.name, c.got, c.want)
		}
	}
	if q.Count != 1000 || q.Mean != 495.5 {
		t.Errorf("count %d, mean %v", q.Count, q.Mean)
	}
	if q := ok.quantiles(990); q.Max == nil || *q.Max != 990 || *q.P9999 != 990 {
		t.Errorf("without failures: %+v", q)
	}
	if q := (&tally{}).quantiles(5); q.P50 != nil || q.Max != nil || q.Count != 5 {
		t.Errorf("only failures: %+v", q)
	}
	if q := (&tally{}).quantiles(0); q.P50 != nil || q.Max != nil {
		t.Errorf("nothing: %+v", q)
	}
}

func BenchmarkTallyAdd(b *testing.B) {
	var ours tally
	b.ReportAllocs()
	for i := range b.N {
		ours.add(int64(i&0xffff) + 50_000)
	}
}
