package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/rs/zerolog"
)

const (
	dialTimeout  = 3 * time.Second        // to the store
	stuckTimeout = 2 * time.Second        // until connections that hold a change up are reset
	bindTimeout  = 2 * time.Second        // to get the port back
	acceptPause  = 10 * time.Millisecond  // after an error of accept
	hangProbe    = 150 * time.Millisecond // a connect that has not ended by then hangs
)

// proxy is the engine on toxiproxy. It accepts and dials by itself, so that it
// can reset what is open, and leaves to toxiproxy what happens to the bytes.
type proxy struct {
	upstream string
	server   *toxiproxy.ApiServer
	tox      *toxiproxy.Proxy // never started: it holds the toxics and the streams
	undo     func() error     // ends the present setting

	mu     sync.Mutex
	listen string
	l      *net.TCPListener // nil while refused
	conns  map[*conn]struct{}
	opened int64
	reset  bool // new connections are reset
	closed bool
}

func newProxy(cfg Config) (engine, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &proxy{
		upstream: cfg.Upstream, server: server, listen: cfg.Listen, conns: map[*conn]struct{}{},
		tox: toxiproxy.NewProxy(server, "link", cfg.Listen, cfg.Upstream),
	}
	return p, p.open()
}

// conn is one side of a connection through the link. Toxiproxy closes it when the
// other side has ended.
type conn struct {
	tcp  *net.TCPConn
	p    *proxy
	peer *conn
	node bool // the side of the node
}

func (c *conn) Read(b []byte) (int, error) { return c.tcp.Read(b) }

// Write never fails: what cannot be written ends the connection on both sides.
//
// Subtle: after an error toxiproxy's writer no longer takes what the toxics hand
// it, and they wait for it forever, with the lock that every change needs.
func (c *conn) Write(b []byte) (int, error) {
	if _, err := c.tcp.Write(b); err != nil {
		c.abort()
		c.peer.abort()
	}
	return len(b), nil
}

func (c *conn) Close() error {
	c.p.mu.Lock()
	delete(c.p.conns, c)
	c.p.mu.Unlock()
	return c.tcp.Close()
}

// abort closes with a reset.
func (c *conn) abort() {
	_ = c.tcp.SetLinger(0) // it may be closed already
	_ = c.Close()
}

func (p *proxy) addr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listen
}

func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for c := range p.conns {
		if c.node {
			n++
		}
	}
	return n
}

// open begins to listen. The port was free a moment ago: a connection of before
// may hold it for an instant.
func (p *proxy) open() error {
	var last error
	for begin := time.Now(); time.Since(begin) < bindTimeout; time.Sleep(acceptPause) {
		l, err := net.Listen("tcp", p.addr())
		if err != nil {
			last = err
			continue
		}
		tcp := l.(*net.TCPListener)
		p.mu.Lock()
		p.l, p.listen = tcp, l.Addr().String()
		p.mu.Unlock()
		go p.accept(tcp)
		return nil
	}
	return fmt.Errorf("listen again: %w", last)
}

func (p *proxy) accept(l *net.TCPListener) {
	for {
		c, err := l.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(acceptPause) // out of files, or held up by hang
		default:
			go p.join(c)
		}
	}
}

// join connects a node to the store. A store that refuses is a reset here: the
// node's connection stands already.
func (p *proxy) join(node *net.TCPConn) {
	p.mu.Lock()
	p.opened++
	name, reset := strconv.FormatInt(p.opened, 10), p.reset
	p.mu.Unlock()
	n := &conn{tcp: node, p: p, node: true}
	if reset {
		n.abort()
		return
	}
	up, err := net.DialTimeout("tcp", p.upstream, dialTimeout)
	if err != nil {
		n.abort()
		return
	}
	u := &conn{tcp: up.(*net.TCPConn), p: p, peer: n}
	n.peer = u
	p.mu.Lock()
	gone := p.l == nil || p.reset || p.closed // meanwhile
	if !gone {
		p.conns[n], p.conns[u] = struct{}{}, struct{}{}
	}
	p.mu.Unlock()
	if gone {
		n.abort()
		u.abort()
		return
	}
	p.tox.Toxics.StartLink(p.server, name+"up", n, u, stream.Upstream)
	p.tox.Toxics.StartLink(p.server, name+"down", u, n, stream.Downstream)
}

// resetAll resets every open connection.
func (p *proxy) resetAll() {
	p.mu.Lock()
	open := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		open = append(open, c)
	}
	p.mu.Unlock()
	for _, c := range open {
		c.abort()
	}
}

// shut stops listening and resets what is open: nobody is there.
func (p *proxy) shut() {
	p.mu.Lock()
	l := p.l
	p.l = nil
	p.mu.Unlock()
	if l != nil {
		l.Close()
	}
	p.resetAll()
}

func (p *proxy) close() error {
	err := p.clear()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.shut()
	return err
}

func (p *proxy) clear() error {
	if p.undo == nil {
		return nil
	}
	err := p.undo()
	p.undo = nil
	return err
}

// toxic adds one toxic a direction and returns what removes them.
func (p *proxy) toxic(kind, direction, attributes string) (undo func() error, err error) {
	var names []string
	for _, d := range []struct{ ours, theirs string }{{Up, "upstream"}, {Down, "downstream"}} {
		if direction != Both && direction != d.ours {
			continue
		}
		text := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"toxicity":1,"attributes":%s}`, d.ours, kind, d.theirs, attributes)
		err = errors.Join(err, p.unstuck(func() error {
			_, err := p.tox.Toxics.AddToxicJson(strings.NewReader(text))
			return err
		}))
		names = append(names, d.ours)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no direction %q: it is %q, %q or both", direction, Up, Down)
	}
	return func() error {
		var errs []error
		for _, name := range names {
			errs = append(errs, p.unstuck(func() error { return p.tox.Toxics.RemoveToxic(context.Background(), name) }))
		}
		return errors.Join(errs...)
	}, err
}

// unstuck runs a change of toxics.
//
// Subtle: toxiproxy interrupts each stream for it, which one that waits for its
// reader does not notice. Such connections are reset.
func (p *proxy) unstuck(change func() error) error {
	done := make(chan error, 1)
	go func() { done <- change() }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(stuckTimeout):
			p.resetAll()
		}
	}
}
