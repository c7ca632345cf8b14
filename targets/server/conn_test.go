package server

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

func TestLazyDeadline(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name           string
		asked, inForce time.Time
		want           bool
	}{
		{"never asked", time.Time{}, time.Time{}, false},
		{"first", now, time.Time{}, true},
		{"taken away", time.Time{}, now, true},
		{"a little later", now.Add(time.Second), now, false},
		{"much later", now.Add(time.Second + 1), now, true},
		{"sooner", now.Add(-1), now, true},
	} {
		d := lazyDeadline{c.asked, c.inForce}
		if d.due(time.Second) != c.want {
			t.Errorf("%s: due is %t", c.name, !c.want)
		}
	}
}

// A deadline that is only recorded still strikes.
func TestConnDeadlines(t *testing.T) {
	ln := listenLocal(t)
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	tcp, err := ln.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{TCPConn: tcp, slack: time.Millisecond}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(time.Hour))
	if _, err := peer.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	time.AfterFunc(10*time.Second, func() { peer.Close() }) // a lost deadline fails instead of hanging
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	_ = c.SetDeadline(time.Now().Add(time.Hour))
	if _, err := c.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Millisecond))
	for err == nil { // until the peer's window is full
		_, err = c.Write(make([]byte, 1<<20))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
}

// A client that connected and never said anything does not hold a server that is to
// end; one whose request is on its way is answered.
func TestSilentConnectionsDoNotHoldTheDrain(t *testing.T) {
	n := startNode(t, settingsFor("none", "", ""))
	var peers [2]net.Conn
	for i := range peers {
		var err error
		if peers[i], err = net.Dial("tcp", n.addr); err != nil {
			t.Fatal(err)
		}
		defer peers[i].Close()
	}
	check(t, "in between", n.do("GET", "/healthz", ""), 200) // both are accepted by now
	if _, err := peers[1].Write([]byte("GET /healthz HTTP/1.1\r\nHost: a\r\n")); err != nil {
		t.Fatal(err)
	}
	check(t, "in between", n.do("GET", "/healthz", ""), 200)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.stop() // it says what went wrong
	}()
	time.Sleep(2 * silentGrace)
	if _, err := peers[1].Write([]byte("\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 15)
	if _, err := io.ReadFull(peers[1], answer); err != nil || string(answer) != "HTTP/1.1 200 OK" {
		t.Errorf("a request under way: %q, %v", answer, err)
	}
	<-ended
}
