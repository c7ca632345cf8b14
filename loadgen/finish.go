package loadgen

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"authbench/results"
)

// finish makes one Recording of the recorders of a phase: it merges them,
// computes the quantiles and encodes the histograms. It takes milliseconds a
// histogram: call it when nothing is being measured. The recorders are used up.
func finish(parts ...*recorder) (*Recording, error) {
	rec := &parts[0].rec
	for _, p := range parts {
		for i := range p.cells {
			p.pack(i)
		}
	}
	for _, p := range parts[1:] {
		rec.merge(&p.rec)
		parts[0].lag.merge(&p.lag)
		parts[0].queued.merge(&p.queued)
		parts[0].slices.merge(&p.slices)
		for status, n := range p.statuses {
			parts[0].statuses[status] += n
		}
	}
	rec.stretches = &parts[0].slices
	rec.Exchanges = exchanges(parts)
	rec.Statuses = make(map[int]int64)
	for status, n := range parts[0].statuses {
		if n > 0 {
			rec.Statuses[status] = n
		}
	}
	clipped, err := rec.encode(parts)
	if err != nil {
		return rec, err
	}
	lag, queued := &parts[0].lag, &parts[0].queued
	rec.Lag, rec.Queued = lag.quantiles(lag.count), queued.quantiles(rec.Accounting.Scheduled)
	clipped += lag.clipped + queued.clipped
	if err := rec.Accounting.Check(); err != nil {
		return rec, err
	}
	if clipped > 0 {
		return rec, fmt.Errorf("%w: %d of them (above %v)", ErrClipped, clipped, time.Duration(results.HistogramMax))
	}
	return rec, nil
}

// merge adds what recorders count as it happens.
func (r *Recording) merge(o *Recording) {
	r.Accounting.Merge(o.Accounting)
	r.WrongSubject += o.WrongSubject
	r.QueuedCount += o.QueuedCount
	r.BytesOut += o.BytesOut
	r.BytesIn += o.BytesIn
	r.Sent += o.Sent
	r.Answered += o.Answered
	r.Reconnects += o.Reconnects
	r.Handshakes += o.Handshakes
	r.Spin += o.Spin
	r.Involuntary += o.Involuntary
	r.Occupancy.merge(o.Occupancy)
	r.Busy = max(r.Busy, o.Busy)
	r.resident += o.resident
	r.shedLate += o.shedLate
	for _, text := range o.Problems {
		if len(r.Problems) < maxProblems && !slices.Contains(r.Problems, text) {
			r.Problems = append(r.Problems, text)
		}
	}
	for i, answer := range o.Responses {
		if answer != nil {
			r.Responses[i] = answer
		}
	}
}

// encode goes through the packed pieces interval by interval: histograms,
// seconds, and the sums over the phase. It returns how many values did not fit.
func (r *Recording) encode(parts []*recorder) (clipped int64, err error) {
	pieces := make(map[int]map[series][]*piece) // by interval
	for _, p := range parts {
		for i := range p.packed.pieces {
			at := &p.packed.pieces[i]
			if pieces[at.interval] == nil {
				pieces[at.interval] = make(map[series][]*piece)
			}
			pieces[at.interval][at.series] = append(pieces[at.interval][at.series], at)
		}
	}
	interval := parts[0].interval
	pool := &rowPool{}
	latency, service := &tally{pool: pool}, &tally{pool: pool}
	for _, i := range slices.Sorted(maps.Keys(pieces)) {
		second := Second{Start: time.Duration(int64(i) * interval), Length: time.Duration(interval)}
		for s := range serviceSeries + 1 {
			if len(pieces[i][s]) == 0 {
				continue
			}
			t := &tally{pool: pool}
			for _, at := range pieces[i][s] {
				at.addTo(t)
			}
			clipped += t.clipped
			h := results.Histogram{
				Operation: parts[0].operation, Metric: "latency", Outcome: results.Outcome(s),
				StartNS: int64(i) * interval, LengthNS: interval,
			}
			switch s {
			case serviceSeries:
				h.Metric, h.Outcome = "service", results.OK
				service.merge(t)
			case seriesOf(results.OK):
				latency.merge(t)
				second.ok = t
				fallthrough
			default:
				second.Accounting.Scheduled += t.count
				second.Accounting.Add(results.Outcome(s), t.count)
			}
			if t.count > 0 {
				if h, err = t.encode(h); err != nil {
					return clipped, err
				}
				r.Histograms = append(r.Histograms, h)
			}
			if s != seriesOf(results.OK) {
				t.release()
			}
		}
		second.summarise()
		r.Seconds = append(r.Seconds, second)
	}
	r.Latency = latency.quantiles(r.Accounting.Scheduled)
	r.Service = service.quantiles(service.count)
	r.latency = latency
	return clipped, nil
}

// Second is what became of the arrivals that were due in one interval of a
// phase: a second unless Phase.Interval says otherwise, more in phases beyond an hour.
type Second struct {
	Start, Length time.Duration // since the phase began
	Accounting    results.Accounting
	Latency       results.Quantiles // every scheduled arrival ranked

	ok *tally
}

func (s *Second) summarise() {
	if s.ok == nil {
		s.ok = &tally{}
	}
	s.Latency = s.ok.quantiles(s.Accounting.Scheduled)
	s.ok.release()
	s.ok = nil
}

// Within is the share of all scheduled arrivals that ended ok within d of their
// intended time, 0 to 1: the attainment of an objective. It is exact up to the
// width of a histogram's bucket (0.1 %). NaN if nothing was scheduled.
func (r *Recording) Within(d time.Duration) float64 {
	return float64(r.latency.upTo(int64(d))) / float64(r.Accounting.Scheduled)
}
