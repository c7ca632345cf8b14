package fault

import (
	"context"
	"fmt"
)

func mysqlReadonly() Fault {
	return Fault{
		Name: "mysql-readonly", Summary: "MySQL is read-only, as the loser of a failover is: it reads and refuses to write",
		Class: OfStore, Stores: mysqlOnly(), Unreachable: true, Intermittent: true,
		New: func(Params) (Injector, error) { return &readOnly{}, nil },
	}
}

// readOnly sets read_only. It does not bind accounts with SUPER (READ_ONLY ADMIN,
// CONNECTION_ADMIN): those of our own servers' nodes have none, and where one has
// it the fault is not seen to act.
type readOnly struct{ mysqlAdmin }

func (r *readOnly) Inject(ctx context.Context, p *Place) error {
	if err := r.open(ctx, p.Store); err != nil {
		return err
	}
	return r.change(ctx, "read_only", "1")
}

func (r *readOnly) Active(ctx context.Context, p *Place) error {
	err := tryTable(ctx, p.Store)
	switch {
	case err == nil:
		return hopeless{fmt.Errorf("a write works: read_only does not bind the account of the nodes")}
	case !isMySQLError(err, erOptionPrevents):
		return fmt.Errorf("a write is not refused as read-only: %w", err)
	}
	return nil
}

func (r *readOnly) Recovered(ctx context.Context, p *Place) error { return r.isBack(ctx, p) }
