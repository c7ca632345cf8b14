package loadgen

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/loadgen/http1"
	"authbench/results"
)

// hostile are targets that answer as no target should.
var hostile = []conformanceCase{
	{"half-closes inside an answer", testHalfCloses},
	{"hangs up instead of answering", testHangsUpInstead},
	{"answer to the end of the connection", testToTheEnd},
	{"interim answers", testInterim},
	{"endless interim answers", testEndlessInterim},
	{"endless head", testEndlessHead},
	{"endless drip", testDrip},
	{"endless body", testEndlessBody},
	{"huge bodies", testHugeBodies},
	{"answer too large to be kept", testTooLarge},
}

// anything is a plan for one user that takes any body.
func anything(t *testing.T, nodes ...string) Plan {
	t.Helper()
	p := testPlan(t, 1, nodes...)
	p.Requests[0].Expect = nil
	return p
}

// answering serves one request a connection: it writes parts, as they are, and
// then does what end does.
func answering(end func(*net.TCPConn), parts ...string) func(net.Conn) {
	return func(c net.Conn) {
		br := bufio.NewReader(c)
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		for _, p := range parts {
			if _, err := io.WriteString(c, p); err != nil {
				return
			}
		}
		if end != nil {
			end(c.(*net.TCPConn))
		}
	}
}

func testHalfCloses(t *testing.T, e Engine) {
	for name, part := range map[string]string{
		"in the status line": "HTTP/1.1 200",
		"in the head":        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
		"in the body":        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
		"in a chunk":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
		"before the trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		"after an interim":   "HTTP/1.1 100 Continue\r\n\r\n",
	} {
		s := listen(t, answering(func(c *net.TCPConn) {
			_ = c.CloseWrite() // a FIN, and it goes on reading
			silent(c)
		}, part))
		rec := offer(t, open(t, e, anything(t, s.addr()), 2), Phase{Once: true})
		all(t, rec, results.ConnectError)
		says(t, rec, "before the response was complete")
		if t.Failed() {
			t.Fatalf("half-closed %s", name)
		}
	}
}

// The request is lost when the target hangs up, and not before or after.
func testHangsUpInstead(t *testing.T, e Engine) {
	const pause = 60 * time.Millisecond
	s := listen(t, answering(func(*net.TCPConn) { time.Sleep(pause) }))
	session := open(t, e, testPlan(t, 4, s.addr()), 4)
	time.Sleep(2 * pause) // or a time since Open would pass for one since the phase began
	start := time.Now()
	p := Phase{Once: true}
	rec := offer(t, session, p)
	took := time.Since(start)
	all(t, rec, results.ConnectError)
	says(t, rec, "before the response was complete")
	for _, h := range rec.Histograms {
		decoded, err := hdrhistogram.Decode([]byte(h.Data))
		if err != nil {
			t.Fatal(err)
		}
		if least := time.Duration(decoded.Min()); least < pause*99/100 || time.Duration(h.Max) > took {
			t.Errorf("lost after %v to %v: the target hung up after %v, the phase took %v", least, time.Duration(h.Max), pause, took)
		}
	}
	if rec.Elapsed < pause || rec.Elapsed > took {
		t.Errorf("%v in all, of %v", rec.Elapsed, took)
	}
}

func testToTheEnd(t *testing.T, e Engine) {
	s := listen(t, answering(nil, "HTTP/1.1 200 OK\r\n\r\n", `{"sub":`, `"u0"}`))
	rec := offer(t, open(t, e, testPlan(t, 1, s.addr()), 4), Phase{Rate: 100, Duration: 200 * time.Millisecond})
	all(t, rec, results.OK)
	if rec.Reconnects == 0 {
		t.Error("no reconnects")
	}
}

func testInterim(t *testing.T, e Engine) {
	s := listen(t, respond(func(r *http.Request) string {
		return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + good(r)
	}))
	rec := offer(t, open(t, e, testPlan(t, 3, s.addr()), 2), Phase{Once: true})
	all(t, rec, results.OK)
	if rec.Statuses[200] != 3 || len(rec.Statuses) != 1 || len(rec.Responses[0].Header) != 1 {
		t.Errorf("%v, %v", rec.Statuses, rec.Responses[0].Header)
	}
}

func testEndlessInterim(t *testing.T, e Engine) {
	interim := strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000)
	s := listen(t, respond(func(*http.Request) string { return strings.Repeat(interim, 10) }))
	rec := offer(t, open(t, e, anything(t, s.addr()), 2), Phase{Once: true})
	all(t, rec, results.ProtocolError)
	says(t, rec, "head larger than")
}

func testEndlessHead(t *testing.T, e Engine) {
	s := listen(t, respond(func(*http.Request) string {
		return "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 2*http1.MaxHead)
	}))
	rec := offer(t, open(t, e, anything(t, s.addr()), 2), Phase{Once: true})
	all(t, rec, results.ProtocolError)
	says(t, rec, "head larger than")
}

// A byte now and then keeps no request alive beyond its timeout.
func testDrip(t *testing.T, e Engine) {
	s := listen(t, answering(func(c *net.TCPConn) {
		for {
			if _, err := c.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"))
	rec := offer(t, open(t, e, anything(t, s.addr()), 4), Phase{Rate: 100, Duration: 200 * time.Millisecond, Timeout: 100 * time.Millisecond})
	all(t, rec, results.Timeout)
}

const megabyte = 1 << 20

// allocated returns how much memory f has allocated. The collector is off while
// a phase runs: what is allocated then stays.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// oneArrival is a phase with one request, which keeps no body.
func oneArrival(timeout time.Duration) Phase {
	return Phase{Rate: 1, Duration: time.Millisecond, Arrivals: Constant, Timeout: timeout}
}

func testEndlessBody(t *testing.T, e Engine) {
	piece := bytes.Repeat([]byte("x"), megabyte)
	s := listen(t, answering(func(c *net.TCPConn) {
		for {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}, "HTTP/1.1 200 OK\r\n\r\n"))
	session := open(t, e, anything(t, s.addr()), 1)
	if n := allocated(func() { all(t, offer(t, session, oneArrival(200*time.Millisecond)), results.Timeout) }); n > 16*megabyte {
		t.Errorf("%d MB allocated", n/megabyte)
	}
}

// What nobody asked to keep may be of any size.
func testHugeBodies(t *testing.T, e Engine) {
	const size = 100
	piece := bytes.Repeat([]byte("x"), megabyte)
	for name, c := range map[string]struct {
		head  string
		piece []byte
		tail  string
	}{
		"length":     {"HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(size*megabyte) + "\r\n\r\n", piece, ""},
		"chunked":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", slices.Concat([]byte("100000\r\n"), piece, []byte("\r\n")), "0\r\n\r\n"},
		"to the end": {"HTTP/1.1 200 OK\r\n\r\n", piece, ""},
	} {
		s := listen(t, answering(func(nc *net.TCPConn) {
			for range size {
				if _, err := nc.Write(c.piece); err != nil {
					return
				}
			}
			_, _ = io.WriteString(nc, c.tail)
		}, c.head))
		session := open(t, e, anything(t, s.addr()), 1)
		n := allocated(func() {
			rec := offer(t, session, oneArrival(30*time.Second))
			all(t, rec, results.OK)
			if rec.BytesIn < size*megabyte {
				t.Errorf("%s: %d bytes read", name, rec.BytesIn)
			}
		})
		if n > 16*megabyte {
			t.Errorf("%s: %d MB allocated", name, n/megabyte)
		}
	}
}

// A body that is to be looked into has a limit.
func testTooLarge(t *testing.T, e Engine) {
	const size = http1.MaxBody/megabyte + 1
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("100000\r\n"+strings.Repeat("x", megabyte)+"\r\n", size) + "0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(size*megabyte) + "\r\n\r\n" + strings.Repeat("x", size*megabyte),
	} {
		s := listen(t, respond(func(*http.Request) string { return answer }))
		rec := offer(t, open(t, e, testPlan(t, 1, s.addr()), 1), oneArrival(30*time.Second))
		all(t, rec, results.ProtocolError)
		says(t, rec, "kept")
		all(t, offer(t, open(t, e, anything(t, s.addr()), 1), oneArrival(30*time.Second)), results.OK)
	}
}
