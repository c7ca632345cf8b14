package loadgen

import (
	"runtime"
	"testing"
	"time"

	"authbench/loadgen/poll"
	"authbench/results"
)

// Several loops keep the same promises.
func TestEpollThreeLoops(t *testing.T) {
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) { c.test(t, Epoll{Loops: 3}) })
	}
}

// So does one that sleeps instead of spinning.
func TestEpollNoSpin(t *testing.T) {
	e := Epoll{NoSpin: true}
	testGood(t, e)
	testStall(t, e)
	rec := offer(t, open(t, e, testPlan(t, 3, listen(t, respond(good)).addr()), 4), Phase{Rate: 500, Duration: 200 * time.Millisecond})
	all(t, rec, results.OK)
	if rec.Spin != 0 {
		t.Errorf("spun for %v", rec.Spin)
	}
}

// The union of what several loops send is the whole schedule: every arrival once.
func TestEpollLoopsShareTheSchedule(t *testing.T) {
	s := listen(t, respond(good))
	p := Phase{Operation: "use", Rate: 3000, Duration: 400 * time.Millisecond, Seed: 5}
	want := int64(len(collect(schedule(t, p, 10))))
	for _, loops := range []int{1, 2, 5} {
		rec := offer(t, open(t, Epoll{Loops: loops}, testPlan(t, 10, s.addr()), 10), p)
		all(t, rec, results.OK)
		if rec.Accounting.Scheduled != want || rec.Latency.Count != want || rec.Occupancy.Looks == 0 {
			t.Errorf("%d loops: %d scheduled, %d ranked, want %d; %d looks",
				loops, rec.Accounting.Scheduled, rec.Latency.Count, want, rec.Occupancy.Looks)
		}
	}
}

// openLoop is one event loop over a canned target, in the middle of an open
// phase that never ends.
func openLoop(tb testing.TB, addr string, rate float64) *loop {
	tb.Helper()
	s := open(tb, Epoll{}, testPlan(tb, 1, addr), 8).(*epollSession)
	l := s.loops[0]
	p := Phase{Operation: "use", Rate: rate, Duration: time.Hour / 2}
	if err := p.complete(8); err != nil {
		tb.Fatal(err)
	}
	if err := l.prepare(p); err != nil {
		tb.Fatal(err)
	}
	l.begin, l.running, l.lookAt, l.expireAt = l.p.Now(), true, l.p.Now(), l.p.Now()
	for _, c := range l.conns {
		l.ready(c, l.begin)
	}
	return l
}

// answered runs the loop until n more answers have come.
func (l *loop) answered(n int64) {
	for goal := l.rec.rec.Answered + n; l.rec.rec.Answered < goal; {
		now := l.p.Now()
		if now >= l.lookAt {
			l.look(now)
		}
		l.offerDue(now)
		for i := range l.p.Wait(min(l.lookAt, l.begin+l.next.At)) {
			l.event(i)
		}
	}
}

// No allocation a request: the garbage collector is off, and page faults are
// latency. What is left are rows of histograms, a few a second.
func TestEpollDoesNotAllocate(t *testing.T) {
	l := openLoop(t, listen(t, cannedAnswers).addr(), 20_000)
	defer quieten(2)()
	poll.Enter()
	defer poll.Leave()
	l.answered(2000)
	const requests = 20_000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l.answered(requests)
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > requests/100 {
		t.Errorf("%d allocations for %d requests", n, requests)
	}
}

// BenchmarkEpollOpenLoop is a request of the open loop from due to recorded. The
// target shares the process: only the allocations mean something.
func BenchmarkEpollOpenLoop(b *testing.B) {
	l := openLoop(b, canned(b), 50_000)
	poll.Enter()
	defer poll.Leave()
	l.answered(2000)
	b.ReportAllocs()
	b.ResetTimer()
	l.answered(int64(b.N))
}
