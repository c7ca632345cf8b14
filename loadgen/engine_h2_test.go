package loadgen

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"authbench/loadgen/http1"
	"authbench/results"
)

// overH2 is about targets that choose HTTP/2.
var overH2 = []conformanceCase{
	{"h2", ifTLS(testH2)},
	{"h2, sends what was rendered", ifTLS(testH2Request)},
	{"h2, outcomes", ifTLS(testH2Outcomes)},
	{"h2, once", ifTLS(testH2Once)},
	{"h2, huge body", ifTLS(testH2HugeBody)},
	{"h2, too large to be kept", ifTLS(testH2TooLarge)},
	{"h2, resets", ifTLS(testH2Resets)},
	{"h2, never answers", ifTLS(testH2NeverAnswers)},
	{"h2, dies", ifTLS(testH2Dies)},
	{"h2, garbage", ifTLS(testH2Garbage)},
	{"h2, churn", ifTLS(testH2Churn)},
	{"h2, not chosen", ifTLS(testH2NotChosen)},
}

// h2Target is a net/http server behind TLS that prefers HTTP/2.
type h2Target struct {
	*http.Server
	ca    *authority
	addr  string
	conns atomic.Int64
}

func listenH2(t *testing.T, handle http.HandlerFunc) *h2Target {
	t.Helper()
	s := &h2Target{ca: newAuthority(t)}
	config := s.ca.good()
	config.NextProtos = []string{"h2", "http/1.1"}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	s.Server = &http.Server{
		Handler: handle, TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.conns.Add(1)
			}
		},
	}
	go func() { _ = s.ServeTLS(ln, "", "") }()
	t.Cleanup(func() { _ = s.Server.Close() })
	return s
}

func (s *h2Target) plan(t *testing.T, users int) Plan {
	t.Helper()
	p := tlsPlan(t, users, s.ca.pem, s.addr)
	p.TLS.HTTP2 = true
	return p
}

// h2Good names the subject, over HTTP/2 only.
func h2Good(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 {
		_, _ = io.WriteString(w, subject(r))
	}
}

func testH2(t *testing.T, e Engine) {
	s := listenH2(t, h2Good)
	session := open(t, e, s.plan(t, 20), 4)
	for _, p := range []Phase{
		{Rate: 500, Duration: 300 * time.Millisecond, Seed: 1},
		{Duration: 100 * time.Millisecond},
	} {
		rec := offer(t, session, p)
		all(t, rec, results.OK)
		if rec.Reconnects != 0 || rec.BytesIn == 0 {
			t.Errorf("%d reconnects, %d bytes in", rec.Reconnects, rec.BytesIn)
		}
	}
	if n := s.conns.Load(); n != 4 {
		t.Errorf("%d connections", n)
	}
}

// What arrives is what was rendered: no header line that nobody asked for.
func testH2Request(t *testing.T, e Engine) {
	got := make(chan string, 10)
	s := listenH2(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- fmt.Sprintf("%d %s %s %s %v %q", r.ProtoMajor, r.Method, r.Host, r.RequestURI, r.Header, body)
	})
	plan := s.plan(t, 1)
	plan.Requests[0].Expect = nil
	post, err := NewRequest("POST", "/login?a=b", "api.example:1", []HeaderField{{Name: "Cookie", Value: "s=1"}}, []byte("{}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	plan.Requests = append(plan.Requests, post)
	all(t, offer(t, open(t, e, plan, 1), Phase{Once: true}), results.OK)
	all(t, offer(t, open(t, e, plan, 1), Phase{Once: true}), results.OK)
	for range 2 {
		for _, want := range []string{
			`2 GET target /me?u=u0 map[X-User:[u0]] ""`,
			`2 POST api.example:1 /login?a=b map[Content-Length:[2] Cookie:[s=1]] "{}"`,
		} {
			if g := <-got; g != want {
				t.Errorf("got  %s\nwant %s", g, want)
			}
		}
	}
}

func testH2Outcomes(t *testing.T, e Engine) {
	statuses := []int{200, 401, 403, 503, 418}
	var n atomic.Int64
	s := listenH2(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(statuses[n.Add(1)%5])
		h2Good(w, r)
	})
	rec := offer(t, open(t, e, s.plan(t, 3), 4), Phase{Rate: 500, Duration: 200 * time.Millisecond, Arrivals: Constant})
	if want := (results.Accounting{Scheduled: 100, OK: 20, Rejected: 20, Forbidden: 20, Unavailable: 20, ProtocolError: 20}); rec.Accounting != want {
		t.Errorf("%+v, %q", rec.Accounting, rec.Problems)
	}
	says(t, rec, "status 418")
	s = listenH2(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `"u1"`) })
	rec = offer(t, open(t, e, s.plan(t, 4), 4), Phase{Once: true})
	if want := (results.Accounting{Scheduled: 4, OK: 1, ProtocolError: 3}); rec.Accounting != want || rec.WrongSubject != 3 {
		t.Errorf("%d wrong subjects: %+v", rec.WrongSubject, rec.Accounting)
	}
}

// Bodies of all kinds, and what is kept of them.
func testH2Once(t *testing.T, e Engine) {
	s := listenH2(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		w.Header().Add("set-cookie", "a=b")
		w.Header().Add("set-cookie", "c=d")
		w.Header().Set("Content-Type", "text/plain")
		switch r.URL.Path {
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
			fallthrough
		case "/flushed": // of unknown length
			w.Header().Set("Trailer", "Sum")
			for range 3 {
				_, _ = io.WriteString(w, "abc")
				_ = http.NewResponseController(w).Flush()
			}
			w.Header().Set("Sum", "1")
		default:
			_, _ = io.WriteString(w, "hello")
		}
	})
	plan := s.plan(t, 1)
	plan.Outcomes[204] = results.OK
	plan.Requests = nil
	want := []string{"hello", "", "", "abcabcabc", "abcabcabc", "hello"}
	for _, r := range []struct{ method, path string }{{"GET", "/"}, {"HEAD", "/"}, {"GET", "/none"}, {"GET", "/flushed"}, {"GET", "/early"}, {"GET", "/"}} {
		q, err := NewRequest(r.method, r.path, "h", nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		plan.Requests = append(plan.Requests, q)
	}
	rec := offer(t, open(t, e, plan, 1), Phase{Once: true})
	all(t, rec, results.OK)
	if rec.Reconnects != 0 {
		t.Errorf("%d reconnects: %q", rec.Reconnects, rec.Problems)
	}
	for i, r := range rec.Responses {
		if r == nil || string(r.Body) != want[i] {
			t.Errorf("response %d: %+v, want %q", i, r, want[i])
			continue
		}
		var cookies []string
		for _, f := range r.Header {
			if f.Name == "Set-Cookie" {
				cookies = append(cookies, f.Value)
			}
		}
		if !slices.Equal(cookies, []string{"a=b", "c=d"}) || !slices.Contains(r.Header, HeaderField{Name: "Content-Type", Value: "text/plain"}) {
			t.Errorf("response %d: %q", i, r.Header)
		}
	}
}

func testH2HugeBody(t *testing.T, e Engine) {
	piece := bytes.Repeat([]byte("x"), megabyte)
	const size = 30
	s := listenH2(t, func(w http.ResponseWriter, _ *http.Request) {
		for range size {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	plan := s.plan(t, 1)
	plan.Requests[0].Expect = nil
	session := open(t, e, plan, 1)
	n := allocated(func() { all(t, offer(t, session, oneArrival(30*time.Second)), results.OK) })
	if n > size*megabyte { // that is net/http on both sides, which keeps some frames
		t.Errorf("%d MB allocated", n/megabyte)
	}
}

func testH2TooLarge(t *testing.T, e Engine) {
	body := bytes.Repeat([]byte("x"), http1.MaxBody+1)
	s := listenH2(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	rec := offer(t, open(t, e, s.plan(t, 1), 1), oneArrival(30*time.Second))
	all(t, rec, results.ProtocolError)
	says(t, rec, "kept")
}

func testH2Resets(t *testing.T, e Engine) {
	s := listenH2(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("u") == "u1" { // in the middle of a body
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	})
	rec := offer(t, open(t, e, s.plan(t, 4), 2), Phase{Once: true})
	all(t, rec, results.ConnectError)
}

func testH2NeverAnswers(t *testing.T, e Engine) {
	s := listenH2(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	session := open(t, e, s.plan(t, 3), 4)
	p := Phase{Rate: 200, Duration: 200 * time.Millisecond, Timeout: 100 * time.Millisecond}
	rec := offer(t, session, p)
	all(t, rec, results.Timeout)
	if rec.Reconnects == 0 {
		t.Error("no reconnects")
	}
	interrupt(t, session, Phase{Rate: 200, Duration: time.Minute}, 50*time.Millisecond)
}

func testH2Dies(t *testing.T, e Engine) {
	s := listenH2(t, h2Good)
	session := open(t, e, s.plan(t, 3), 4)
	time.AfterFunc(100*time.Millisecond, func() { _ = s.Server.Close() })
	rec := offer(t, session, Phase{Rate: 500, Duration: 300 * time.Millisecond})
	if a := rec.Accounting; a.OK == 0 || a.ConnectError == 0 || a.OK+a.ConnectError != a.Scheduled {
		t.Errorf("%+v, %q", a, rec.Problems)
	}
	says(t, rec, "refused")
	// One that says goodbye (GOAWAY) is dialled again.
	s = listenH2(t, h2Good)
	session = open(t, e, s.plan(t, 3), 4)
	all(t, offer(t, session, oneArrival(time.Second)), results.OK)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_ = s.Shutdown(ctx)
	all(t, offer(t, session, Phase{Rate: 100, Duration: 100 * time.Millisecond}), results.ConnectError)
}

func testH2Garbage(t *testing.T, e Engine) {
	ca := newAuthority(t)
	config := ca.good()
	config.NextProtos = []string{"h2"}
	s := listenTLS(t, config, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1000))
		_, _ = c.Write(bytes.Repeat([]byte("\x00\x00\x01garbage"), 100))
		silent(c)
	})
	plan := tlsPlan(t, 4, ca.pem, s.addr())
	plan.TLS.HTTP2 = true
	rec := offer(t, open(t, e, plan, 2), Phase{Once: true, Timeout: time.Second})
	if a := rec.Accounting; a.ProtocolError+a.ConnectError == 0 || a.ProtocolError+a.ConnectError != a.Scheduled {
		t.Errorf("%+v, %q", a, rec.Problems)
	}
}

func testH2Churn(t *testing.T, e Engine) {
	s := listenH2(t, h2Good)
	rec := offer(t, open(t, e, s.plan(t, 20), 1), Phase{Once: true, Churn: 5})
	all(t, rec, results.OK)
	if n := s.conns.Load(); n != 4 || rec.Handshakes != 3 || rec.Reconnects != 0 {
		t.Errorf("%d connections, %d handshakes, %d reconnects", n, rec.Handshakes, rec.Reconnects)
	}
}

// A target that knows HTTP/1.1 only gets that.
func testH2NotChosen(t *testing.T, e Engine) {
	ca := newAuthority(t)
	for _, protocols := range [][]string{{"http/1.1"}, nil} {
		config := ca.good()
		config.NextProtos = protocols
		s := listenTLS(t, config, func(c net.Conn) {
			if p := c.(*tls.Conn).ConnectionState().NegotiatedProtocol; p == "h2" {
				t.Error("h2 was agreed on")
			}
			respond(good)(c)
		})
		plan := tlsPlan(t, 20, ca.pem, s.addr())
		plan.TLS.HTTP2 = true
		all(t, offer(t, open(t, e, plan, 2), Phase{Once: true}), results.OK)
	}
}
