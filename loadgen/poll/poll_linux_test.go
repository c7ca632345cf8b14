package poll

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func poller(t *testing.T, spin bool) *Poller {
	t.Helper()
	p, err := New(time.Now(), spin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestWaitIsNeverEarly(t *testing.T) {
	for _, spin := range []bool{true, false} {
		p := poller(t, spin)
		Enter()
		for range 200 {
			until := p.Now() + 300_000
			if n := p.Wait(until); n != 0 {
				t.Errorf("%d events, and no socket", n)
			}
			if now := p.Now(); now < until {
				t.Errorf("woke up %d ns early", until-now)
			}
		}
		if spin != (p.Spun > 0) {
			t.Errorf("spin %t: spun for %d ns", spin, p.Spun)
		}
		Leave()
	}
}

// connect returns our end, registered under id 7, and the other.
func connect(t *testing.T, p *Poller) (int, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	fd, err := Dial(netip.MustParseAddrPort(ln.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Add(fd, 7, 1); err != nil {
		t.Fatal(err)
	}
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	wait(t, p, Writable)
	if err := Connected(fd); err != nil {
		t.Fatal(err)
	}
	return fd, c.(*net.TCPConn)
}

// wait waits for an event of socket 7 with one of the bits.
func wait(t *testing.T, p *Poller, bits uint32) uint32 {
	t.Helper()
	for deadline := p.Now() + int64(5*time.Second); p.Now() < deadline; {
		for i := range p.Wait(deadline) {
			id, generation, ready := p.Event(i)
			if id != 7 || generation != 1 {
				t.Fatalf("an event of socket %d, generation %d", id, generation)
			}
			if ready&bits != 0 {
				return ready
			}
		}
	}
	t.Fatal("no event within 5 s")
	return 0
}

func TestSendReceiveHangUp(t *testing.T) {
	p := poller(t, true)
	fd, peer := connect(t, p)
	defer Close(fd)
	b := make([]byte, 100)
	if _, errno := Receive(fd, b); errno != unix.EAGAIN {
		t.Errorf("nothing is there: %v", errno)
	}
	if _, err := peer.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if ready := wait(t, p, Readable); ready&HungUp != 0 {
		t.Errorf("events %#x: nobody has hung up", ready)
	}
	if n, errno := Receive(fd, b); errno != 0 || string(b[:n]) != "ping" {
		t.Errorf("%q, %v", b[:n], errno)
	}
	if n, errno := Send(fd, []byte("pong")); n != 4 || errno != 0 {
		t.Errorf("sent %d, %v", n, errno)
	}
	if n, err := peer.Read(b); err != nil || string(b[:n]) != "pong" {
		t.Errorf("the other side got %q, %v", b[:n], err)
	}
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	wait(t, p, HungUp)
	if n, errno := Receive(fd, b); n != 0 || errno != 0 {
		t.Errorf("the end of the stream: %d, %v", n, errno)
	}
}

// A connection that is aborted leaves no TIME_WAIT: the other side sees a reset.
func TestAbortResets(t *testing.T) {
	p := poller(t, true)
	fd, peer := connect(t, p)
	Abort(fd)
	Close(fd)
	_ = peer.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := peer.Read(make([]byte, 1)); err == nil || !isReset(err) {
		t.Errorf("want a reset, got %v", err)
	}
	// Sending to it raises no signal and says what happened.
	fd, peer = connect(t, p)
	defer Close(fd)
	_ = peer.SetLinger(0)
	_ = peer.Close()
	wait(t, p, HungUp)
	if _, errno := Receive(fd, make([]byte, 1)); errno != unix.ECONNRESET {
		t.Errorf("receive: %v", errno)
	}
	if _, errno := Send(fd, []byte("x")); errno != unix.EPIPE {
		t.Errorf("send: %v", errno)
	}
}

func isReset(err error) bool {
	op, ok := err.(*net.OpError)
	return ok && op.Err.Error() == "read: "+unix.ECONNRESET.Error()
}

func TestDialRefused(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(ln.Addr().String())
	_ = ln.Close()
	p := poller(t, true)
	fd, err := Dial(addr)
	if err == nil { // not known at once
		defer Close(fd)
		if err := p.Add(fd, 7, 1); err != nil {
			t.Fatal(err)
		}
		wait(t, p, Writable)
		err = Connected(fd)
	}
	if err != unix.ECONNREFUSED {
		t.Errorf("want a refusal, got %v", err)
	}
}
