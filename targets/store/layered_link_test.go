package store_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// link is a TCP path to a server that a test can cut, and whose answers it can
// hold up.
type link struct {
	addr string // to connect to

	mu    sync.Mutex
	cond  sync.Cond
	held  bool
	cut   bool
	kept  int // answers that are being held
	conns []net.Conn
}

// newLink leads to the server at addr.
func newLink(t *testing.T, addr string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{addr: listener.Addr().String()}
	l.cond.L = &l.mu
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.DialTimeout("tcp", addr, time.Second)
			if err != nil || !l.add(near, far) {
				_ = near.Close()
				if far != nil {
					_ = far.Close()
				}
				continue
			}
			wg.Go(func() { l.pump(far, near, true) })
			wg.Go(func() { l.pump(near, far, false) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.hold(false)
		l.sever(true)
		wg.Wait()
	})
	return l
}

func (l *link) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.cut {
		l.conns = append(l.conns, conns...)
	}
	return !l.cut
}

// pump copies from src to dst; what goes back to the client waits while held.
func (l *link) pump(dst, src net.Conn, request bool) {
	defer dst.Close()
	defer src.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if !request && n > 0 {
			l.wait()
		}
		if _, werr := dst.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (l *link) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept++
	for l.held {
		l.cond.Wait()
	}
	l.kept--
}

// holding is the number of answers that are being held.
func (l *link) holding() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept
}

// hold keeps all answers back until hold(false).
func (l *link) hold(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = on
	l.cond.Broadcast()
}

// sever closes all connections and lets no new ones through until sever(false).
func (l *link) sever(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = on
	for _, conn := range l.conns {
		_ = conn.Close()
	}
	l.conns = nil
}

// through replaces the address of a URL or DSN by that of a link to it.
func through(t *testing.T, server string) (string, *link) {
	t.Helper()
	rest := strings.TrimPrefix(server, "redis://")
	if _, after, ok := strings.Cut(server, "@tcp("); ok {
		rest = after
	}
	addr := rest[:strings.IndexAny(rest, "/)")]
	l := newLink(t, addr)
	return strings.Replace(server, addr, l.addr, 1), l
}
