package fault

import (
	"context"
	"fmt"

	"authbench/scenarios/testbed"
)

func stop() Fault {
	return Fault{
		Name: "stop", Summary: "the store's process is stopped (SIGSTOP): connections stand, nothing is answered; then it goes on",
		Class: OfProcess, Stores: both(), Unreachable: true,
		New: func(Params) (Injector, error) { return &stopped{}, nil },
	}
}

type stopped struct{}

func (*stopped) Inject(ctx context.Context, p *Place) error { return p.Store.Stop(ctx) }

func (*stopped) Active(ctx context.Context, p *Place) error {
	return fresh(p.Store, nil, func(probe *testbed.Probe) error { return silent(ctx, probe) })
}

func (*stopped) Recover(ctx context.Context, p *Place) error { return p.Store.Continue(ctx) }

func (*stopped) Recovered(ctx context.Context, p *Place) error {
	if err := p.Store.Check(); err != nil {
		return hopeless{fmt.Errorf("it has ended meanwhile: %w", err)}
	}
	return answers(ctx, p.Store, nil)
}

func (*stopped) Close() error { return nil }
