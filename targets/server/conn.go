package server

import (
	"errors"
	"io"
	"log/slog"
	"net"
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
	refuse func()
	gentle chan struct{} // places for connections being turned away gently
	log    *slog.Logger
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
		return &conn{TCPConn: c}, nil
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

// conn is a connection that may have to be closed gently.
type conn struct {
	*net.TCPConn
	linger atomic.Bool
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
	if c.linger.Load() && c.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, c.TCPConn, lingerBytes) // whatever still comes is of no interest
	}
	return c.TCPConn.Close()
}
