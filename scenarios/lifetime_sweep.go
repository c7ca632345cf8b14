package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// lives are tried: short enough to be lived through.
func lives() []time.Duration { return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} }

// reckonedLives are what people set; their figures are reckoned from those of lives.
func reckonedLives() []time.Duration {
	return []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 24 * time.Hour}
}

// lived is what was seen at one life.
type lived struct {
	life     time.Duration
	exposed  []time.Duration // from the log-out to the first refused use, a credential each
	beyond   int             // uses accepted later than is promised
	asked    int             // uses after that
	refreshs int             // of clients that refresh when the token expires
	failed   int             // of them, or of the use right after
	over     time.Duration   // all clients together, from their log-in to their last refresh
}

// costs is what one request costs both sides.
type lifeCost struct{ cpu, ops results.Cell }

// runLives has a node for each life, which issues tokens of it, and one for the arm as
// it is, on which uses and refreshes are measured.
func runLives(ctx context.Context, t *Trial) error {
	all := lives()
	r, err := t.setUp(ctx, setup{nodes: len(all) + 1, node: func(i int, n *nodeSpec) (err error) {
		if i < len(all) {
			n.contract, err = t.variant(map[string]string{"lifetime": all[i].String()})
		}
		return err
	}})
	if err != nil {
		return err
	}
	return errors.Join(r.done(r.lives(ctx, all)), r.close())
}

func (r *rig) lives(ctx context.Context, all []time.Duration) error {
	seen := make([]lived, len(all))
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, life := range all {
		wg.Go(func() { seen[i], errs[i] = r.liveThrough(ctx, i, life) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	use, err := r.lifeCostOf(ctx, "use", &r.c.Use, len(all))
	if err != nil {
		return err
	}
	refresh, err := r.lifeCostOf(ctx, "refresh", r.c.Refresh, len(all))
	if err != nil {
		return err
	}
	r.tellLives(seen, use, refresh)
	for _, v := range lifeVerdicts(seen) {
		r.t.judge(v)
	}
	return nil
}

// liveThrough logs users out all over the life of their token and goes on using it,
// while others refresh theirs whenever it expires.
func (r *rig) liveThrough(ctx context.Context, node int, length time.Duration) (lived, error) {
	n := max(2, r.t.Values.number("users"))
	out := lived{life: length}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	note := func(o lived, err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
		out.exposed = append(out.exposed, o.exposed...)
		out.beyond, out.asked, out.refreshs = out.beyond+o.beyond, out.asked+o.asked, out.refreshs+o.refreshs
		out.failed, out.over = out.failed+o.failed, out.over+o.over
	}
	for i := range n {
		wg.Go(func() { note(r.expose(ctx, node, i, length, length*time.Duration(2*i+1)/time.Duration(2*n))) })
		if i%2 == 0 {
			wg.Go(func() { note(r.keepRefreshing(ctx, node, n+i, length)) })
		}
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// exposurePace is how often a token is tried after its log-out.
const exposurePace = 50 * time.Millisecond

// expose logs a user in and, when the token has that age, out again, and uses the token
// until it is refused.
func (r *rig) expose(ctx context.Context, node, i int, length, age time.Duration) (o lived, err error) {
	u := &user{vars: r.c.User(i + 1)}
	a, err := r.do(ctx, checker.Login, node, u, false)
	if err != nil || a.Outcome != results.OK {
		return o, errors.Join(err, unanswered("log in", a))
	}
	l := lifeOf(r.c)
	l.length = length
	issued := during(a)
	sleep(ctx, age)
	out, err := r.do(ctx, checker.Revoke, node, &user{vars: u.vars}, false)
	if err != nil || out.Outcome != results.OK {
		return o, errors.Join(err, unanswered("log out", out))
	}
	bound := r.c.Promises.Bound()
	for give := time.Now().Add(length + l.leeway + 2*time.Second); ctx.Err() == nil && time.Now().Before(give); sleep(ctx, exposurePace) {
		a, err := r.do(ctx, checker.Use, node, &user{vars: u.vars}, false)
		if err != nil {
			return o, err
		}
		over := l.byNode(issued, during(a)) == refuse || bound.Declared && !bound.Expiry && a.Sent.Sub(out.Done) > bound.Fixed
		if over {
			o.asked++
		}
		switch answered(a.Outcome) {
		case accept:
			if over {
				o.beyond++
			}
		case refuse:
			o.exposed = append(o.exposed, a.Done.Sub(out.Sent))
			return o, nil
		}
	}
	return o, nil
}

// unanswered is the error of an operation that has to succeed.
func unanswered(what string, a *contract.Answer) error {
	if a == nil || a.Outcome == results.OK {
		return nil
	}
	return fmt.Errorf("%s: %s", what, a.Problem)
}

// keepRefreshing is a client that trades its refresh token in whenever the access
// token expires.
func (r *rig) keepRefreshing(ctx context.Context, node, i int, length time.Duration) (o lived, err error) {
	u := &user{vars: r.c.User(i + 1)}
	a, err := r.do(ctx, checker.Login, node, u, false)
	if err != nil || a.Outcome != results.OK {
		return o, errors.Join(err, unanswered("log in", a))
	}
	began, last := a.Done, a.Done
	for longest := slices.Max(lives()); last.Add(length).Sub(began) <= longest+length/2 && ctx.Err() == nil; {
		sleep(ctx, time.Until(last.Add(length)))
		a, err := r.do(ctx, checker.Refresh, node, u, false)
		if err != nil {
			return o, err
		}
		last = a.Done
		o.refreshs++
		if a.Outcome != results.OK {
			o.failed++
			continue
		}
		if a, err = r.do(ctx, checker.Use, node, u, false); err != nil {
			return o, err
		}
		if a.Outcome != results.OK {
			o.failed++
		}
	}
	o.over = last.Sub(began)
	return o, nil
}

// lifeUsers are logged in where costs are measured.
const lifeUsers = 100

// lifeCostOf offers one step, open loop, and reads what it costs target and store.
func (r *rig) lifeCostOf(ctx context.Context, operation string, step *contract.Step, node int) (lifeCost, error) {
	users := population(r.c, lifeUsers)
	for i := range users {
		if err := r.mustLogIn(ctx, node, &users[i]); err != nil {
			return lifeCost{}, err
		}
	}
	all := make([]*user, len(users))
	for i := range users {
		all[i] = &users[i]
	}
	plan, err := compile(r.c, step, []*testbed.Node{r.nodes[node]}, all)
	if err != nil {
		return lifeCost{}, err
	}
	session, err := r.t.Engine.Open(ctx, plan, r.t.Workload.Connections)
	if err != nil {
		return lifeCost{}, fmt.Errorf("open %d connections: %w", r.t.Workload.Connections, err)
	}
	defer session.Close()
	phase := loadgen.Phase{Operation: operation, Rate: float64(r.t.Values.number("rate")), Duration: r.t.Values.duration("for"), Seed: r.t.Seed, Timeout: opTimeout}
	warm := phase
	warm.Duration /= 3
	if _, err := session.Run(ctx, warm); err != nil {
		return lifeCost{}, fmt.Errorf("warm up: %w", err)
	}
	m, err := r.t.measure(ctx, operation, session, phase)
	if err != nil {
		return lifeCost{}, fmt.Errorf("measure %s: %w", operation, err)
	}
	if m.Accounting.OK < m.Accounting.Scheduled*9/10 {
		return lifeCost{}, fmt.Errorf("measure %s: only %d of %d were answered well", operation, m.Accounting.OK, m.Accounting.Scheduled)
	}
	c := lifeCost{none("the CPU clock cannot be read here"), none("the store does not count")}
	if m.Usage.Target.Known && m.Usage.Store.Known {
		c.cpu = figure((m.Usage.Target.CPUPerRequest + m.Usage.Store.CPUPerRequest) / 1e3)
	}
	if m.StoreOpsKnown {
		c.ops = figure(m.StoreOpsPerRequest)
	}
	return c, nil
}
