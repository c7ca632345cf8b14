package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/fault"
	"authbench/targets/contract"
)

// Revocation asks what the decision turns on: how long a credential still works
// after its owner was told that it is dead. Credentials are in use on all nodes
// all the time; log-outs arrive on one node, and each acknowledgement at once
// triggers a use on every node, because a bound of 0 shows only there.
func Revocation() Scenario {
	return Scenario{
		Name:    "revocation",
		Summary: "log-outs on one node while the credentials are in use on all: how long do they still work, and where",
		Params: []Param{
			{Key: "how", Default: "logout", Words: []string{"logout", "everywhere", "password", "step-up", "refresh"}, Meaning: "what ends the credential; refresh: replays and parallel refreshes of one token"},
			{Key: "nodes", Default: "4", Meaning: "nodes behind one population"},
			{Key: "users", Default: "400", Meaning: "users that are logged in"},
			{Key: "devices", Default: "1", Meaning: "log-ins of each user"},
			{Key: "revocations", Default: "200", Meaning: "users of whom a credential is revoked"},
			{Key: "over", Default: "4s", Meaning: "time over which they are spread"},
			{Key: "rate", Default: "400", Meaning: "background uses a second, on all nodes in turn"},
			{Key: "cut", Default: "none", Words: cuts(), Meaning: "fault on the link to the store of one node, active while the log-outs arrive"},
			{Key: "cut_at", Default: "other", Words: []string{"other", "revoker"}, Meaning: "which node is cut: one that has to hear of the log-out, or the one that takes it"},
			{Key: "watch", Default: "15s", Meaning: "longest that a revoked credential is followed"},
		},
		Applies: revocationApplies,
		Run:     runRevocation,
	}
}

// cuts are the link faults that make a store unreachable.
func cuts() []string {
	words := []string{"none"}
	for _, f := range fault.All() {
		if f.NeedsLink && f.Unreachable {
			words = append(words, f.Name)
		}
	}
	return words
}

func revocationApplies(c *contract.Contract, v Values) string {
	kind := revokeKind(v["how"])
	step := (&rig{c: c}).step(kind)
	switch {
	case c.Mechanism == "none":
		return "it has no credential that could be revoked"
	case step == nil:
		return fmt.Sprintf("its contract has no %s step", kind)
	case v["cut"] != "none" && len(storesOf(c)) == 0:
		return "it has no store whose link could be cut"
	case v["cut"] != "none" && c.Start == nil:
		return "its link to the store is not ours to cut"
	case v["how"] == "refresh" && c.Promises.Refresh == "":
		return "it promises nothing about refresh tokens"
	}
	return ""
}

func revokeKind(how string) checker.Kind {
	return map[string]checker.Kind{
		"logout": checker.Revoke, "everywhere": checker.RevokeAll, "password": checker.Password,
		"step-up": checker.StepUp, "refresh": checker.Refresh,
	}[how]
}

func runRevocation(ctx context.Context, t *Trial) error {
	if t.Values["how"] == "refresh" {
		return runRefresh(ctx, t)
	}
	v := t.Values
	cut, _ := fault.ByName(v["cut"]) // none of them is called none
	r, err := t.setUp(ctx, setup{nodes: v.number("nodes"), users: v.number("users"), devices: v.number("devices"), fault: cut})
	if err != nil {
		return err
	}
	err = r.revocation(ctx)
	return errors.Join(err, r.close())
}

// settling is how long the load runs before the first log-out.
const settling = 300 * time.Millisecond

func (r *rig) revocation(ctx context.Context) error {
	v := r.t.Values
	over, tail := v.duration("over"), r.tail(v.duration("watch"))
	if r.c.Promises.Bound().Expiry { // the users were logged in before the load began
		tail = max(time.Second, tail-settling-over)
	}
	total := settling + over + tail
	if v["cut"] != "none" {
		total += cutMargin
	}
	wait, err := r.background(ctx, r.users, float64(v.number("rate")), total)
	if err != nil {
		return err
	}
	end := time.Now().Add(total)
	time.Sleep(settling)
	var cut begun
	if name := v["cut"]; name != "none" {
		if cut, err = r.cut(ctx, name, v["cut_at"]); err != nil {
			_, werr := wait()
			return errors.Join(err, werr)
		}
	}
	victims := r.victims(v.number("revocations"))
	gone := make(chan error, 1)
	go func() { gone <- r.revokeAll(ctx, victims, over, end) }()
	if cut.Active != nil {
		sleep(ctx, over+cutMargin/2)
		err = cut.End(ctx)
	}
	rec, werr := wait()
	err = errors.Join(err, werr, <-gone)
	if err != nil {
		return err
	}
	r.again(ctx, victims)
	return r.conclude(rec)
}

// cutMargin is how much longer a link stays cut than log-outs arrive, twice.
const cutMargin = 3 * time.Second

// tail is how long revoked credentials are followed after the last log-out: until
// the declared bound is over and a little more, at most watch.
func (r *rig) tail(watch time.Duration) time.Duration {
	b := r.c.Promises.Bound()
	past := b.Fixed + time.Second
	if b.Expiry {
		past = b.Lifetime + b.Leeway + 2*time.Second
	}
	if past > watch { // it does not end here: a look is enough
		return time.Second
	}
	return past
}

// cut begins a fault on the links of one node.
func (r *rig) cut(ctx context.Context, name, at string) (begun, error) {
	node := len(r.nodes) - 1
	if at == "revoker" {
		node = 0
	}
	return r.inject(ctx, name, r.t.Values.duration("over")+cutMargin, []int{node})
}

// victim is one user with every credential of theirs, of which the first asks for
// the revocation.
type victim struct {
	held []*user
	at   time.Duration // since the first may
}

// victims draws n users and when each of them goes.
func (r *rig) victims(n int) []victim {
	byUser := map[string][]*user{}
	for i := range r.users {
		name := r.users[i].vars["subject"]
		// A copy: the background goes on with what it was given.
		byUser[name] = append(byUser[name], &user{vars: maps.Clone(r.users[i].vars)})
	}
	names := slices.Sorted(maps.Keys(byUser))
	rng := rand.New(rand.NewPCG(r.t.Seed, 1))
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	over := r.t.Values.duration("over")
	var vs []victim
	for _, name := range names[:min(n, len(names))] {
		vs = append(vs, victim{held: byUser[name], at: time.Duration(rng.Int64N(int64(over) + 1))})
	}
	return vs
}

// revokeAll revokes every victim's credential when its time has come, and follows
// what should be dead on every node until end.
func (r *rig) revokeAll(ctx context.Context, vs []victim, over time.Duration, end time.Time) error {
	begin := time.Now()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for _, v := range vs {
		wg.Go(func() {
			sleep(ctx, time.Until(begin.Add(v.at)))
			if err := r.revokeOne(ctx, v, end); err != nil && ctx.Err() == nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
}

// revoker is the node that takes the log-outs.
const revoker = 0

func (r *rig) revokeOne(ctx context.Context, v victim, end time.Time) error {
	kind := revokeKind(r.t.Values["how"])
	caller := &user{vars: v.held[0].vars.With(contract.Vars{"new_password": "new-" + v.held[0].vars["password"]})}
	// Repeated until it is acknowledged, as a client would: one that timed out or
	// got a 5xx may or may not have taken effect.
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		a, err := r.do(ctx, kind, revoker, caller, false)
		if err != nil {
			return err
		}
		if a.Outcome == results.OK {
			break
		}
		if a.Outcome == results.Rejected || a.Outcome == results.Forbidden || time.Now().After(end) || ctx.Err() != nil {
			return nil // the history says what it was
		}
		sleep(ctx, pause)
	}
	dead := v.held[:1]
	if kind == checker.RevokeAll || kind == checker.Password {
		dead = v.held
	}
	var wg sync.WaitGroup
	for _, u := range dead {
		for node := range r.nodes {
			wg.Go(func() { r.follow(ctx, u, node, end) })
		}
	}
	if t, ok := r.twinOf(v.held[0]); ok {
		for node := range r.nodes {
			wg.Go(func() { r.follow(ctx, t, node, end) })
		}
	}
	if kind == checker.Password || kind == checker.StepUp {
		for node := range r.nodes {
			wg.Go(func() { _, _ = r.do(ctx, checker.Use, node, caller, true) }) // the new one has to work
		}
	}
	wg.Wait()
	return nil
}

// twinOf is the same credential in another spelling, under the same name: what is
// revoked is the credential, not its bytes.
func (r *rig) twinOf(u *user) (*user, bool) {
	other, ok := twin(u.vars["credential"])
	if !ok {
		return nil, false
	}
	r.hist.alias(u.vars["subject"], u.vars["credential"], other)
	return &user{vars: u.vars.With(contract.Vars{"credential": other})}, true
}

// follow uses a revoked credential on one node at once and then again and again,
// until it has been refused or end has come.
func (r *rig) follow(ctx context.Context, u *user, node int, end time.Time) {
	began := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		a, err := r.do(ctx, checker.Use, node, &user{vars: u.vars}, i == 0)
		if err != nil || a.Outcome == results.Rejected {
			return
		}
		next := time.Now().Add(pace(time.Since(began)))
		if next.After(end) {
			return
		}
		sleep(ctx, time.Until(next))
	}
}

// pace is how long to wait before a credential that still works is used again:
// often in the beginning, where windows are short.
func pace(since time.Duration) time.Duration {
	return max(5*time.Millisecond, min(since/4, 500*time.Millisecond))
}

// again uses every credential of the victims once more on every node, when all is
// over: what was dead should still be, what was not should live. It tells what
// became of the other devices of who logged out on one.
func (r *rig) again(ctx context.Context, vs []victim) {
	var (
		wg          sync.WaitGroup
		slots       = make(chan struct{}, loginWorkers)
		asked, live atomic.Int64
	)
	for _, v := range vs {
		for device, u := range v.held {
			for node := range r.nodes {
				slots <- struct{}{}
				wg.Go(func() {
					defer func() { <-slots }()
					a, err := r.do(ctx, checker.Use, node, &user{vars: u.vars}, false)
					if err != nil || device == 0 {
						return
					}
					asked.Add(1)
					if a.Outcome == results.OK {
						live.Add(1)
					}
				})
			}
		}
	}
	wg.Wait()
	if n := asked.Load(); n > 0 {
		r.tell("devices.others", "uses accepted", float64(live.Load()),
			"After %s on one of the %d devices of a user, %d of %d uses of the other devices were accepted.",
			r.t.Values["how"], max(1, r.t.Values.number("devices")), live.Load(), n)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
