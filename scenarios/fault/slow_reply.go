package fault

import (
	"context"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

func slowReply() Fault {
	return Fault{
		Name: "slow-reply", Summary: "the store's answers come late, by default right before its clients give up at 300 ms",
		Class: OfLink, Stores: both(), NeedsLink: true, Unreachable: true, Intermittent: true,
		Params: []Param{{"delay", "250ms", "how much later an answer comes, in milliseconds"}},
		New:    newSlowReply,
	}
}

func newSlowReply(p Params) (Injector, error) {
	d, err := p.duration("delay")
	if err != nil {
		return nil, err
	}
	return &onLinks{
		setting: testbed.LinkSetting{Kind: link.Latency, Delay: d},
		acts: func(ctx context.Context, l looked) error {
			return l.either(func(p *testbed.Probe) error { return slow(ctx, p, d) })
		},
	}, nil
}
