package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// openDB opens a pool whose every wait is finite.
//
// database/sql repeats a statement up to twice when the driver answers
// ErrBadConn. That is harmless here: this driver says so only when it has
// written nothing (a connection found dead before use, or a write of 0 bytes).
// Once a byte is out, a lost answer is ErrInvalidConn, which is not repeated.
func openDB(cfg Config) (*sql.DB, error) {
	my, err := parseMySQLDSN(cfg.MySQLDSN)
	if err != nil {
		return nil, err
	}
	return my.open(cfg)
}

// openReplica is openDB for the replica that the address names.
func openReplica(cfg Config) (*sql.DB, error) {
	my, err := parseMySQLDSN(cfg.MySQLDSN)
	if err != nil {
		return nil, err
	}
	if my, err = my.reader(); err != nil {
		return nil, err
	}
	return my.open(cfg)
}

func (my *mysqlAddress) open(cfg Config) (*sql.DB, error) {
	// What the DSN says goes first.
	my.Timeout = cmp.Or(my.Timeout, cfg.Timeouts.Dial)
	my.ReadTimeout = cmp.Or(my.ReadTimeout, cfg.Timeouts.IO)
	my.WriteTimeout = cmp.Or(my.WriteTimeout, cfg.Timeouts.IO)
	my.InterpolateParams = true    // for the few statements that are not prepared
	my.ClientFoundRows = true      // an UPDATE that changes nothing has still found its row
	my.Logger = &mysql.NopLogger{} // a line per call while the server is away; the calls return the same
	inner, err := mysql.NewConnector(my.Config)
	if err != nil {
		return nil, fmt.Errorf("store: MySQL DSN: %w", err)
	}
	db := sql.OpenDB(connector{inner, max(my.Timeout, my.ReadTimeout)})
	db.SetMaxOpenConns(cfg.PoolSize)
	db.SetMaxIdleConns(cfg.PoolSize) // the default of 2 would reconnect all the time
	// Below the 8 h after which servers drop an idle connection, and long enough
	// not to reconnect within a measurement.
	db.SetConnMaxLifetime(time.Hour)
	return db, nil
}

// connectAll fills the pool, as far as it can. Otherwise the first burst of
// requests would start as many server threads at once, and some would be late.
func connectAll(ctx context.Context, db *sql.DB, n int) {
	for range n {
		conn, err := db.Conn(ctx)
		if err != nil {
			return // opened when it is needed
		}
		defer conn.Close() // at the end of the function: back to the pool, all together
	}
}

// connector bounds the whole handshake, each read of which the driver would
// give a full timeout, and sets the isolation of the session.
type connector struct {
	driver.Connector
	limit time.Duration
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	// READ COMMITTED takes no gap locks: with the default, sessions created while
	// others are deleted would deadlock now and then. As a statement, because the
	// variable has another name in MariaDB than in MySQL 8.
	ex, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(fmt.Errorf("store: %T cannot Exec", conn), conn.Close())
	}
	if _, err := ex.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// turns are the permits to use a connection. database/sql has no timeout for
// its own queue; nobody ever stands in it, because there are as many turns as
// connections. Only who has to wait is counted.
type turns struct {
	taken   chan struct{}
	waiting atomic.Int64

	waits, timeouts atomic.Uint64
	waited          atomic.Int64 // ns, of the waits that ended with a turn
}

func newTurns(n int) *turns { return &turns{taken: make(chan struct{}, n)} }

func (t *turns) take(ctx context.Context, limit time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t.taken <- struct{}{}:
		return nil
	default:
	}
	began := time.Now()
	t.waiting.Add(1)
	defer t.waiting.Add(-1)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case t.taken <- struct{}{}:
		t.waits.Add(1)
		t.waited.Add(int64(time.Since(began)))
		return nil
	case <-timer.C:
		t.timeouts.Add(1)
		return fmt.Errorf("%w to MySQL for %v", ErrNoConnection, limit)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *turns) give() { <-t.taken }

// pool is what the store says of its connections.
func (s *mysqlStore) pool() Pool {
	open, t := s.db.Stats(), s.turns
	return Pool{
		Name: "mysql", Size: cap(t.taken), Open: open.OpenConnections, Idle: open.Idle, Waiting: int(t.waiting.Load()),
		Waits: t.waits.Load(), Waited: time.Duration(t.waited.Load()), Timeouts: t.timeouts.Load(),
	}
}
