package scenarios

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
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
	began []begun           // in order
	old   *testbed.Snapshot // what restore-old goes back to
	spent *results.Timeline // by each side, while the background load ran
}

// begun is a fault that was begun.
type begun struct {
	*fault.Active
	nodes []int // that it reaches; nil: all
}

// setUp starts nodes and logs users in, each devices times. For a fault that acts
// on links, every node has one of its own to every store, so that one of them can
// be cut.
func (t *Trial) setUp(ctx context.Context, nodes, users, devices int, f fault.Fault) (_ *rig, err error) {
	r := &rig{t: t, c: t.Arm.Contract, hist: newHistory()}
	if known := r.c.Users.Count; known > 0 {
		users = min(users, known)
	}
	if r.c.Start == nil || r.c.Mechanism == "session" && len(storesOf(r.c)) == 0 {
		nodes = 1 // there is one address, or the sessions are in the node
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	for range nodes {
		links := map[string]*testbed.Link{}
		for _, kind := range storesOf(r.c) {
			if !f.NeedsLink {
				continue
			}
			open := t.Testbed.NewLink
			if f.DelayLink {
				open = t.Testbed.NewDelayLink
			}
			if links[kind], err = open(ctx, kind); err != nil {
				return nil, fmt.Errorf("link to %s: %w", kind, err)
			}
		}
		n, err := t.Testbed.StartNodeVia(ctx, r.c, links)
		if err != nil {
			return nil, err
		}
		r.nodes, r.links = append(r.nodes, n), append(r.links, links)
	}
	for range devices {
		more, err := r.logIn(ctx, users)
		if err != nil {
			return nil, err
		}
		r.users = append(r.users, more...)
	}
	return r, nil
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

func (r *rig) client(node int) *contract.Client {
	c := &contract.Client{Contract: r.c, Host: r.nodes[node].Host(), Timeout: opTimeout}
	if r.nodes[node].Secure() {
		c.TLS = &tls.Config{}
	}
	return c
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
		rec, err := session.Run(ctx, loadgen.Phase{
			Operation: "use", Rate: rate, Duration: d, Seed: r.t.Seed,
			Timeout: opTimeout, Log: true, Interval: chaosInterval,
			OnBegin: func() { stopWatch = r.t.Testbed.Watch(chaosInterval) },
			OnEnd:   func() { r.spent = stopWatch() },
		})
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
