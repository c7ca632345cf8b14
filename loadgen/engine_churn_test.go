package loadgen

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"authbench/results"
)

// churn is about connections that are replaced after so many requests.
var churn = []conformanceCase{
	{"churn", testChurn},
	{"churn in an open loop", testChurnOpen},
	{"churn in a closed loop", testChurnClosed},
	{"churn, target goes away", testChurnRefused},
	{"churn among sticky nodes", testChurnSticky},
	{"churn, interrupted", testChurnInterrupted},
	{"after churn", testAfterChurn},
}

// turnstile counts the requests of every connection, and how each of them ended.
type turnstile struct {
	mu     sync.Mutex
	served []int
	ends   []error
}

func (s *turnstile) handle(c net.Conn) {
	s.mu.Lock()
	id := len(s.served)
	s.served, s.ends = append(s.served, 0), append(s.ends, nil)
	s.mu.Unlock()
	br := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(br)
		s.mu.Lock()
		if s.ends[id] = err; err == nil {
			s.served[id]++
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, good(r)); err != nil {
			return
		}
	}
}

// counts returns how many requests each connection has carried, most first.
func (s *turnstile) counts() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := slices.Clone(s.served)
	slices.SortFunc(counts, func(a, b int) int { return b - a })
	return counts
}

func testChurn(t *testing.T, e Engine) {
	var gate turnstile
	s := listen(t, gate.handle)
	session := open(t, e, testPlan(t, 10, s.addr()), 1)
	rec := offer(t, session, Phase{Once: true, Churn: 3})
	all(t, rec, results.OK)
	if rec.Handshakes != 3 || rec.Reconnects != 0 || rec.Sent != 10 {
		t.Errorf("%d handshakes, %d reconnects, %d sent", rec.Handshakes, rec.Reconnects, rec.Sent)
	}
	if got := gate.counts(); !slices.Equal(got, []int{3, 3, 3, 1}) {
		t.Errorf("requests by connection: %v", got)
	}
	// What is replaced ends with a reset: a FIN would keep its port for a minute.
	gate.mu.Lock()
	defer gate.mu.Unlock()
	if err := gate.ends[0]; err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the connection ended with %v", err)
	}
}

func testChurnOpen(t *testing.T, e Engine) {
	var gate turnstile
	s := listen(t, gate.handle)
	session := open(t, e, testPlan(t, 3, s.addr()), 4)
	rec := offer(t, session, Phase{Rate: 500, Duration: 300 * time.Millisecond, Churn: 1})
	all(t, rec, results.OK)
	if rec.Handshakes != rec.Accounting.Scheduled-4 || rec.Reconnects != 0 || rec.Sent != rec.Accounting.Scheduled {
		t.Errorf("%d handshakes, %d reconnects, %d sent: %+v", rec.Handshakes, rec.Reconnects, rec.Sent, rec.Accounting)
	}
	if counts := gate.counts(); counts[0] != 1 || int64(len(counts)) != rec.Accounting.Scheduled {
		t.Errorf("%d connections for %d requests, up to %d on one", len(counts), rec.Accounting.Scheduled, counts[0])
	}
}

func testChurnClosed(t *testing.T, e Engine) {
	var gate turnstile
	s := listen(t, gate.handle)
	session := open(t, e, testPlan(t, 3, s.addr()), 4)
	rec := offer(t, session, Phase{Duration: 200 * time.Millisecond, Churn: 2})
	all(t, rec, results.OK)
	counts := gate.counts()
	if counts[0] != 2 || rec.Handshakes != int64(len(counts)-4) || rec.Handshakes < rec.Accounting.OK/2-4 {
		t.Errorf("%d connections, up to %d requests on one, %d handshakes for %d requests", len(counts), counts[0], rec.Handshakes, rec.Accounting.OK)
	}
	if rec.Reconnects != 0 {
		t.Errorf("%d reconnects", rec.Reconnects)
	}
}

// The arrival that finds nobody to connect to bears it.
func testChurnRefused(t *testing.T, e Engine) {
	for _, p := range []Phase{
		{Once: true, Churn: 1},
		{Rate: 100, Duration: 200 * time.Millisecond, Arrivals: Constant, Churn: 1},
	} {
		s := listen(t, respond(good))
		session := open(t, e, testPlan(t, 20, s.addr()), 1)
		offer(t, session, oneArrival(time.Second)) // it is accepted
		_ = s.ln.Close()                           // and stays so
		rec := offer(t, session, p)
		if want := (results.Accounting{Scheduled: 20, OK: 1, ConnectError: 19}); rec.Accounting != want {
			t.Errorf("%+v", rec.Accounting)
		}
		if rec.Handshakes != 0 || rec.Answered != 1 {
			t.Errorf("%d handshakes, %d answered", rec.Handshakes, rec.Answered)
		}
		says(t, rec, "refused")
	}
}

func testChurnSticky(t *testing.T, e Engine) {
	ns := listenNodes(t, 3)
	plan := testPlan(t, 11, ns.addrs...)
	plan.Routing = Sticky
	p := Phase{Rate: 500, Duration: 300 * time.Millisecond, Churn: 2, Seed: 5}
	rec := offer(t, open(t, e, plan, 6), p)
	all(t, rec, results.OK)
	ns.check(t, routed(t, &plan, p))
}

func testChurnInterrupted(t *testing.T, e Engine) {
	s := listen(t, respond(good))
	session := open(t, e, testPlan(t, 3, s.addr()), 4)
	for _, p := range []Phase{{Duration: time.Minute, Churn: 1}, {Rate: 1000, Duration: time.Minute, Churn: 1}} {
		interrupt(t, session, p, 100*time.Millisecond)
		all(t, offer(t, session, Phase{Rate: 200, Duration: 100 * time.Millisecond}), results.OK)
	}
}

// A phase without churn finds its connections as they were left.
func testAfterChurn(t *testing.T, e Engine) {
	var gate turnstile
	session := open(t, e, testPlan(t, 4, listen(t, gate.handle).addr()), 4)
	all(t, offer(t, session, Phase{Once: true, Churn: 1}), results.OK)
	for _, p := range []Phase{{Rate: 200, Duration: 100 * time.Millisecond}, {Duration: 50 * time.Millisecond}} {
		all(t, offer(t, session, p), results.OK)
	}
	if n := len(gate.counts()); n > 4+4 {
		t.Errorf("%d connections", n)
	}
}

// interrupt runs a phase that is broken off after so long.
func interrupt(t *testing.T, s Session, p Phase, after time.Duration) *Recording {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	p.OnBegin = func() { time.AfterFunc(after, func() { cancel(errStop) }) }
	rec, err := s.Run(ctx, p)
	if !errors.Is(err, errStop) || rec == nil {
		t.Fatalf("%v, %v", rec, err)
	}
	checkRecording(t, rec, p)
	return rec
}
