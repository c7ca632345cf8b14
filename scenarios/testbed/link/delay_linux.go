package link

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"authbench/loadgen/poll"
)

// delayer is the engine for exact delays: one thread, one epoll.
//
//	node --read--> [ chunk, due | chunk, due | ... ] --write at due--> store
//	node <--write at due-- [ ... | chunk, due ] <--read-- store
//
// A chunk is due its delay after it was read, and never before the one in front
// of it: TCP keeps order, so jitter cannot overtake. What a delay cannot show is
// the handshake: the kernel completes it before anybody is asked.
type delayer struct {
	poller   *poll.Poller
	listener int
	wake     int // eventfd: there is an order, or the end
	listen   string
	upstream netip.AddrPort
	orders   chan order
	ended    chan struct{}
	open     atomic.Int32

	// What follows belongs to the loop.
	now     Setting
	random  [2]*rand.Rand // by direction
	sockets map[int32]*socket
	lastID  int32
	due     dueHeap
	scratch []byte
}

// order is a setting for the loop; nil ends it.
type order struct {
	set  *Setting
	done chan struct{}
}

// Ids of what is polled besides connections.
const (
	idListener int32 = iota
	idWake
	idFirst
)

const never = int64(1) << 62

func newDelayer(cfg Config) (_ engine, err error) {
	up, err := net.ResolveTCPAddr("tcp", cfg.Upstream)
	if err != nil {
		return nil, err
	}
	d := &delayer{
		listener: -1, wake: -1, upstream: up.AddrPort(), orders: make(chan order, 1), ended: make(chan struct{}),
		sockets: map[int32]*socket{}, lastID: idFirst, scratch: make([]byte, 1<<16),
	}
	d.upstream = netip.AddrPortFrom(d.upstream.Addr().Unmap(), d.upstream.Port())
	// Spinning makes it exact to the microsecond, and takes a core: only where
	// there is another one for the store and the node.
	if d.poller, err = poll.New(time.Now(), runtime.GOMAXPROCS(0) > 1); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			d.release()
		}
	}()
	if err := d.bind(cfg.Listen); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	if d.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	if err := errors.Join(d.poller.Add(d.listener, idListener, 0), d.poller.Add(d.wake, idWake, 0)); err != nil {
		return nil, err
	}
	d.reseed()
	go d.run()
	return d, nil
}

func (d *delayer) bind(listen string) error {
	at, err := netip.ParseAddrPort(listen)
	if err != nil {
		return err
	}
	if !at.Addr().Is4() {
		return errors.New("it has to be an IPv4 address")
	}
	if d.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(d.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := unix.Bind(d.listener, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		return err
	}
	if err := unix.Listen(d.listener, backlog); err != nil {
		return err
	}
	sa, err := unix.Getsockname(d.listener)
	if err != nil {
		return err
	}
	d.listen = netip.AddrPortFrom(at.Addr(), uint16(sa.(*unix.SockaddrInet4).Port)).String()
	return nil
}

func (d *delayer) addr() string     { return d.listen }
func (d *delayer) connections() int { return int(d.open.Load()) }

func (d *delayer) set(s Setting) error {
	switch {
	case s.Kind != None && s.Kind != Delay:
		return fmt.Errorf("a delay link only delays: %q wants an ordinary link", s.Kind)
	case s.Direction != Both && s.Direction != Up && s.Direction != Down:
		return fmt.Errorf("no direction %q: it is %q, %q or both", s.Direction, Up, Down)
	case s.Delay < 0 || s.Jitter < 0 || s.Delay%Step != 0 || s.Jitter%Step != 0:
		return fmt.Errorf("delay %v, jitter %v: they come in steps of %v", s.Delay, s.Jitter, Step)
	}
	d.order(order{&s, make(chan struct{})})
	return nil
}

func (d *delayer) order(o order) {
	d.orders <- o
	one := [8]byte{1} // 1 in the byte order of every Linux that Go runs on but s390x, where it is more than 0, too
	_, _ = unix.Write(d.wake, one[:])
	<-o.done
}

func (d *delayer) close() error {
	d.order(order{nil, make(chan struct{})})
	<-d.ended
	return nil
}

func (d *delayer) release() {
	for _, fd := range []int{d.listener, d.wake} {
		if fd >= 0 {
			poll.Close(fd)
		}
	}
	_ = d.poller.Close()
}

func (d *delayer) reseed() {
	for i := range d.random {
		d.random[i] = rand.New(rand.NewPCG(d.now.Seed, uint64(i)))
	}
}

// lateness is how much later a chunk in that direction (0 up, 1 down) is to go.
func (d *delayer) lateness(direction int) int64 {
	if d.now.Kind == None || d.now.Direction == [...]string{Down, Up}[direction] {
		return 0
	}
	late := int64(d.now.Delay)
	if d.now.Jitter > 0 {
		late += d.random[direction].Int64N(int64(d.now.Jitter))
	}
	return late
}

func (d *delayer) run() {
	poll.Enter()
	defer poll.Leave()
	defer close(d.ended)
	defer d.release()
	for {
		until := d.poller.Now() + int64(time.Second)
		if len(d.due) > 0 {
			until = min(until, d.due[0].first())
		}
		for i := range d.poller.Wait(until) {
			id, _, ready := d.poller.Event(i)
			switch id {
			case idListener:
				d.accept()
			case idWake:
				if d.obey() {
					return
				}
			default:
				if s := d.sockets[id]; s != nil {
					d.happened(s, ready)
				}
			}
		}
		d.deliver()
	}
}

// obey takes the orders that are there and reports whether the end is among them.
func (d *delayer) obey() (end bool) {
	var drain [8]byte
	_, _ = unix.Read(d.wake, drain[:])
	for {
		select {
		case o := <-d.orders:
			if o.set != nil {
				d.now = *o.set
				d.reseed()
			} else {
				end = true
				for _, s := range d.sockets {
					d.drop(s)
				}
			}
			close(o.done)
		default:
			return end
		}
	}
}

// deliver writes everything that is due.
func (d *delayer) deliver() {
	now := d.poller.Now()
	for len(d.due) > 0 && d.due[0].first() <= now {
		f := heap.Pop(&d.due).(*flow)
		f.queued = false
		d.flush(f, now)
	}
}

// dueHeap has the flow whose first chunk is due next on top.
type dueHeap []*flow

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].first() < h[j].first() }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(*flow)) }
func (h *dueHeap) Pop() any {
	old := *h
	f := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return f
}
