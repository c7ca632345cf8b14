package loadgen

import (
	"bytes"
	"net"
	"runtime"
	"testing"
	"time"

	"authbench/results"
)

// The steady open-loop path must not allocate: the garbage collector is off, and
// page faults are latency. What is left are the histograms' rows (4 KB a power of
// two and second) and the timers of the runtime.
func TestOpenLoopDoesNotAllocate(t *testing.T) {
	s := listen(t, cannedAnswers)
	session := open(t, Portable{}, testPlan(t, 1, s.addr()), 8).(*session)
	const rate = 5000
	r, err := session.newRun(Phase{Rate: rate, Duration: time.Second, Timeout: time.Second, InFlight: 20000})
	if err != nil {
		t.Fatal(err)
	}
	defer quieten(2)()
	if err := session.begin(r); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	session.pace(t.Context(), r)
	runtime.ReadMemStats(&after)
	session.mu.Lock()
	session.run = nil
	session.mu.Unlock()
	rec, err := r.recording(false)
	if err != nil {
		t.Fatal(err)
	}
	all(t, rec, results.OK)
	if n := after.Mallocs - before.Mallocs; n > rate/20 {
		t.Errorf("%d allocations for %d requests", n, rec.Sent)
	}
}

// cannedAnswers answers without allocating.
func cannedAnswers(c net.Conn) {
	b := []byte(answer(200, `{"sub":"u0"}`))
	in := make([]byte, 4096)
	for {
		n, err := c.Read(in)
		if err != nil {
			return
		}
		for range bytes.Count(in[:n], []byte("\r\n\r\n")) {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
}

// One arrival after the other, through the recorder.
func BenchmarkRecorder(b *testing.B) {
	r := newRecorder("bench", Phase{Rate: 1000, Duration: 10 * time.Second})
	b.ReportAllocs()
	for i := range b.N {
		at := int64(i%10_000) * 1_000_000
		r.sent(at, at-1, at+500, 200)
		r.ok(at, at+500, at+70_000+int64(i&1023))
	}
}

// How exactly the schedule is kept, and at what cost: the server shares the
// process, so that only the lag means something. BenchmarkOpenLoop reports it as
// lag-p50-ns and lag-p99-ns.
func BenchmarkOpenLoop(b *testing.B) {
	addr := canned(b)
	for _, e := range Engines() {
		b.Run(e.Name(), func(b *testing.B) {
			s := open(b, e, testPlan(b, 1, addr), 16)
			b.ResetTimer()
			for range b.N {
				rec := offer(b, s, Phase{Rate: 2000, Duration: 500 * time.Millisecond})
				b.ReportMetric(float64(*rec.Lag.P50), "lag-p50-ns")
				b.ReportMetric(float64(*rec.Lag.P99), "lag-p99-ns")
				b.ReportMetric(float64(*rec.Service.P50), "service-p50-ns")
			}
		})
	}
}

// canned serves cannedAnswers until the benchmark ends and returns where.
func canned(b *testing.B) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go cannedAnswers(c)
		}
	}()
	return ln.Addr().String()
}
