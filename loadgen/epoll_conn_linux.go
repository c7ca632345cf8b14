package loadgen

import (
	"errors"
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"authbench/loadgen/http1"
	"authbench/loadgen/poll"
	"authbench/results"
)

// econn is one connection of a loop, over all the sockets that it has in its
// life.
//
//	dialling --> idle <--> waiting for an answer
//	    ^          |              |
//	    +----------+--------------+ (broken, timed out)
//
// A request whose arrival has timed out takes its socket along: a late answer
// dies with it and is never mistaken for another's.
type econn struct {
	l          *loop
	id         int   // among all of the session
	slot       int32 // among the loop's
	node       int
	fd         int   // -1: none
	generation int32 // counts sockets: an event may be about an earlier one
	state      connState
	cold       bool // idle without a socket: the next arrival dials (Phase.Churn)
	served     int  // requests that this socket has carried

	busy    bool // an arrival is assigned, and the next four
	arrival Arrival
	request *Request
	sentAt  int64  // since base
	unsent  []byte // what did not fit into the socket's buffer

	freeAt    int64
	dialledAt int64
	retryAt   int64
	fails     int   // dials since the last answer: the redial's back-off
	failure   error // of the last dial; nil: it succeeded
	reused    bool  // had a socket before: the next dial is a reconnect
	parser    http1.Parser
}

// redial has c dialled after a pause, or at once as far as that is possible.
func (l *loop) redial(c *econn, now int64) {
	c.state, c.retryAt = dialling, now
	if c.fails > 0 {
		c.retryAt += int64(min(5*time.Millisecond<<min(c.fails-1, 10), maxRedial))
	}
	l.waiting = append(l.waiting, c)
	l.lookAt = min(l.lookAt, max(c.retryAt, now))
}

// dial begins to connect.
func (l *loop) dial(c *econn) {
	c.state, c.dialledAt = dialling, l.p.Now()
	c.generation++
	c.served = 0
	fd, err := poll.Dial(l.s.addrs[c.node])
	if err == nil {
		if err = l.p.Add(fd, c.slot, c.generation); err != nil {
			poll.Close(fd)
		}
	}
	c.fails++
	l.dialling++
	if err != nil {
		l.dialFailed(c, err)
		return
	}
	c.fd = fd
}

// connected handles a socket that became writable while it was dialled.
func (l *loop) connected(c *econn) {
	switch err := poll.Connected(c.fd); {
	case err == unix.EAGAIN:
		return
	case err != nil:
		l.dialFailed(c, err)
		return
	}
	l.dialling--
	now := l.p.Now()
	if len(l.waiting) > 0 {
		l.lookAt = now // there is room to dial another
	}
	l.up(c)
	if c.reused && l.running {
		if c.busy { // it was replaced on purpose
			l.rec.rec.Handshakes++
		} else {
			l.rec.rec.Reconnects++
		}
	}
	c.reused = true
	if c.busy {
		c.state = idle
		l.send(c)
		return
	}
	l.ready(c, now)
}

// up notes that c could be dialled, down that it could not.
func (l *loop) up(c *econn) {
	if c.failure != nil {
		c.failure = nil
		l.nodes[c.node].down--
		if c.id < l.phase.Conns {
			l.downFirst--
		}
	}
}

func (l *loop) down(c *econn, err error) {
	if c.failure == nil {
		l.nodes[c.node].down++
		if c.id < l.phase.Conns {
			l.downFirst++
		}
	}
	c.failure = err
}

// dialFailed handles a connection that could not be opened. When none can, nothing
// is left to wait for.
func (l *loop) dialFailed(c *econn, err error) {
	l.dialling--
	now := l.p.Now()
	l.shut(c)
	l.down(c, err)
	l.problem(c, err)
	if c.busy {
		l.settle(c.arrival.At, now, results.ConnectError)
		c.busy = false
	} else if l.running && l.closed && !l.phase.Once && c.id < l.phase.Conns {
		// A closed loop asks once an attempt: a target that is away is seen.
		if a, ok := l.nextClosed(c.node, now); ok {
			l.settle(a.At, now, results.ConnectError)
		}
	}
	l.redial(c, now)
	l.abandonIfDown()
}

// abandonIfDown ends everything that waits for a connection that nobody can open.
func (l *loop) abandonIfDown() {
	if !l.running {
		return
	}
	now := l.p.Now()
	for i := range l.nodes {
		n := &l.nodes[i]
		if n.conns == 0 || n.down < n.conns {
			continue
		}
		for n.queue.n > 0 {
			l.never(n.queue.pop().At, now, results.ConnectError)
		}
		if l.phase.Once && l.s.plan.Routing == Sticky {
			l.abandonOnce(i, now)
		}
	}
	if l.phase.Once && l.s.plan.Routing != Sticky && l.downFirst >= l.firstConns() {
		l.abandonOnce(0, now)
	}
}

func (l *loop) abandonOnce(node int, now int64) {
	for a, ok := l.nextClosed(node, now); ok; a, ok = l.nextClosed(node, now) {
		l.settle(a.At, now, results.ConnectError)
	}
}

// firstConns is how many of the loop's connections a closed loop uses.
func (l *loop) firstConns() int {
	n := 0
	for _, c := range l.conns {
		if c.id < l.phase.Conns {
			n++
		}
	}
	return n
}

// shut closes the socket.
func (l *loop) shut(c *econn) {
	if c.fd >= 0 {
		poll.Close(c.fd)
		c.fd = -1
	}
	c.generation++
	c.unsent = nil
}

// drop gives a socket up and has another one dialled.
func (l *loop) drop(c *econn) {
	if c.state == dialling && c.fd >= 0 {
		l.dialling--
	}
	l.shut(c)
	l.redial(c, l.p.Now())
}

// assign gives an arrival to a free connection.
func (l *loop) assign(c *econn, a Arrival) {
	c.busy, c.arrival, c.request = true, a, &l.s.plan.Requests[a.User]
	c.sentAt = l.p.Now()
	if l.closed { // due when it could be sent, by definition
		c.arrival.At = max(0, c.sentAt-l.begin)
		l.rec.rec.Sent++
		l.rec.rec.BytesOut += int64(len(c.request.Bytes))
	} else {
		l.rec.sent(a.At, c.freeAt-l.begin, c.sentAt-l.begin, len(c.request.Bytes))
	}
	if c.cold {
		c.cold = false
		l.dial(c)
		return
	}
	l.send(c)
}

// send writes c's request, or as much as the socket takes.
func (l *loop) send(c *econn) {
	keep := http1.Keep(0)
	if l.phase.Once {
		keep = http1.KeepBody | http1.KeepHeader
	} else if len(c.request.Expect) > 0 {
		keep = http1.KeepBody
	}
	c.parser.Reset(c.request.Head, keep)
	c.served++
	c.unsent = c.request.Bytes
	l.flush(c)
}

func (l *loop) flush(c *econn) {
	for len(c.unsent) > 0 {
		n, errno := poll.Send(c.fd, c.unsent)
		switch errno {
		case 0:
			c.unsent = c.unsent[n:]
		case unix.EAGAIN:
			return // until it is writable
		case unix.EINTR:
		default:
			// An answer may have come before the end: a refusal of what is too large.
			c.unsent = nil
			generation := c.generation
			l.receive(c, true)
			if c.generation == generation && c.busy {
				l.lost(c, &socketError{"write", errno})
			}
			return
		}
	}
}

// socketError is what a system call on a connection failed of.
type socketError struct {
	op    string
	errno syscall.Errno
}

func (e *socketError) Error() string { return e.op + ": " + e.errno.Error() }

// event handles what the poller has seen.
func (l *loop) event(i int) {
	slot, generation, ready := l.p.Event(i)
	c := l.conns[slot]
	if c.generation != generation {
		return // about a socket that is gone
	}
	if c.state == dialling {
		if ready&poll.Writable != 0 {
			l.connected(c)
		}
		return
	}
	if ready&poll.Writable != 0 && len(c.unsent) > 0 {
		l.flush(c)
	}
	if ready&poll.Readable != 0 && c.generation == generation {
		l.receive(c, ready&poll.HungUp != 0)
	}
	if l.more {
		if l.stamp >= l.begin+l.next.At {
			l.offerDue(l.stamp)
		}
	}
}

// receive reads what is there. A read that does not fill the buffer has emptied
// the socket (epoll(7)), unless the other side has hung up.
func (l *loop) receive(c *econn, hungUp bool) {
	generation := c.generation
	for range readTurns {
		n, errno := poll.Receive(c.fd, l.buf)
		now := l.p.Now()
		l.stamp = now
		switch {
		case errno == unix.EAGAIN:
			return
		case errno == unix.EINTR:
			continue
		case errno != 0:
			l.hungUp(c, &socketError{"read", errno}, now)
			return
		case n == 0:
			l.hungUp(c, io.EOF, now)
			return
		}
		l.received(c, l.buf[:n], now)
		if c.generation != generation || n < len(l.buf) && !hungUp {
			return
		}
	}
	l.again = append(l.again, c)
}

// readAgain goes on with connections that had more than their turns to read.
func (l *loop) readAgain() {
	todo := l.again
	l.again = nil
	for _, c := range todo {
		if c.fd >= 0 && c.state != dialling {
			l.receive(c, true)
		}
	}
}

// received handles bytes that came at time now.
func (l *loop) received(c *econn, b []byte, now int64) {
	if l.running {
		l.rec.rec.BytesIn += int64(len(b))
	}
	if !c.busy {
		l.problem(c, errUnasked)
		l.lose(c)
		return
	}
	n, complete, err := c.parser.Feed(b)
	if err == nil && !complete {
		return
	}
	v := judge(&c.parser, l.s.table, c.request, err, len(b)-n)
	v.usable = v.usable && v.complete && len(c.unsent) == 0
	l.resolve(c, v, now)
}

// hungUp handles the end of a socket at time now.
func (l *loop) hungUp(c *econn, err error, now int64) {
	if !c.busy {
		l.lose(c)
		return
	}
	if errors.Is(err, io.EOF) {
		err = c.parser.EOF()
	}
	v := judge(&c.parser, l.s.table, c.request, err, 0)
	v.usable = false
	l.resolve(c, v, now)
}

// resolve records the end of c's request and, if the socket is usable, gives the
// connection its next one.
func (l *loop) resolve(c *econn, v verdict, now int64) {
	t := now - l.begin
	rec := &l.rec.rec
	if v.complete {
		c.fails = 0
		rec.Answered++
		l.rec.statuses[c.parser.Status]++
		if t-c.arrival.At > l.timeout {
			v.outcome, v.wrongSubject, v.problem = results.Timeout, false, nil
		}
		if l.phase.Once {
			rec.Responses[c.arrival.Index] = response(&c.parser, t-c.arrival.At)
		}
	}
	if v.wrongSubject {
		rec.WrongSubject++
	}
	if v.problem != nil {
		l.problem(c, v.problem)
	}
	l.exchanged(c, v, now)
	c.busy = false
	if v.outcome == results.OK {
		l.occupied(now)
		l.rec.ok(c.arrival.At, c.sentAt-l.begin, t)
		l.resolved(now)
	} else {
		l.settle(c.arrival.At, now, v.outcome)
	}
	switch {
	case !v.usable:
		l.drop(c)
	case l.phase.Churn > 0 && c.served >= l.phase.Churn:
		poll.Abort(c.fd)
		l.shut(c)
		c.cold = true
		l.ready(c, now)
	default:
		l.ready(c, now)
	}
}

// exchanged logs the end of c's request, if it is to be logged.
func (l *loop) exchanged(c *econn, v verdict, now int64) {
	if l.rec.log == nil {
		return
	}
	e := Exchange{
		Due:  time.Duration(c.arrival.At),
		Sent: time.Duration(c.sentAt - l.begin), Done: time.Duration(now - l.begin),
		User: int32(c.arrival.User), Node: int16(c.node), Outcome: v.outcome, WrongSubject: v.wrongSubject,
	}
	if v.complete {
		e.Status = int16(c.parser.Status)
	}
	l.rec.exchanged(e)
}

// lost handles a write that failed.
func (l *loop) lost(c *econn, err error) {
	l.problem(c, err)
	now := l.p.Now()
	l.settle(c.arrival.At, now, results.ConnectError)
	l.exchanged(c, verdict{outcome: results.ConnectError}, now)
	c.busy = false
	l.drop(c)
}

// lose gives up a connection that was free.
func (l *loop) lose(c *econn) {
	if l.running && !l.closed {
		remove(&l.nodes[c.node].free, c)
	}
	l.drop(c)
}
