package fault

import (
	"context"
	"fmt"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

// connectHang is a host that is down: its kernel does not even refuse.
func connectHang() Fault {
	return Fault{
		Name: "connect-hang", Summary: "the store's host is down: connecting does not end, open connections are silent",
		Class: OfLink, Stores: both(), NeedsLink: true, Unreachable: true,
		New: func(Params) (Injector, error) {
			return &onLinks{
				setting: testbed.LinkSetting{Kind: link.Hang},
				acts: func(ctx context.Context, l looked) error {
					if err := dial(ctx, l.Addr()); err == nil || !timedOut(err) {
						return fmt.Errorf("connecting does not hang: %w", orWorks(err))
					}
					return silent(ctx, l.open)
				},
			}, nil
		},
	}
}
