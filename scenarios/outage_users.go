package scenarios

import (
	"context"
	"errors"
	"sync"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/fault"
	"authbench/targets/contract"
)

// logOut logs users out one after the other until it is acknowledged, each followed
// by a use on every node at once.
func (r *rig) logOut(ctx context.Context, users []user) error {
	if r.c.Revoke == nil {
		return nil
	}
	for i := range users {
		u := &user{vars: users[i].vars} // a copy: the credential stays in the list when it is dead
		if err := r.nodesAlive(); err != nil {
			return err
		}
		for until := time.Now().Add(logoutPatience); ctx.Err() == nil && time.Now().Before(until); {
			a, err := r.do(ctx, checker.Revoke, i%len(r.nodes), u, false)
			if err != nil {
				return err
			}
			if a.Outcome == results.OK || a.Outcome == results.Rejected {
				break
			}
			sleep(ctx, probeEvery)
		}
		for node := range r.nodes {
			if _, err := r.do(ctx, checker.Use, node, u, true); err != nil {
				return err
			}
		}
	}
	return context.Cause(ctx)
}

// logoutPatience is how long a client repeats a log-out that is not acknowledged.
const logoutPatience = 5 * time.Second

// comers are the users on every node who log in when all is over.
const comers = 5

// comeBack has users log in on every node, all at once, and use what they get on
// every other: a node that did not recover shows, also when all earlier sessions
// are gone. After a loss of data it is everybody: a stampede.
func (r *rig) comeBack(ctx context.Context, f fault.Fault) error {
	n := comers * len(r.nodes)
	if f.DataLoss {
		n = len(r.users)
	}
	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, loginWorkers)
		errs  = make([]error, n)
	)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			errs[i] = r.comeBackOne(ctx, i)
			<-slots
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// untilAccepted has one more user log in on every node, and use what they get there,
// for as long as a node may take to recover: its pool may not have dared to connect
// again when the others came (go-redis tries once a second after a series of
// failures), and where the store forgot, nobody else has a credential to ask with.
func (r *rig) untilAccepted(ctx context.Context) error {
	errs := make([]error, len(r.nodes))
	var wg sync.WaitGroup
	for node := range r.nodes {
		wg.Go(func() { errs[node] = r.untilAcceptedBy(ctx, node) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (r *rig) untilAcceptedBy(ctx context.Context, node int) error {
	nobody := func() *user { return &user{vars: r.c.User(node%len(r.users) + 1)} }
	u := nobody()
	until := time.Now().Add(checker.Patience + time.Second)
	for ctx.Err() == nil && time.Now().Before(until) {
		kind := checker.Use
		if u.vars["credential"] == "" {
			kind = checker.Login
		}
		a, err := r.do(ctx, kind, node, u, false)
		switch {
		case err != nil:
			return err
		case a.Outcome != results.OK:
			if a.Outcome == results.Rejected {
				u = nobody()
			}
			sleep(ctx, probeEvery)
		case kind == checker.Use:
			return nil
		}
	}
	return context.Cause(ctx)
}

func (r *rig) comeBackOne(ctx context.Context, i int) error {
	u := &user{vars: r.c.User(i%len(r.users) + 1)}
	for range loginPasses {
		a, err := r.do(ctx, checker.Login, i%len(r.nodes), u, false)
		if err != nil {
			return err
		}
		if a.Outcome == results.OK {
			break
		}
		sleep(ctx, probeEvery)
	}
	if u.vars["credential"] == "" {
		return nil // the history says so
	}
	for node := range r.nodes {
		if _, err := r.do(ctx, checker.Use, node, u, false); err != nil {
			return err
		}
	}
	return nil
}

// cast are the credentials of an outage by the part they play.
type cast struct {
	live    []user // used all the time
	revoked []user // logged out before the fault
	leaving []user // try to log out during it
}

// tries is how many users try to log out during the fault.
const tries = 20

func (r *rig) split() cast {
	revoked := min(r.t.Values.number("revoked"), len(r.users)/2)
	leaving := min(tries, (len(r.users)-revoked)/2)
	n := len(r.users) - revoked - leaving
	return cast{live: r.users[:n], revoked: r.users[n : n+revoked], leaving: r.users[n+revoked:]}
}

// leave has users try to log out, and log in, while the fault is active.
//
// Where the store comes back without what it knew, nobody could ever say of a
// log-out that failed whether it had taken effect: there is none then.
func (r *rig) leave(ctx context.Context, f fault.Fault, leaving []user, during time.Duration, o *results.Outage) {
	forgets := f.DataLoss && f.Unreachable
	end := time.Now().Add(during)
	step := during / time.Duration(max(1, len(leaving)))
	count := func(t *results.Tries, a *contract.Answer, err error) {
		if err == nil && a.Outcome == results.OK {
			t.OK++
		} else {
			t.Failed++
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range leaving {
		sleep(ctx, time.Until(end.Add(-during).Add(time.Duration(i)*step)))
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			node := i % len(r.nodes)
			again := population(r.c, len(r.users))[i] // a second device of somebody else
			a, err := r.do(ctx, checker.Login, node, &again, false)
			mu.Lock()
			count(&o.LoginsDuring, a, err)
			mu.Unlock()
			if r.c.Revoke == nil || forgets {
				return
			}
			a, err = r.do(ctx, checker.Revoke, node, &user{vars: leaving[i].vars}, false)
			mu.Lock()
			count(&o.LogoutsDuring, a, err)
			mu.Unlock()
		})
	}
	wg.Wait()
	sleep(ctx, time.Until(end))
}

// ask uses every credential once more, when all is over.
func (r *rig) ask(ctx context.Context, c cast, o *results.Outage) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		slots = make(chan struct{}, loginWorkers)
	)
	one := func(i int, u *user, outcome results.Outcome, asked, found *int64) {
		slots <- struct{}{}
		wg.Go(func() {
			a, err := r.do(ctx, checker.Use, i%len(r.nodes), &user{vars: u.vars}, false)
			<-slots
			mu.Lock()
			defer mu.Unlock()
			if err != nil || (a.Outcome != results.OK && a.Outcome != results.Rejected) {
				return // it says nothing
			}
			*asked++
			if a.Outcome == outcome {
				*found++
			}
		})
	}
	for i := range c.live {
		one(i, &c.live[i], results.Rejected, &o.LiveAsked, &o.SessionsLost)
	}
	if r.c.Revoke != nil {
		for i := range c.revoked {
			one(i, &c.revoked[i], results.OK, &o.RevokedAsked, &o.Resurrected)
		}
	}
	// A target that acknowledges log-outs it could not do shows only here. The checker
	// judges it, from the history.
	var asked, accepted int64
	for i := range c.leaving {
		if o.LogoutsDuring.OK > 0 {
			one(i, &c.leaving[i], results.OK, &asked, &accepted)
		}
	}
	wg.Wait()
}

// probes ask, all the time, what the load does not: whether the revoked are let
// in, and whether a path that needs no store still answers.
type probes struct {
	wg sync.WaitGroup

	mu   sync.Mutex
	free []freeAnswer
}

type freeAnswer struct {
	at int64
	ok bool
}

func (p *probes) wait() { p.wg.Wait() }

// probeEvery is the distance between two probes of one kind.
const probeEvery = 20 * time.Millisecond

func (r *rig) probe(ctx context.Context, revoked []user) *probes {
	p := &probes{}
	every := func(do func(i int)) {
		p.wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				do(i)
				sleep(ctx, probeEvery)
			}
		})
	}
	if r.c.Revoke != nil && len(revoked) > 0 {
		every(func(i int) {
			u := &user{vars: revoked[i%len(revoked)].vars}
			_, _ = r.do(ctx, checker.Use, i%len(r.nodes), u, false)
		})
	}
	if r.c.Storeless != nil {
		every(func(i int) {
			client := r.client(i % len(r.nodes))
			at := r.hist.now()
			a, err := client.Do(ctx, r.c.Storeless, contract.Vars{})
			if ctx.Err() != nil {
				return
			}
			p.mu.Lock()
			p.free = append(p.free, freeAnswer{at, err == nil && a.Outcome == results.OK})
			p.mu.Unlock()
		})
	}
	return p
}
