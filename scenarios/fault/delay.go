package fault

import (
	"context"
	"time"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

func delay() Fault {
	return Fault{
		Name: "delay", Summary: "the path to the store is longer: every byte arrives later, both ways",
		Class: OfLink, Stores: both(), NeedsLink: true, DelayLink: true,
		Params: []Param{
			{"each-way", "1ms", "delay of one direction, in steps of 10us; a round trip has it twice"},
			{"jitter", "0s", "up to that much more, drawn for every read; in steps of 10us"},
		},
		New: newDelay,
	}
}

func newDelay(p Params) (Injector, error) {
	each, err := p.duration("each-way")
	if err != nil {
		return nil, err
	}
	jitter, err := time.ParseDuration(p["jitter"])
	if err != nil {
		return nil, err
	}
	return &onLinks{
		setting: testbed.LinkSetting{Kind: link.Delay, Delay: each, Jitter: jitter},
		acts: func(ctx context.Context, l looked) error {
			return l.either(func(p *testbed.Probe) error { return slow(ctx, p, 2*each) })
		},
	}, nil
}
