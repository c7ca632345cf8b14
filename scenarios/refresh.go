package scenarios

import (
	"context"
	"errors"
	"sync"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
)

// parallelRefreshes are sent with one token at the same time, as tabs of one
// browser do.
const parallelRefreshes = 8

// runRefresh trades refresh tokens in every way that goes wrong in practice. For
// each of several users: a refresh, the token before it once more at once (a
// client that lost the answer), several at the same time (tabs), and, when the
// grace is over, a token that was traded long ago (a thief).
func runRefresh(ctx context.Context, t *Trial) error {
	v := t.Values
	r, err := t.setUp(ctx, setup{nodes: v.number("nodes"), users: min(v.number("users"), v.number("revocations"))})
	if err != nil {
		return err
	}
	err = r.refreshes(ctx)
	return errors.Join(err, r.close())
}

// family is what one log-in grows into.
type family struct {
	first  user   // what the log-in gave
	second user   // after the first refresh
	after  []user // of the parallel ones
}

func (r *rig) refreshes(ctx context.Context) error {
	families := make([]family, len(r.users))
	var wg sync.WaitGroup
	slots := make(chan struct{}, loginWorkers)
	for i := range families {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			families[i] = r.grow(ctx, i)
		})
	}
	wg.Wait()
	// What refreshes handed out has to work.
	for i := range families {
		for k, u := range append([]user{families[i].second}, families[i].after...) {
			if u.vars == nil {
				continue
			}
			if _, err := r.do(ctx, checker.Use, (i+k)%len(r.nodes), &user{vars: u.vars}, false); err != nil {
				return err
			}
		}
	}
	// Thieves come when the grace is over, and a little.
	sleep(ctx, durationOf(r.c.Promises.RefreshGrace)+1500*time.Millisecond)
	var accepted, replays, alive int64
	for i := range families {
		f := &families[i]
		thief := user{vars: f.first.vars}
		a, err := r.do(ctx, checker.Refresh, i%len(r.nodes), &thief, false)
		if err != nil {
			return err
		}
		if a.Outcome == results.OK || a.Outcome == results.Rejected {
			replays++
		}
		if a.Outcome == results.OK {
			accepted++
		}
		// Is what the user holds worth anything after that?
		holder := user{vars: f.second.vars}
		if len(f.after) > 0 {
			holder = user{vars: f.after[0].vars}
		}
		if a, err = r.do(ctx, checker.Refresh, (i+1)%len(r.nodes), &holder, false); err == nil && a.Outcome == results.OK {
			alive++
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.tell("refresh.replays", "replays accepted", float64(accepted),
		"%d of %d refresh tokens that had been traded in long before were accepted again; %d families were still alive after it.", accepted, replays, alive)
	r.lineages(families)
	return r.conclude(nil)
}

// grow does the honest part and the races.
func (r *rig) grow(ctx context.Context, i int) family {
	node := func(k int) int { return (i + k) % len(r.nodes) }
	f := family{first: user{vars: r.users[i].vars}}
	f.second = user{vars: f.first.vars}
	if a, err := r.do(ctx, checker.Refresh, node(0), &f.second, false); err != nil || a.Outcome != results.OK {
		return f
	}
	lost := user{vars: f.first.vars} // the answer got lost: the client asks again at once
	_, _ = r.do(ctx, checker.Refresh, node(1), &lost, false)
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	for k := range parallelRefreshes {
		wg.Go(func() {
			tab := user{vars: f.second.vars}
			a, err := r.do(ctx, checker.Refresh, node(k), &tab, false)
			if err == nil && a.Outcome == results.OK {
				mu.Lock()
				f.after = append(f.after, tab)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return f
}

// lineages counts how many different refresh tokens came out of parallel
// refreshes of one: more than one means that a thief and the owner can both go on.
func (r *rig) lineages(families []family) {
	most, several, grown := 0, 0, 0
	for i := range families {
		different := map[string]bool{}
		for _, u := range families[i].after {
			different[u.vars["refresh_token"]] = true
		}
		if len(different) > 0 {
			grown++
		}
		if len(different) > 1 {
			several++
		}
		most = max(most, len(different))
	}
	r.tell("refresh.lineages", "lineages", float64(most),
		"%d parallel refreshes of one token left at most %d lineages; %d of %d families split.", parallelRefreshes, most, several, grown)
	v := results.Verdict{Check: "lineages", Unit: "families with more than one lineage", Measured: number(float64(several))}
	switch {
	case grown == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "no refresh succeeded"
	case r.c.Promises.Refresh == "rotating" && several > 0:
		v.Status, v.Bound, v.Reason = results.Fail, number(0), "parallel refreshes left more than one lineage"
	case r.c.Promises.Refresh == "rotating":
		v.Status, v.Bound = results.Pass, number(0)
	default:
		v.Status, v.Reason = results.NotApplicable, "its refresh tokens do not rotate: "+r.c.Promises.Refresh
	}
	r.t.judge(v)
}
