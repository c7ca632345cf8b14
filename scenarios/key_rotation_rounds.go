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
)

// enter logs u in on a node and notes which key signed for it.
func (k *keyTrial) enter(ctx context.Context, node int, u *user) (bool, error) {
	a, err := k.do(ctx, checker.Login, node, u, false)
	if err != nil || a.Outcome != results.OK {
		return false, err
	}
	s, ok := takeApart(u.vars["credential"])
	if !ok || s.end.IsZero() || s.kid == "" {
		return false, fmt.Errorf("log in %s: its credential is no token with exp and kid", u.vars["username"])
	}
	name, _ := k.hist.holding(u.vars)
	k.ledMu.Lock()
	defer k.ledMu.Unlock()
	leeway := durationOf(k.c.Promises.Leeway)
	k.ledger.tokens[name] = heldToken{end: k.hist.since(s.end.Add(leeway)), kid: s.kid, alg: s.alg}
	return true, nil
}

// crowd logs n users in, on nodes that sign with the right keys. A user who could not
// is left out.
func (k *keyTrial) crowd(ctx context.Context, n int) ([]user, error) {
	users := make([]user, n)
	for i := range users {
		users[i].vars = k.c.User(k.nextUser())
	}
	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, loginWorkers)
		in    = make([]bool, n)
		errs  = make([]error, n)
	)
	for i := range users {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			in[i], errs[i] = k.enter(ctx, k.door(i), &users[i])
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var there []user
	for i := range users {
		if in[i] {
			there = append(there, users[i])
		}
	}
	if err := errors.Join(errs...); err != nil || len(there) == 0 {
		return nil, errors.Join(err, errors.New("no user could log in"))
	}
	return there, nil
}

// door is where the i-th user logs in.
func (k *keyTrial) door(i int) int {
	if k.t.Values["how"] == keysWrong {
		return i % (len(k.nodes) - 1) // the last one has the wrong keys
	}
	return issuer
}

func (k *keyTrial) nextUser() int {
	k.ledMu.Lock()
	defer k.ledMu.Unlock()
	k.next++
	return (k.next-1)%max(1, k.c.Users.Count) + 1
}

// roundMargin is how long before the first of its tokens ends a round is over.
const roundMargin = 20 * time.Millisecond

// round has fresh users use their tokens on all nodes until the first of these ends, or
// for atMost, while others come and use theirs at once on every node. After a third
// of that time act is done; nil is nothing.
func (k *keyTrial) round(ctx context.Context, atMost time.Duration, act func(context.Context) error) error {
	users, err := k.crowd(ctx, k.t.Values.number("users"))
	if err != nil {
		return err
	}
	k.ledMu.Lock()
	var ends []int64
	for i := range users {
		name, _ := k.hist.holding(users[i].vars)
		ends = append(ends, k.ledger.tokens[name].end)
	}
	k.ledMu.Unlock()
	d := min(atMost, time.Duration(slices.Min(ends)-k.hist.now())-roundMargin)
	if d < roundMargin {
		return fmt.Errorf("logging %d users in took as long as a token lives", len(users))
	}
	stop := time.Now().Add(d)
	var (
		wg           sync.WaitGroup
		acted, comes error
	)
	if k.t.Values["how"] != keysEmergency { // a token of the new key would tell verifiers that something has changed
		wg.Go(func() { comes = k.newcomers(ctx, stop) })
	}
	if act != nil {
		wg.Go(func() {
			sleep(ctx, d/3)
			acted = act(ctx)
		})
	}
	err = k.offer(ctx, users, d)
	k.offered += d
	wg.Wait()
	return errors.Join(err, acted, comes)
}

// rounds has rounds go on until the load has lasted for d. act has the number of the
// round.
func (k *keyTrial) rounds(ctx context.Context, d time.Duration, act func(ctx context.Context, round int) error) error {
	for n := 0; k.offered < d; n++ {
		if err := k.round(ctx, time.Hour, func(ctx context.Context) error { return act(ctx, n) }); err != nil {
			return err
		}
	}
	return nil
}

// offer has users' tokens used on all nodes in turn, and those of strangers beside
// them.
func (k *keyTrial) offer(ctx context.Context, users []user, d time.Duration) error {
	rate := float64(k.t.Values.number("rate"))
	all := users
	if n := len(k.strangers); n > 0 {
		storm := float64(k.t.Values.number("storm"))
		all = nil
		for i := range int(float64(n) * rate / storm) {
			all = append(all, users[i%len(users)])
		}
		all, rate = append(all, k.strangers...), rate+storm
	}
	plan, err := usePlan(k.c, k.nodes, all)
	if err != nil {
		return err
	}
	session, err := k.t.Engine.Open(ctx, plan, max(k.t.Workload.Connections, len(k.nodes)))
	if err != nil {
		return fmt.Errorf("open %d connections: %w", k.t.Workload.Connections, err)
	}
	rec, err := session.Run(ctx, loadgen.Phase{
		Operation: "use", Rate: rate, Duration: d, Seed: k.t.Seed, Timeout: opTimeout, Log: true, Interval: chaosInterval,
	})
	if err = errors.Join(err, session.Close()); err != nil {
		return err
	}
	k.hist.uses(rec, all)
	return rec.Accounting.Check()
}

// newcomerEvery is how often a user logs in anew and uses the token at once on every
// node: whatever a change of keys leaves open for a moment shows there.
const newcomerEvery = 25 * time.Millisecond

func (k *keyTrial) newcomers(ctx context.Context, stop time.Time) error {
	for n := 0; time.Now().Before(stop) && ctx.Err() == nil; n++ {
		next := time.Now().Add(newcomerEvery)
		if err := k.arrive(ctx, k.door(n)); err != nil {
			return err
		}
		sleep(ctx, time.Until(next))
	}
	return nil
}

// arrive logs a user in on that node and uses the token on all at once.
func (k *keyTrial) arrive(ctx context.Context, node int) error {
	u := user{vars: k.c.User(k.nextUser())}
	in, err := k.enter(ctx, node, &u)
	if err != nil || !in {
		return err // who could not log in has nothing to use
	}
	errs := make([]error, len(k.nodes))
	var wg sync.WaitGroup
	for i := range k.nodes {
		wg.Go(func() { _, errs[i] = k.do(ctx, checker.Use, i, &user{vars: u.vars}, true) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
