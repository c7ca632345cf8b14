package loadgen

import (
	"encoding/binary"

	"authbench/results"
)

// A series is one kind of values within an interval: the latencies of one
// outcome, or the service times of what ended ok.
type series uint8

const serviceSeries = series(results.Outcomes)

func seriesOf(o results.Outcome) series { return series(o) }

// packed keeps the tallies of intervals that are over, as the distances and
// counts of their non-empty buckets in variable-length integers: 2 to 4 KB
// instead of 30, made in microseconds and without garbage. Real encoding
// (tally.encode) takes milliseconds and waits until the phase is over.
type packed struct {
	pieces []piece
	blocks [][]byte
	pool   *rowPool
}

// piece is one packed tally: a part of one block.
type piece struct {
	interval int
	series   series
	data     []byte
	count    int64
	sum      float64
	max      int64
	clipped  int64
}

// packedBlock is how much memory is taken at once, packedSecond what a second of
// load has been seen to need.
const (
	packedBlock  = 256 << 10
	packedSecond = 6 << 10
)

// provide takes the memory for so many intervals ahead of time, up to ten minutes
// of seconds, and has its pages there: a long phase does not grow while it runs.
func (p *packed) provide(intervals int) {
	b := make([]byte, max(packedBlock, min(intervals, 600)*packedSecond))
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	p.blocks = append(p.blocks, b[:0])
}

// add packs t and takes its rows back. An empty or nil tally leaves no piece.
func (p *packed) add(interval int, s series, t *tally) {
	if t == nil {
		return
	}
	if t.count > 0 || t.clipped > 0 {
		worst := t.buckets() * 2 * binary.MaxVarintLen32
		if len(p.blocks) == 0 || cap(p.last())-len(p.last()) < worst {
			p.blocks = append(p.blocks, make([]byte, 0, max(packedBlock, worst)))
		}
		b := p.last()
		from := len(b)
		b = t.append(b)
		p.blocks[len(p.blocks)-1] = b
		p.pieces = append(p.pieces, piece{
			interval: interval, series: s, data: b[from:],
			count: t.count, sum: t.sum, max: t.max, clipped: t.clipped,
		})
	}
	t.release()
}

func (p *packed) last() []byte { return p.blocks[len(p.blocks)-1] }

// append writes the non-empty buckets: distance to the one before, count.
func (t *tally) append(b []byte) []byte {
	before := -1
	for i, row := range t.rows {
		if row == nil {
			continue
		}
		for j, n := range row {
			if n > 0 {
				at := i<<rowBits + j
				b = binary.AppendUvarint(b, uint64(at-before))
				b = binary.AppendUvarint(b, uint64(n))
				before = at
			}
		}
	}
	return b
}

// addTo adds the piece's values to t.
func (p *piece) addTo(t *tally) {
	at := -1
	for b := p.data; len(b) > 0; {
		distance, n := binary.Uvarint(b)
		b = b[n:]
		count, n := binary.Uvarint(b)
		b = b[n:]
		at += int(distance)
		t.row(at >> rowBits)[at&(rowSize-1)] += uint32(count)
	}
	t.count += p.count
	t.sum += p.sum
	t.max = max(t.max, p.max)
	t.clipped += p.clipped
}

// rowPool hands out zeroed rows for tallies and takes them back. With the
// garbage collector off, what is not used again is lost until the phase ends.
type rowPool struct{ free []*row }

func (p *rowPool) get() *row {
	if p == nil {
		return new(row)
	}
	if len(p.free) == 0 {
		p.provide(16)
	}
	r := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return r
}

// provide puts n rows of fresh memory into the pool, written to once so that
// their pages are there.
func (p *rowPool) provide(n int) {
	rows := make([]row, n)
	for i := range rows {
		rows[i][0], rows[i][rowSize-1] = 1, 1
		clear(rows[i][:])
		p.free = append(p.free, &rows[i])
	}
}

func (p *rowPool) put(r *row) {
	clear(r[:])
	p.free = append(p.free, r)
}
