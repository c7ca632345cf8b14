package fault

import (
	"context"
	"fmt"
	"time"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

func bandwidth() Fault {
	return Fault{
		Name: "bandwidth", Summary: "every connection to the store carries only so many bytes a second, each way",
		Class: OfLink, Stores: both(), NeedsLink: true, Unreachable: true, Intermittent: true,
		Params: []Param{{"rate", "20000", "bytes a second of one connection, a multiple of 1000"}},
		New:    newBandwidth,
	}
}

func newBandwidth(p Params) (Injector, error) {
	rate, err := p.count("rate")
	if err != nil {
		return nil, err
	}
	const fill = 200 * time.Millisecond // how long what we pull takes
	n := int(rate * int64(fill) / int64(time.Second))
	return &onLinks{
		setting: testbed.LinkSetting{Kind: link.Bandwidth, Rate: rate},
		acts: func(ctx context.Context, l looked) error {
			return l.either(func(p *testbed.Probe) error {
				took, err := p.Pull(ctx, n)
				if err == nil && took < fill/2 {
					err = fmt.Errorf("%d bytes take %v, not %v", n, took, fill)
				}
				return err
			})
		},
	}, nil
}
