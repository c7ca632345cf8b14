package store

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"
)

//go:embed schema.sql
var mysqlSchema string

// mysqlStore keeps a session as one row. All statements lock rows by primary
// key, in order, so that no two of them wait for each other in a circle.
//
// Statements are prepared: a Get then costs the node 20 us of CPU instead of 23
// with parameters written into the text, and both processes together 48 instead
// of 57. See docs/adr/0003-mysql-statements.md and BenchmarkMySQLStatements.
type mysqlStore struct {
	db     *sql.DB
	reads  *sql.DB // db, or a replica's
	turns  *turns
	now    func() time.Time
	wait   time.Duration // for a turn
	limit  time.Duration // for a whole call
	closed atomic.Bool

	get, create, touch, rotate, remove, lock *sql.Stmt
}

const mysqlGet = `SELECT subject, roles, created_ms, last_seen_ms, auth_ms, until_ms, data
	FROM authbench_sessions WHERE id = ? AND expires_ms > ?`

func openMySQL(ctx context.Context, cfg Config) (Store, error) {
	db, err := openDB(cfg)
	if err != nil {
		return nil, err
	}
	if err := createTables(ctx, cfg); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &mysqlStore{
		db: db, reads: db, turns: newTurns(cfg.PoolSize), now: cfg.Now,
		wait: cfg.Timeouts.Pool, limit: cfg.Timeouts.callLimit(),
	}
	if cfg.ReadReplica {
		if s.reads, err = openReplica(cfg); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	// Opening is not a request: a busy server gets a second and a third chance.
	for range 3 {
		if err = s.prepare(ctx); err == nil {
			connectAll(ctx, db, cfg.PoolSize)
			return s, nil
		}
		if cfg.ReadReplica { // the tables get there later than here
			sleepFor(ctx, replicaPatience)
		}
	}
	return nil, errors.Join(err, s.Close())
}

// replicaPatience is a third of how long the tables may take to reach a replica.
const replicaPatience = 2 * time.Second

func sleepFor(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// createTables has a pool of its own, with time for a server whose disk is slow.
func createTables(ctx context.Context, cfg Config) error {
	const patience = 15 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cfg.Timeouts.IO, cfg.PoolSize = patience, 1
	db, err := openDB(cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, table := range strings.SplitAfter(strings.TrimSpace(mysqlSchema), ";\n") {
		if _, err := db.ExecContext(ctx, table); err != nil {
			return fmt.Errorf("store: create MySQL tables: %w", err)
		}
	}
	return addData(ctx, db)
}

// addData adds the column to a table of a version that had none. Another node may
// do so at the same time: error 1060 says that it has.
func addData(ctx context.Context, db *sql.DB) error {
	var have int
	err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name = 'authbench_sessions' AND column_name = 'data'`).Scan(&have)
	if err == nil && have == 0 {
		_, err = db.ExecContext(ctx, `ALTER TABLE authbench_sessions ADD COLUMN data VARBINARY(16384) NOT NULL DEFAULT ''`)
		var there *mysql.MySQLError
		if errors.As(err, &there) && there.Number == 1060 {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("store: column data of authbench_sessions: %w", err)
	}
	return nil
}

func (s *mysqlStore) prepare(ctx context.Context) error {
	var err error
	if s.get, err = s.reads.PrepareContext(ctx, mysqlGet); err != nil {
		return fmt.Errorf("store: prepare %.20q: %w", mysqlGet, err)
	}
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&s.create, `INSERT INTO authbench_sessions
			(id, subject, roles, created_ms, last_seen_ms, auth_ms, until_ms, expires_ms, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&s.touch, `UPDATE authbench_sessions SET last_seen_ms = ?, expires_ms = ? WHERE id = ? AND expires_ms > ?`},
		{&s.rotate, `UPDATE authbench_sessions SET
			id = ?, subject = ?, roles = ?, created_ms = ?, last_seen_ms = ?, auth_ms = ?, until_ms = ?, expires_ms = ?, data = ?
			WHERE id = ? AND expires_ms > ?`},
		{&s.remove, `DELETE FROM authbench_sessions WHERE id = ?`},
		// Not SELECT ... FOR UPDATE: this also makes the row, the first time.
		{&s.lock, `INSERT INTO authbench_subject_locks (slot) VALUES (?) ON DUPLICATE KEY UPDATE slot = slot`},
	} {
		if *p.stmt, err = s.db.PrepareContext(ctx, p.text); err != nil {
			return fmt.Errorf("store: prepare %.20q: %w", p.text, err)
		}
	}
	return nil
}

// begin waits for a turn. A nil error has to be followed by s.turns.give.
func (s *mysqlStore) begin(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	return s.turns.take(ctx, s.wait)
}

// fail says what failed, and turns a closed pool into our own error.
func (s *mysqlStore) fail(op string, err error) error {
	if s.closed.Load() {
		return ErrClosed
	}
	return fmt.Errorf("store: mysql %s: %w", op, err)
}

// exec runs a prepared statement within the limit of a call, and says how many
// rows it found.
func (s *mysqlStore) exec(ctx context.Context, op string, stmt *sql.Stmt, args ...any) (int64, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.turns.give()
	ctx, cancel := context.WithTimeout(ctx, s.limit-s.wait)
	defer cancel()
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, s.fail(op, err)
	}
	return res.RowsAffected() // never fails in this driver
}

// columns are the values of all columns but id, in the order of the schema.
func columns(rec *Record, expires time.Time) []any {
	return []any{
		rec.Subject, strings.Join(rec.Roles, " "),
		rec.Created.UnixMilli(), rec.LastSeen.UnixMilli(), rec.AuthTime.UnixMilli(), rec.Until.UnixMilli(), expires.UnixMilli(), rec.Data,
	}
}

func (s *mysqlStore) Create(ctx context.Context, key Key, rec Record, expires time.Time) error {
	if err := rec.check(); err != nil {
		return err
	}
	_, err := s.exec(ctx, "create", s.create, append([]any{key[:]}, columns(&rec, expires)...)...)
	return err
}

// Get is one SELECT by primary key, at the primary unless reads go to a replica.
//
// Subtle: it runs under a context that cannot be cancelled, because for one that
// can the driver wakes a second goroutine for every query, 5 us of the 20 that a
// Get costs the node. It stays bounded: by the turn, by the limits of connecting,
// and by the timeout of every read and write.
func (s *mysqlStore) Get(ctx context.Context, key Key) (Record, bool, error) {
	if err := s.begin(ctx); err != nil {
		return Record{}, false, err
	}
	defer s.turns.give()
	var row mysqlRow
	err := s.get.QueryRowContext(context.Background(), key[:], s.now().UnixMilli()).Scan(
		&row.subject, &row.roles, &row.created, &row.lastSeen, &row.auth, &row.until, &row.data)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, s.fail("get", err)
	}
	rec, err := row.record()
	if err != nil {
		return Record{}, false, err
	}
	return rec, true, nil
}

type mysqlRow struct {
	subject, roles, data           string
	created, lastSeen, auth, until int64
}

func (r *mysqlRow) record() (Record, error) {
	if r.subject == "" || !utf8.ValidString(r.subject) {
		return Record{}, corrupt("subject %q", r.subject)
	}
	rec := Record{
		Subject: r.subject,
		Created: time.UnixMilli(r.created), LastSeen: time.UnixMilli(r.lastSeen),
		AuthTime: time.UnixMilli(r.auth), Until: time.UnixMilli(r.until), Data: r.data,
	}
	if r.roles == "" {
		return rec, nil
	}
	rec.Roles = strings.Split(r.roles, " ")
	if len(rec.Roles) > maxRoles {
		return Record{}, corrupt("%d roles", len(rec.Roles))
	}
	for _, role := range rec.Roles {
		if !validRole(role) {
			return Record{}, corrupt("role %q", role)
		}
	}
	return rec, nil
}

func (s *mysqlStore) Touch(ctx context.Context, key Key, rec Record, expires time.Time) (bool, error) {
	n, err := s.exec(ctx, "touch", s.touch,
		rec.LastSeen.UnixMilli(), expires.UnixMilli(), key[:], s.now().UnixMilli())
	return n == 1, err
}

// Rotate is one UPDATE that moves the row, so old and new change over at one
// instant; the lock is for DeleteSubject.
func (s *mysqlStore) Rotate(ctx context.Context, oldKey, newKey Key, rec Record, expires time.Time) (bool, error) {
	if err := rec.check(); err != nil {
		return false, err
	}
	args := append([]any{newKey[:]}, columns(&rec, expires)...)
	args = append(args, oldKey[:], s.now().UnixMilli())
	var n int64
	err := s.locked(ctx, "rotate", rec.Subject, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.StmtContext(ctx, s.rotate).ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return err == nil && n == 1, err
}

func (s *mysqlStore) Delete(ctx context.Context, key Key, _ string) error {
	_, err := s.exec(ctx, "delete", s.remove, key[:])
	return err
}

func (s *mysqlStore) Ping(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.turns.give()
	ctx, cancel := context.WithTimeout(ctx, s.limit-s.wait)
	defer cancel()
	err := s.db.PingContext(ctx)
	if err == nil && s.reads != s.db {
		err = s.reads.PingContext(ctx)
	}
	if err != nil {
		return s.fail("ping", err)
	}
	return nil
}

// Stats is part of Store.
func (s *mysqlStore) Stats() Stats { return Stats{Pools: []Pool{s.pool()}} }

func (s *mysqlStore) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	err := s.db.Close()
	if s.reads != s.db {
		err = errors.Join(err, s.reads.Close())
	}
	if err != nil {
		return fmt.Errorf("store: close mysql: %w", err)
	}
	return nil
}
