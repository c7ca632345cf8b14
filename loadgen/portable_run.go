package loadgen

import (
	"context"
	"errors"
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
	queue     fifo[Arrival]
	free      fifo[*conn] // the connection that has been free for longest comes first

	// Closed loop: the first conns connections send arrival next, next+1, ...
	closed bool
	once   bool
	conns  int
	users  Users
	next   uint64
}

func (s *session) newRun(p Phase) (*run, error) {
	if err := p.complete(len(s.conns)); err != nil {
		return nil, err
	}
	r := &run{
		phase: p, end: int64(p.Duration), timeout: int64(p.Timeout), rec: newRecorder("portable", p),
		closed: p.closed(), once: p.Once, conns: p.Conns,
	}
	var err error
	if r.closed {
		r.users, err = NewUsers(p.Popularity, p.Seed, len(s.plan.Requests))
		if r.once {
			r.rec.rec.Responses = make([]*Response, len(s.plan.Requests))
		}
		return r, err
	}
	r.conns = len(s.conns)
	r.queue, r.free = newFIFO[Arrival](p.InFlight), newFIFO[*conn](len(s.conns))
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
	restore := quieten()
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
	r.start, r.rec.rec.Start = s.now()+int64(ahead), time.Now().Add(ahead)
	var first []outgoing
	for _, c := range s.conns {
		c.writeBy = 0 // the timeout may have changed
		if c.state == idle {
			first = append(first, s.ready(c, s.now()))
		}
	}
	if r.closed && s.allDown(r.conns) && r.once {
		s.giveUp(s.now())
	}
	s.mu.Unlock()
	for _, w := range first {
		w.write()
	}
	return nil
}

// ready gives a usable connection its next request, or reports it free. Call
// with mu held, and write what it returns without.
func (s *session) ready(c *conn, now int64) outgoing {
	c.state, c.freeAt = idle, now
	r := s.run
	switch {
	case r == nil:
	case r.closed:
		if c.id < r.conns {
			if a, ok := s.nextClosed(now); ok {
				return s.assign(c, a)
			}
		}
	default:
		s.expireQueue(now)
		if r.queue.n > 0 {
			return s.assign(c, r.queue.pop())
		}
		r.free.push(c)
	}
	return outgoing{}
}

// nextClosed returns the next arrival of a closed loop: it is due now.
func (s *session) nextClosed(now int64) (Arrival, bool) {
	r := s.run
	at := now - r.start
	switch {
	case !r.once && at >= r.end, r.once && r.next >= uint64(len(s.plan.Requests)):
		return Arrival{}, false
	}
	a := Arrival{Index: r.next, At: at, User: int(r.next)}
	if !r.once {
		a.User = r.users.At(r.next)
	}
	r.next++
	r.rec.rec.Accounting.Scheduled++
	r.inFlight++
	return a, true
}

// assign gives an arrival to an idle connection and stamps it sent.
func (s *session) assign(c *conn, a Arrival) outgoing {
	r := s.run
	c.state, c.arrival, c.request, c.fresh = busy, a, &s.plan.Requests[a.User], true
	c.seq++
	w := outgoing{c: c, nc: c.nc, seq: c.seq, bytes: c.request.Bytes}
	c.sentAt = s.now()
	if r.closed { // due when it could be sent, by definition
		c.arrival.At = c.sentAt - r.start
		r.rec.rec.Sent++
		r.rec.rec.BytesOut += int64(len(w.bytes))
	} else {
		r.rec.sent(a.At, c.freeAt-r.start, c.sentAt-r.start, len(w.bytes))
	}
	// Only a target that never reads can block a write. Setting a deadline for
	// each would cost more than it is worth: one serves all of a whole timeout.
	if c.writeBy < c.sentAt+r.timeout {
		c.writeBy = c.sentAt + 2*r.timeout
		w.expire = time.Duration(2 * r.timeout)
	}
	return w
}

// offer handles an arrival that is due: sent, queued, shed, or refused because
// there is no target. Call without the lock.
func (s *session) offer(a Arrival) {
	s.mu.Lock()
	r := s.run
	r.rec.rec.Accounting.Scheduled++
	var w outgoing
	switch {
	case r.inFlight >= r.phase.InFlight:
		r.rec.never(a.At, s.now()-r.start, results.Shed)
	case r.free.n > 0:
		r.inFlight++
		w = s.assign(r.free.pop(), a)
	case s.allDown(len(s.conns)):
		r.inFlight++
		r.never(a.At, s.now()-r.start, results.ConnectError)
	default:
		r.inFlight++
		r.queue.push(a)
	}
	s.mu.Unlock()
	w.write()
}

// dialFailed notes that c cannot be opened. When none can, nothing is left to
// wait for. Call with mu held.
func (s *session) dialFailed(c *conn, err error, now int64) {
	c.failed = true
	r := s.run
	if r == nil || c.id >= r.conns {
		return
	}
	r.problem(c, err)
	if r.closed && !r.once {
		// A closed loop asks once per attempt: a target that is away is seen.
		if a, ok := s.nextClosed(now); ok {
			r.settle(a.At, now-r.start, results.ConnectError)
		}
	}
	if s.allDown(r.conns) {
		s.giveUp(now)
	}
}

// giveUp ends everything that waits for a connection. Call with mu held.
func (s *session) giveUp(now int64) {
	r := s.run
	for r.queue.n > 0 {
		r.never(r.queue.pop().At, now-r.start, results.ConnectError)
	}
	if r.once {
		for a, ok := s.nextClosed(now); ok; a, ok = s.nextClosed(now) {
			r.settle(a.At, now-r.start, results.ConnectError)
		}
	}
}

// expire ends what has timed out.
func (s *session) expire() {
	s.mu.Lock()
	r, now := s.run, s.now()
	s.expireQueue(now)
	var late []*conn
	for _, c := range s.conns {
		if c.state == busy && now-r.start-c.arrival.At >= r.timeout {
			r.settle(c.arrival.At, now-r.start, results.Timeout)
			c.state = doomed
			late = append(late, c)
		}
	}
	s.closeSockets(late)
}

// expireQueue ends queued arrivals that have timed out. They are in the order of
// their intended times. Call with mu held.
func (s *session) expireQueue(now int64) {
	r := s.run
	for r.queue.n > 0 && now-r.start-r.queue.peek().At >= r.timeout {
		r.never(r.queue.pop().At, now-r.start, results.Timeout)
	}
}

// finish ends the phase, and whatever is still open as Unfinished.
func (s *session) finish(r *run) {
	s.mu.Lock()
	now := s.now() - r.start
	r.ended = now
	for r.queue.n > 0 {
		r.never(r.queue.pop().At, now, results.Unfinished)
	}
	var open []*conn
	for _, c := range s.conns {
		if c.state == busy {
			r.settle(c.arrival.At, now, results.Unfinished)
			c.state = doomed
			open = append(open, c)
		}
	}
	s.run = nil
	s.closeSockets(open)
}

// closeSockets unlocks mu and closes the sockets of doomed connections, which
// wakes their readers.
func (s *session) closeSockets(doomed []*conn) {
	sockets := make([]interface{ Close() error }, len(doomed))
	for i, c := range doomed {
		sockets[i] = c.nc
	}
	s.mu.Unlock()
	for _, nc := range sockets {
		_ = nc.Close()
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

// remove takes a connection off the free list.
func (r *run) remove(c *conn) {
	for range r.free.n {
		if f := r.free.pop(); f != c {
			r.free.push(f)
		}
	}
}

func (r *run) problem(c *conn, err error) {
	if !r.rec.full() {
		r.rec.problem(c.addr + ": " + cause(err))
	}
}
