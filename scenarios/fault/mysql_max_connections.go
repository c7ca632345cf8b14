package fault

import (
	"context"
	"errors"
	"fmt"

	"authbench/scenarios/testbed"
)

func mysqlMaxConnections() Fault {
	return Fault{
		Name: "mysql-max-connections", Summary: "others have taken all connections that MySQL allows: open ones are closed, new ones refused",
		Class: OfStore, Stores: mysqlOnly(), Unreachable: true, Intermittent: true,
		New: func(Params) (Injector, error) { return &full{}, nil },
	}
}

// leastConnections is the lowest max_connections that MariaDB takes.
const leastConnections = 10

// full lowers max_connections, takes the places that are left, and closes what
// other clients have open. The connection that undoes it has a place already.
type full struct {
	mysqlAdmin
	taken []*testbed.Probe
}

func (f *full) Inject(ctx context.Context, p *Place) error {
	if err := f.open(ctx, p.Store); err != nil {
		return err
	}
	if err := f.change(ctx, "max_connections", fmt.Sprint(leastConnections)); err != nil {
		return err
	}
	return f.fill(ctx, p)
}

// fill takes places and closes what others have open, in turn, until there is no
// place and nobody else. Others that are quick take some of the places that
// become free; ours stay, so that there are fewer of them every time.
func (f *full) fill(ctx context.Context, p *Place) error {
	for {
		probe, err := p.Store.Probe(nil)
		if err != nil {
			return err
		}
		if _, err = probe.Ping(ctx); err == nil {
			f.taken = append(f.taken, probe)
			continue
		}
		_ = probe.Close() // it has no connection
		if !isMySQLError(err, erTooManyConnections) {
			return err
		}
		if closed, err := f.closeOthers(ctx); closed == 0 || err != nil {
			return err
		}
	}
}

// closeOthers kills the connections of others and returns how many there were.
func (f *full) closeOthers(ctx context.Context) (closed int, err error) {
	mine := map[int64]bool{}
	for _, t := range f.taken {
		var id int64
		if err := t.MySQL().QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
			return 0, err
		}
		mine[id] = true
	}
	ids, err := f.others(ctx, mine)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if _, err := f.conn.ExecContext(ctx, fmt.Sprintf("KILL CONNECTION %d", id)); err != nil && !isMySQLError(err, erNoSuchThread) {
			return 0, fmt.Errorf("KILL %d: %w", id, err)
		}
	}
	return len(ids), nil
}

const erNoSuchThread = 1094

// others lists the connections of the nodes' account that are not mine.
func (f *full) others(ctx context.Context, mine map[int64]bool) ([]int64, error) {
	rows, err := f.conn.QueryContext(ctx, `SELECT id FROM information_schema.processlist
		WHERE user NOT IN ('system user', 'event_scheduler', SUBSTRING_INDEX(USER(), '@', 1))`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		if !mine[id] {
			ids = append(ids, id)
		}
	}
	return ids, rows.Err()
}

// Active has seen that there is no place for us and nobody else.
func (f *full) Active(ctx context.Context, p *Place) error { return f.fill(ctx, p) }

func (f *full) Recover(ctx context.Context, p *Place) error {
	return errors.Join(f.leave(), f.mysqlAdmin.Recover(ctx, p))
}

// leave gives the places back.
func (f *full) leave() error {
	var errs []error
	for _, t := range f.taken {
		errs = append(errs, t.Close())
	}
	f.taken = nil
	return errors.Join(errs...)
}

func (f *full) Recovered(ctx context.Context, p *Place) error { return f.isBack(ctx, p) }

func (f *full) Close() error { return errors.Join(f.leave(), f.mysqlAdmin.Close()) }
