package server

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// listener accepts for the server and survives what fasthttp alone would not:
// running out of file descriptors, and more connections than it may serve.
type listener struct {
	*net.TCPListener
	open   func() int32 // connections being served
	max    int32
	slack  time.Duration // how early a deadline of a connection may be
	refuse func()
	gentle chan struct{} // places for connections being turned away gently
	log    *slog.Logger

	silent silents
}

// silents are the connections on which nothing was ever said: a client that connects
// ahead of its first request leaves some. fasthttp takes them for busy, and would wait
// for them when it is to end.
type silents struct {
	mu   sync.Mutex
	all  map[*conn]struct{}
	over bool
}

// silentGrace is how long they have to say something when the server is to end: what
// was sent before may still be on its way to us.
const silentGrace = 250 * time.Millisecond

func (s *silents) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*conn]struct{}{}
	}
	if s.all[c] = struct{}{}; s.over {
		_ = c.TCPConn.SetReadDeadline(time.Now().Add(silentGrace))
	}
}

func (s *silents) remove(c *conn) {
	s.mu.Lock()
	delete(s.all, c)
	s.mu.Unlock()
}

// end gives up on all that there are, and on those that come, after the grace.
func (s *silents) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for c := range s.all {
		_ = c.TCPConn.SetReadDeadline(time.Now().Add(silentGrace))
	}
}

// gentlePlaces bounds the goroutines that turn connections away; more are cut
// off without a word.
const gentlePlaces = 64

// Accept returns the next connection to serve. It fails only once the listener
// is closed; fasthttp would end the server on any other error.
func (l *listener) Accept() (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; {
		c, err := l.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			l.log.Error("accept", "error", err, "retry_in", pause)
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		case l.open() >= l.max:
			l.turnAway(c)
			continue
		}
		served := &conn{TCPConn: c, slack: l.slack, silents: &l.silent}
		l.silent.add(served)
		return served, nil
	}
}

// turnAway answers 503 without reading: fasthttp's own answer has no
// Retry-After.
func (l *listener) turnAway(c *net.TCPConn) {
	l.refuse()
	select {
	case l.gentle <- struct{}{}:
	default:
		_ = c.Close()
		return
	}
	go func() {
		defer func() { <-l.gentle }()
		var res fasthttp.Response
		res.SetStatusCode(fasthttp.StatusServiceUnavailable)
		res.Header.SetContentType(typeProblem)
		res.Header.Set(fasthttp.HeaderCacheControl, noStore)
		res.Header.Set(fasthttp.HeaderRetryAfter, "1")
		res.SetConnectionClose()
		res.SetBody(problemBody(fasthttp.StatusServiceUnavailable, "too many connections"))
		w := &conn{TCPConn: c}
		w.linger.Store(true)
		_ = c.SetWriteDeadline(time.Now().Add(lingerTime))
		_, _ = res.WriteTo(c) // it is being turned away either way
		_ = w.Close()
	}()
}

// conn is a connection that may have to be closed gently, and whose deadlines
// are cheap. It is read and written by one goroutine, fasthttp's worker.
type conn struct {
	*net.TCPConn
	slack       time.Duration
	read, write lazyDeadline
	linger      atomic.Bool
	silents     *silents // it is one of them until it was heard or closed; may be nil
	heard       bool
}

// lazyDeadline is a deadline that was asked for and the one that is in force.
type lazyDeadline struct{ asked, inForce time.Time }

// due reports whether what is in force has to change: if it is later than what
// was asked for, or earlier by more than slack.
//
// Subtle: fasthttp sets three deadlines a request, each of which moves a timer
// of the runtime. Two are never needed, because nothing is read any more once
// the request is buffered, and the third hardly differs from that of the
// request before. So a deadline takes effect with the read or write that it is
// for, up to slack early: about once a second instead of three times a request.
func (d *lazyDeadline) due(slack time.Duration) bool {
	if d.asked.IsZero() || d.inForce.IsZero() {
		return d.asked != d.inForce
	}
	early := d.asked.Sub(d.inForce)
	return early < 0 || early > slack
}

func (c *conn) Read(p []byte) (int, error) {
	if c.read.due(c.slack) {
		if err := c.TCPConn.SetReadDeadline(c.read.asked); err != nil {
			return 0, err
		}
		c.read.inForce = c.read.asked
	}
	n, err := c.TCPConn.Read(p)
	if n > 0 && !c.heard && c.silents != nil {
		c.heard = true
		c.silents.remove(c)
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	if c.write.due(c.slack) {
		if err := c.TCPConn.SetWriteDeadline(c.write.asked); err != nil {
			return 0, err
		}
		c.write.inForce = c.write.asked
	}
	return c.TCPConn.Write(p)
}

func (c *conn) SetReadDeadline(t time.Time) error  { c.read.asked = t; return nil }
func (c *conn) SetWriteDeadline(t time.Time) error { c.write.asked = t; return nil }

func (c *conn) SetDeadline(t time.Time) error {
	c.read.asked, c.write.asked = t, t
	return nil
}

// lingerTime and lingerBytes bound what a gentle close waits for and reads.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

// linger asks for a gentle close of c. A close with unread input makes the
// kernel send a reset, which can overtake the answer that says why (RFC 9112
// section 9.6): a client that sent a header too large would see an error
// instead of 431.
func linger(c net.Conn) {
	if c, ok := c.(*conn); ok {
		c.linger.Store(true)
	}
}

func (c *conn) Close() error {
	if c.silents != nil {
		c.silents.remove(c)
	}
	if c.linger.Load() && c.CloseWrite() == nil && c.TCPConn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, c.TCPConn, lingerBytes) // whatever still comes is of no interest
	}
	return c.TCPConn.Close()
}
