package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/fault"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// rig is a testbed at work: nodes, a link from each to every store, a population
// that is logged in, and the history of everything that is done.
type rig struct {
	t     *Trial
	c     *contract.Contract
	nodes []*testbed.Node
	links []map[string]*testbed.Link // by node, then by kind of store
	users []user                     // credentials under background load
	hist  *history
	began []begun                     // in order
	own   []disturbance               // what the scenario did itself, in order
	old   *testbed.Snapshot           // what restore-old goes back to
	spent *results.Timeline           // by each side, while the background load ran
	pace  func(context.Context) error // of what is not background load; nil: as fast as it goes
}

// disturbance is what a scenario did without an injector: it restarted nodes, or changed
// their keys, say.
type disturbance struct {
	results.Fault
	nodes   []int // that it reaches; nil: all
	excuses bool  // meanwhile a rejection is no fault of the node's
	hidden  bool  // not a fault: only the checker hears of it
	old     bool  // what data are there after it are old, rather than gone
}

// begun is a fault that was begun.
type begun struct {
	*fault.Active
	nodes []int // that it reaches; nil: all
}

// setup says what a rig is made of.
type setup struct {
	nodes   int
	users   int
	devices int // log-ins of each user; 0: one
	// fault is what will happen. For one that acts on links, every node has a link of its
	// own to every store, so that one of them can be cut.
	fault fault.Fault
	admin bool // nodes have an admin plane
	// apart keeps several nodes also where each has sessions of its own, which log-ins on
	// another do not know.
	apart bool
	// node changes node i from what all are; nil: nothing.
	node func(i int, n *nodeSpec) error
}

// nodeSpec is what one node is started as.
type nodeSpec struct {
	contract *contract.Contract
	options  testbed.NodeOptions
}

// setUp starts nodes and logs users in.
func (t *Trial) setUp(ctx context.Context, s setup) (_ *rig, err error) {
	r := &rig{t: t, c: t.Arm.Contract, hist: newHistory()}
	if known := r.c.Users.Count; known > 0 {
		s.users = min(s.users, known)
	}
	if r.c.Start == nil || keepsApart(r.c) && !s.apart {
		s.nodes = 1 // there is one address, or the sessions are in the node
	}
	r.pace = paceOf(halved(r.c.Cap()))
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	for i := range s.nodes {
		if err := r.startNode(ctx, s, i); err != nil {
			return nil, err
		}
	}
	for range max(1, s.devices) {
		more, err := r.logIn(ctx, s.users)
		if err != nil {
			return nil, err
		}
		r.users = append(r.users, more...)
	}
	return r, nil
}

// keepsApart says that a node has sessions of its own, which no other node knows.
func keepsApart(c *contract.Contract) bool {
	return c.Mechanism == "session" && len(storesOf(c)) == 0
}

// startNode adds node i, with its links.
func (r *rig) startNode(ctx context.Context, s setup, i int) (err error) {
	links := map[string]*testbed.Link{}
	for _, kind := range storesOf(r.c) {
		if !s.fault.NeedsLink {
			continue
		}
		open := r.t.Testbed.NewLink
		if s.fault.DelayLink {
			open = r.t.Testbed.NewDelayLink
		}
		if links[kind], err = open(ctx, kind); err != nil {
			return fmt.Errorf("link to %s: %w", kind, err)
		}
	}
	spec := nodeSpec{r.c, testbed.NodeOptions{Links: links, Admin: s.admin}}
	if s.node != nil {
		if err := s.node(i, &spec); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
	}
	n, err := r.t.Testbed.StartNodeWith(ctx, spec.contract, spec.options)
	if err != nil {
		return err
	}
	r.nodes, r.links = append(r.nodes, n), append(r.links, links)
	return nil
}

// nodesAlive is the error of a node that has ended by itself, or nil: what was
// measured without it says nothing about the fault.
func (r *rig) nodesAlive() error {
	for i, n := range r.nodes {
		select {
		case <-n.Exited():
			return fmt.Errorf("node %d has ended by itself: %s", i, n.Output())
		default:
		}
	}
	return nil
}

// close stops what setUp started; faults are undone before.
func (r *rig) close() error {
	var errs []error
	for _, f := range r.began {
		errs = append(errs, f.End(context.WithoutCancel(context.Background())))
	}
	for _, n := range r.nodes {
		errs = append(errs, n.Stop())
	}
	for _, links := range r.links {
		for _, l := range links {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// logIn logs the first n users of the target in, once more, spread over the nodes.
func (r *rig) logIn(ctx context.Context, n int) ([]user, error) {
	users := population(r.c, n)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
		next int
	)
	for w := range min(loginWorkers, n) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n || ctx.Err() != nil {
					return
				}
				if err := r.mustLogIn(ctx, (w+i)%len(r.nodes), &users[i]); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return users, errors.Join(errs...)
}

// loginWorkers log the population in, each on one connection after the other.
const loginWorkers = 16

func (r *rig) mustLogIn(ctx context.Context, node int, u *user) error {
	for pass := 1; ; pass++ {
		a, err := r.do(ctx, checker.Login, node, u, false)
		switch {
		case err != nil:
			return err
		case a.Outcome == results.OK:
			return nil
		case pass == loginPasses || a.Outcome == results.Rejected:
			return fmt.Errorf("log in %s: %s", u.vars["username"], a.Problem)
		}
	}
}

// opTimeout bounds an operation: twice what a node has for its store.
const opTimeout = 2 * time.Second

func (r *rig) client(node int) *contract.Client { return r.clientTo(r.nodes[node]) }

// clientTo is a client of a node that need not be one of the rig's.
func (r *rig) clientTo(n *testbed.Node) *contract.Client {
	c := clientOf(r.c, n, opTimeout)
	c.Pace = r.pace
	return c
}

// clientOf is a client of a node.
func clientOf(c *contract.Contract, n *testbed.Node, timeout time.Duration) *contract.Client {
	client := &contract.Client{Contract: c, Host: n.Host(), Addr: n.Addr(), Timeout: timeout}
	if n.Secure() {
		host, _, err := net.SplitHostPort(n.Addr())
		if err != nil {
			host = n.Addr()
		}
		client.TLS = c.TLSConfig(host)
	}
	return client
}

// do performs one operation with what u holds, notes it in the history, and lets
// u hold what it was given. An error means that it could not even be rendered.
func (r *rig) do(ctx context.Context, kind checker.Kind, node int, u *user, triggered bool) (*contract.Answer, error) {
	step := r.step(kind)
	if step == nil {
		return nil, fmt.Errorf("%s has no %s step", r.c.Name, kind)
	}
	a, err := r.client(node).Do(ctx, step, u.vars)
	if err != nil {
		return nil, err
	}
	op := checker.Op{
		Kind: kind, Node: node, User: u.vars["subject"], Triggered: triggered,
		Invoke: r.hist.since(a.Sent), Complete: r.hist.since(a.Done),
		Outcome: a.Outcome, Status: a.Status, Subject: a.Subject,
	}
	if kind == checker.Use && a.Outcome == results.ProtocolError && a.Subject != "" && a.Subject != op.User {
		op.Outcome = results.OK // accepted, and for somebody else: the checker's business
	}
	held, presented := r.hist.holding(u.vars)
	switch kind {
	case checker.Login:
		op.User = a.Vars["subject"]
		op.Credential, op.Handed = r.hist.holding(a.Vars)
	case checker.Refresh:
		op.Credential, op.Presented = held, presented
		op.Made, op.Handed = r.hist.holding(a.Vars)
	case checker.Password, checker.StepUp:
		op.Credential = held
		op.Made, op.Handed = r.hist.holding(a.Vars)
	default:
		op.Credential = held
	}
	if a.Outcome != results.OK {
		op.Made, op.Handed = "", ""
	}
	r.hist.add(op)
	if a.Outcome == results.OK {
		u.vars = a.Vars
	}
	return a, nil
}

func (r *rig) step(kind checker.Kind) *contract.Step {
	return map[checker.Kind]*contract.Step{
		checker.Login: &r.c.Login, checker.Use: &r.c.Use, checker.Refresh: r.c.Refresh,
		checker.Revoke: r.c.Revoke, checker.RevokeAll: r.c.RevokeAll,
		checker.Password: r.c.Password, checker.StepUp: r.c.StepUp,
	}[kind]
}

// chaosInterval is how finely a trial with a fault is recorded over time: a fault of
// half a second shows.
const chaosInterval = 100 * time.Millisecond

// background offers uses of the users' credentials on all nodes in turn, open
// loop, until the duration is over or stop is called. wait returns the recording,
// whose exchanges are in the history by then.
func (r *rig) background(ctx context.Context, users []user, rate float64, d time.Duration) (wait func() (*loadgen.Recording, error), err error) {
	plan, err := usePlan(r.c, r.nodes, users)
	if err != nil {
		return nil, err
	}
	return r.offer(ctx, plan, users, loadgen.Phase{Rate: rate, Duration: d})
}

// offer is background with a plan and a phase of one's own: what they leave open is
// as there.
func (r *rig) offer(ctx context.Context, plan loadgen.Plan, users []user, p loadgen.Phase) (wait func() (*loadgen.Recording, error), err error) {
	session, err := r.t.Engine.Open(ctx, plan, max(r.t.Workload.Connections, len(r.nodes)))
	if err != nil {
		return nil, fmt.Errorf("open %d connections: %w", r.t.Workload.Connections, err)
	}
	type done struct {
		rec *loadgen.Recording
		err error
	}
	ended := make(chan done, 1)
	go func() {
		stopWatch := func() *results.Timeline { return nil }
		p.Operation, p.Seed, p.Timeout, p.Log, p.Interval = "use", r.t.Seed, opTimeout, true, chaosInterval
		p.OnBegin = func() { stopWatch = r.t.Testbed.Watch(chaosInterval) }
		p.OnEnd = func() { r.spent = stopWatch() }
		rec, err := session.Run(ctx, p)
		stopWatch()
		ended <- done{rec, errors.Join(err, session.Close())}
	}()
	return func() (*loadgen.Recording, error) {
		e := <-ended
		if e.rec != nil {
			r.hist.uses(e.rec, users)
		}
		return e.rec, e.err
	}, nil
}
