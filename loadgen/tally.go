package loadgen

import (
	"fmt"
	"math/bits"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/results"
)

// tally counts values in the buckets of results.Histogram*, the geometry that
// hdrhistogram uses, and becomes such a histogram when it is encoded.
//
// It exists for its memory: hdrhistogram takes 221 KB at this geometry, a tally
// 4 KB a power of two that occurs (latencies of one second span five to eight).
// The zero value is empty and ready.
type tally struct {
	rows    [tallyRows]*row
	count   int64
	sum     float64
	max     int64
	clipped int64    // values above results.HistogramMax: counted here and nowhere else
	pool    *rowPool // where rows come from; nil: the heap
}

// row is the buckets of one power of two.
type row [rowSize]uint32

// Geometry: 3 significant digits need 2,048 linear sub-buckets, half of which
// are new in every further power of two.
const (
	rowSize   = 1024
	rowBits   = 10
	tallyRows = 27 // covers 60 s: 2048 * 2^25 = 68.7 s
)

// add counts v nanoseconds.
func (t *tally) add(v int64) {
	if v < 0 || v > results.HistogramMax {
		// hdrhistogram would take anything below 68.7 s.
		t.clipped++
		return
	}
	i, column := bucket(v)
	t.row(i)[column]++
	t.count++
	t.sum += float64(v)
	t.max = max(t.max, v)
}

// row returns row i, which is there from now on.
func (t *tally) row(i int) *row {
	if t.rows[i] == nil {
		t.rows[i] = t.pool.get()
	}
	return t.rows[i]
}

// release empties the tally and gives its rows back.
func (t *tally) release() {
	for _, r := range t.rows {
		if r != nil && t.pool != nil {
			t.pool.put(r)
		}
	}
	*t = tally{pool: t.pool}
}

// buckets is how many buckets the tally has memory for.
func (t *tally) buckets() int {
	n := 0
	for _, r := range t.rows {
		if r != nil {
			n += rowSize
		}
	}
	return n
}

// upTo counts the values whose bucket ends at v or below.
func (t *tally) upTo(v int64) int64 {
	var n int64
	for i, r := range t.rows {
		if r == nil {
			continue
		}
		for j, c := range r {
			if c > 0 && min(highest(i, j), t.max) <= v {
				n += int64(c)
			}
		}
	}
	return n
}

// bucket returns the place of v: flat index row*rowSize+column in hdrhistogram.
func bucket(v int64) (row, column int) {
	shift := bits.Len64(uint64(v)|(2*rowSize-1)) - (rowBits + 1)
	i := shift<<rowBits + int(v>>shift)
	return i >> rowBits, i & (rowSize - 1)
}

// highest returns the largest value that shares the bucket.
func highest(row, column int) int64 {
	if row < 2 {
		return int64(row<<rowBits + column)
	}
	shift := row - 1
	return int64(rowSize+column+1)<<shift - 1
}

// merge adds the counts of o.
func (t *tally) merge(o *tally) {
	for i, row := range o.rows {
		if row == nil {
			continue
		}
		mine := t.row(i)
		for j, n := range row {
			mine[j] += n
		}
	}
	t.count += o.count
	t.sum += o.sum
	t.max = max(t.max, o.max)
	t.clipped += o.clipped
}

// quantiles ranks n arrivals of which the tally holds some: the others count as
// slower than all of these, and a quantile that falls among them is nil. This
// is the only place where ranks are computed. Rank: the smallest r with
// r >= q*n. Value: the top of its bucket, at most the maximum.
func (t *tally) quantiles(n int64) results.Quantiles {
	q := results.Quantiles{Count: n}
	if t.count > 0 {
		q.Mean = t.sum / float64(t.count)
	}
	if n == 0 {
		return q
	}
	targets := [...]struct {
		tenThousandths int64
		value          **int64
	}{{5000, &q.P50}, {9000, &q.P90}, {9500, &q.P95}, {9900, &q.P99}, {9990, &q.P999}, {9999, &q.P9999}}
	next, seen := 0, int64(0)
	for i, row := range t.rows {
		if row == nil {
			continue
		}
		for j, c := range row {
			seen += int64(c)
			for c > 0 && next < len(targets) && seen >= (n*targets[next].tenThousandths+9999)/10000 {
				v := min(highest(i, j), t.max)
				*targets[next].value = &v
				next++
			}
		}
	}
	if t.count >= n {
		v := t.max
		q.Max = &v
	}
	return q
}

// encode fills in Max, Count and Data of h. It takes milliseconds.
func (t *tally) encode(h results.Histogram) (results.Histogram, error) {
	counts := make([]int64, tallyRows*rowSize)
	for i, row := range t.rows {
		if row == nil {
			continue
		}
		for j, c := range row {
			counts[i*rowSize+j] = int64(c)
		}
	}
	snapshot := &hdrhistogram.Snapshot{
		LowestTrackableValue:  results.HistogramMin,
		HighestTrackableValue: results.HistogramMax,
		SignificantFigures:    results.HistogramDigits,
		Counts:                counts,
	}
	if err := snapshot.Validate(); err != nil {
		return h, fmt.Errorf("histogram %s/%s: %w", h.Metric, h.Outcome, err)
	}
	data, err := hdrhistogram.Import(snapshot).Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return h, fmt.Errorf("histogram %s/%s: %w", h.Metric, h.Outcome, err)
	}
	h.Max, h.Count, h.Data = t.max, t.count, string(data)
	return h, nil
}
