package loadgen

import (
	"errors"
	"testing"
	"time"

	"authbench/results"
)

func TestRecorderKeysByIntendedSecond(t *testing.T) {
	r := newRecorder("test", Phase{Operation: "use", Rate: 1, Duration: 3 * time.Second})
	r.rec.Accounting.Scheduled = 3
	// Due in the second 0, answered in the second 2: it belongs to the second 0.
	r.sent(900_000_000, 0, 900_000_005, 10)
	r.ok(900_000_000, 900_000_005, 2_500_000_000)
	// Queued: its connection became free 30 ns after it was due.
	r.sent(2_000_000_000, 2_000_000_030, 2_000_000_040, 10)
	r.end(2_000_000_000, 2_000_001_000, results.Rejected)
	r.never(2_000_000_001, 2_000_000_001, results.Shed)
	rec, err := finish(r)
	if err != nil {
		t.Fatal(err)
	}
	type key struct {
		metric  string
		outcome results.Outcome
		second  int64
		max     int64
	}
	got := map[key]int64{}
	for _, h := range rec.Histograms {
		got[key{h.Metric, h.Outcome, h.StartNS / h.LengthNS, h.Max}] = h.Count
	}
	for _, k := range []key{
		{"latency", results.OK, 0, 1_600_000_000},
		{"service", results.OK, 0, 1_599_999_995},
		{"latency", results.Rejected, 2, 1_000},
		{"latency", results.Shed, 2, 0},
	} {
		if got[k] != 1 {
			t.Errorf("no histogram %+v in %+v", k, got)
		}
	}
	if len(got) != 4 {
		t.Errorf("%d histograms: %+v", len(got), got)
	}
	if rec.Lag.Count != 1 || *rec.Lag.Max != 5 {
		t.Errorf("lag %+v", rec.Lag)
	}
	if rec.QueuedCount != 2 || rec.Queued.Count != 3 || *rec.Queued.P50 != 40 || rec.Queued.Max != nil {
		t.Errorf("%d queued, %+v", rec.QueuedCount, rec.Queued)
	}
	if rec.BytesOut != 20 || rec.Sent != 2 {
		t.Errorf("%d bytes in %d requests", rec.BytesOut, rec.Sent)
	}
}

func TestRecorderRefusesWhatDoesNotFit(t *testing.T) {
	r := newRecorder("test", Phase{Rate: 1, Duration: time.Second})
	r.rec.Accounting.Scheduled = 1
	r.ok(0, 0, 61*int64(time.Second))
	if _, err := finish(r); !errors.Is(err, ErrClipped) {
		t.Errorf("a latency of 61 s: %v", err)
	}
	r = newRecorder("test", Phase{Rate: 1, Duration: time.Second})
	r.rec.Accounting.Scheduled = 2
	r.ok(0, 0, 1)
	if rec, err := finish(r); err == nil || rec == nil {
		t.Error("a lost arrival is not an error")
	}
}

func TestRecorderMemoryIsBounded(t *testing.T) {
	for _, c := range []struct{ duration, interval time.Duration }{
		{time.Second, time.Second},
		{time.Hour, time.Second},
		{time.Hour + time.Second, 2 * time.Second},
		{10 * time.Hour, 10 * time.Second},
	} {
		r := newRecorder("test", Phase{Rate: 1, Duration: c.duration})
		if r.interval != int64(c.interval) || len(r.cells) > maxIntervals+1 {
			t.Errorf("%v: %d intervals of %v", c.duration, len(r.cells), time.Duration(r.interval))
		}
		r.cell(int64(c.duration) - 1) // must be there already
		if len(r.cells) > maxIntervals+1 {
			t.Errorf("%v: the last interval was missing", c.duration)
		}
	}
}

func TestRecorderKeepsTenProblems(t *testing.T) {
	r := newRecorder("test", Phase{Rate: 1, Duration: time.Second})
	for i := range 30 {
		r.problem(itoa(i % 15))
	}
	if len(r.rec.Problems) != maxProblems || !r.full() {
		t.Errorf("%q", r.rec.Problems)
	}
}

func TestFIFO(t *testing.T) {
	q := newFIFO[int](3)
	in, out := 0, 0
	for round := range 50 {
		for range round % 7 {
			q.push(in)
			in++
		}
		for q.n > round%3 {
			if q.peek() != out || q.pop() != out {
				t.Fatalf("not first in, first out at %d", out)
			}
			out++
		}
	}
}

// TestRecorderWithShortIntervals: what is due within a tenth of a second is one
// interval, and a long phase still has no more of them than fit.
func TestRecorderWithShortIntervals(t *testing.T) {
	r := newRecorder("test", Phase{Operation: "use", Rate: 1, Duration: time.Second, Interval: 100 * time.Millisecond})
	r.rec.Accounting.Scheduled = 3
	for _, at := range []int64{0, 99_999_999, 550_000_000} {
		r.ok(at, at, at+1000)
	}
	rec, err := finish(r)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int64]int64{}
	for _, h := range rec.Histograms {
		if h.LengthNS != 1e8 {
			t.Errorf("an interval of %d ns", h.LengthNS)
		}
		if h.Metric == "latency" {
			got[h.StartNS] = h.Count
		}
	}
	if len(got) != 2 || got[0] != 2 || got[5e8] != 1 {
		t.Errorf("values by interval: %v", got)
	}
	r = newRecorder("test", Phase{Rate: 1, Duration: 10 * time.Minute, Interval: 100 * time.Millisecond})
	if r.interval != 2e8 || len(r.cells) != 3001 {
		t.Errorf("%d intervals of %v", len(r.cells), time.Duration(r.interval))
	}
	p := Phase{Duration: time.Second, Interval: time.Millisecond}
	if err := p.complete(1); err == nil {
		t.Error("an interval of a millisecond was taken")
	}
}
