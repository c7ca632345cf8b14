package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"authbench/loadgen/poll"
)

// Epoll is the engine for Linux: event loops of its own instead of Go's timers
// and network poller, which are right to a millisecond and cost a goroutine
// switch a request.
//
// Every loop is locked to a thread and owns its connections, its share of the
// schedule and its recorder; nothing is shared, so nothing is locked:
//
//	due arrival --(free connection of its node)--> send
//	     |                                           |
//	     +--(none free)--> queue --------------------+
//	                                                 v
//	   record <-- parse <-- receive <-- epoll_pwait2(until the next arrival is due)
//
// It speaks plain HTTP/1.1; for TLS there is Portable.
type Epoll struct {
	// Loops is the number of event loops; 0 is one, which is good for some 100,000
	// requests a second.
	Loops int
	// NoSpin gives up the core while waiting for the next arrival, which then is
	// late by the time that a wake-up takes, some 50 us.
	NoSpin bool
}

var _ Engine = Epoll{}

// Name returns "epoll".
func (Epoll) Name() string { return "epoll" }

// Supports refuses TLS.
func (e Epoll) Supports(plan *Plan) error {
	if plan.TLS != nil {
		return errors.New("the epoll engine does not speak TLS; the portable one does")
	}
	return nil
}

// maxEpollRequest bounds a rendered request. What does not fit into the socket's
// buffer is sent as the target reads.
const maxEpollRequest = 64 << 20

// Open connects.
func (e Epoll) Open(ctx context.Context, plan Plan, conns int) (Session, error) {
	if err := e.Supports(&plan); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	table, err := checkPlan(plan, conns, maxEpollRequest)
	if err != nil {
		return nil, err
	}
	if err := enoughFiles(conns); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	s := &epollSession{plan: plan, table: table, base: time.Now()}
	for _, node := range plan.Nodes {
		addr, err := resolve(ctx, node)
		if err != nil {
			return nil, fmt.Errorf("open: %w", err)
		}
		s.addrs = append(s.addrs, addr)
	}
	// Every loop has a connection to every node.
	n := min(max(1, e.Loops), max(1, conns/len(plan.Nodes)))
	for i := range n {
		l, err := newLoop(s, i, n, !e.NoSpin && coresForSpinning(n))
		if err != nil {
			_ = s.Close()
			return nil, fmt.Errorf("open: %w", err)
		}
		s.loops = append(s.loops, l)
	}
	for i := range conns {
		l := s.loops[i/len(plan.Nodes)%n]
		l.conns = append(l.conns, &econn{l: l, id: i, slot: int32(len(l.conns)), node: i % len(plan.Nodes), fd: -1})
	}
	err = s.each(func(l *loop) error { return l.connect(ctx) })
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open: %w", err)
	}
	return s, nil
}

// coresForSpinning says whether n threads can spin and leave what they measure a
// core.
func coresForSpinning(n int) bool {
	cores, err := Cores()
	return err == nil && len(cores) >= n && onlineCores() > n
}

// enoughFiles raises the limit of open files if it has to be.
func enoughFiles(conns int) error {
	const others = 64 // what else a process has open
	want := uint64(conns + others)
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil || lim.Cur >= want {
		return nil
	}
	raised := unix.Rlimit{Cur: min(want, lim.Max), Max: lim.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &raised); err != nil || raised.Cur < want {
		return fmt.Errorf("%d connections need %d open files, the limit is %d: raise it with ulimit -n", conns, want, lim.Max)
	}
	return nil
}

// resolve finds an address of a node that answers: where a name has several, the
// one that a dialler chooses.
func resolve(ctx context.Context, node string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddrPort(node); err == nil {
		return unmap(addr), nil
	}
	c, err := dial(ctx, node)
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer c.Close()
	return unmap(c.RemoteAddr().(*net.TCPAddr).AddrPort()), nil
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

var errBusy = errors.New("phase: another one is running")

// epollSession is the loops with their connections.
type epollSession struct {
	plan   Plan
	table  *outcomeTable
	addrs  []netip.AddrPort // of Plan.Nodes
	base   time.Time
	loops  []*loop
	mu     sync.Mutex // guards the next two
	busy   bool
	closed bool
}

// each runs f for every loop, on a thread of its own, and returns the first error.
func (s *epollSession) each(f func(*loop) error) error {
	errs := make([]error, len(s.loops))
	var wg sync.WaitGroup
	for i, l := range s.loops {
		wg.Go(func() {
			poll.Enter()
			defer poll.Leave()
			errs[i] = f(l)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Run offers one phase, see Session.
func (s *epollSession) Run(ctx context.Context, phase Phase) (*Recording, error) {
	if err := s.acquire(); err != nil {
		return nil, err
	}
	defer s.release()
	if err := phase.complete(s.conns()); err != nil {
		return nil, err
	}
	if least := len(s.loops) * len(s.plan.Nodes); phase.closed() && phase.Conns < least {
		return nil, fmt.Errorf("phase: %d connections are too few for %d loops and %d nodes", phase.Conns, len(s.loops), len(s.plan.Nodes))
	}
	recs := make([]*recorder, len(s.loops))
	for i, l := range s.loops {
		if err := l.prepare(phase); err != nil {
			return nil, err
		}
		recs[i] = l.rec
	}
	if phase.Once { // one slice: the loops fill different elements
		answers := make([]*Response, len(s.plan.Requests))
		for _, r := range recs {
			r.rec.Responses = answers
		}
	}
	restore := quieten(len(s.loops) + 1)
	unwatch := observe(&phase, recs...)
	call(phase.OnBegin)
	begin := int64(time.Since(s.base))
	if !phase.closed() {
		begin += int64(lead)
	}
	recs[0].rec.Start = s.base.Add(time.Duration(begin))
	_ = s.each(func(l *loop) error { l.offerAll(ctx, begin); return nil })
	call(phase.OnEnd)
	unwatch()
	restore()
	var last, ended int64
	for _, l := range s.loops {
		last, ended = max(last, l.last), max(ended, l.ended)
	}
	interrupted := context.Cause(ctx)
	recs[0].rec.setTimes(phase, last, ended, interrupted != nil)
	rec, err := finish(recs...)
	return rec, errors.Join(interrupted, err)
}

func (s *epollSession) conns() int {
	n := 0
	for _, l := range s.loops {
		n += len(l.conns)
	}
	return n
}

func (s *epollSession) acquire() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errClosed
	case s.busy:
		return errBusy
	}
	s.busy = true
	return nil
}

func (s *epollSession) release() {
	s.mu.Lock()
	s.busy = false
	s.mu.Unlock()
}

// Close closes the connections. No phase may be running.
func (s *epollSession) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return errBusy
	}
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, l := range s.loops {
		errs = append(errs, l.close())
	}
	return errors.Join(errs...)
}
