package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authbench/scenarios/testbed"
)

func kill() Fault {
	return Fault{
		Name: "kill", Summary: "the store is killed (SIGKILL); it comes back with its data",
		Class: OfProcess, Stores: both(), Unreachable: true,
		New: func(Params) (Injector, error) {
			return &killed{back: back{restart: (*testbed.Store).Restart, keeps: true}}, nil
		},
	}
}

// killed is a store that is dead for a while. What it comes back with is where
// its kinds differ.
type killed struct {
	back
	began bool
}

// back is how a store comes back.
type back struct {
	restart func(*testbed.Store, context.Context) error
	// keeps: with what it had acknowledged.
	keeps bool
}

func (k *killed) Inject(ctx context.Context, p *Place) error {
	switch {
	case k.keeps && p.Store.StandIn():
		return testbed.Unsupported("a stand-in keeps no data over its death: that is kill-empty")
	case !k.keeps && !p.Store.StandIn():
		if err := p.Store.Replaceable(); err != nil { // not found out when it is dead
			return err
		}
	}
	if err := putMarker(ctx, p.Store); err != nil {
		return err
	}
	if err := p.Store.Kill(ctx); err != nil {
		k.began = p.Store.Check() != nil
		return errors.Join(err, takeMarker(ctx, p.Store))
	}
	k.began = true
	return nil
}

func (k *killed) Active(ctx context.Context, p *Place) error { return dead(ctx, p.Store) }

// dead is nil when the process is gone and nobody answers in its place.
func dead(ctx context.Context, s *testbed.Store) error {
	if s.Check() == nil {
		return errors.New("the process is there")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return fresh(s, nil, func(p *testbed.Probe) error {
		if _, err := p.Ping(ctx); err == nil {
			return errors.New("the store answers")
		}
		return nil
	})
}

func (k *killed) Recover(ctx context.Context, p *Place) error {
	if !k.began || p.Store.Check() == nil && answers(ctx, p.Store, nil) == nil {
		return nil // it was not killed, or is back already
	}
	return k.restart(p.Store, ctx)
}

func (k *killed) Recovered(ctx context.Context, p *Place) error {
	if err := p.Store.Check(); err != nil {
		return hopeless{fmt.Errorf("it has ended again: %w", err)}
	}
	if !k.began {
		return answers(ctx, p.Store, nil)
	}
	if err := marker(ctx, p.Store, k.keeps); err != nil {
		return err
	}
	return takeMarker(ctx, p.Store)
}

func (k *killed) Close() error { return nil }
