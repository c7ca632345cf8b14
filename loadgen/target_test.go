package loadgen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/results"
)

// target is a server over real sockets that does whatever its handler does.
type target struct {
	t      *testing.T
	ln     net.Listener
	handle func(net.Conn)
	mu     sync.Mutex
	conns  map[net.Conn]bool
	dead   bool
	wg     sync.WaitGroup
}

// listen starts a target; handle serves one connection and is run in its own
// goroutine. Everything ends with the test.
func listen(t *testing.T, handle func(net.Conn)) *target {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &target{t: t, ln: ln, handle: handle, conns: map[net.Conn]bool{}}
	s.wg.Go(s.accept)
	t.Cleanup(func() {
		s.kill()
		s.wg.Wait()
	})
	return s
}

func (s *target) addr() string { return s.ln.Addr().String() }

func (s *target) accept() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.dead {
			_ = c.Close()
		}
		s.conns[c] = true
		s.mu.Unlock()
		s.wg.Go(func() {
			defer c.Close()
			s.handle(c)
		})
	}
}

// kill ends the target as kill -9 would.
func (s *target) kill() {
	_ = s.ln.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
	for c := range s.conns {
		_ = c.Close()
	}
}

// respond serves requests one after the other with what answer returns.
func respond(answer func(r *http.Request) string) func(net.Conn) {
	return func(c net.Conn) {
		br := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			if _, err := io.WriteString(c, answer(r)); err != nil {
				return
			}
		}
	}
}

// good answers every request with the subject it names.
func good(r *http.Request) string { return answer(200, subject(r)) }

// subject is the user that a request of testPlan names.
func subject(r *http.Request) string { return `{"sub":"` + r.URL.Query().Get("u") + `"}` }

func answer(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s", status, http.StatusText(status), len(body), body)
}

// testPlan has users u0, u1, ... that want to be recognised.
func testPlan(t testing.TB, users int, nodes ...string) Plan {
	t.Helper()
	p := Plan{Nodes: nodes, Outcomes: map[int]results.Outcome{
		200: results.OK, 401: results.Rejected, 403: results.Forbidden, 503: results.Unavailable,
	}}
	for i := range users {
		u := fmt.Sprintf("u%d", i)
		r, err := NewRequest("GET", "/me?u="+u, "target", []HeaderField{{Name: "X-User", Value: u}}, nil, []byte(`"`+u+`"`))
		if err != nil {
			t.Fatal(err)
		}
		p.Requests = append(p.Requests, r)
	}
	return p
}

func open(t testing.TB, e Engine, p Plan, conns int) Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := e.Open(ctx, p, conns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// offer runs one phase and checks what has to hold of every recording.
func offer(t testing.TB, s Session, p Phase) *Recording {
	t.Helper()
	rec, err := s.Run(t.Context(), p)
	if err != nil {
		t.Fatalf("%v (%+v)", err, rec)
	}
	checkRecording(t, rec, p)
	return rec
}

// checkRecording checks the identities: nothing is lost, by any count.
func checkRecording(t testing.TB, rec *Recording, p Phase) {
	t.Helper()
	a := rec.Accounting
	if err := a.Check(); err != nil {
		t.Error(err)
	}
	var latency, service, responses int64
	byOutcome := map[results.Outcome]int64{}
	for _, h := range rec.Histograms {
		decoded, err := hdrhistogram.Decode([]byte(h.Data))
		if err != nil {
			t.Fatal(err)
		}
		if decoded.TotalCount() != h.Count || h.Count == 0 || h.Operation != p.Operation {
			t.Errorf("histogram %+v decodes to %d values", h, decoded.TotalCount())
		}
		if h.Metric == "latency" {
			latency += h.Count
			byOutcome[h.Outcome] += h.Count
		} else {
			service += h.Count
		}
	}
	if latency != a.Scheduled || service != a.OK {
		t.Errorf("histograms hold %d latencies and %d service times of %+v", latency, service, a)
	}
	var again results.Accounting
	for o, n := range byOutcome {
		again.Add(o, n)
	}
	if again.Scheduled = a.Scheduled; again != a {
		t.Errorf("histograms by outcome say %+v, the accounting %+v", again, a)
	}
	for _, n := range rec.Statuses {
		responses += n
	}
	if responses != rec.Answered {
		t.Errorf("%d responses by status, %d answered", responses, rec.Answered)
	}
	if rec.Answered > rec.Sent || a.OK > rec.Answered || rec.Sent > a.Scheduled-a.Shed {
		t.Errorf("sent %d, answered %d: %+v", rec.Sent, rec.Answered, a)
	}
	if rec.Latency.Count != a.Scheduled || (rec.Latency.Max == nil) != (a.OK < a.Scheduled || a.OK == 0) {
		t.Errorf("latency %+v of %+v", rec.Latency, a)
	}
	if p.Rate > 0 && (rec.Queued.Count != a.Scheduled || rec.Lag.Count+rec.QueuedCount < a.Scheduled) {
		t.Errorf("lag covers %d and queueing %d of %d arrivals", rec.Lag.Count, rec.QueuedCount, a.Scheduled)
	}
	if rec.Closed != (p.Rate == 0) {
		t.Errorf("closed: %v at rate %v", rec.Closed, p.Rate)
	}
}

func all(t *testing.T, rec *Recording, o results.Outcome) {
	t.Helper()
	want := results.Accounting{Scheduled: rec.Accounting.Scheduled}
	want.Add(o, want.Scheduled)
	if rec.Accounting != want || want.Scheduled == 0 {
		t.Errorf("not all are %s: %+v, %q", o, rec.Accounting, rec.Problems)
	}
}

func says(t *testing.T, rec *Recording, words string) {
	t.Helper()
	if !strings.Contains(strings.Join(rec.Problems, "\n"), words) {
		t.Errorf("problems %q do not say %q", rec.Problems, words)
	}
}

var errStop = errors.New("the user pressed Ctrl-C")
