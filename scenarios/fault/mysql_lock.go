package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"authbench/scenarios/testbed"
)

func mysqlLock() Fault {
	return Fault{
		Name: "mysql-lock", Summary: "somebody else's transaction holds locks on what the arm wants to change",
		Class: OfStore, Stores: mysqlOnly(), Unreachable: true, Intermittent: true,
		Params: []Param{{"what", "rows", "rows: all that are there, reading goes on; tables: nothing goes on"}},
		New: func(p Params) (Injector, error) {
			what, err := p.one("what", "rows", "tables")
			return &locked{what: what}, err
		},
	}
}

// locked holds locks on one connection. They go when it does.
type locked struct {
	mysqlAdmin
	what string
	on   []string // tables
}

func (l *locked) Inject(ctx context.Context, p *Place) error {
	if err := l.open(ctx, p.Store); err != nil {
		return err
	}
	all, err := l.tables(ctx)
	if err != nil {
		return err
	}
	if l.what == "tables" {
		if len(all) == 0 {
			return errors.New("there is no table of ours to be locked")
		}
		l.on = all
		_, err := l.conn.ExecContext(ctx, "LOCK TABLES "+strings.Join(all, " WRITE, ")+" WRITE")
		return err
	}
	if _, err := l.conn.ExecContext(ctx, "START TRANSACTION"); err != nil {
		return err
	}
	for _, table := range all {
		var n int
		if err := l.conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table+" FOR UPDATE").Scan(&n); err != nil {
			return fmt.Errorf("lock the rows of %s: %w", table, err)
		}
		if n > 0 {
			l.on = append(l.on, table)
		}
	}
	if len(l.on) == 0 {
		return errors.New("there is no row of ours to be locked")
	}
	return nil
}

func (l *locked) Active(ctx context.Context, p *Place) error {
	for _, table := range l.on {
		switch err := l.want(ctx, p, table); {
		case err == nil:
			return fmt.Errorf("%s is not locked", table)
		case !isMySQLError(err, erLockWaitTimeout):
			return fmt.Errorf("no lock of %s is waited for: %w", table, err)
		}
	}
	return nil
}

// want asks for what is locked, as a node would, and waits a second for it.
func (l *locked) want(ctx context.Context, p *Place, table string) error {
	return fresh(p.Store, nil, func(probe *testbed.Probe) error {
		db := probe.MySQL() // one connection, so that the limit is its
		if _, err := db.ExecContext(ctx, "SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1"); err != nil {
			return err
		}
		var n int
		query := "SELECT COUNT(*) FROM " + table
		if l.what == "rows" {
			query += " FOR UPDATE"
		}
		return db.QueryRowContext(ctx, query).Scan(&n)
	})
}

// Recover lets go: with the connection goes the transaction.
func (l *locked) Recover(context.Context, *Place) error { return l.mysqlAdmin.Close() }

func (l *locked) Recovered(ctx context.Context, p *Place) error {
	if err := p.Store.Check(); err != nil {
		return hopeless{fmt.Errorf("it has ended meanwhile: %w", err)}
	}
	for _, table := range l.on {
		if err := l.want(ctx, p, table); err != nil {
			return err
		}
	}
	return nil
}
