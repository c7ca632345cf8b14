package fault

import (
	"context"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

func blackhole() Fault {
	return hole("blackhole", "nothing gets through in either direction, and nobody is told", link.Both)
}

func blackholeUp() Fault {
	return hole("blackhole-up", "commands vanish on their way to the store", link.Up)
}

func blackholeDown() Fault {
	return hole("blackhole-down", "the store does what it is told, and its answers vanish: nobody knows what was done", link.Down)
}

// hole is a black hole. New connections are accepted (connect-hang is where they
// are not). Connections that lived through it are closed at its end: their stream
// has a gap.
func hole(name, summary, direction string) Fault {
	return Fault{
		Name: name, Summary: summary,
		Class: OfLink, Stores: both(), NeedsLink: true, Unreachable: true,
		New: func(Params) (Injector, error) {
			return &onLinks{
				setting: testbed.LinkSetting{Kind: link.Blackhole, Direction: direction},
				acts: func(ctx context.Context, l looked) error {
					return l.either(func(p *testbed.Probe) error { return silent(ctx, p) })
				},
			}, nil
		},
	}
}
