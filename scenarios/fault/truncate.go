package fault

import (
	"context"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

func truncate() Fault {
	return Fault{
		Name: "truncate", Summary: "answers of the store break off in the middle, and the connection ends",
		Class: OfLink, Stores: both(), NeedsLink: true, Unreachable: true,
		Params: []Param{{"bytes", "3", "what a connection still gets of the store's answers"}},
		New:    newTruncate,
	}
}

func newTruncate(p Params) (Injector, error) {
	n, err := p.count("bytes")
	if err != nil {
		return nil, err
	}
	return &onLinks{
		setting: testbed.LinkSetting{Kind: link.Truncate, Bytes: n},
		acts: func(ctx context.Context, l looked) error {
			return l.either(func(p *testbed.Probe) error {
				// With more bytes some answers are whole.
				return until(ctx, func(ctx context.Context) error { return broken(ctx, p) })
			})
		},
	}, nil
}
