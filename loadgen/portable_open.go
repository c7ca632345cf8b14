package loadgen

import (
	"context"
	"net"
	"time"

	"authbench/results"
)

// redial opens the connection again, trying until it succeeds or the session is
// closed (then it returns false). The first attempt is made at once, the others
// wait 5 ms to 250 ms: a target that is away is not flooded, and one that
// accepts only to hang up does not keep the generator busy.
func (c *conn) redial() bool {
	s := c.s
	s.mu.Lock()
	c.state = dialling
	s.mu.Unlock()
	for {
		if c.fails > 0 {
			pause := time.NewTimer(min(5*time.Millisecond<<min(c.fails-1, 10), 250*time.Millisecond))
			select {
			case <-pause.C:
			case <-s.ctx.Done():
				pause.Stop()
			}
		}
		if s.ctx.Err() != nil {
			return false
		}
		c.fails++
		nc, err := c.dialler.dial(s.ctx)
		if err == nil {
			return c.opened(nc)
		}
		s.mu.Lock()
		s.dialFailed(c, err, s.now())
		s.mu.Unlock()
	}
}

// openForRequest opens a parked connection for the arrival that gets it. That one
// bears what goes wrong; after that the connection is redialled like any other.
func (c *conn) openForRequest() bool {
	s := c.s
	select {
	case <-c.wake:
	case <-s.ctx.Done():
		return false
	}
	s.mu.Lock()
	var until int64
	if s.run != nil && c.state == opening {
		until = s.run.start + c.arrival.At + s.run.timeout
	}
	s.mu.Unlock()
	ctx, cancel := context.WithDeadline(s.ctx, s.base.Add(time.Duration(until)))
	defer cancel()
	c.fails++
	nc, err := c.dialler.dial(ctx)
	if err == nil {
		return c.opened(nc)
	}
	s.mu.Lock()
	if s.run != nil && c.state == opening {
		s.openFailed(c, err, s.now())
	}
	s.mu.Unlock()
	return c.redial()
}

// opened takes over a new socket. It returns false when the session was closed in
// the meantime, which has not seen this one.
func (c *conn) opened(nc net.Conn) bool {
	s := c.s
	s.mu.Lock()
	if s.ctx.Err() != nil {
		s.mu.Unlock()
		hangUp(nc)
		return false
	}
	c.nc, c.failed, c.writeBy, c.served = nc, false, 0, 0
	var w outgoing
	switch r := s.run; {
	case r != nil && c.state == opening:
		c.state = busy
		r.rec.rec.Handshakes++
		r.rec.rec.Sent++
		r.rec.rec.BytesOut += int64(len(c.request.Bytes))
		w = s.outgoing(c, s.now())
	default:
		if r != nil {
			r.rec.rec.Reconnects++
		}
		c.state = idle
		w = s.ready(c, s.now())
	}
	s.mu.Unlock()
	w.write()
	return true
}

// openFailed notes that c could not be opened for its arrival. Call with mu held.
func (s *session) openFailed(c *conn, err error, now int64) {
	r := s.run
	t, o := now-r.start, results.ConnectError
	if t-c.arrival.At >= r.timeout {
		o = results.Timeout
	}
	r.settle(c.arrival.At, t, o)
	c.state = doomed
	if o == results.ConnectError {
		c.failed = true
		r.problem(c, err)
		s.giveUp(c.node, now)
	}
}

// dialFailed notes that c cannot be opened. When no connection to its node can,
// nothing is left to wait for there. Call with mu held.
func (s *session) dialFailed(c *conn, err error, now int64) {
	c.failed = true
	r := s.run
	if r == nil || c.id >= r.conns {
		return
	}
	r.problem(c, err)
	if r.closed && !r.once {
		// A closed loop asks once per attempt: a target that is away is seen.
		if a, ok := s.nextClosed(c.node, now); ok {
			r.settle(a.At, now-r.start, results.ConnectError)
		}
	}
	s.giveUp(c.node, now)
}

// giveUp ends everything that waits for a connection to a node that is down.
// Call with mu held.
func (s *session) giveUp(node int, now int64) {
	r := s.run
	if !s.down(node) {
		return
	}
	if !r.closed {
		for q := &r.lanes[node].queue; q.n > 0; {
			r.never(q.pop().At, now-r.start, results.ConnectError)
		}
	}
	// What is sent once may take any connection, unless the routing is sticky.
	if r.once && (s.plan.Routing == Sticky || s.allDown()) {
		for a, ok := s.nextClosed(node, now); ok; a, ok = s.nextClosed(node, now) {
			r.settle(a.At, now-r.start, results.ConnectError)
		}
	}
}

// outgoing is a request on its way to the socket. The zero value is none.
type outgoing struct {
	c      *conn
	nc     net.Conn
	seq    uint64
	user   int
	bytes  []byte
	expire time.Duration // set the write deadline so far ahead, if not 0
}

// outgoing is the request of a connection that is busy from now on.
func (s *session) outgoing(c *conn, now int64) outgoing {
	c.served++
	w := outgoing{c: c, nc: c.nc, seq: c.seq, user: c.arrival.User, bytes: c.request.Bytes}
	// Only a target that never reads can block a write. Setting a deadline for
	// each would cost more than it is worth: one serves all of a whole timeout.
	if timeout := s.run.timeout; c.writeBy < now+timeout {
		c.writeBy = now + 2*timeout
		w.expire = time.Duration(2 * timeout)
	}
	return w
}

// write writes the request. It is called without the lock.
func (w outgoing) write() {
	if w.c == nil {
		return
	}
	if w.expire > 0 {
		_ = w.nc.SetWriteDeadline(time.Now().Add(w.expire)) // an error comes back from Write
	}
	var err error
	if h, ok := w.nc.(*h2Conn); ok {
		err = h.send(w.user)
	} else {
		_, err = w.nc.Write(w.bytes)
	}
	if err == nil {
		return
	}
	s := w.c.s
	s.mu.Lock()
	if w.c.state == busy && w.c.seq == w.seq {
		s.run.problem(w.c, err)
		now := s.now() - s.run.start
		s.run.settle(w.c.arrival.At, now, results.ConnectError)
		s.run.exchanged(w.c, verdict{outcome: results.ConnectError}, now)
		w.c.state = doomed
	}
	s.mu.Unlock()
	hangUp(w.nc) // wakes the reader
}
