package loadgen

import (
	"errors"
	"slices"
	"time"

	"authbench/results"
)

// ErrClipped says that a value exceeded the histograms' range: the recording
// is not to be trusted.
var ErrClipped = errors.New("a value did not fit the histograms")

// maxIntervals bounds the memory of a long phase: up to so many intervals have the
// length that was asked for, beyond that twice that and so on. At a second, that is an
// hour. An interval that is over is packed into some 5 KB (see packed), so that ten
// minutes take 3 MB.
const maxIntervals = 3600

// maxProblems is how many different causes are kept in words.
const maxProblems = 10

// recorder notes what becomes of arrivals. It is not safe for concurrent use: an
// engine has one an event loop, or guards it by a mutex. finish turns the
// recorders of a phase into its Recording.
type recorder struct {
	// Counted here as they happen: the accounting, bytes, statuses and so on. What
	// finish computes is empty.
	rec Recording

	operation string
	interval  int64 // ns
	duration  int64 // of the phase
	timeout   int64 // every arrival is resolved by then
	cells     []*cell
	sealed    int // cells before this one are packed
	packed    packed
	pool      rowPool

	lag      tally
	queued   tally
	statuses [600]int64
	slices   stretches
	watch    *watch     // nil: nobody watches
	log      []Exchange // nil: nobody asked for them
}

// cell is one interval of intended time.
type cell struct {
	latency [results.Outcomes]*tally
	service *tally // ok only
}

func newRecorder(engine string, p Phase) *recorder {
	length := p.Interval
	if length == 0 {
		length = defaultInterval
	}
	intervals := int64((p.Duration + length - 1) / length)
	per := max(1, (intervals+maxIntervals-1)/maxIntervals)
	r := &recorder{
		rec:       Recording{Engine: engine, Closed: p.Rate == 0 && p.Stages == nil},
		operation: p.Operation,
		interval:  per * int64(length),
		duration:  int64(p.Duration),
		timeout:   int64(p.Timeout),
		cells:     make([]*cell, intervals/per+1),
	}
	if r.timeout == 0 {
		r.timeout = int64(defaultTimeout)
	}
	r.slices.width = max(1, int64(p.Duration)/stretchCount)
	r.slices.varying = p.Once || len(p.Stages) > 0
	r.log = logFor(&p)
	r.lag.pool, r.queued.pool, r.packed.pool = &r.pool, &r.pool, &r.pool
	// What the first intervals need is there before the first arrival: page faults
	// should not be the first latencies of a phase.
	r.pool.provide(64)
	if len(r.cells) > 8 { // shorter phases are over before anything is packed
		r.packed.provide(len(r.cells))
	}
	return r
}

// sent counts a request that is about to be written. Times are nanoseconds
// since the phase began; free is when its connection became free.
func (r *recorder) sent(at, free, now int64, size int) {
	r.rec.Sent++
	r.rec.BytesOut += int64(size)
	if free <= at {
		r.lag.add(now - at)
		r.queued.add(0)
		if r.watch != nil {
			r.watch.lag.add(now-at, true)
		}
	} else {
		r.rec.QueuedCount++
		r.queued.add(now - at)
	}
}

// end counts an arrival that ended in o at time now.
func (r *recorder) end(at, now int64, o results.Outcome) {
	r.rec.Accounting.Add(o, 1)
	if o != results.Shed { // that one was never in flight
		r.rec.resident += min(now, r.duration) - at
	}
	c := r.cell(at)
	if c.latency[o] == nil {
		c.latency[o] = &tally{pool: &r.pool}
	}
	c.latency[o].add(now - at)
	r.slices.add(at, now-at, o == results.OK)
	if r.watch != nil {
		r.watch.latency.add(now-at, o == results.OK)
	}
}

// never counts an arrival that ended without having got a connection.
func (r *recorder) never(at, now int64, o results.Outcome) {
	r.rec.QueuedCount++
	if o == results.Shed {
		r.rec.shedLate += now - at
	}
	r.end(at, now, o)
}

// ok counts an arrival that ended ok.
func (r *recorder) ok(at, sent, now int64) {
	r.end(at, now, results.OK)
	r.cell(at).service.add(now - sent)
}

func (r *recorder) cell(at int64) *cell {
	i := int(at / r.interval)
	for i >= len(r.cells) { // Phase.Once: nobody knows how long it takes
		r.cells = append(r.cells, nil)
	}
	if r.cells[i] == nil {
		r.cells[i] = &cell{service: &tally{pool: &r.pool}}
	}
	return r.cells[i]
}

// seal packs the intervals whose last arrival has been resolved by time now,
// one a call. It takes some 20 us once an interval: engines call it when nothing
// is due.
func (r *recorder) seal(now int64) {
	if r.sealed < len(r.cells)-1 && now > int64(r.sealed+1)*r.interval+r.timeout+int64(100*time.Millisecond) {
		r.pack(r.sealed)
		r.sealed++
	}
}

// pack takes interval i out of the open ones. Should an arrival of it be
// resolved after that, a second piece follows.
func (r *recorder) pack(i int) {
	c := r.cells[i]
	if c == nil {
		return
	}
	for o, t := range c.latency {
		r.packed.add(i, seriesOf(results.Outcome(o)), t)
	}
	r.packed.add(i, serviceSeries, c.service)
	r.cells[i] = nil
}

// problem notes a cause of errors, in words.
func (r *recorder) problem(text string) {
	if len(r.rec.Problems) < maxProblems && !slices.Contains(r.rec.Problems, text) {
		r.rec.Problems = append(r.rec.Problems, text)
	}
}

// full says that further problems are not kept: spare the formatting.
func (r *recorder) full() bool { return len(r.rec.Problems) >= maxProblems }
