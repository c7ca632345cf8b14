package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// layered keeps sessions in MySQL and reads them through Redis. MySQL is the
// truth: while Redis is away it answers, and what Redis loses costs time only.
//
// The promise is that once a revoke has been acknowledged no node accepts the
// session, whatever happened to Redis. A revoke is three steps:
//
//  1. Redis: a bar replaces the entry. It says: ask MySQL, keep nothing.
//  2. MySQL: the row goes.
//  3. Redis: the bar goes, and with it whatever took its place.
//
// If 1 fails nothing has changed; if 2 or 3 fails nothing was acknowledged, and
// until the bar lapses all nodes ask MySQL. Why an old record cannot come back:
//
//   - Who misses takes a lease before he reads MySQL: a random value in the place
//     of the entry, given only where there is none. He keeps what he read only by
//     exchanging it for that same value. After step 3 there is no lease from
//     before the row went, so whoever fills later has read MySQL later. No clock
//     and no timeout is part of this; a node may be stopped for an hour between
//     its read and its fill. (R. Nishtala et al., "Scaling Memcache at Facebook",
//     NSDI 2013, section 3.2.1.)
//   - A Redis that was restarted, be it with old data, has no entry that counts:
//     see generation in layered_cache.go. Leases and bars of before neither.
//
// What it takes on trust: one Redis at a time (a replica promoted while its old
// primary goes on serving some node is two), and that a connection leads to one
// and the same server process for as long as it lives.
type layered struct {
	truth *mysqlStore
	load  *sql.Stmt
	cache *entryCache
	now   func() time.Time

	hits, misses, past atomic.Uint64 // reads that Redis answered, that it did not, that it could not
}

const layeredLoad = `SELECT subject, roles, created_ms, last_seen_ms, auth_ms, until_ms, data, expires_ms
	FROM authbench_sessions WHERE id = ? AND expires_ms > ?`

// openLayered wants both servers there.
func openLayered(ctx context.Context, cfg Config) (Store, error) {
	inner, err := openMySQL(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &layered{truth: inner.(*mysqlStore), now: cfg.Now}
	if s.load, err = s.truth.db.PrepareContext(ctx, layeredLoad); err != nil {
		return nil, errors.Join(fmt.Errorf("store: prepare %.20q: %w", layeredLoad, err), s.truth.Close())
	}
	if s.cache, err = openEntryCache(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.truth.Close())
	}
	return s, nil
}

// Create leaves the cache alone: it is filled by the first use.
func (s *layered) Create(ctx context.Context, key Key, rec Record, expires time.Time) error {
	return s.truth.Create(ctx, key, rec, expires)
}

// Get is one MGET on a hit; on a miss a lease, a SELECT and a fill more.
func (s *layered) Get(ctx context.Context, key Key) (Record, bool, error) {
	e, cacheErr := s.cache.get(ctx, key)
	// An entry that has expired asks MySQL too: a touch may not have reached Redis.
	if cacheErr == nil && e.kind == entryRecord && s.now().UnixMilli() < e.expires {
		s.hits.Add(1)
		return e.rec, true, nil
	}
	if cacheErr != nil {
		s.past.Add(1)
	} else {
		s.misses.Add(1)
	}
	var lease string
	if cacheErr == nil && e.kind == entryNone {
		lease = s.cache.lease(ctx, key)
	}
	rec, expires, found, err := s.read(ctx, key)
	if err != nil && cacheErr != nil && !errors.Is(err, ErrClosed) {
		err = fmt.Errorf("%w; before that: %w", err, cacheErr)
	}
	if found && lease != "" {
		s.cache.fill(ctx, key, lease, &rec, expires)
	}
	return rec, found, err
}

// read is mysqlStore.Get with the expiry.
func (s *layered) read(ctx context.Context, key Key) (rec Record, expires time.Time, found bool, err error) {
	if err := s.truth.begin(ctx); err != nil {
		return Record{}, time.Time{}, false, err
	}
	defer s.truth.turns.give()
	var row mysqlRow
	var expiresMs int64
	err = s.load.QueryRowContext(context.Background(), key[:], s.now().UnixMilli()).Scan(
		&row.subject, &row.roles, &row.created, &row.lastSeen, &row.auth, &row.until, &row.data, &expiresMs)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, time.Time{}, false, nil
	}
	if err != nil {
		return Record{}, time.Time{}, false, s.truth.fail("get", err)
	}
	if rec, err = row.record(); err != nil {
		return Record{}, time.Time{}, false, err
	}
	return rec, time.UnixMilli(expiresMs), true, nil
}

// Touch writes MySQL, then the entry if there is one. That Redis could not be
// written is no failure: the entry then ends earlier than the session, and an
// ended entry is a question to MySQL.
func (s *layered) Touch(ctx context.Context, key Key, rec Record, expires time.Time) (bool, error) {
	found, err := s.truth.Touch(ctx, key, rec, expires)
	if err == nil && found {
		s.cache.touch(ctx, key, &rec, expires)
	}
	return found, err
}

// Rotate bars the old key as Delete does. The new one is not in the cache.
func (s *layered) Rotate(ctx context.Context, oldKey, newKey Key, rec Record, expires time.Time) (bool, error) {
	if err := rec.check(); err != nil {
		return false, err
	}
	if err := s.cache.bar(ctx, oldKey); err != nil {
		return false, err
	}
	found, err := s.truth.Rotate(ctx, oldKey, newKey, rec, expires)
	if err != nil {
		return false, err
	}
	if err := s.cache.unbar(ctx, oldKey); err != nil {
		return false, err
	}
	return found, nil
}

func (s *layered) Delete(ctx context.Context, key Key, subject string) error {
	if err := s.cache.bar(ctx, key); err != nil {
		return err
	}
	if err := s.truth.Delete(ctx, key, subject); err != nil {
		return err
	}
	return s.cache.unbar(ctx, key)
}

// DeleteSubject bars the keys that MySQL lists, while it holds the lock that
// keeps sessions of subject from being rotated.
func (s *layered) DeleteSubject(ctx context.Context, subject string, except *Key) (int, error) {
	var gone []Key
	n, err := s.truth.deleteSubject(ctx, subject, except, func(ctx context.Context, ids []any) error {
		batch := make([]Key, len(ids))
		for i, id := range ids {
			copy(batch[i][:], id.([]byte))
		}
		gone = append(gone, batch...)
		return s.cache.bar(ctx, batch...)
	})
	if err != nil {
		return 0, err
	}
	if err := s.cache.unbar(ctx, gone...); err != nil {
		return 0, err
	}
	return n, nil
}

// Sweep is for MySQL; Redis expires keys by itself.
func (s *layered) Sweep(ctx context.Context, now time.Time) (int, error) {
	return s.truth.Sweep(ctx, now)
}

// Ping asks MySQL alone: without Redis sessions still work.
func (s *layered) Ping(ctx context.Context) error { return s.truth.Ping(ctx) }

// Stats is part of Store. A read that went past a Redis that failed is a miss as
// well.
func (s *layered) Stats() Stats {
	past := s.past.Load()
	return Stats{
		Pools:  []Pool{s.truth.pool(), redisPool("redis", s.cache.size, s.cache.client)},
		Caches: []Cache{{Name: "redis", Hits: s.hits.Load(), Misses: s.misses.Load() + past, Past: past}},
	}
}

func (s *layered) Close() error {
	return errors.Join(s.cache.close(), s.truth.Close())
}
