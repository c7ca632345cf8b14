package loadgen

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authbench/results"
)

func testCap(t *testing.T, e Engine) {
	s := listen(t, respond(func(r *http.Request) string {
		time.Sleep(50 * time.Millisecond)
		return good(r)
	}))
	rec := offer(t, open(t, e, testPlan(t, 3, s.addr()), 2), Phase{Rate: 500, Duration: 300 * time.Millisecond, InFlight: 4})
	a := rec.Accounting
	if a.Shed == 0 || a.OK == 0 || a.OK+a.Shed != a.Scheduled {
		t.Errorf("%+v", a)
	}
	if rec.Queued.Max != nil || rec.QueuedCount <= a.Shed {
		t.Errorf("%d queued, %d shed, queued %+v", rec.QueuedCount, a.Shed, rec.Queued)
	}
}

// The target freezes for 400 of 2,000 ms. At a constant 500/s exactly 200 of
// 1,000 arrivals fall into the freeze, 2 ms apart; the k-th from its end waits at
// least 2k ms. So the slowest 1 % (10 arrivals) wait at least 400 - 20 ms, the
// slowest at least 398 ms: a generator that forgives the stall reports less.
func testStall(t *testing.T, e Engine) {
	const freeze, slack = 400 * time.Millisecond, 4 * time.Millisecond
	var mu sync.RWMutex
	var frozen atomic.Int64
	s := listen(t, respond(func(r *http.Request) string {
		mu.RLock()
		defer mu.RUnlock()
		return good(r)
	}))
	session := open(t, e, testPlan(t, 3, s.addr()), 16)
	time.AfterFunc(time.Second, func() {
		mu.Lock()
		start := time.Now()
		time.Sleep(freeze)
		frozen.Store(int64(time.Since(start)))
		mu.Unlock()
	})
	rec := offer(t, session, Phase{Rate: 500, Duration: 2 * time.Second, Arrivals: Constant})
	all(t, rec, results.OK)
	for _, c := range []struct {
		name string
		got  int64
		low  time.Duration
	}{
		{"p99", *rec.Latency.P99, freeze - 20*time.Millisecond - slack},
		{"p95", *rec.Latency.P95, freeze - 100*time.Millisecond - slack},
		{"p90", *rec.Latency.P90, freeze - 200*time.Millisecond - slack},
		{"max", *rec.Latency.Max, freeze - 2*time.Millisecond - slack},
	} {
		if got := time.Duration(c.got); got < c.low || got > time.Duration(frozen.Load())+2*time.Second {
			t.Errorf("%s is %v, the freeze took %v, so at least %v", c.name, got, time.Duration(frozen.Load()), c.low)
		}
	}
	// 16 requests were on their way, the other arrivals found no connection.
	if rec.QueuedCount < 200-16-10 {
		t.Errorf("only %d arrivals queued", rec.QueuedCount)
	}
}

func testNodes(t *testing.T, e Engine) {
	var counts [3]atomic.Int64
	var nodes []string
	for i := range counts {
		nodes = append(nodes, listen(t, respond(func(r *http.Request) string {
			counts[i].Add(1)
			return good(r)
		})).addr())
	}
	rec := offer(t, open(t, e, testPlan(t, 3, nodes...), 9), Phase{Rate: 300, Duration: 300 * time.Millisecond, Arrivals: Constant})
	all(t, rec, results.OK)
	for i := range counts {
		if counts[i].Load() < 20 {
			t.Errorf("node %d got %d of 90", i, counts[i].Load())
		}
	}
}

func testClosed(t *testing.T, e Engine) {
	var now, most atomic.Int64
	s := listen(t, respond(func(r *http.Request) string {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(time.Millisecond)
		return good(r)
	}))
	session := open(t, e, testPlan(t, 3, s.addr()), 8)
	p := Phase{Duration: 200 * time.Millisecond, Conns: 3}
	rec := offer(t, session, p)
	all(t, rec, results.OK)
	if m := most.Load(); m != 3 || rec.QueuedCount != 0 || rec.Elapsed != p.Duration {
		t.Errorf("%d requests at once: %+v", m, rec)
	}
	p.Conns = 0
	all(t, offer(t, session, p), results.OK)
	if m := most.Load(); m != 8 {
		t.Errorf("%d requests at once on 8 connections", m)
	}
	// An open loop after it finds its connections again.
	all(t, offer(t, session, Phase{Rate: 500, Duration: 100 * time.Millisecond}), results.OK)
}

func testClosedDead(t *testing.T, e Engine) {
	s := listen(t, respond(good))
	session := open(t, e, testPlan(t, 3, s.addr()), 4)
	time.AfterFunc(50*time.Millisecond, s.kill)
	rec := offer(t, session, Phase{Duration: 300 * time.Millisecond})
	if rec.Accounting.OK == 0 || rec.Accounting.ConnectError < 4 {
		t.Errorf("%+v", rec.Accounting)
	}
}

func testOnce(t *testing.T, e Engine) {
	s := listen(t, respond(func(r *http.Request) string {
		u := r.URL.Query().Get("u")
		status := 200
		if u == "u7" {
			status = 401
		}
		return "HTTP/1.1 " + itoa(status) + " X\r\nset-cookie: s=" + u + "\r\nContent-Length: " + itoa(len(subject(r))) + "\r\n\r\n" + subject(r)
	}))
	session := open(t, e, testPlan(t, 100, s.addr()), 8)
	rec := offer(t, session, Phase{Operation: "login", Once: true})
	if a := rec.Accounting; a.Scheduled != 100 || a.OK != 99 || a.Rejected != 1 {
		t.Errorf("%+v", a)
	}
	if len(rec.Responses) != 100 || rec.Elapsed <= 0 {
		t.Fatalf("%d responses in %v", len(rec.Responses), rec.Elapsed)
	}
	for i, r := range rec.Responses {
		u := "u" + itoa(i)
		if r == nil || string(r.Body) != `{"sub":"`+u+`"}` || !slices.Contains(r.Header, HeaderField{Name: "Set-Cookie", Value: "s=" + u}) || r.Latency <= 0 {
			t.Errorf("response %d: %+v", i, r)
		}
	}
}

func testOnceDies(t *testing.T, e Engine) {
	var n atomic.Int64
	var s *target
	s = listen(t, respond(func(r *http.Request) string {
		if n.Add(1) == 50 {
			go s.kill()
		}
		return good(r)
	}))
	rec := offer(t, open(t, e, testPlan(t, 2000, s.addr()), 4), Phase{Once: true})
	a := rec.Accounting
	if a.Scheduled != 2000 || a.OK < 40 || a.ConnectError == 0 {
		t.Errorf("%+v", a)
	}
	var answered int64
	for _, r := range rec.Responses {
		if r != nil {
			answered++
		}
	}
	if answered != a.OK {
		t.Errorf("%d responses, %d ok", answered, a.OK)
	}
}

func testInterrupted(t *testing.T, e Engine) {
	s := listen(t, respond(func(r *http.Request) string {
		time.Sleep(100 * time.Millisecond)
		return good(r)
	}))
	session := open(t, e, testPlan(t, 3, s.addr()), 4)
	ctx, cancel := context.WithCancelCause(t.Context())
	p := Phase{Rate: 200, Duration: time.Minute, OnBegin: func() {
		time.AfterFunc(250*time.Millisecond, func() { cancel(errStop) })
	}}
	rec, err := session.Run(ctx, p)
	if !errors.Is(err, errStop) || rec == nil {
		t.Fatalf("%v, %v", rec, err)
	}
	checkRecording(t, rec, p)
	if a := rec.Accounting; a.OK == 0 || a.Unfinished == 0 || a.OK+a.Unfinished != a.Scheduled {
		t.Errorf("%+v", a)
	}
	if rec.Elapsed < 200*time.Millisecond || rec.Elapsed > 30*time.Second {
		t.Errorf("elapsed %v", rec.Elapsed)
	}
	// The session is good for another phase.
	all(t, offer(t, session, Phase{Rate: 20, Duration: 100 * time.Millisecond, Arrivals: Constant}), results.OK)
}

func testInterruptedClosed(t *testing.T, e Engine) {
	s := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	session := open(t, e, testPlan(t, 300, s.addr()), 4)
	for _, p := range []Phase{{Duration: time.Minute}, {Once: true}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(errStop) })
		rec, err := session.Run(ctx, p)
		if !errors.Is(err, errStop) || rec == nil {
			t.Fatalf("%v, %v", rec, err)
		}
		checkRecording(t, rec, p)
		if a := rec.Accounting; a.Unfinished == 0 || a.Unfinished != a.Scheduled || a.Scheduled > 4 {
			t.Errorf("%+v", a)
		}
	}
}

func testUnreachable(t *testing.T, e Engine) {
	good, dead := listen(t, respond(good)), listen(t, respond(good))
	dead.kill()
	before := runtime.NumGoroutine()
	if s, err := e.Open(t.Context(), testPlan(t, 1, good.addr(), dead.addr()), 8); err == nil {
		_ = s.Close()
		t.Error("opened although a node is away")
	}
	for range 100 { // the goroutines of the good target see the hanging-up
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func testRefuses(t *testing.T, e Engine) {
	s := listen(t, respond(good))
	for name, change := range map[string]func(*Plan){
		"no nodes":       func(p *Plan) { p.Nodes = nil },
		"no requests":    func(p *Plan) { p.Requests = nil },
		"empty request":  func(p *Plan) { p.Requests[0].Bytes = nil },
		"huge request":   func(p *Plan) { p.Requests[0].Bytes = make([]byte, 64<<20+1) },
		"1xx":            func(p *Plan) { p.Outcomes[100] = results.OK },
		"status to shed": func(p *Plan) { p.Outcomes[200] = results.Shed },
	} {
		p := testPlan(t, 1, s.addr())
		change(&p)
		if session, err := e.Open(t.Context(), p, 1); err == nil {
			_ = session.Close()
			t.Errorf("%s: no error", name)
		}
	}
	session := open(t, e, testPlan(t, 1, s.addr()), 2)
	for name, p := range map[string]Phase{
		"no duration":     {Rate: 1},
		"closed, none":    {},
		"timeout":         {Rate: 1, Duration: time.Second, Timeout: time.Minute},
		"once and a rate": {Rate: 1, Once: true},
		"connections":     {Duration: time.Second, Conns: 3},
		"cap":             {Rate: 1, Duration: time.Second, InFlight: -1},
		"rate":            {Rate: -1, Duration: time.Second},
	} {
		if _, err := session.Run(t.Context(), p); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What a phase changes in the process it puts back.
func testSettings(t *testing.T, e Engine) {
	s := listen(t, respond(good))
	session := open(t, e, testPlan(t, 1, s.addr()), 2)
	defer debug.SetGCPercent(debug.SetGCPercent(77))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	limit := debug.SetMemoryLimit(-1)
	all(t, offer(t, session, Phase{Rate: 500, Duration: 100 * time.Millisecond}), results.OK)
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("GC percent is %d", got)
	}
	if got := debug.SetMemoryLimit(-1); got != limit {
		t.Errorf("memory limit is %d, was %d", got, limit)
	}
	if got := runtime.GOMAXPROCS(0); got != 1 {
		t.Errorf("GOMAXPROCS is %d", got)
	}
}
