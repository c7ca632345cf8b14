package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"
)

const bulkRows = 1000 // that one statement may lock

// DeleteSubject holds the lock of the subject, without which a session that is
// being rotated would move from the keys seen here to one not seen.
//
// Subtle: one DELETE ... WHERE subject = ? would not do. It locks the index
// before the rows, the other way round than all other statements, so that they
// deadlock, and a session rotated to a place behind its scan would live on.
func (s *mysqlStore) DeleteSubject(ctx context.Context, subject string, except *Key) (int, error) {
	return s.deleteSubject(ctx, subject, except, nil)
}

// deleteSubject calls before, if not nil, with the ids of each batch that it is
// about to delete. An error of before undoes all.
func (s *mysqlStore) deleteSubject(ctx context.Context, subject string, except *Key, before func(context.Context, []any) error) (int, error) {
	look, args := "SELECT id FROM authbench_sessions WHERE subject = ?", []any{[]byte(subject)}
	if except != nil {
		look, args = look+" AND id <> ?", append(args, except[:])
	}
	total := 0
	err := s.locked(ctx, "delete subject", subject, func(ctx context.Context, tx *sql.Tx) error {
		for {
			n, done, err := lookAndDelete(ctx, tx, look, args, "", before)
			if err != nil || done {
				return err
			}
			total += n
		}
	})
	if err != nil {
		return 0, err // all rolled back, or unknown
	}
	return total, nil
}

// locked runs do in a transaction that holds the lock of subject.
func (s *mysqlStore) locked(ctx context.Context, op, subject string, do func(context.Context, *sql.Tx) error) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.turns.give()
	ctx, cancel := context.WithTimeout(ctx, s.limit-s.wait)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.fail(op, err)
	}
	if _, err = tx.StmtContext(ctx, s.lock).ExecContext(ctx, slot(subject)); err == nil {
		err = do(ctx, tx)
	}
	if err != nil {
		_ = tx.Rollback() // a connection that cannot roll back is closed, which does
		return s.fail(op, err)
	}
	if err := tx.Commit(); err != nil {
		return s.fail(op, err)
	}
	return nil
}

// slot spreads subjects over the rows of authbench_subject_locks.
func slot(subject string) int64 { return int64(byte(crc32.ChecksumIEEE([]byte(subject)))) }

// Sweep may be called often: it stops after one batch that was not full.
func (s *mysqlStore) Sweep(ctx context.Context, now time.Time) (int, error) {
	total := 0
	for {
		n, done, err := s.sweepBatch(ctx, now)
		total += n
		if err != nil || done || n < bulkRows {
			return total, err
		}
	}
}

func (s *mysqlStore) sweepBatch(ctx context.Context, now time.Time) (n int, done bool, err error) {
	if err := s.begin(ctx); err != nil {
		return 0, false, err
	}
	defer s.turns.give()
	ctx, cancel := context.WithTimeout(ctx, s.limit-s.wait)
	defer cancel()
	dead := fmt.Sprintf("expires_ms <= %d", now.UnixMilli())
	// Looked at again when deleting: a session may have been touched between.
	n, done, err = lookAndDelete(ctx, s.db, "SELECT id FROM authbench_sessions WHERE "+dead, nil, " AND "+dead, nil)
	if err != nil {
		err = s.fail("sweep", err)
	}
	return n, done, err
}

// querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// lookAndDelete reads at most bulkRows ids without locking anything, calls before
// (if not nil) with them, then deletes those rows, if they still meet the
// condition. done: it saw none.
func lookAndDelete(
	ctx context.Context, db querier, look string, args []any, condition string, before func(context.Context, []any) error,
) (n int, done bool, err error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf("%s LIMIT %d", look, bulkRows), args...)
	if err != nil {
		return 0, false, err
	}
	defer rows.Close()
	var ids []any
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return 0, false, err
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return 0, false, err
	}
	if len(ids) == 0 {
		return 0, true, nil
	}
	// In the order of the primary key, in which the server locks them.
	slices.SortFunc(ids, func(a, b any) int { return bytes.Compare(a.([]byte), b.([]byte)) })
	if before != nil {
		if err := before(ctx, ids); err != nil {
			return 0, false, err
		}
	}
	in := strings.Repeat(", ?", len(ids))[2:]
	res, err := db.ExecContext(ctx, "DELETE FROM authbench_sessions WHERE id IN ("+in+")"+condition, ids...)
	if err != nil {
		return 0, false, err
	}
	affected, err := res.RowsAffected()
	return int(affected), false, err
}
