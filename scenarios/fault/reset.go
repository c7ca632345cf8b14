package fault

import (
	"context"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

func reset() Fault {
	return Fault{
		Name: "reset", Summary: "connections to the store are reset (RST): open ones, and new ones once they stand",
		Class: OfLink, Stores: both(), NeedsLink: true, Unreachable: true,
		New: func(Params) (Injector, error) {
			return &onLinks{
				setting: testbed.LinkSetting{Kind: link.Reset},
				acts: func(ctx context.Context, l looked) error {
					return l.either(func(p *testbed.Probe) error { return broken(ctx, p) })
				},
			}, nil
		},
	}
}
