package fault

import (
	"context"
	"time"

	"authbench/scenarios/testbed"
)

func restoreOld() Fault {
	return Fault{
		Name:    "restore-old",
		Summary: "the store is killed and comes back with old data: a backup, or what a power cut left",
		Class:   OfProcess, Stores: both(), Unreachable: true, DataLoss: true, OldData: true,
		Params: []Param{{"age", "1s", "how long before the kill the snapshot is taken, where the scenario has not taken one"}},
		New:    newRestoreOld,
	}
}

// restored is a store that comes back as it was.
type restored struct {
	killed
	age time.Duration
	old *testbed.Snapshot
	own bool // old is ours to remove
}

func newRestoreOld(p Params) (Injector, error) {
	age, err := p.duration("age")
	if err != nil {
		return nil, err
	}
	r := &restored{age: age}
	r.restart = func(s *testbed.Store, ctx context.Context) error { return s.RestartFrom(ctx, r.old) }
	return r, nil
}

func (r *restored) Inject(ctx context.Context, p *Place) error {
	if r.old = p.Old; r.old == nil {
		var err error
		if r.old, err = p.Store.Snapshot(ctx); err != nil {
			return err
		}
		r.own = true
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(r.age):
		}
	}
	return r.killed.Inject(ctx, p)
}

func (r *restored) Close() error {
	if !r.own {
		return nil
	}
	return r.old.Remove()
}
