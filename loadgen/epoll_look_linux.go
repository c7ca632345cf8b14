package loadgen

import (
	"errors"

	"authbench/results"
)

// look does what is not urgent: time-outs, redials, books.
func (l *loop) look(now int64) {
	if l.running {
		if now >= l.expireAt {
			l.expire(now)
		}
		l.rec.seal(now - l.begin)
		l.rec.publish(now - l.begin)
	}
	l.lookAt = min(now+int64(lookEvery), l.expireAt)
	l.dialWaiting(now)
}

// expect notes that something times out at that instant.
func (l *loop) expect(at int64) { l.expireAt = min(l.expireAt, at) }

// expire ends what has timed out, and finds out when to do so next.
func (l *loop) expire(now int64) {
	// What is still to come is due later than what has been.
	l.expireAt = now + l.timeout
	if l.more {
		l.expect(l.begin + l.next.At + l.timeout)
	}
	for i := range l.nodes {
		n := &l.nodes[i]
		l.expireQueue(n, now)
		if n.queue.n > 0 {
			l.expect(l.begin + n.queue.peek().At + l.timeout)
		}
	}
	for _, c := range l.conns {
		if !c.busy {
			continue
		}
		if now-l.begin-c.arrival.At >= l.timeout {
			l.settle(c.arrival.At, now, results.Timeout)
			l.exchanged(c, verdict{outcome: results.Timeout}, now)
			c.busy = false
			l.drop(c)
		} else {
			l.expect(l.begin + c.arrival.At + l.timeout)
		}
	}
}

// expireQueue ends queued arrivals that have timed out. They are in the order of
// their intended times.
func (l *loop) expireQueue(n *node, now int64) {
	for n.queue.n > 0 && now-l.begin-n.queue.peek().At >= l.timeout {
		l.never(n.queue.pop().At, now, results.Timeout)
	}
}

// breakOff ends the phase, and whatever is still open as Unfinished.
func (l *loop) breakOff(now int64) {
	l.ended, l.more = now-l.begin, false
	for i := range l.nodes {
		for q := &l.nodes[i].queue; q.n > 0; {
			l.never(q.pop().At, now, results.Unfinished)
		}
	}
	l.running = false
	for _, c := range l.conns {
		if c.busy {
			l.settle(c.arrival.At, now, results.Unfinished)
			l.exchanged(c, verdict{outcome: results.Unfinished}, now)
			c.busy = false
			l.drop(c)
		}
	}
}

// dialWaiting dials what is due to be, as far as maxDialling allows, and gives up
// on dials that take too long.
func (l *loop) dialWaiting(now int64) {
	for _, c := range l.conns {
		if l.dialling == 0 {
			break
		}
		if c.state == dialling && c.fd >= 0 && now-c.dialledAt >= int64(dialTimeout) {
			l.dialFailed(c, errors.New("connect: no answer within "+dialTimeout.String()))
		}
	}
	rest := l.waiting[:0:cap(l.waiting)]
	todo := l.waiting
	l.waiting = nil
	for _, c := range todo {
		if c.retryAt <= now && l.dialling < maxDialling {
			l.dial(c)
			continue
		}
		rest = append(rest, c)
		if c.retryAt > now {
			l.lookAt = min(l.lookAt, c.retryAt)
		}
	}
	l.waiting = append(rest, l.waiting...)
}
