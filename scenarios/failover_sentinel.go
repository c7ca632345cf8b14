package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

func runSentinel(ctx context.Context, t *Trial) (err error) {
	set, err := t.Testbed.NewSentinel(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	r, err := t.setUp(ctx, setup{nodes: t.Values.number("nodes"), users: t.Values.number("users"), node: at(testbed.Redis, set.URL())})
	if err != nil {
		return err
	}
	err = r.failover(ctx, set)
	return errors.Join(err, r.close())
}

// failover is the story: log-outs that are replicated, a cut, log-outs that are not,
// the death of the primary, and what the promoted replica knows.
func (r *rig) failover(ctx context.Context, set *testbed.Sentinel) error {
	v, l := r.t.Values, r.leavers()
	waits := v["how"] == "wait"
	if waits {
		if err := r.waitCosts(ctx, set); err != nil {
			return fmt.Errorf("cost of WAIT: %w", err)
		}
	}
	if err := r.logOut(ctx, l.replicated); err != nil {
		return err
	}
	if err := set.Settle(ctx); err != nil {
		return err
	}
	loaded, stopLoad := context.WithCancelCause(ctx)
	defer stopLoad(nil)
	wait, err := r.background(loaded, l.live, float64(v.number("rate")), v.duration("before")+v.duration("after")+longest)
	if err != nil {
		return err
	}
	sleep(ctx, v.duration("before"))
	killed, err := r.promote(ctx, loaded, set, &l)
	if err == nil {
		r.served(ctx, l.live)
		sleep(ctx, v.duration("after"))
		err = r.nodesAlive()
	}
	stopLoad(errEnough)
	rec, werr := wait()
	if l.probes != nil {
		l.probes.wait()
	}
	if errors.Is(werr, errEnough) {
		werr = nil
	}
	if err := errors.Join(err, werr); err != nil {
		return err
	}
	if err := r.afterwards(ctx, &l); err != nil {
		return err
	}
	r.tellFailover(&l, killed)
	return r.conclude(rec)
}

// leavers are the users of a failover by the part they play.
type leavers struct {
	live       []user   // used all the time
	replicated []user   // logged out before the cut
	leaving    []leaver // logged out under it
	newcomers  []user   // logged in under it; the checker does not hear of them
	probes     *probes  // of those who left, from the kill on
}

// leaver is one user who logs out while only the primary hears of it.
type leaver struct {
	user
	acked    bool // it was acknowledged, by the primary alone
	told     int  // what the first attempt was answered
	repeated int  // what a second attempt was, before the failover; 0: there was none
	back     bool // accepted after it
}

func (r *rig) leavers() leavers {
	revoked := min(r.t.Values.number("revoked"), len(r.users)/3)
	leaving := min(r.t.Values.number("leaving"), len(r.users)/3)
	n := len(r.users) - revoked - leaving
	l := leavers{live: r.users[:n], replicated: r.users[n : n+revoked]}
	for _, u := range r.users[n+revoked:] {
		l.leaving = append(l.leaving, leaver{user: u})
	}
	return l
}

// promote cuts replication, has users log out and others log in, kills the primary,
// and waits until another is in its place. It says when the primary was dead. From then
// on, while loaded lasts, who has left knocks.
func (r *rig) promote(ctx, loaded context.Context, set *testbed.Sentinel, l *leavers) (killed int64, err error) {
	cut := disturbance{Fault: results.Fault{Name: "replication-cut", On: "links of the replicas", RequestedNS: r.hist.now()}}
	if err := set.Cut(ctx); err != nil {
		return 0, err
	}
	cut.ConfirmedNS = new(r.hist.now())
	for i := range l.leaving {
		if err := r.leaveUnheard(ctx, i, &l.leaving[i]); err != nil {
			return 0, err
		}
	}
	if l.newcomers, err = r.comeUnheard(ctx); err != nil {
		return 0, err
	}
	gone := make([]user, len(l.leaving))
	for i := range gone {
		gone[i] = l.leaving[i].user
	}
	l.probes = r.probe(loaded, gone)
	over := disturbance{old: true, Fault: results.Fault{
		Name: "failover", On: testbed.Redis, Unreachable: true, DataLoss: true, RequestedNS: r.hist.now(),
	}}
	if err := set.Kill(ctx); err != nil {
		return 0, err
	}
	killed = r.hist.now()
	over.ConfirmedNS = &killed
	if err := set.Promoted(ctx); err != nil {
		return 0, err
	}
	done := r.hist.now()
	over.RecoverNS, over.RecoveredNS = &done, &done
	cut.RecoverNS, cut.RecoveredNS = &done, &done // nobody replicates from the dead
	r.own = append(r.own, cut, over)
	return killed, nil
}

// servedWithin is longer than the checker's patience with a node that does not recover.
const servedWithin = 6 * time.Second

// served returns when every node lets a live credential in, or has had long enough.
func (r *rig) served(ctx context.Context, live []user) {
	end := time.Now().Add(servedWithin)
	for node := range r.nodes {
		for ctx.Err() == nil && time.Now().Before(end) {
			a, err := r.do(ctx, checker.Use, node, &user{vars: live[0].vars}, false)
			if err != nil || a.Outcome == results.OK {
				break
			}
			sleep(ctx, probeEvery)
		}
	}
}

// leaveUnheard logs one user out while no replica hears of it. One who is not
// acknowledged tries once more, as clients do.
func (r *rig) leaveUnheard(ctx context.Context, i int, l *leaver) error {
	node := i % len(r.nodes)
	try := func() (*contract.Answer, error) {
		return r.do(ctx, checker.Revoke, node, &user{vars: l.vars}, false)
	}
	a, err := try()
	if err != nil {
		return err
	}
	l.acked, l.told = a.Outcome == results.OK, a.Status
	if !l.acked {
		if a, err = try(); err != nil {
			return err
		}
		l.acked, l.repeated = a.Outcome == results.OK, a.Status
	}
	for n := range r.nodes {
		if _, err := r.do(ctx, checker.Use, n, &user{vars: l.vars}, l.acked); err != nil {
			return err
		}
	}
	return nil
}

// newcomers is how many log in while no replica hears of it.
const newcomers = 10

// strangers are up to n users of the target who are not logged in: where a log-out
// ends all that a user has, the others must not notice.
func (r *rig) strangers(n int) []user {
	if known := r.c.Users.Count; known > 0 {
		n = min(n, known-len(r.users))
	}
	out := make([]user, max(0, n))
	for i := range out {
		out[i].vars = r.c.User(len(r.users) + i + 1)
	}
	return out
}

// comeUnheard logs users in once more. What a failover takes from them is not a
// promise about revocation: the history does not have it.
func (r *rig) comeUnheard(ctx context.Context) ([]user, error) {
	var in []user
	for i, u := range r.strangers(newcomers) {
		a, err := r.client(i%len(r.nodes)).Do(ctx, &r.c.Login, u.vars)
		if err != nil {
			return nil, err
		}
		if a.Outcome == results.OK {
			in = append(in, user{vars: a.Vars})
		}
	}
	return in, nil
}

// afterwards asks on every node whether who had logged out is in, and has everybody
// log out once more, until it is acknowledged.
func (r *rig) afterwards(ctx context.Context, l *leavers) error {
	for i := range l.replicated {
		if _, err := r.anywhere(ctx, &l.replicated[i]); err != nil {
			return err
		}
	}
	again := make([]user, len(l.leaving))
	for i := range l.leaving {
		var err error
		if l.leaving[i].back, err = r.anywhere(ctx, &l.leaving[i].user); err != nil {
			return err
		}
		again[i] = l.leaving[i].user
	}
	return r.logOut(ctx, again)
}

// anywhere says whether some node lets the credential in.
func (r *rig) anywhere(ctx context.Context, u *user) (in bool, err error) {
	for node := range r.nodes {
		a, err := r.do(ctx, checker.Use, node, &user{vars: u.vars}, false)
		if err != nil {
			return in, err
		}
		in = in || a.Outcome == results.OK
	}
	return in, nil
}
