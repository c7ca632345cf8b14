package loadgen

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Portable is the engine over ordinary sockets (net.Conn). It runs wherever Go
// does.
//
// One goroutine, the pacer, takes the arrivals as they fall due and writes each
// request itself, on the connection that has been free for longest. Every
// connection has a goroutine that is blocked in Read; it stamps and parses the
// answer, then sends the head of the queue or reports the connection free:
//
//	schedule -> pacer --(free connection)--> Write ... Read -> parse -> record
//	              |                                             |
//	              +--(none free)--> queue --(connection free)---+
//
// A Go timer is late by up to 1.1 ms, so the pacer sleeps only while the next
// arrival is more than 2 ms away and spins from there on, giving way to the
// other threads of its core all the time. What this engine cannot resolve is
// the scheduling of goroutines: some microseconds between the arrival of an
// answer and its stamp.
type Portable struct{}

var _ Engine = Portable{}

// Supports returns nil: this engine does everything, TLS and HTTP/2 included.
func (Portable) Supports(*Plan) error { return nil }

// Name returns "portable".
func (Portable) Name() string { return "portable" }

// maxRequest bounds a rendered request. The pacer writes them itself: they have
// to fit a socket's buffer, so that a target that does not read cannot stop it.
const maxRequest = 64 << 10

// Open connects.
func (Portable) Open(ctx context.Context, plan Plan, conns int) (Session, error) {
	table, err := checkPlan(plan, conns, maxRequest)
	if err != nil {
		return nil, err
	}
	diallers, err := newDiallers(&plan)
	if err != nil {
		return nil, err
	}
	s := &session{plan: plan, table: table, base: time.Now(), conns: make([]*conn, conns)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	dials, dialCtx := errgroup.WithContext(ctx)
	dials.SetLimit(32)
	for i := range s.conns {
		node := i % len(plan.Nodes)
		c := &conn{
			s: s, id: i, node: node, dialler: &diallers[node],
			buf: make([]byte, 32<<10), wake: make(chan struct{}, 1),
		}
		s.conns[i] = c
		dials.Go(func() error {
			nc, err := c.dialler.dial(dialCtx)
			if err != nil {
				return fmt.Errorf("connect to %s: %w", plan.Nodes[node], err)
			}
			c.nc, c.state = nc, idle
			return nil
		})
	}
	if err := dials.Wait(); err != nil {
		s.cancel()
		for _, c := range s.conns {
			if c.nc != nil {
				hangUp(c.nc)
			}
		}
		return nil, fmt.Errorf("open: %w", err)
	}
	for _, c := range s.conns {
		s.wg.Go(c.loop)
	}
	return s, nil
}

func checkPlan(plan Plan, conns, maxRequest int) (*outcomeTable, error) {
	switch {
	case len(plan.Nodes) == 0:
		return nil, errors.New("plan: no nodes")
	case len(plan.Requests) == 0:
		return nil, errors.New("plan: no requests")
	case conns < len(plan.Nodes):
		return nil, fmt.Errorf("plan: %d connections for %d nodes", conns, len(plan.Nodes))
	case plan.Routing != "" && plan.Routing != RoundRobin && plan.Routing != Sticky:
		return nil, fmt.Errorf("plan: unknown routing %q (%s, %s)", plan.Routing, RoundRobin, Sticky)
	}
	for i, r := range plan.Requests {
		if len(r.Bytes) == 0 || len(r.Bytes) > maxRequest {
			return nil, fmt.Errorf("plan: request %d has %d bytes, outside 1 to %d", i, len(r.Bytes), maxRequest)
		}
	}
	return newOutcomeTable(plan.Outcomes)
}

// session is the connections and, while a phase runs, its state. All stamps are
// nanoseconds since base, on the monotonic clock.
type session struct {
	plan   Plan
	table  *outcomeTable
	base   time.Time
	ctx    context.Context // ends when the session is closed
	cancel context.CancelFunc
	wg     sync.WaitGroup
	conns  []*conn

	// mu guards run and what it points to, and the fields of every conn that
	// are marked so. It is held for a microsecond at most: no system call and no
	// parsing happens under it.
	mu  sync.Mutex
	run *run // nil between phases
}

var errClosed = errors.New("session is closed")

func (s *session) now() int64 { return int64(time.Since(s.base)) }

// Close closes the connections. No phase may be running.
func (s *session) Close() error {
	s.cancel()
	s.mu.Lock()
	for _, c := range s.conns {
		if c.nc != nil {
			hangUp(c.nc)
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// down says whether all connections to a node are broken, of those that the
// running phase uses, and could not be opened again at their last attempt. Call
// with mu held.
func (s *session) down(node int) bool {
	for i := node; i < s.run.conns; i += len(s.plan.Nodes) {
		if !s.conns[i].failed {
			return false
		}
	}
	return true
}

// allDown says whether that is so of every node.
func (s *session) allDown() bool {
	for node := range s.plan.Nodes {
		if !s.down(node) {
			return false
		}
	}
	return true
}
