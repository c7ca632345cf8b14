package poll

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Poller waits for sockets and for instants. It belongs to one event loop, that
// is to one locked thread (see Enter), and is not safe for concurrent use.
type Poller struct {
	fd     int
	base   time.Time
	spin   bool
	late   lateness
	events [256]unix.EpollEvent

	// Spun is the time that was spent spinning, in nanoseconds.
	Spun int64
}

// The readiness that a socket is registered for, once and for all: edge-triggered,
// so that no request costs an epoll_ctl.
const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// What Event returns.
const (
	Readable = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	Writable = unix.EPOLLOUT | unix.EPOLLHUP | unix.EPOLLERR
	HungUp   = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
)

// New returns a poller. Instants are nanoseconds since base. With spin, the last
// stretch before an instant is spent spinning, which takes a core of its own.
// The kernel has to know epoll_pwait2 (Linux 5.11).
func New(base time.Time, spin bool) (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	p := &Poller{fd: fd, base: base, spin: spin, late: newLateness()}
	if _, errno := p.poll(); errno != 0 {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("epoll_pwait2 (Linux 5.11): %w", errno)
	}
	return p, nil
}

// Close gives the epoll instance back; sockets stay open.
func (p *Poller) Close() error { return unix.Close(p.fd) }

// Enter binds the calling goroutine to its thread and has the kernel wake that
// as exactly as it can: by default timers are 50 us late to save power.
func Enter() {
	runtime.LockOSThread()
	// Failure costs precision, and the recorded lag shows it.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// Leave undoes Enter.
func Leave() {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // the default
	runtime.UnlockOSThread()
}

// Now is the time, in nanoseconds since the base.
func (p *Poller) Now() int64 { return int64(time.Since(p.base)) }

// Add registers a socket; Event returns id and generation with its events.
// Closing the socket takes it out again.
func (p *Poller) Add(fd int, id, generation int32) error {
	ev := unix.EpollEvent{Events: interest, Fd: id, Pad: generation}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// Event is the i-th of the events that Wait returned. An id may have got a new
// socket since: its generation tells.
func (p *Poller) Event(i int) (id, generation int32, ready uint32) {
	ev := &p.events[i]
	return ev.Fd, ev.Pad, ev.Events
}

// Wait returns how many sockets have events, and 0 once it is until. An instant
// in the past looks at the sockets and returns at once.
//
//	|------------ sleep in epoll_pwait2 ------------|---- spin ----| until
//	                                                 <-- window -->
//
// The kernel wakes a sleeper late, by 25 us here and 100 there. The window is
// the 99th percentile of how late it has been lately (see lateness): so the
// instant is missed in one of a hundred cases, and no more is spun than that takes.
func (p *Poller) Wait(until int64) int {
	now := p.Now()
	for {
		nap := until - now
		if p.spin {
			nap -= p.late.window
		}
		var n int
		var errno syscall.Errno
		if nap > 0 {
			n, errno = p.sleep(nap)
		} else {
			n, errno = p.poll()
		}
		if n > 0 {
			return n
		}
		then := now
		now = p.Now()
		switch {
		case errno == unix.EINTR: // the runtime preempts
		case nap > 0:
			p.late.add(now - then - nap)
		case then < until:
			p.Spun += now - then
		}
		if now >= until {
			return 0
		}
	}
}

// sleep blocks for up to d nanoseconds, and tells the runtime so.
func (p *Poller) sleep(d int64) (int, syscall.Errno) {
	ts := unix.NsecToTimespec(d)
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events)), uintptr(len(p.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// poll looks without blocking, which the runtime need not know of.
func (p *Poller) poll() (int, syscall.Errno) {
	var ts unix.Timespec
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events)), uintptr(len(p.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
