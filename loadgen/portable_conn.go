package loadgen

import (
	"errors"
	"io"
	"net"
	"time"

	"authbench/loadgen/http1"
	"authbench/results"
)

// conn is one connection, over all the sockets that it has in its life.
//
//	dialling --> idle <--> busy --> doomed --> dialling
//
// Only the goroutine in loop dials, reads and parses. Whoever finds a
// connection doomed (a timeout, a failed write) closes the socket, and the
// goroutine, woken by that, dials again: a late answer to the request that was
// given up dies with its socket and is never mistaken for another's.
type conn struct {
	s      *session
	id     int
	addr   string
	parser http1.Parser
	buf    []byte
	fails  int // dials since the last answer: the redial's back-off

	// Guarded by s.mu.
	nc      net.Conn
	state   connState
	failed  bool // the last attempt to dial failed
	freeAt  int64
	arrival Arrival // while busy, and the next three
	request *Request
	sentAt  int64
	fresh   bool   // nothing was read yet
	seq     uint64 // counts requests: tells a late writer that its request is history
	writeBy int64  // the write deadline that the socket has
}

type connState uint8

const (
	dialling connState = iota
	idle
	busy
	doomed
)

// loop reads until the socket is of no more use, dials again, and so on until
// the session is closed.
func (c *conn) loop() {
	for {
		// Only this goroutine replaces c.nc, so it may read it without the lock.
		for {
			n, err := c.nc.Read(c.buf)
			now := c.s.now()
			if !c.received(c.buf[:n], err, now) {
				break
			}
		}
		_ = c.nc.Close()
		if !c.redial() {
			return
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
	w := s.ready(c, now)
	s.mu.Unlock()
	w.write()
	return true
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
	case idle:
		r.remove(c)
	}
	c.state = doomed
}

// outgoing is a request on its way to the socket. The zero value is none.
type outgoing struct {
	c      *conn
	nc     net.Conn
	seq    uint64
	bytes  []byte
	expire time.Duration // set the write deadline so far ahead, if not 0
}

// write writes the request. It is called without the lock.
func (w outgoing) write() {
	if w.c == nil {
		return
	}
	if w.expire > 0 {
		_ = w.nc.SetWriteDeadline(time.Now().Add(w.expire)) // an error comes back from Write
	}
	_, err := w.nc.Write(w.bytes)
	if err == nil {
		return
	}
	s := w.c.s
	s.mu.Lock()
	if w.c.state == busy && w.c.seq == w.seq {
		s.run.problem(w.c, err)
		s.run.settle(w.c.arrival.At, s.now()-s.run.start, results.ConnectError)
		w.c.state = doomed
	}
	s.mu.Unlock()
	_ = w.nc.Close() // wakes the reader
}

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
		nc, err := dial(s.ctx, c.addr)
		now := s.now()
		s.mu.Lock()
		if err != nil {
			s.dialFailed(c, err, now)
			s.mu.Unlock()
			continue
		}
		if s.ctx.Err() != nil { // Close has not seen this one
			s.mu.Unlock()
			_ = nc.Close()
			return false
		}
		c.nc, c.failed, c.writeBy = nc, false, 0
		if s.run != nil {
			s.run.rec.rec.Reconnects++
		}
		w := s.ready(c, now)
		s.mu.Unlock()
		w.write()
		return true
	}
}
