package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"authbench/results"
	"authbench/scenarios/fault"
	"authbench/targets/contract"
)

// RedisOutage and MySQLOutage take the store away in one of many ways and look at
// what users see before, during and after.
func RedisOutage() Scenario {
	return outageScenario("redis-outage", "redis", "kill",
		"Redis dies, hangs, refuses, forgets or comes back old: what users see before, during and after")
}

// MySQLOutage is RedisOutage for MySQL or MariaDB.
func MySQLOutage() Scenario {
	return outageScenario("mysql-outage", "mysql", "kill",
		"MySQL dies, hangs, locks or refuses connections: what users see before, during and after")
}

// Eviction lets Redis run out of memory under a policy that forgets.
func Eviction() Scenario {
	return outageScenario("eviction", "redis", "evict-lru",
		"Redis is full and evicts what was stored: who is logged out, and who that was logged out is let in")
}

func outageScenario(name, store, initial, summary string) Scenario {
	var words []string
	for _, f := range fault.All() {
		if slices.Contains(f.Stores, store) {
			words = append(words, f.Name)
		}
	}
	return Scenario{
		Name: name, Summary: summary,
		Params: append([]Param{
			{Key: "fault", Default: initial, Words: words, Meaning: "what happens to the store (authbench list faults)"},
			{Key: "store", Default: store, Words: []string{store}, Meaning: "which store it happens to"},
		}, timeline()...),
		Applies: func(c *contract.Contract, _ Values) string { return needsStore(c, store) },
		Run:     runOutage,
	}
}

// timeline are the settings that every outage has.
func timeline() []Param {
	return []Param{
		{Key: "nodes", Default: "2", Meaning: "nodes behind one population"},
		{Key: "users", Default: "200", Meaning: "users that are logged in"},
		{Key: "revoked", Default: "40", Meaning: "of whom so many are logged out before the fault"},
		{Key: "rate", Default: "300", Meaning: "background uses a second, on all nodes in turn"},
		{Key: "before", Default: "1s", Meaning: "time before the fault"},
		{Key: "during", Default: "2s", Meaning: "time that it lasts, once it is seen to be active"},
		{Key: "after", Default: "2s", Meaning: "time after it, once it is seen to be over"},
	}
}

func needsStore(c *contract.Contract, kind string) string {
	switch {
	case c.Start == nil:
		return "its store is not ours to disturb"
	case !slices.Contains(storesOf(c), kind):
		return "it does not use " + kind
	}
	return ""
}

func runOutage(ctx context.Context, t *Trial) error {
	v := t.Values
	f, ok := fault.ByName(v["fault"])
	if !ok {
		return fmt.Errorf("no fault is called %q", v["fault"])
	}
	// Beside the population under load there are users who log out before the
	// fault, and some who try to during it.
	r, err := t.setUp(ctx, setup{nodes: v.number("nodes"), users: v.number("users"), fault: f})
	if err != nil {
		return err
	}
	err = r.outage(ctx, f)
	return errors.Join(err, r.close())
}

func (r *rig) outage(ctx context.Context, f fault.Fault) error {
	v, c := r.t.Values, r.split()
	before, after := v.duration("before"), v.duration("after")
	if err := r.remember(ctx, f); err != nil {
		return err
	}
	if err := r.logOut(ctx, c.revoked); err != nil {
		return err
	}
	// The load goes on as long as the fault takes to come and go, which is not
	// known beforehand.
	loaded, stopLoad := context.WithCancelCause(ctx)
	defer stopLoad(nil)
	wait, err := r.background(loaded, c.live, float64(v.number("rate")), before+v.duration("during")+after+longest)
	if err != nil {
		return err
	}
	probes := r.probe(loaded, c.revoked)
	calm, err := r.opsPerSecond(ctx, func() error { sleep(ctx, before); return nil })
	if err != nil {
		return err
	}
	active, err := r.inject(ctx, f.Name, v.duration("during"), nil)
	var o results.Outage
	if err == nil {
		r.leave(ctx, f, c.leaving, v.duration("during"), &o)
		err = active.End(ctx)
	}
	if err == nil {
		over := time.Now()
		rush, cerr := r.opsPerSecond(ctx, func() error { return r.comeBack(ctx, f) })
		if calm > 0 && rush > 0 {
			o.Stampede = number(rush / calm)
		}
		if err = cerr; err == nil {
			err = r.untilAccepted(ctx)
		}
		if err == nil && o.LogoutsDuring.Failed > 0 { // they repeat it, as clients do
			err = r.logOut(ctx, c.leaving)
		}
		err = errors.Join(err, r.nodesAlive())
		sleep(ctx, time.Until(over.Add(after)))
	}
	stopLoad(errEnough)
	rec, werr := wait()
	probes.wait()
	if errors.Is(werr, errEnough) {
		werr = nil
	}
	if err = errors.Join(err, werr); err != nil {
		return err
	}
	r.ask(ctx, c, &o)
	r.stages(active.Record(), c, probes, &o)
	r.chaos().Outage = &o
	r.outageFacts(f, &o)
	return r.conclude(rec)
}

// remember takes the snapshot that restore-old goes back to: of a time at which
// nobody was logged out.
func (r *rig) remember(ctx context.Context, f fault.Fault) (err error) {
	if f.Name != restoreOld {
		return nil
	}
	store := r.place(f, nil).Store
	if store == nil {
		return nil // Begin says why it cannot be
	}
	if r.old, err = store.Snapshot(ctx); err != nil {
		return fmt.Errorf("snapshot of %s: %w", store.Kind(), err)
	}
	return nil
}

// restoreOld is the fault that needs a past.
const restoreOld = "restore-old"

// longest is how long a fault may take to come and to go, altogether.
const longest = 20 * time.Second

var errEnough = errors.New("the outage is over")

// opsPerSecond is how busy the stores are while do is done; 0 when they do not count,
// or cannot be asked so soon after a fault.
func (r *rig) opsPerSecond(ctx context.Context, do func() error) (float64, error) {
	before, known := r.t.Testbed.StoreOps(ctx)
	began := time.Now()
	if err := do(); err != nil {
		return 0, err
	}
	took := time.Since(began)
	after, err := r.t.Testbed.StoreOps(ctx)
	if done := after.Sub(before); known == nil && err == nil && done.Known {
		return float64(done.Total()) / took.Seconds(), nil
	}
	return 0, nil
}
