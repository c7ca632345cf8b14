package fault

import (
	"context"
	"errors"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

func flap() Fault {
	return Fault{
		Name: "flap", Summary: "the store goes away and comes back, again and again: refused and reset, then reached",
		Class: OfLink, Stores: both(), NeedsLink: true, Unreachable: true, Intermittent: true,
		Params: []Param{
			{"down", "1s", "how long it is away each time; it begins so"},
			{"up", "1s", "how long it is there in between"},
		},
		New: newFlap,
	}
}

func newFlap(p Params) (Injector, error) {
	down, err := p.duration("down")
	if err != nil {
		return nil, err
	}
	up, err := p.duration("up")
	if err != nil {
		return nil, err
	}
	return &onLinks{
		setting: testbed.LinkSetting{Kind: link.Flap, Up: up, Down: down},
		acts: func(ctx context.Context, l looked) error {
			away := func(ctx context.Context) error {
				if !refused(dial(ctx, l.Addr())) {
					return errors.New("it is not seen to go away")
				}
				return nil
			}
			back := func(ctx context.Context) error { return dial(ctx, l.Addr()) }
			return errors.Join(until(ctx, away), until(ctx, back))
		},
	}, nil
}
