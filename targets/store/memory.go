package store

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// memory keeps sessions in the node: nothing to wait for, nothing shared with
// other nodes, all gone when the process ends.
//
// Reads and touches take one of many locks, by key. What adds or removes keys
// takes writes first, then the shards it needs, so the per-subject index is
// always true and no two operations can wait for each other.
type memory struct {
	now    func() time.Time
	closed atomic.Bool
	shards [64]shard

	writes    sync.Mutex
	bySubject map[string]map[Key]struct{}
}

type shard struct {
	sync.RWMutex
	sessions map[Key]session
	_        [32]byte // a cache line each: readers of one shard do not slow those of the next
}

type session struct {
	rec     Record
	expires int64 // Unix ms; alive while now < expires
}

// Stats is part of Store: there is no client.
func (m *memory) Stats() Stats { return Stats{} }

func openMemory(_ context.Context, cfg Config) (Store, error) {
	m := &memory{now: cfg.Now, bySubject: map[string]map[Key]struct{}{}}
	for i := range m.shards {
		m.shards[i].sessions = map[Key]session{}
	}
	return m, nil
}

// shard goes by the first byte: keys are hashes.
func (m *memory) shard(key Key) *shard { return &m.shards[int(key[0])%len(m.shards)] }

func (m *memory) usable(ctx context.Context) error {
	if m.closed.Load() {
		return ErrClosed
	}
	return ctx.Err()
}

func (m *memory) alive(s session) bool { return m.now().UnixMilli() < s.expires }

func (m *memory) Create(ctx context.Context, key Key, rec Record, expires time.Time) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	if err := rec.check(); err != nil {
		return err
	}
	m.writes.Lock()
	defer m.writes.Unlock()
	m.put(key, rec, expires)
	return nil
}

// put wants writes held.
func (m *memory) put(key Key, rec Record, expires time.Time) {
	s := m.shard(key)
	s.Lock()
	s.sessions[key] = session{rec.cut(), expires.UnixMilli()}
	s.Unlock()
	m.index(key, rec.Subject)
}

// cut is a copy of the record as other stores give it back: whole milliseconds,
// nothing shared with the caller.
func (r Record) cut() Record {
	r.Roles = slices.Clone(r.Roles)
	for _, t := range [...]*time.Time{&r.Created, &r.LastSeen, &r.AuthTime, &r.Until} {
		*t = time.UnixMilli(t.UnixMilli())
	}
	return r
}

func (m *memory) index(key Key, subject string) {
	keys := m.bySubject[subject]
	if keys == nil {
		keys = map[Key]struct{}{}
		m.bySubject[subject] = keys
	}
	keys[key] = struct{}{}
}

func (m *memory) unindex(key Key, subject string) {
	keys := m.bySubject[subject]
	delete(keys, key)
	if len(keys) == 0 {
		delete(m.bySubject, subject)
	}
}

func (m *memory) Get(ctx context.Context, key Key) (Record, bool, error) {
	if err := m.usable(ctx); err != nil {
		return Record{}, false, err
	}
	sh := m.shard(key)
	sh.RLock()
	s, ok := sh.sessions[key]
	sh.RUnlock()
	if !ok || !m.alive(s) {
		return Record{}, false, nil
	}
	return s.rec, true, nil
}

func (m *memory) Touch(ctx context.Context, key Key, rec Record, expires time.Time) (bool, error) {
	if err := m.usable(ctx); err != nil {
		return false, err
	}
	sh := m.shard(key)
	sh.Lock()
	defer sh.Unlock()
	s, ok := sh.sessions[key]
	if !ok || !m.alive(s) {
		return false, nil
	}
	s.rec.LastSeen = time.UnixMilli(rec.LastSeen.UnixMilli())
	s.expires = expires.UnixMilli()
	sh.sessions[key] = s
	return true, nil
}

func (m *memory) Rotate(ctx context.Context, oldKey, newKey Key, rec Record, expires time.Time) (bool, error) {
	if err := m.usable(ctx); err != nil {
		return false, err
	}
	if err := rec.check(); err != nil {
		return false, err
	}
	m.writes.Lock()
	defer m.writes.Unlock()

	// Both shards at once: no reader may see both keys, or neither.
	from, to := m.shard(oldKey), m.shard(newKey)
	from.Lock()
	if from != to {
		to.Lock() // no other goroutine holds a shard and waits for a second: writes is ours
		defer to.Unlock()
	}
	defer from.Unlock()
	s, ok := from.sessions[oldKey]
	if !ok || !m.alive(s) {
		return false, nil
	}
	delete(from.sessions, oldKey)
	to.sessions[newKey] = session{rec.cut(), expires.UnixMilli()}
	m.unindex(oldKey, s.rec.Subject)
	m.index(newKey, rec.Subject)
	return true, nil
}

func (m *memory) Delete(ctx context.Context, key Key, _ string) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	m.writes.Lock()
	defer m.writes.Unlock()
	m.remove(key)
	return nil
}

// remove wants writes held.
func (m *memory) remove(key Key) {
	sh := m.shard(key)
	sh.Lock()
	s, ok := sh.sessions[key]
	delete(sh.sessions, key)
	sh.Unlock()
	if ok {
		m.unindex(key, s.rec.Subject)
	}
}

func (m *memory) DeleteSubject(ctx context.Context, subject string, except *Key) (int, error) {
	if err := m.usable(ctx); err != nil {
		return 0, err
	}
	m.writes.Lock()
	defer m.writes.Unlock()
	n := 0
	for key := range m.bySubject[subject] {
		if except != nil && key == *except {
			continue
		}
		m.remove(key)
		n++
	}
	return n, nil
}

// Sweep goes shard by shard, so that nobody waits for more than one.
func (m *memory) Sweep(ctx context.Context, now time.Time) (int, error) {
	n := 0
	for i := range m.shards {
		if err := m.usable(ctx); err != nil {
			return n, err
		}
		n += m.sweepShard(&m.shards[i], now.UnixMilli())
	}
	return n, nil
}

func (m *memory) sweepShard(sh *shard, now int64) (n int) {
	m.writes.Lock()
	defer m.writes.Unlock()
	sh.Lock()
	defer sh.Unlock()
	for key, s := range sh.sessions {
		if s.expires <= now {
			delete(sh.sessions, key)
			m.unindex(key, s.rec.Subject)
			n++
		}
	}
	return n
}

func (m *memory) Ping(ctx context.Context) error { return m.usable(ctx) }

func (m *memory) Close() error {
	m.closed.Store(true)
	return nil
}
