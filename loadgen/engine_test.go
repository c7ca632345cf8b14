package loadgen

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authbench/results"
)

// conformanceCase is something that every engine has to get right.
type conformanceCase struct {
	name string
	test func(t *testing.T, e Engine)
}

// conformance is the cases about a plain target; hostile, routing, churn, logging,
// overTLS and overH2 are beside their tests.
var conformance = []conformanceCase{
	{"good target", testGood},
	{"outcomes by status", testStatuses},
	{"wrong subject", testWrongSubject},
	{"target dies", testDies},
	{"target dies with a queue", testDiesWithQueue},
	{"target never answers", testNeverAnswers},
	{"target never reads", testNeverReads},
	{"target resets", testResets},
	{"target hangs up", testHangsUp},
	{"target hangs up when idle", testHangsUpIdle},
	{"target hangs up after each answer", testConnectionClose},
	{"garbage", testGarbage},
	{"answers twice", testAnswersTwice},
	{"answer in pieces", testPieces},
	{"answer cut short", testCutShort},
	{"late answers", testLateAnswers},
	{"cap", testCap},
	{"stall", testStall},
	{"nodes", testNodes},
	{"closed loop", testClosed},
	{"closed loop without a target", testClosedDead},
	{"once", testOnce},
	{"once, target dies", testOnceDies},
	{"interrupted", testInterrupted},
	{"interrupted closed loop", testInterruptedClosed},
	{"unreachable", testUnreachable},
	{"refuses", testRefuses},
	{"process settings", testSettings},
}

func TestEngines(t *testing.T) {
	for _, e := range Engines() {
		t.Run(e.Name(), func(t *testing.T) {
			for _, c := range slices.Concat(conformance, hostile, routing, churn, logging, overTLS, overH2) {
				t.Run(c.name, func(t *testing.T) { c.test(t, e) })
			}
		})
	}
}

func testGood(t *testing.T, e Engine) {
	var mu sync.Mutex
	got := map[string]int{}
	s := listen(t, respond(func(r *http.Request) string {
		mu.Lock()
		got[r.URL.Query().Get("u")]++
		mu.Unlock()
		return good(r)
	}))
	session := open(t, e, testPlan(t, 20, s.addr()), 8)
	// Two phases one after the other, on the same connections.
	for _, p := range []Phase{
		{Operation: "use", Rate: 1000, Duration: 300 * time.Millisecond, Seed: 1},
		{Operation: "use", Rate: 700, Duration: 1200 * time.Millisecond, Arrivals: Constant, Popularity: Zipf, Seed: 2},
	} {
		mu.Lock()
		clear(got)
		mu.Unlock()
		rec := offer(t, session, p)
		all(t, rec, results.OK)
		want := map[string]int{}
		plan := collect(schedule(t, p, 20))
		for _, a := range plan {
			want["u"+itoa(a.User)]++
		}
		mu.Lock()
		for u, n := range want {
			if got[u] != n {
				t.Errorf("user %s was used %d times, scheduled %d", u, got[u], n)
			}
		}
		mu.Unlock()
		if rec.Accounting.Scheduled != int64(len(plan)) || rec.Sent != int64(len(plan)) || rec.Reconnects != 0 {
			t.Errorf("scheduled %d, sent %d of %d, %d reconnects", rec.Accounting.Scheduled, rec.Sent, len(plan), rec.Reconnects)
		}
		var in, out int64
		for _, a := range plan {
			u := "u" + itoa(a.User)
			in += int64(len(answer(200, `{"sub":"`+u+`"}`)))
			out += int64(len("GET /me?u=" + u + " HTTP/1.1\r\nHost: target\r\nX-User: " + u + "\r\n\r\n"))
		}
		if rec.BytesIn != in || rec.BytesOut != out {
			t.Errorf("%d bytes in, %d out, want %d and %d", rec.BytesIn, rec.BytesOut, in, out)
		}
		if rec.Elapsed != p.Duration || rec.Statuses[200] != int64(len(plan)) || len(rec.Problems) != 0 {
			t.Errorf("%+v", rec)
		}
		if *rec.Latency.P50 < *rec.Service.P50 {
			t.Errorf("latency %d is below service %d", *rec.Latency.P50, *rec.Service.P50)
		}
	}
}

func itoa(i int) string {
	if i >= 10 {
		return itoa(i/10) + itoa(i%10)
	}
	return string(rune('0' + i))
}

func testStatuses(t *testing.T, e Engine) {
	statuses := []int{200, 401, 403, 503, 418}
	var n atomic.Int64
	s := listen(t, respond(func(r *http.Request) string {
		return answer(statuses[n.Add(1)%5], subject(r))
	}))
	rec := offer(t, open(t, e, testPlan(t, 3, s.addr()), 4), Phase{Rate: 500, Duration: 200 * time.Millisecond, Arrivals: Constant})
	want := results.Accounting{Scheduled: 100, OK: 20, Rejected: 20, Forbidden: 20, Unavailable: 20, ProtocolError: 20}
	if rec.Accounting != want {
		t.Errorf("%+v", rec.Accounting)
	}
	if rec.Statuses[418] != 20 || rec.Answered != 100 {
		t.Errorf("answered %d: %v", rec.Answered, rec.Statuses)
	}
	says(t, rec, "status 418")
}

func testWrongSubject(t *testing.T, e Engine) {
	s := listen(t, respond(func(*http.Request) string { return answer(200, `{"sub":"u1"}`) }))
	rec := offer(t, open(t, e, testPlan(t, 4, s.addr()), 4), Phase{Rate: 500, Duration: 200 * time.Millisecond, Seed: 1})
	if rec.WrongSubject == 0 || rec.WrongSubject != rec.Accounting.ProtocolError || rec.Accounting.OK == 0 {
		t.Errorf("%d wrong subjects: %+v", rec.WrongSubject, rec.Accounting)
	}
}

func testDies(t *testing.T, e Engine) {
	s := listen(t, respond(good))
	session := open(t, e, testPlan(t, 3, s.addr()), 8)
	time.AfterFunc(150*time.Millisecond, s.kill)
	rec := offer(t, session, Phase{Rate: 1000, Duration: 500 * time.Millisecond, Timeout: 3 * time.Second})
	if rec.Accounting.OK == 0 || rec.Accounting.ConnectError == 0 || rec.Accounting.Timeout != 0 {
		t.Errorf("%+v", rec.Accounting)
	}
	says(t, rec, "refused")
	// A phase against a target that is away: nothing is sent, nothing is lost.
	rec = offer(t, session, Phase{Rate: 1000, Duration: 100 * time.Millisecond, Timeout: 3 * time.Second})
	all(t, rec, results.ConnectError)
	if rec.Sent != 0 || rec.QueuedCount != rec.Accounting.Scheduled {
		t.Errorf("sent %d, queued %d", rec.Sent, rec.QueuedCount)
	}
}

func testDiesWithQueue(t *testing.T, e Engine) {
	s := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	session := open(t, e, testPlan(t, 3, s.addr()), 2)
	time.AfterFunc(100*time.Millisecond, s.kill)
	rec := offer(t, session, Phase{Rate: 500, Duration: 300 * time.Millisecond})
	all(t, rec, results.ConnectError)
	if rec.Sent != 2 {
		t.Errorf("sent %d on 2 connections that never answer", rec.Sent)
	}
}

func testNeverAnswers(t *testing.T, e Engine) {
	s := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	const timeout = 100 * time.Millisecond
	rec := offer(t, open(t, e, testPlan(t, 3, s.addr()), 8), Phase{Rate: 500, Duration: 400 * time.Millisecond, Timeout: timeout})
	all(t, rec, results.Timeout)
	if rec.Sent == 0 || rec.Sent >= rec.Accounting.Scheduled || rec.Reconnects == 0 {
		t.Errorf("sent %d of %d, %d reconnects", rec.Sent, rec.Accounting.Scheduled, rec.Reconnects)
	}
	for _, h := range rec.Histograms {
		if h.Max < int64(timeout) {
			t.Errorf("a timeout after %v", time.Duration(h.Max))
		}
	}
}

func testNeverReads(t *testing.T, e Engine) {
	stop := make(chan struct{})
	s := listen(t, func(c net.Conn) {
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		// It answers without having read: the requests pile up in the sockets.
		for {
			if _, err := io.WriteString(c, answer(200, "u0")); err != nil {
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	t.Cleanup(func() { close(stop) })
	plan := Plan{Nodes: []string{s.addr()}, Outcomes: map[int]results.Outcome{200: results.OK}}
	r, err := NewRequest("POST", "/", "h", nil, make([]byte, maxRequest-200), nil)
	if err != nil {
		t.Fatal(err)
	}
	plan.Requests = []Request{r}
	rec := offer(t, open(t, e, plan, 4), Phase{Rate: 3000, Duration: 600 * time.Millisecond, Timeout: 100 * time.Millisecond})
	if rec.Accounting.NotOK() == 0 {
		t.Errorf("%+v: the sockets took %d bytes", rec.Accounting, rec.BytesOut)
	}
}

func testResets(t *testing.T, e Engine) {
	s := listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1000))
		_ = c.(*net.TCPConn).SetLinger(0) // Close sends RST
	})
	rec := offer(t, open(t, e, testPlan(t, 3, s.addr()), 8), Phase{Rate: 200, Duration: 300 * time.Millisecond, Timeout: 500 * time.Millisecond})
	if a := rec.Accounting; a.ConnectError == 0 || a.ConnectError+a.Timeout != a.Scheduled {
		t.Errorf("%+v", a)
	}
	says(t, rec, "reset")
	if rec.Reconnects == 0 {
		t.Error("no reconnects")
	}
}

func testHangsUp(t *testing.T, e Engine) {
	var accepted atomic.Int64
	s := listen(t, func(net.Conn) { accepted.Add(1) })
	session, err := e.Open(t.Context(), testPlan(t, 3, s.addr()), 4)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	rec := offer(t, session, Phase{Rate: 200, Duration: 300 * time.Millisecond, Timeout: 500 * time.Millisecond})
	if a := rec.Accounting; a.OK != 0 || a.ConnectError+a.Timeout != a.Scheduled {
		t.Errorf("%+v", a)
	}
	// 4 connections, 5 ms to 250 ms between attempts: not thousands of them.
	if n := accepted.Load(); n > 100 {
		t.Errorf("%d connections in 0.8 s: redialling has no bound", n)
	}
}

func testHangsUpIdle(t *testing.T, e Engine) {
	s := listen(t, func(c net.Conn) {
		_ = c.SetReadDeadline(time.Now().Add(150 * time.Millisecond))
		respond(good)(c)
	})
	rec := offer(t, open(t, e, testPlan(t, 3, s.addr()), 4), Phase{Rate: 100, Duration: 600 * time.Millisecond})
	// A request that crosses the hanging-up on the wire is lost, and said to be.
	if a := rec.Accounting; rec.Reconnects < 8 || a.OK+a.ConnectError != a.Scheduled || a.OK < a.Scheduled/2 {
		t.Errorf("%d reconnects: %+v %q", rec.Reconnects, a, rec.Problems)
	}
}

func testConnectionClose(t *testing.T, e Engine) {
	s := listen(t, func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+subject(r))
		}
	})
	rec := offer(t, open(t, e, testPlan(t, 3, s.addr()), 8), Phase{Rate: 200, Duration: 300 * time.Millisecond})
	all(t, rec, results.OK)
	if rec.Reconnects == 0 {
		t.Error("no reconnects")
	}
}

func testGarbage(t *testing.T, e Engine) {
	s := listen(t, respond(func(*http.Request) string { return "220 mail.example ESMTP\r\n" }))
	rec := offer(t, open(t, e, testPlan(t, 3, s.addr()), 16), Phase{Rate: 200, Duration: 200 * time.Millisecond, Timeout: time.Second})
	if a := rec.Accounting; a.ProtocolError == 0 || a.ProtocolError+a.Timeout != a.Scheduled || rec.Answered != 0 {
		t.Errorf("%+v", a)
	}
	says(t, rec, "malformed response")
}

func testAnswersTwice(t *testing.T, e Engine) {
	s := listen(t, respond(func(r *http.Request) string { return good(r) + answer(200, `{"sub":"u0 u1 u2"}`) }))
	rec := offer(t, open(t, e, testPlan(t, 3, s.addr()), 16), Phase{Rate: 200, Duration: 200 * time.Millisecond, Timeout: time.Second})
	if a := rec.Accounting; a.ProtocolError == 0 || a.OK != 0 || rec.WrongSubject != 0 {
		t.Errorf("%d wrong subjects: %+v", rec.WrongSubject, a)
	}
	says(t, rec, "after the end of the response")
}

func testPieces(t *testing.T, e Engine) {
	s := listen(t, func(c net.Conn) {
		respond(func(r *http.Request) string {
			if r.Method != "HEAD" {
				for _, b := range "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"su\r\n8\r\nb\":\"u0\"}" {
					_, _ = c.Write([]byte(string(b)))
				}
				return "\r\n0\r\nSum: 1\r\n\r\n"
			}
			return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
		})(c)
	})
	plan := testPlan(t, 1, s.addr())
	head, err := NewRequest("HEAD", "/me", "h", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan.Requests = append(plan.Requests, head)
	rec := offer(t, open(t, e, plan, 4), Phase{Rate: 200, Duration: 200 * time.Millisecond, Seed: 1})
	all(t, rec, results.OK)
}

func testCutShort(t *testing.T, e Engine) {
	s := listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1000))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"sub\":\"u0\"}")
	})
	rec := offer(t, open(t, e, testPlan(t, 1, s.addr()), 16), Phase{Rate: 100, Duration: 200 * time.Millisecond, Timeout: time.Second})
	if a := rec.Accounting; a.OK != 0 || a.ConnectError == 0 || a.ConnectError+a.Timeout != a.Scheduled {
		t.Errorf("%+v", a)
	}
	says(t, rec, "before the response was complete")
}

// Every third request of a connection is answered after the timeout. Were that
// answer taken for the next request's, it would name the wrong user.
func testLateAnswers(t *testing.T, e Engine) {
	const timeout = 60 * time.Millisecond
	var n atomic.Int64
	s := listen(t, respond(func(r *http.Request) string {
		if n.Add(1)%20 == 0 {
			time.Sleep(timeout + 15*time.Millisecond)
		}
		return good(r)
	}))
	rec := offer(t, open(t, e, testPlan(t, 500, s.addr()), 16), Phase{Rate: 300, Duration: time.Second, Timeout: timeout})
	a := rec.Accounting
	if a.Timeout == 0 || a.OK == 0 || a.OK+a.Timeout != a.Scheduled || rec.WrongSubject != 0 {
		t.Errorf("%d wrong subjects: %+v %q", rec.WrongSubject, a, rec.Problems)
	}
	if rec.Latency.Max != nil {
		t.Error("the maximum hides the timeouts")
	}
}
