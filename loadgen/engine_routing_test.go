package loadgen

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"authbench/results"
)

// routing is about plans with several nodes.
var routing = []conformanceCase{
	{"round robin", testRoundRobin},
	{"sticky", testSticky},
	{"sticky closed loop", testStickyClosed},
	{"sticky once", testStickyOnce},
	{"sticky, too few connections", testStickyTooFew},
	{"unknown routing", testUnknownRouting},
	{"a node is taken out", testTakenOut},
	{"one node is away", testNodeAway},
	{"one node is away, once", testNodeAwayOnce},
	{"one node is stuck", testNodeStuck},
}

// nodes is several targets that note which users they see.
type nodes struct {
	addrs   []string
	targets []*target
	mu      sync.Mutex
	seen    []map[string]int // by node and user
}

func listenNodes(t *testing.T, n int) *nodes {
	t.Helper()
	ns := &nodes{seen: make([]map[string]int, n)}
	for i := range ns.seen {
		ns.seen[i] = map[string]int{}
	}
	for i := range n {
		s := listen(t, respond(func(r *http.Request) string {
			ns.mu.Lock()
			ns.seen[i][r.URL.Query().Get("u")]++
			ns.mu.Unlock()
			return good(r)
		}))
		ns.targets, ns.addrs = append(ns.targets, s), append(ns.addrs, s.addr())
	}
	return ns
}

// check compares what the nodes have seen.
func (ns *nodes) check(t *testing.T, want []map[string]int) {
	t.Helper()
	ns.mu.Lock()
	defer ns.mu.Unlock()
	for i := range ns.seen {
		if got, want := fmt.Sprint(ns.seen[i]), fmt.Sprint(want[i]); got != want {
			t.Errorf("node %d saw %s, want %s", i, got, want)
		}
	}
}

// routed is which node has to see which user how often.
func routed(t *testing.T, plan *Plan, p Phase) []map[string]int {
	t.Helper()
	want := make([]map[string]int, len(plan.Nodes))
	for i := range want {
		want[i] = map[string]int{}
	}
	for _, a := range collect(schedule(t, p, len(plan.Requests))) {
		want[plan.node(a)][fmt.Sprintf("u%d", a.User)]++
	}
	return want
}

func testRoundRobin(t *testing.T, e Engine) { testRouting(t, e, RoundRobin) }
func testSticky(t *testing.T, e Engine)     { testRouting(t, e, Sticky) }

func testRouting(t *testing.T, e Engine, routing Routing) {
	ns := listenNodes(t, 3)
	plan := testPlan(t, 11, ns.addrs...)
	plan.Routing = routing
	p := Phase{Rate: 1000, Duration: 300 * time.Millisecond, Popularity: Zipf, Seed: 3}
	rec := offer(t, open(t, e, plan, 7), p)
	all(t, rec, results.OK)
	ns.check(t, routed(t, &plan, p))
}

// In a closed loop the connections choose: the node's users, all of them, and by
// their popularity.
func testStickyClosed(t *testing.T, e Engine) {
	const users, n = 8, 3
	ns := listenNodes(t, n)
	plan := testPlan(t, users, ns.addrs...)
	plan.Routing = Sticky
	rec := offer(t, open(t, e, plan, 2*n), Phase{Duration: 300 * time.Millisecond, Seed: 4})
	all(t, rec, results.OK)
	ns.mu.Lock()
	defer ns.mu.Unlock()
	for u := range users {
		name := fmt.Sprintf("u%d", u)
		for i := range n {
			if got := ns.seen[i][name]; (got > 0) != (u%n == i) {
				t.Errorf("node %d saw %s %d times", i, name, got)
			}
		}
	}
}

func testStickyOnce(t *testing.T, e Engine) {
	ns := listenNodes(t, 3)
	plan := testPlan(t, 100, ns.addrs...)
	plan.Routing = Sticky
	rec := offer(t, open(t, e, plan, 5), Phase{Once: true})
	all(t, rec, results.OK)
	want := make([]map[string]int, 3)
	for i := range want {
		want[i] = map[string]int{}
	}
	for u := range plan.Requests {
		name := fmt.Sprintf("u%d", u)
		want[u%3][name] = 1
		if r := rec.Responses[u]; r == nil || string(r.Body) != `{"sub":"`+name+`"}` {
			t.Errorf("response %d: %+v", u, r)
		}
	}
	if rec.Accounting.Scheduled != 100 {
		t.Errorf("%+v", rec.Accounting)
	}
	ns.check(t, want)
}

// With fewer connections than nodes some users could never be served.
func testStickyTooFew(t *testing.T, e Engine) {
	ns := listenNodes(t, 3)
	plan := testPlan(t, 6, ns.addrs...)
	plan.Routing = Sticky
	session := open(t, e, plan, 3)
	for _, p := range []Phase{{Duration: 20 * time.Millisecond, Conns: 2}, {Once: true, Conns: 2}} {
		if _, err := session.Run(t.Context(), p); err == nil {
			t.Errorf("2 connections for 3 nodes: no error (%+v)", p)
		}
	}
}

func testUnknownRouting(t *testing.T, e Engine) {
	plan := testPlan(t, 1, listen(t, silent).addr())
	plan.Routing = "random"
	if s, err := e.Open(t.Context(), plan, 1); err == nil {
		_ = s.Close()
		t.Error("no error")
	}
}

// A node that is taken out gets nothing, and the next one has its arrivals; once it is
// given back all is as before.
func testTakenOut(t *testing.T, e Engine) {
	for _, routing := range []Routing{RoundRobin, Sticky} {
		ns := listenNodes(t, 3)
		plan := testPlan(t, 12, ns.addrs...)
		plan.Routing = routing
		p := Phase{Rate: 1000, Duration: 100 * time.Millisecond, Seed: 5, Away: &Away{}}
		session := open(t, e, plan, 6)
		want := routed(t, &plan, p)
		p.Away.Take(1)
		all(t, offer(t, session, p), results.OK)
		ns.mu.Lock()
		if len(ns.seen[1]) > 0 || len(ns.seen[0]) == 0 || len(ns.seen[2]) == 0 {
			t.Errorf("%s: with node 1 taken out they saw %v", routing, ns.seen)
		}
		for i := range ns.seen {
			clear(ns.seen[i])
		}
		ns.mu.Unlock()
		p.Away.Give(1)
		all(t, offer(t, session, p), results.OK)
		ns.check(t, want)
	}
}

// One of two nodes is away: its arrivals are told so, those of the other one are
// served and wait for nobody.
func testNodeAway(t *testing.T, e Engine) {
	ns := listenNodes(t, 2)
	session := open(t, e, testPlan(t, 3, ns.addrs...), 4)
	ns.targets[1].kill()
	offer(t, session, Phase{Rate: 100, Duration: 100 * time.Millisecond}) // it is noticed
	p := Phase{Rate: 1000, Duration: 300 * time.Millisecond, Arrivals: Constant}
	rec := offer(t, session, p)
	want := results.Accounting{Scheduled: 300, OK: 150, ConnectError: 150}
	if rec.Accounting != want {
		t.Errorf("%+v, %q", rec.Accounting, rec.Problems)
	}
	for _, h := range rec.Histograms {
		if h.Outcome == results.ConnectError && time.Duration(h.Max) > defaultTimeout/2 {
			t.Errorf("refused only after %v", time.Duration(h.Max))
		}
	}
	// Those that are queued when the last connection goes.
	slow, away := listen(t, respond(good)), listen(t, silent)
	session = open(t, e, testPlan(t, 3, slow.addr(), away.addr()), 4)
	time.AfterFunc(100*time.Millisecond, away.kill)
	if rec = offer(t, session, p); rec.Accounting != want {
		t.Errorf("%+v, %q", rec.Accounting, rec.Problems)
	}
}

func testNodeAwayOnce(t *testing.T, e Engine) {
	for _, routing := range []Routing{RoundRobin, Sticky} {
		ns := listenNodes(t, 2)
		plan := testPlan(t, 100, ns.addrs...)
		plan.Routing = routing
		session := open(t, e, plan, 4)
		ns.targets[1].kill()
		offer(t, session, Phase{Rate: 100, Duration: 100 * time.Millisecond})
		rec := offer(t, session, Phase{Once: true})
		want := results.Accounting{Scheduled: 100, OK: 100}
		if routing == Sticky {
			want = results.Accounting{Scheduled: 100, OK: 50, ConnectError: 50}
		}
		if rec.Accounting != want {
			t.Errorf("%s: %+v, %q", routing, rec.Accounting, rec.Problems)
		}
	}
}

// One of two nodes takes requests and never answers: the queue for it is its own.
func testNodeStuck(t *testing.T, e Engine) {
	const timeout = 100 * time.Millisecond
	stuck := listen(t, func(c net.Conn) { silent(c) })
	session := open(t, e, testPlan(t, 3, listen(t, respond(good)).addr(), stuck.addr()), 4)
	rec := offer(t, session, Phase{Rate: 1000, Duration: 300 * time.Millisecond, Arrivals: Constant, Timeout: timeout})
	if want := (results.Accounting{Scheduled: 300, OK: 150, Timeout: 150}); rec.Accounting != want {
		t.Errorf("%+v, %q", rec.Accounting, rec.Problems)
	}
	for _, h := range rec.Histograms {
		if h.Outcome == results.Timeout && time.Duration(h.Max) < timeout {
			t.Errorf("timed out after %v", time.Duration(h.Max))
		}
	}
}
