package loadgen

import (
	"errors"
	"io"
	"net"

	"authbench/loadgen/http1"
	"authbench/results"
)

// conn is one connection, over all the sockets that it has in its life.
//
//	dialling --> idle <--> busy --> doomed --> dialling
//	              ^         | ^
//	              |         | +--------------+
//	              |         v                |
//	              |       parked --> opening-+   (Phase.Churn)
//	              |                     |
//	              +---------------------+ the arrival has timed out
//
// Only the goroutine in loop dials, reads and parses. Whoever finds a
// connection doomed (a timeout, a failed write) closes the socket, and the
// goroutine, woken by that, dials again: a late answer to the request that was
// given up dies with its socket and is never mistaken for another's.
//
// A connection that has carried Phase.Churn requests is parked: closed, and free
// all the same. The arrival that gets it wakes the goroutine, which dials and
// then sends.
type conn struct {
	s       *session
	id      int
	node    int
	dialler *dialler
	parser  http1.Parser
	buf     []byte
	fails   int           // dials since the last answer: the redial's back-off
	wake    chan struct{} // an arrival waits for this connection to be opened

	// Guarded by s.mu.
	nc      net.Conn // nil while parked or opening
	state   connState
	failed  bool // the last attempt to dial failed
	freeAt  int64
	arrival Arrival // while opening or busy, and the next three
	request *Request
	sentAt  int64
	fresh   bool   // nothing was read yet
	served  int    // requests that this socket has carried
	seq     uint64 // counts requests: tells a late writer that its request is history
	writeBy int64  // the write deadline that the socket has
}

type connState uint8

const (
	dialling connState = iota
	idle
	busy
	doomed
	parked
	opening
)

// taken says that an arrival waits for an answer on this connection.
func (c *conn) taken() bool { return c.state == busy || c.state == opening }

// loop reads until the socket is of no more use, opens another, and so on until
// the session is closed.
func (c *conn) loop() {
	for open := true; open; {
		nc := c.nc // only this goroutine replaces it, so it may read it without the lock
		for {
			n, err := nc.Read(c.buf)
			now := c.s.now()
			if !c.received(c.buf[:n], err, now) {
				break
			}
		}
		if c.nc == nil {
			abort(nc)
			open = c.openForRequest()
		} else {
			hangUp(nc)
			open = c.redial()
		}
	}
}

// received handles what Read returned at time now. It returns false when the
// socket is to be given up.
func (c *conn) received(b []byte, readErr error, now int64) bool {
	s := c.s
	s.mu.Lock()
	if s.run != nil {
		s.run.rec.rec.BytesIn += int64(len(b))
	}
	if c.state != busy || now < c.sentAt {
		if len(b) == 0 && readErr == nil {
			s.mu.Unlock()
			return true
		}
		c.unasked(len(b), now)
		s.mu.Unlock()
		return false
	}
	req, seq, keep := c.request, c.seq, http1.Keep(0)
	if s.run.once {
		keep = http1.KeepBody | http1.KeepHeader
	} else if len(req.Expect) > 0 {
		keep = http1.KeepBody
	}
	fresh := c.fresh
	c.fresh = false
	s.mu.Unlock()

	if fresh {
		c.parser.Reset(req.Head, keep)
	}
	n, complete, err := c.parser.Feed(b)
	if err == nil && !complete && readErr != nil {
		if err = readErr; errors.Is(readErr, io.EOF) {
			err = c.parser.EOF()
			complete = err == nil
		}
	}
	if err == nil && !complete {
		return true
	}
	v := judge(&c.parser, s.table, req, err, len(b)-n)
	if !v.complete {
		v.usable = false
	} else {
		c.fails = 0
		v.usable = v.usable && readErr == nil
	}
	return c.resolve(v, seq, now)
}

// resolve records the end of the request and, if the socket is usable, gives the
// connection its next one.
func (c *conn) resolve(v verdict, seq uint64, now int64) bool {
	s := c.s
	s.mu.Lock()
	if c.state != busy || c.seq != seq { // it has timed out in the meantime
		s.mu.Unlock()
		return false
	}
	r := s.run
	t := now - r.start
	if v.complete {
		r.rec.rec.Answered++
		r.rec.statuses[c.parser.Status]++
		if t-c.arrival.At > r.timeout {
			v.outcome, v.wrongSubject, v.problem = results.Timeout, false, nil
		}
		if r.once {
			r.rec.rec.Responses[c.arrival.Index] = response(&c.parser, t-c.arrival.At)
		}
	}
	if v.wrongSubject {
		r.rec.rec.WrongSubject++
	}
	if v.problem != nil {
		r.problem(c, v.problem)
	}
	r.exchanged(c, v, t)
	if v.outcome == results.OK {
		r.rec.ok(c.arrival.At, c.sentAt-r.start, t)
		r.resolved(t)
	} else {
		r.settle(c.arrival.At, t, v.outcome)
	}
	if !v.usable {
		c.state = doomed
		s.mu.Unlock()
		return false
	}
	c.state = idle
	if r.phase.Churn > 0 && c.served >= r.phase.Churn {
		c.state, c.nc = parked, nil
	}
	open := c.state == idle
	w := s.ready(c, now)
	s.mu.Unlock()
	w.write()
	return open
}

// unasked handles the end of a socket, or bytes on it, while no request was
// waiting for them. A request that was sent on it in the same instant is lost
// (it is never sent again). Call with mu held.
func (c *conn) unasked(n int, now int64) {
	r := c.s.run
	if r == nil {
		c.state = doomed
		return
	}
	if n > 0 {
		r.problem(c, errUnasked)
	}
	switch c.state {
	case busy:
		o := results.ConnectError
		if n > 0 {
			o = results.ProtocolError
		} else {
			r.problem(c, http1.ErrTruncated)
		}
		r.settle(c.arrival.At, max(now, c.sentAt)-r.start, o)
		r.exchanged(c, verdict{outcome: o}, max(now, c.sentAt)-r.start)
	case idle:
		if !r.closed {
			remove(&r.lanes[c.node].free, c)
		}
	}
	c.state = doomed
}
