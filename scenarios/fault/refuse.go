package fault

import (
	"context"
	"errors"
	"fmt"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

// refuse closes the link's listener, so that connecting is refused by the kernel,
// as it is where a store was killed; what is open is reset. No byte passes through
// a proxy that could make it look like connect, then end of file.
func refuse() Fault {
	return Fault{
		Name: "refuse", Summary: "connections to the store are refused, open ones reset",
		Class: OfLink, Stores: both(), NeedsLink: true, Unreachable: true,
		New: func(Params) (Injector, error) {
			return &onLinks{
				setting: testbed.LinkSetting{Kind: link.Refuse},
				acts: func(ctx context.Context, l looked) error {
					if err := dial(ctx, l.Addr()); !refused(err) {
						return fmt.Errorf("a new connection is not refused: %w", orWorks(err))
					}
					return broken(ctx, l.open)
				},
			}, nil
		},
	}
}

// orWorks names the error that is none.
func orWorks(err error) error {
	if err == nil {
		return errors.New("it works")
	}
	return err
}
