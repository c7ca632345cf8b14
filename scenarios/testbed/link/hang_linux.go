package link

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const backlog = 4096 // of an open link; the kernel takes less if it must

// hang makes connecting hang: the listener stays, its backlog shrinks to the
// least, and connections of our own fill it. The kernel then drops every SYN, as
// if the host were down. What is open becomes a black hole.
func (p *proxy) hang() (undo func() error, err error) {
	reopen, err := p.toxic("timeout", Both, `{"timeout":0}`)
	if err != nil {
		return reopen, err
	}
	p.mu.Lock()
	l := p.l
	p.mu.Unlock()
	// Accept then returns at once, again and again: see accept.
	if err := l.SetDeadline(time.Unix(1, 0)); err != nil {
		return reopen, err
	}
	var fill []net.Conn
	undo = func() error {
		errs := []error{listenAgain(l, backlog)}
		for _, c := range fill {
			errs = append(errs, c.Close()) // accepted, found ended, forgotten
		}
		return errors.Join(append(errs, l.SetDeadline(time.Time{}), reopen())...)
	}
	if err := listenAgain(l, 0); err != nil {
		return undo, err
	}
	const most = 64 // connections that came in before the backlog shrank, and ours
	for range most {
		c, err := net.DialTimeout("tcp", l.Addr().String(), hangProbe)
		if err == nil {
			fill = append(fill, c)
			continue
		}
		if e := net.Error(nil); errors.As(err, &e) && e.Timeout() {
			return undo, nil
		}
		return undo, fmt.Errorf("fill the backlog: %w", err)
	}
	return undo, fmt.Errorf("the kernel accepts more than %d connections into a backlog of 0", most)
}

// listenAgain changes the backlog of a socket that listens.
func listenAgain(l *net.TCPListener, backlog int) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = unix.Listen(int(fd), backlog) }); err != nil {
		return err
	}
	return inner
}
