package fault

import (
	"context"

	"authbench/scenarios/testbed"
)

func flushAll() Fault {
	return Fault{
		Name: "flushall", Summary: "somebody empties Redis (of a server that is not ours alone: what is ours in it)",
		Class: OfStore, Stores: redisOnly(), DataLoss: true,
		New: func(Params) (Injector, error) { return &flushed{}, nil },
	}
}

// flushed has nothing to undo: what is gone is gone.
type flushed struct{}

func (*flushed) Inject(ctx context.Context, p *Place) error {
	if err := putMarker(ctx, p.Store); err != nil {
		return err
	}
	return p.Store.Empty(ctx)
}

func (*flushed) Active(ctx context.Context, p *Place) error { return marker(ctx, p.Store, false) }

func (*flushed) Recover(context.Context, *Place) error { return nil }

func (*flushed) Recovered(ctx context.Context, p *Place) error {
	return fresh(p.Store, nil, func(*testbed.Probe) error { return tryWrite(ctx, p.Store) })
}

func (*flushed) Close() error { return nil }
