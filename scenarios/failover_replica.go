package scenarios

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/testbed"
)

// runReplica has nodes read from a replica, which gets further and further behind.
func runReplica(kind string) func(context.Context, *Trial) error {
	return func(ctx context.Context, t *Trial) (err error) {
		set, err := t.Testbed.NewReplicated(ctx, kind)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, set.Close()) }()
		r, err := t.setUp(ctx, setup{nodes: t.Values.number("nodes"), users: t.Values.number("users"), node: at(kind, set.URL())})
		if err != nil {
			return err
		}
		err = r.lagging(ctx, set, lags(kind, t.Values.duration("lag")))
		return errors.Join(err, r.close())
	}
}

// lags are the distances that are tried: MySQL knows whole seconds only.
func lags(kind string, most time.Duration) []time.Duration {
	if kind == testbed.MySQL {
		return []time.Duration{0, most.Round(time.Second)}
	}
	return []time.Duration{0, most / 4, most / 2, most}
}

func (r *rig) lagging(ctx context.Context, set *testbed.Replicated, lags []time.Duration) error {
	if err := set.Settle(ctx); err != nil { // what the nodes read from has to know who is logged in
		return err
	}
	users := r.leavers()
	per := len(users.leaving) / len(lags)
	if per == 0 {
		return fmt.Errorf("%d users log out at %d lags: want one for each", len(users.leaving), len(lags))
	}
	loaded, stopLoad := context.WithCancelCause(ctx)
	defer stopLoad(nil)
	wait, err := r.background(loaded, users.live, float64(r.t.Values.number("rate")), longest*2)
	if err != nil {
		return err
	}
	table := lagTable()
	for i, lag := range lags {
		if err = r.lagBy(ctx, set, lag, users.leaving[i*per:(i+1)*per], table); err != nil {
			break
		}
	}
	if err == nil {
		sleep(ctx, r.c.Promises.Bound().Fixed) // and then all of them have to be refused
		for i := range users.leaving[:per*len(lags)] {
			if _, err = r.anywhere(ctx, &users.leaving[i].user); err != nil {
				break
			}
		}
	}
	stopLoad(errEnough)
	rec, werr := wait()
	if errors.Is(werr, errEnough) {
		werr = nil
	}
	if err := errors.Join(err, werr); err != nil {
		return err
	}
	r.t.keep(table)
	if err := r.frozen(ctx, set); err != nil {
		return err
	}
	return r.conclude(rec)
}

func lagTable() *results.Table {
	t := newTable("lag", "How long a log-out takes to be seen where sessions are read from a replica that is behind.",
		results.Column{Name: "lag", Unit: "ms", Meaning: "by which replication is held back"},
		results.Column{Name: "log-outs"},
		results.Column{Name: "let through", Meaning: "uses accepted after the acknowledgement"},
		results.Column{Name: "window", Unit: "ms", Meaning: "longest from an acknowledgement to a use that was sent after it and accepted"},
		results.Column{Name: "log-ins refused", Meaning: "of as many log-ins, those whose first use was refused: the replica had not heard of them"})
	t.Draw = "window"
	return t
}

// lagBy has users log out and others log in at one lag.
func (r *rig) lagBy(ctx context.Context, set *testbed.Replicated, lag time.Duration, list []leaver, table *results.Table) error {
	if err := set.Lag(ctx, lag); err != nil {
		return err
	}
	end := time.Now().Add(lag + r.t.Values.duration("slack") + time.Second)
	refused, err := r.refusedAtFirst(ctx, len(list))
	if err != nil {
		return err
	}
	from := r.hist.now()
	var wg sync.WaitGroup
	errs := make([]error, len(list))
	for i := range list {
		wg.Go(func() {
			u := &user{vars: list[i].vars}
			a, err := r.do(ctx, checker.Revoke, i%len(r.nodes), u, false)
			if err != nil || a.Outcome != results.OK {
				errs[i] = err
				return
			}
			for node := range r.nodes {
				wg.Go(func() { r.follow(ctx, u, node, end) })
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	through, window := r.windowSince(from)
	addAt(table, float64(lag.Milliseconds()), lag.String(), counted(len(list)), counted(through), figure(float64(window)/1e6), counted(refused))
	return context.Cause(ctx)
}

// refusedAtFirst has users log in and use it at once, and counts who was refused: not
// a promise about revocation, so that the history does not have it.
func (r *rig) refusedAtFirst(ctx context.Context, n int) (refused int, err error) {
	for i, u := range r.strangers(n) {
		client := r.client(i % len(r.nodes))
		a, err := client.Do(ctx, &r.c.Login, u.vars)
		if err != nil {
			return 0, err
		}
		if a.Outcome != results.OK {
			return 0, fmt.Errorf("log in: %s", a.Problem)
		}
		if a, err = client.Do(ctx, &r.c.Use, a.Vars); err != nil {
			return 0, err
		}
		if a.Outcome == results.Rejected {
			refused++
		}
	}
	return refused, nil
}

// windowSince is how many uses of credentials whose log-out was sent after that
// instant were accepted later than its acknowledgement, and the longest such time.
func (r *rig) windowSince(from int64) (through int, longest int64) {
	r.hist.mu.Lock()
	defer r.hist.mu.Unlock()
	acked := map[string]int64{}
	for _, op := range r.hist.ops {
		if op.Kind == checker.Revoke && op.Outcome == results.OK && op.Invoke >= from {
			acked[op.Credential] = op.Complete
		}
	}
	for _, op := range r.hist.ops {
		at, ok := acked[op.Credential]
		if ok && op.Kind == checker.Use && op.Outcome == results.OK && op.Invoke > at {
			through, longest = through+1, max(longest, op.Invoke-at)
		}
	}
	return through, longest
}

// frozenFor is how long after it a log-out that the replica never hears of is tried.
const frozenFor = time.Second

// frozen ends replication: from then on nothing bounds how long a log-out takes to be
// seen, and nothing of it is judged.
func (r *rig) frozen(ctx context.Context, set *testbed.Replicated) error {
	if err := set.Lag(ctx, 0); err != nil {
		return err
	}
	var in []user
	for i, u := range r.strangers(newcomers) {
		a, err := r.client(i%len(r.nodes)).Do(ctx, &r.c.Login, u.vars)
		if err != nil {
			return err
		}
		if a.Outcome == results.OK {
			in = append(in, user{vars: a.Vars})
		}
	}
	if err := set.Settle(ctx); err != nil {
		return err
	}
	if err := set.Freeze(ctx); err != nil {
		return err
	}
	gone, still := 0, 0
	for i, u := range in {
		a, err := r.client(i%len(r.nodes)).Do(ctx, r.c.Revoke, u.vars)
		if err != nil {
			return err
		}
		if a.Outcome == results.OK {
			gone++
		}
	}
	sleep(ctx, frozenFor)
	for i, u := range in {
		a, err := r.client(i%len(r.nodes)).Do(ctx, &r.c.Use, u.vars)
		if err != nil {
			return err
		}
		if a.Outcome == results.OK {
			still++
		}
	}
	r.tell("replica.frozen", "credentials", float64(still),
		"With replication stopped, %d of %d credentials whose log-out was acknowledged were accepted %s later, and nothing ends that.", still, gone, frozenFor)
	return nil
}
