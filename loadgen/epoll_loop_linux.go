package loadgen

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"authbench/loadgen/poll"
	"authbench/results"
)

// loop is one event loop: connections, a share of the schedule, a recorder. Only
// the thread that runs it touches it. Instants are nanoseconds since the
// session's base; within a phase, since the phase began.
type loop struct {
	s      *epollSession
	p      *poll.Poller
	id, of int
	conns  []*econn
	buf    []byte
	again  []*econn // have more to read than one turn allows

	dialling int      // connections under way
	waiting  []*econn // to be dialled, now or later

	// The phase.
	phase     Phase
	timeout   int64
	begin     int64 // since base
	end       int64
	rec       *recorder
	occupancy occupancy
	inFlight  int
	last      int64 // when the last arrival was resolved
	ended     int64 // when the phase was broken off
	running   bool
	nodes     []node
	downFirst int // connections among the first phase.Conns that are down

	// Open loop.
	schedule *Schedule
	next     Arrival // not yet due
	more     bool    // next is an arrival

	// Closed loop.
	closed bool
	users  Users
	index  uint64 // of the next arrival, in steps of `of`
	asked  int    // with Once and any routing but Sticky: the next request
	left   int    // with Once: requests that are still to be taken

	stamp    int64 // when something was read last
	yieldAt  int64 // since base: when to give way next
	lookAt   int64 // since base: when to look after time-outs, redials and the end of ctx
	expireAt int64 // since base: no time-out is due before
}

// node is what a loop keeps for each node of the plan.
type node struct {
	free  fifo[*econn] // the connection that has been free for longest comes first
	queue fifo[Arrival]
	conns int
	down  int // of conns: their last attempt to dial failed
	asked int // Once with Sticky: how many of the node's requests were taken
}

const (
	readBuffer  = 64 << 10
	readTurns   = 16                     // reads of one connection before the others have their turn
	maxDialling = 128                    // at once: a listener's backlog is finite
	lookEvery   = 20 * time.Millisecond  // at least
	maxRedial   = 250 * time.Millisecond // between two attempts
)

func newLoop(s *epollSession, id, of int, spin bool) (*loop, error) {
	p, err := poll.New(s.base, spin)
	if err != nil {
		return nil, err
	}
	return &loop{s: s, p: p, id: id, of: of, buf: make([]byte, readBuffer), expireAt: math.MaxInt64}, nil
}

func (l *loop) close() error {
	for _, c := range l.conns {
		if c.fd >= 0 {
			poll.Close(c.fd)
			c.fd = -1
		}
	}
	return l.p.Close()
}

// connect opens all connections for the first time.
func (l *loop) connect(ctx context.Context) error {
	l.nodes = make([]node, len(l.s.plan.Nodes))
	for _, c := range l.conns {
		l.nodes[c.node].conns++
	}
	for _, c := range l.conns {
		l.redial(c, 0)
	}
	for l.dialling+len(l.waiting) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l.look(l.p.Now())
		for _, c := range l.conns {
			if c.failure != nil {
				return fmt.Errorf("connect to %s: %w", l.s.plan.Nodes[c.node], c.failure)
			}
		}
		for i := range l.p.Wait(l.lookAt) {
			l.event(i)
		}
	}
	return nil
}

// prepare makes p the phase that is about to run.
func (l *loop) prepare(p Phase) error {
	l.phase, l.timeout, l.end, l.closed = p, int64(p.Timeout), int64(p.Duration), p.closed()
	l.rec = newRecorder(Epoll{}.Name(), p)
	l.inFlight, l.last, l.ended = 0, 0, 0
	l.occupancy = newOccupancy(p.Seed + uint64(l.id))
	l.downFirst = 0
	for _, c := range l.conns {
		if c.failure != nil && c.id < p.Conns {
			l.downFirst++
		}
	}
	for i := range l.nodes {
		n := &l.nodes[i]
		n.asked = 0
		if n.free.ring == nil {
			n.free = newFIFO[*econn](len(l.conns))
		}
		n.free.clear()
		if need := min(p.InFlight, 1<<16) / (l.of * len(l.nodes)); !l.closed && len(n.queue.ring) < need {
			n.queue = newFIFO[Arrival](need)
		}
	}
	var err error
	if l.closed {
		l.index, l.asked, l.left = uint64(l.id), l.id, 0
		for u := range l.s.plan.Requests {
			if p.Once && l.takes(u) {
				l.left++
			}
		}
		l.users, err = NewUsers(p.Popularity, p.Seed, len(l.s.plan.Requests))
		return err
	}
	if l.schedule, err = NewSchedule(p, len(l.s.plan.Requests)); err != nil {
		return err
	}
	if err := l.schedule.Part(l.id, l.of); err != nil {
		return err
	}
	l.next, l.more = l.schedule.Next()
	return nil
}

// takes says whether the request of user u is this loop's, with Once.
func (l *loop) takes(u int) bool {
	if l.s.plan.Routing == Sticky {
		u /= len(l.s.plan.Nodes)
	}
	return u%l.of == l.id
}

// offerAll runs the phase, which begins at begin, until every arrival has been
// resolved or ctx ends.
func (l *loop) offerAll(ctx context.Context, begin int64) {
	l.begin = begin
	switches := involuntarySwitches()
	spun, cpu := l.p.Spun, threadCPU()
	l.lookAt, l.expireAt = l.p.Now(), math.MaxInt64
	l.expect(begin + l.timeout)
	// What happened between the phases: a connection that was closed is not free.
	for n := l.p.Wait(0); n > 0; n = l.p.Wait(0) {
		for i := range n {
			l.event(i)
		}
	}
	l.running = true
	for _, c := range l.conns {
		if c.state == idle {
			l.ready(c, l.p.Now())
		}
	}
	l.abandonIfDown()
	for !l.over() {
		now := l.p.Now()
		if now >= l.lookAt {
			if ctx.Err() != nil {
				l.breakOff(now)
				break
			}
			l.look(now)
		}
		l.offerDue(now)
		l.yield(now)
		until := l.lookAt
		if l.more {
			until = min(until, l.begin+l.next.At)
		}
		if len(l.again) > 0 {
			until = 0
		}
		for i := range l.p.Wait(until) {
			l.event(i)
		}
		l.readAgain()
		if !l.more && !l.closed && l.rec.rec.Busy == 0 { // the schedule is over
			l.rec.rec.Busy = float64(threadCPU()-cpu-(l.p.Spun-spun)) / float64(max(1, l.p.Now()-l.begin))
		}
	}
	l.running = false
	l.rec.rec.Spin = time.Duration(l.p.Spun - spun)
	l.rec.rec.Occupancy = l.occupancy.Occupancy
	l.rec.rec.Involuntary = involuntarySwitches() - switches
}

// The Go scheduler interrupts a goroutine that has run for 10 ms, wherever it is,
// and takes some 50 us to get a locked one going again: one arrival in two
// hundred would be late by that. It leaves those alone that give way by
// themselves, so the loop does, when nothing is due for a while.
const (
	yieldEvery = 5 * time.Millisecond
	yieldSlack = 200 * time.Microsecond
)

// yield gives way to the Go scheduler if there is time to.
func (l *loop) yield(now int64) {
	if now >= l.yieldAt && l.more && l.begin+l.next.At-now > int64(yieldSlack) {
		runtime.Gosched()
		l.yieldAt = l.p.Now() + int64(yieldEvery)
	}
}

// threadCPU is the CPU time of this thread, in nanoseconds.
func threadCPU() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}

// involuntarySwitches counts how often this thread had to give up its core.
func involuntarySwitches() int64 {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &ru); err != nil {
		return 0
	}
	return ru.Nivcsw
}

// over says whether nothing is left to be scheduled or resolved.
func (l *loop) over() bool {
	if l.inFlight > 0 || l.more {
		return false
	}
	if l.phase.Once {
		return l.left == 0
	}
	return l.p.Now() >= l.begin+l.end
}

// offerDue offers the arrivals that have fallen due by now.
func (l *loop) offerDue(now int64) {
	for l.more && l.begin+l.next.At <= now {
		a := l.next
		l.next, l.more = l.schedule.Next()
		l.offer(a, now)
		now = l.p.Now()
	}
}

// offer handles an arrival that is due: sent, queued, shed, or refused because
// there is no target.
func (l *loop) offer(a Arrival, now int64) {
	l.occupied(now)
	l.rec.rec.Accounting.Scheduled++
	n := &l.nodes[l.phase.node(&l.s.plan, a)]
	switch {
	case l.inFlight >= l.share(l.phase.InFlight):
		l.rec.never(a.At, now-l.begin, results.Shed)
		return
	case n.free.n > 0:
		l.inFlight++
		l.assign(n.free.pop(), a)
	case n.down == n.conns:
		l.inFlight++
		l.never(a.At, now, results.ConnectError)
	default:
		l.inFlight++
		n.queue.push(a)
	}
}

// share is this loop's part of what is limited for the whole phase.
func (l *loop) share(all int) int { return (all + l.of - 1 - l.id) / l.of }

// occupied notes how many arrivals have been in flight up to now. To be called
// before that changes.
func (l *loop) occupied(now int64) {
	if !l.closed {
		l.occupancy.until(now-l.begin, l.end, l.inFlight)
	}
}

// ready gives a usable connection its next request, or notes that it is free.
func (l *loop) ready(c *econn, now int64) {
	c.state, c.freeAt = idle, now
	switch {
	case !l.running:
	case l.closed:
		if c.id < l.phase.Conns {
			if a, ok := l.nextClosed(c.node, now); ok {
				l.assign(c, a)
			}
		}
	default:
		n := &l.nodes[c.node]
		l.expireQueue(n, now)
		if n.queue.n > 0 {
			l.assign(c, n.queue.pop())
			return
		}
		n.free.push(c)
	}
}

// nextClosed returns the next arrival of a closed loop for a node: it is due now.
func (l *loop) nextClosed(node int, now int64) (Arrival, bool) {
	a := Arrival{Index: l.index, At: max(0, now-l.begin)}
	plan := &l.s.plan
	switch {
	case l.phase.Once && plan.Routing == Sticky:
		// Every node's requests are shared out among the loops.
		n := &l.nodes[node]
		a.User = (n.asked*l.of+l.id)*len(plan.Nodes) + node
		if a.User >= len(plan.Requests) {
			return Arrival{}, false
		}
		n.asked++
		l.left--
		a.Index = uint64(a.User)
	case l.phase.Once:
		if l.asked >= len(plan.Requests) {
			return Arrival{}, false
		}
		a.User, a.Index = l.asked, uint64(l.asked)
		l.asked += l.of
		l.left--
	case a.At >= l.end:
		return Arrival{}, false
	default:
		a.User = plan.closedUser(l.users.At(l.index), node)
		l.index += uint64(l.of)
	}
	l.rec.rec.Accounting.Scheduled++
	l.inFlight++
	return a, true
}

// settle counts an arrival that was sent, or due to be, as o.
func (l *loop) settle(at, now int64, o results.Outcome) {
	l.occupied(now)
	l.rec.end(at, now-l.begin, o)
	l.resolved(now)
}

// never counts an arrival that got no connection.
func (l *loop) never(at, now int64, o results.Outcome) {
	l.occupied(now)
	l.rec.never(at, now-l.begin, o)
	l.resolved(now)
}

func (l *loop) resolved(now int64) {
	l.inFlight--
	l.last = max(l.last, now-l.begin)
}

func (l *loop) problem(c *econn, err error) {
	if l.running && !l.rec.full() {
		l.rec.problem(l.s.plan.Nodes[c.node] + ": " + cause(err))
	}
}
