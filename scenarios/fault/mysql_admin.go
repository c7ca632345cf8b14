package fault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"authbench/scenarios/testbed"
)

// Error numbers of MySQL and MariaDB.
const (
	erTooManyConnections = 1040
	erLockWaitTimeout    = 1205
	erOptionPrevents     = 1290 // the server runs with --read-only
)

func isMySQLError(err error, number uint16) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && e.Number == number
}

// mysqlAdmin is a connection with every right that we have, held while the fault
// lasts: a server that is full lets no other in.
type mysqlAdmin struct {
	db   *sql.DB
	conn *sql.Conn
	was  map[string]string // global variables, by name
}

func (a *mysqlAdmin) open(ctx context.Context, s *testbed.Store) (err error) {
	if a.db, err = s.AdminMySQL(); err != nil {
		return err
	}
	a.conn, err = a.db.Conn(ctx)
	return err
}

// change notes what a global variable was, and sets it.
func (a *mysqlAdmin) change(ctx context.Context, name, to string) error {
	was, err := a.variable(ctx, name)
	if err != nil {
		return err
	}
	a.was = map[string]string{name: was}
	return a.set(ctx, name, to)
}

func (a *mysqlAdmin) set(ctx context.Context, name, to string) error {
	if _, err := a.conn.ExecContext(ctx, "SET GLOBAL "+name+" = "+to); err != nil {
		return fmt.Errorf("SET GLOBAL %s: %w", name, err)
	}
	return nil
}

func (a *mysqlAdmin) variable(ctx context.Context, name string) (value string, err error) {
	if err := a.conn.QueryRowContext(ctx, "SELECT @@GLOBAL."+name).Scan(&value); err != nil {
		return "", fmt.Errorf("global variable %s: %w", name, err)
	}
	return value, nil
}

// Recover puts the variables back, on a new connection where the old one is lost.
func (a *mysqlAdmin) Recover(ctx context.Context, p *Place) error {
	if err := p.Store.Check(); err != nil {
		return hopeless{fmt.Errorf("it has ended meanwhile: %w", err)}
	}
	for name, value := range a.was {
		if err := a.set(ctx, name, value); err != nil {
			return errors.Join(err, a.again(ctx))
		}
	}
	return nil
}

// again connects anew.
func (a *mysqlAdmin) again(ctx context.Context) (err error) {
	_ = a.conn.Close() // broken
	a.conn, err = a.db.Conn(ctx)
	return err
}

// isBack is nil when the variables are what they were, and a node can write.
func (a *mysqlAdmin) isBack(ctx context.Context, p *Place) error {
	for name, want := range a.was {
		if got, err := a.variable(ctx, name); err != nil {
			return err
		} else if got != want {
			return fmt.Errorf("%s is %s, was %s", name, got, want)
		}
	}
	return tryTable(ctx, p.Store)
}

func (a *mysqlAdmin) Close() error {
	if a.db == nil {
		return nil
	}
	if a.conn != nil {
		_ = a.conn.Close() // the pool below is what counts
	}
	return a.db.Close()
}

// tables lists our tables.
func (a *mysqlAdmin) tables(ctx context.Context) ([]string, error) {
	pattern := strings.ReplaceAll(testbed.TablePrefix, "_", `\_`) + "%"
	rows, err := a.conn.QueryContext(ctx, "SHOW TABLES LIKE '"+pattern+"'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// tryTable makes a table as a node would, and takes it back.
func tryTable(ctx context.Context, s *testbed.Store) error {
	const name = testbed.TablePrefix + "fault_probe"
	return fresh(s, nil, func(p *testbed.Probe) error {
		ctx, cancel := context.WithTimeout(ctx, probeLimit)
		defer cancel()
		if _, err := p.MySQL().ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+name+" (id INT PRIMARY KEY)"); err != nil {
			return err
		}
		_, err := p.MySQL().ExecContext(ctx, "DROP TABLE IF EXISTS "+name)
		return err
	})
}
