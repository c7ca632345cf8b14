package loadgen

import (
	"context"
	"errors"
	"net"
	"time"

	"authbench/results"
)

// run is the state of the phase that runs. Everything that changes is guarded by
// session.mu. Times are nanoseconds since start.
type run struct {
	phase    Phase
	start    int64 // since session.base
	end      int64 // the phase's Duration
	timeout  int64
	rec      *recorder
	inFlight int   // arrivals queued plus sent
	last     int64 // when the last arrival was resolved
	ended    int64 // when the phase was over

	// Open loop.
	schedule  *Schedule
	occupancy occupancy
	lanes     []lane

	// Closed loop: the first conns connections send arrival next, next+1, ...
	closed bool
	conns  int
	users  Users
	next   uint64

	// Phase.Once: with Sticky, nextOf is the next request of each node; else there
	// is one for all.
	once   bool
	left   int // requests that nobody has taken
	nextOf []int
}

// lane is what is kept for each node.
type lane struct {
	queue fifo[Arrival]
	free  fifo[*conn] // the connection that has been free for longest comes first
}

func (s *session) newRun(p Phase) (*run, error) {
	if err := p.complete(len(s.conns)); err != nil {
		return nil, err
	}
	r := &run{
		phase: p, end: int64(p.Duration), timeout: int64(p.Timeout), rec: newRecorder("portable", p),
		closed: p.closed(), once: p.Once, conns: p.Conns,
	}
	r.rec.rec.Involuntary = -1
	var err error
	if r.closed {
		if err := s.prepareClosed(r); err != nil {
			return nil, err
		}
		r.users, err = NewUsers(p.Popularity, p.Seed, len(s.plan.Requests))
		return r, err
	}
	r.conns = len(s.conns)
	r.lanes = make([]lane, len(s.plan.Nodes))
	for i := range r.lanes {
		r.lanes[i] = lane{queue: newFIFO[Arrival](p.InFlight), free: newFIFO[*conn](len(s.conns))}
	}
	r.occupancy = newOccupancy(p.Seed)
	r.schedule, err = NewSchedule(p, len(s.plan.Requests))
	return r, err
}

// Run offers one phase, see Session.
func (s *session) Run(ctx context.Context, phase Phase) (*Recording, error) {
	if s.ctx.Err() != nil {
		return nil, errClosed
	}
	r, err := s.newRun(phase)
	if err != nil {
		return nil, err
	}
	restore := quieten(2)
	unwatch := observe(&r.phase, r.rec)
	defer unwatch()
	call(phase.OnBegin)
	if err := s.begin(r); err != nil {
		restore()
		return nil, err
	}
	if r.closed {
		s.watch(ctx, r)
	} else {
		s.pace(ctx, r)
	}
	interrupted := context.Cause(ctx)
	if interrupted != nil {
		s.finish(r)
	}
	call(phase.OnEnd)
	s.mu.Lock()
	s.run = nil
	s.mu.Unlock()
	restore()
	rec, err := r.recording(interrupted != nil)
	return rec, errors.Join(interrupted, err)
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// recording closes the books.
func (r *run) recording(interrupted bool) (*Recording, error) {
	r.rec.rec.setTimes(r.phase, r.last, r.ended, interrupted)
	return finish(r.rec)
}

// begin makes r the running phase and puts the connections to work.
func (s *session) begin(r *run) error {
	s.mu.Lock()
	if s.run != nil {
		s.mu.Unlock()
		return errors.New("phase: another one is running")
	}
	s.run = r
	var ahead time.Duration
	if !r.closed {
		ahead = lead
	}
	r.start = s.now() + int64(ahead)
	r.rec.rec.Start = s.base.Add(time.Duration(r.start))
	var first []outgoing
	for _, c := range s.conns {
		c.writeBy = 0 // the timeout may have changed
		if c.state == idle || c.state == parked {
			first = append(first, s.ready(c, s.now()))
		}
	}
	for node := range s.plan.Nodes {
		s.giveUp(node, s.now())
	}
	s.mu.Unlock()
	for _, w := range first {
		w.write()
	}
	return nil
}

// ready gives a connection that is idle or parked its next request, or reports it
// free. Call with mu held, and write what it returns without.
func (s *session) ready(c *conn, now int64) outgoing {
	c.freeAt = now
	r := s.run
	switch {
	case r == nil:
	case r.closed:
		if c.id < r.conns {
			if a, ok := s.nextClosed(c.node, now); ok {
				return s.assign(c, a)
			}
		}
	default:
		l := &r.lanes[c.node]
		s.expireQueue(l, now)
		if l.queue.n > 0 {
			return s.assign(c, l.queue.pop())
		}
		l.free.push(c)
	}
	return outgoing{}
}

// assign gives an arrival to a free connection and stamps it sent. One that is
// parked has to be opened first, which is within the service time.
func (s *session) assign(c *conn, a Arrival) outgoing {
	r := s.run
	c.arrival, c.request, c.fresh = a, &s.plan.Requests[a.User], true
	c.seq++
	c.sentAt = s.now()
	size := len(c.request.Bytes)
	if r.closed { // due when it could be sent, by definition
		c.arrival.At = c.sentAt - r.start
		r.rec.rec.Sent++
		r.rec.rec.BytesOut += int64(size)
	} else {
		r.rec.sent(a.At, c.freeAt-r.start, c.sentAt-r.start, size)
	}
	if c.state == parked {
		r.rec.rec.Sent-- // not before it is open
		r.rec.rec.BytesOut -= int64(size)
		c.state = opening
		c.wake <- struct{}{} // there is room: nobody else wakes it until it is parked again
		return outgoing{}
	}
	c.state = busy
	return s.outgoing(c, c.sentAt)
}

// offer handles an arrival that is due: sent, queued, shed, or refused because
// its node is away. Call without the lock.
func (s *session) offer(a Arrival) {
	s.mu.Lock()
	r := s.run
	node := r.phase.node(&s.plan, a)
	l := &r.lanes[node]
	r.rec.rec.Accounting.Scheduled++
	var w outgoing
	switch {
	case r.inFlight >= r.phase.InFlight:
		r.rec.never(a.At, s.now()-r.start, results.Shed)
	case l.free.n > 0:
		r.inFlight++
		w = s.assign(l.free.pop(), a)
	case s.down(node):
		r.inFlight++
		r.never(a.At, s.now()-r.start, results.ConnectError)
	default:
		r.inFlight++
		l.queue.push(a)
	}
	s.mu.Unlock()
	w.write()
}

// expire ends what has timed out.
func (s *session) expire() {
	s.mu.Lock()
	r, now := s.run, s.now()
	for i := range r.lanes {
		s.expireQueue(&r.lanes[i], now)
	}
	var late []*conn
	for _, c := range s.conns {
		if c.taken() && now-r.start-c.arrival.At >= r.timeout {
			r.settle(c.arrival.At, now-r.start, results.Timeout)
			r.exchanged(c, verdict{outcome: results.Timeout}, now-r.start)
			c.state = doomed
			late = append(late, c)
		}
	}
	s.closeSockets(late)
}

// expireQueue ends queued arrivals that have timed out. They are in the order of
// their intended times. Call with mu held.
func (s *session) expireQueue(l *lane, now int64) {
	r := s.run
	for l.queue.n > 0 && now-r.start-l.queue.peek().At >= r.timeout {
		r.never(l.queue.pop().At, now-r.start, results.Timeout)
	}
}

// finish ends the phase, and whatever is still open as Unfinished.
func (s *session) finish(r *run) {
	s.mu.Lock()
	now := s.now() - r.start
	r.ended = now
	for i := range r.lanes {
		for q := &r.lanes[i].queue; q.n > 0; {
			r.never(q.pop().At, now, results.Unfinished)
		}
	}
	var open []*conn
	for _, c := range s.conns {
		if c.taken() {
			r.settle(c.arrival.At, now, results.Unfinished)
			r.exchanged(c, verdict{outcome: results.Unfinished}, now)
			c.state = doomed
			open = append(open, c)
		}
	}
	s.run = nil
	s.closeSockets(open)
}

// closeSockets unlocks mu and closes the sockets of doomed connections, which
// wakes their readers. One that was being opened has none yet.
func (s *session) closeSockets(doomed []*conn) {
	sockets := make([]net.Conn, 0, len(doomed))
	for _, c := range doomed {
		if c.nc != nil {
			sockets = append(sockets, c.nc)
		}
	}
	s.mu.Unlock()
	for _, nc := range sockets {
		hangUp(nc)
	}
}

// settle counts an arrival that was sent, or due to be, as o at time now.
func (r *run) settle(at, now int64, o results.Outcome) {
	r.rec.end(at, now, o)
	r.resolved(now)
}

// never counts an arrival that got no connection.
func (r *run) never(at, now int64, o results.Outcome) {
	r.rec.never(at, now, o)
	r.resolved(now)
}

func (r *run) resolved(now int64) {
	r.inFlight--
	r.last = max(r.last, now)
}

// exchanged logs the end of c's request, if it is to be logged.
func (r *run) exchanged(c *conn, v verdict, now int64) {
	if r.rec.log == nil {
		return
	}
	e := Exchange{
		Due:  time.Duration(c.arrival.At),
		Sent: time.Duration(c.sentAt - r.start), Done: time.Duration(now),
		User: int32(c.arrival.User), Node: int16(c.node), Outcome: v.outcome, WrongSubject: v.wrongSubject,
	}
	if v.complete {
		e.Status = int16(c.parser.Status)
	}
	r.rec.exchanged(e)
}

func (r *run) problem(c *conn, err error) {
	if !r.rec.full() {
		r.rec.problem(c.dialler.addr + ": " + cause(err))
	}
}
