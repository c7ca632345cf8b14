package loadgen

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"authbench/results"
)

// ErrClipped says that a value exceeded the histograms' range: the recording
// is not to be trusted.
var ErrClipped = errors.New("a value did not fit the histograms")

// maxIntervals bounds the memory of a long phase: up to an hour an interval is a
// second, beyond that two seconds and so on. With some 50 KB an interval
// (see tally) ten minutes take 30 MB and nothing is encoded before the end.
const maxIntervals = 3600

// maxProblems is how many different causes are kept in words.
const maxProblems = 10

// recorder turns the ends of arrivals into a Recording. It is not safe for
// concurrent use: an engine has one an event loop, or guards it by a mutex.
type recorder struct {
	rec       Recording
	operation string
	interval  int64 // ns
	cells     []*cell
	lag       tally
	queued    tally
	statuses  [600]int64
}

// cell is one interval of intended time.
type cell struct {
	latency [results.Outcomes]*tally
	service *tally // ok only
}

func newRecorder(engine string, p Phase) *recorder {
	seconds := int64((p.Duration + time.Second - 1) / time.Second)
	per := max(1, (seconds+maxIntervals-1)/maxIntervals)
	r := &recorder{
		rec:       Recording{Engine: engine, Closed: p.Rate == 0},
		operation: p.Operation,
		interval:  per * int64(time.Second),
		cells:     make([]*cell, seconds/per+1),
	}
	// What nearly every interval needs is there before the first arrival: the
	// first page faults of a phase should not be its first latencies.
	for i := range r.cells {
		r.cells[i] = &cell{service: &tally{}}
		r.cells[i].latency[results.OK] = &tally{}
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
	} else {
		r.rec.QueuedCount++
		r.queued.add(now - at)
	}
}

// end counts an arrival that ended in o at time now.
func (r *recorder) end(at, now int64, o results.Outcome) {
	r.rec.Accounting.Add(o, 1)
	c := r.cell(at)
	if c.latency[o] == nil {
		c.latency[o] = &tally{}
	}
	c.latency[o].add(now - at)
}

// never counts an arrival that ended without having got a connection.
func (r *recorder) never(at, now int64, o results.Outcome) {
	r.rec.QueuedCount++
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
		r.cells = append(r.cells, &cell{service: &tally{}})
	}
	return r.cells[i]
}

// problem notes a cause of errors, in words.
func (r *recorder) problem(text string) {
	if len(r.rec.Problems) < maxProblems && !slices.Contains(r.rec.Problems, text) {
		r.rec.Problems = append(r.rec.Problems, text)
	}
}

// full says that further problems are not kept: spare the formatting.
func (r *recorder) full() bool { return len(r.rec.Problems) >= maxProblems }

// finish computes the quantiles and encodes the histograms. It takes
// milliseconds a histogram: call it when nothing is being measured.
func (r *recorder) finish() (*Recording, error) {
	rec := &r.rec
	var latency, service tally
	clipped := r.lag.clipped + r.queued.clipped
	for i, c := range r.cells {
		for o, t := range c.latency {
			h := results.Histogram{Metric: "latency", Outcome: results.Outcome(o)}
			if err := r.encode(h, i, t); err != nil {
				return rec, err
			}
			if t != nil {
				clipped += t.clipped
			}
		}
		if t := c.latency[results.OK]; t != nil {
			latency.merge(t)
		}
		if err := r.encode(results.Histogram{Metric: "service", Outcome: results.OK}, i, c.service); err != nil {
			return rec, err
		}
		service.merge(c.service)
		r.cells[i] = nil // encoded: its memory goes with it
	}
	clipped += service.clipped
	rec.Latency = latency.quantiles(rec.Accounting.Scheduled)
	rec.Service = service.quantiles(service.count)
	rec.Lag = r.lag.quantiles(r.lag.count)
	rec.Queued = r.queued.quantiles(rec.Accounting.Scheduled)
	rec.Statuses = make(map[int]int64)
	for status, n := range r.statuses {
		if n > 0 {
			rec.Statuses[status] = n
		}
	}
	if err := rec.Accounting.Check(); err != nil {
		return rec, err
	}
	if clipped > 0 {
		return rec, fmt.Errorf("%w: %d of them (above %v)", ErrClipped, clipped, time.Duration(results.HistogramMax))
	}
	return rec, nil
}

func (r *recorder) encode(h results.Histogram, i int, t *tally) error {
	if t == nil || t.count == 0 {
		return nil
	}
	h.Operation = r.operation
	h.StartNS, h.LengthNS = int64(i)*r.interval, r.interval
	h, err := t.encode(h)
	if err != nil {
		return err
	}
	r.rec.Histograms = append(r.rec.Histograms, h)
	return nil
}

// outcomeTable is Plan.Outcomes by status.
type outcomeTable [600]results.Outcome

// unlisted marks a status that the plan does not list.
const unlisted = results.Outcome(255)

func newOutcomeTable(m map[int]results.Outcome) (*outcomeTable, error) {
	var t outcomeTable
	for i := range t {
		t[i] = unlisted
	}
	for _, status := range slices.Sorted(maps.Keys(m)) {
		o := m[status]
		if status < 200 || status > 599 {
			return nil, fmt.Errorf("plan: status %d is not a final status", status)
		}
		if o > results.Unavailable && o != results.ProtocolError {
			return nil, fmt.Errorf("plan: status %d cannot mean %s", status, o)
		}
		t[status] = o
	}
	return &t, nil
}
