package store

import (
	"cmp"
	"context"
	"errors"
	"hash/crc32"
	"sync/atomic"
	"time"
)

// CacheConfig says how long a node believes what it has read.
type CacheConfig struct {
	// For is how old a read may be to answer for the store. It is the revocation
	// bound of the arm: a session deleted through another node works here for at
	// most so long.
	For time.Duration
	// Stale, if it is longer than For, is how old a read may be to answer while
	// the store fails. 0: a failure of the store is a failure.
	Stale time.Duration
	// Entries is the most sessions kept, 10,000 by default; the least recently
	// used go first. One takes about 400 bytes.
	Entries int
	// Now is the clock that reads age by; time.Now by default. Its times must
	// carry a monotonic reading: a wall clock that is set back would lengthen the
	// bound. Whether a session has expired is not judged here at all.
	Now func() time.Time
}

// cached is a Store that keeps what it reads, on this node only.
//
// A read counts from the instant it was sent: the store may have looked at any
// time since, and whatever was revoked after that is still in the answer.
//
// A session that is being deleted or rotated through this node is not answered
// from here from the start of the call on, and reads that were sent before its
// end are not kept. So a revoke through this node takes effect on it at once,
// and a rotation is as atomic as that of the store.
type cached struct {
	Store // Create, Sweep and Ping go straight through
	cfg   CacheConfig
	epoch time.Time // ages are counted in nanoseconds from here

	closed   atomic.Bool
	revokes  atomic.Uint64 // numbers the revocations through this node
	shards   []cacheShard
	subjects [1024]atomic.Uint64 // by hash: the last revocation of all of a subject's sessions
}

// NewCached puts a node-local read cache before inner, which it then owns.
// Sessions that do not exist are not cached.
func NewCached(inner Store, cfg CacheConfig) Store {
	cfg.Entries = max(1, cmp.Or(cfg.Entries, 10_000))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &cached{Store: inner, cfg: cfg, epoch: cfg.Now()}
	// Some 64 shards, but none of so few entries that a busy one is short of them.
	c.shards = make([]cacheShard, min(64, max(1, cfg.Entries/64)))
	for i := range c.shards {
		c.shards[i].init(cfg.Entries / len(c.shards))
	}
	return c
}

// now is the age of the cache in nanoseconds.
func (c *cached) now() int64 { return int64(c.cfg.Now().Sub(c.epoch)) }

// shard goes by two bytes of the key, which is a hash.
func (c *cached) shard(key Key) *cacheShard {
	return &c.shards[(int(key[0])<<8|int(key[1]))%len(c.shards)]
}

func (c *cached) subject(name string) *atomic.Uint64 {
	return &c.subjects[crc32.ChecksumIEEE([]byte(name))%uint32(len(c.subjects))]
}

// Get answers from the cache, or else asks the store.
func (c *cached) Get(ctx context.Context, key Key) (Record, bool, error) {
	if c.closed.Load() {
		return Record{}, false, ErrClosed
	}
	sh, sent := c.shard(key), c.now()
	kept, ok := sh.get(key)
	ok = ok && kept.after >= kept.subject.Load()
	if ok && sent-kept.sent < int64(c.cfg.For) {
		sh.hits.Add(1)
		return kept.rec, true, nil
	}
	sh.misses.Add(1)
	// Order matters: a revocation that has not got its number yet has not been
	// acknowledged yet either.
	after := c.revokes.Load()
	rec, found, err := c.Store.Get(ctx, key)
	switch {
	case err != nil:
		// The age is looked at again: the store took its time to fail.
		if ok && c.now()-kept.sent <= int64(c.cfg.Stale) && unreachable(ctx, err) && sh.holds(key, kept.after) &&
			kept.after >= kept.subject.Load() {
			sh.stale.Add(1)
			return kept.rec, true, nil
		}
		return Record{}, false, err
	case !found:
		sh.drop(key, &c.revokes)
		return Record{}, false, nil
	}
	sh.put(key, cacheEntry{rec: rec, sent: sent, after: after, subject: c.subject(rec.Subject)})
	return rec, true, nil
}

// unreachable: err is that of a store that could not say anything about the
// session, and not of one that did, of a caller who gave up, or of our own end.
func unreachable(ctx context.Context, err error) bool {
	return ctx.Err() == nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrClosed)
}

// Touch moves LastSeen in the store and then here. How old the entry is does not
// change.
func (c *cached) Touch(ctx context.Context, key Key, rec Record, expires time.Time) (bool, error) {
	found, err := c.Store.Touch(ctx, key, rec, expires)
	switch {
	case err != nil: // the entry is as good as it was
	case found:
		c.shard(key).touch(key, time.UnixMilli(rec.LastSeen.UnixMilli()))
	default:
		c.shard(key).drop(key, &c.revokes)
	}
	return found, err
}

func (c *cached) Rotate(ctx context.Context, oldKey, newKey Key, rec Record, expires time.Time) (bool, error) {
	sh := c.shard(oldKey)
	sh.begin(oldKey, &c.revokes)
	defer sh.end(oldKey, &c.revokes) // also after an error: it may have been carried out
	return c.Store.Rotate(ctx, oldKey, newKey, rec, expires)
}

func (c *cached) Delete(ctx context.Context, key Key, subject string) error {
	sh := c.shard(key)
	sh.begin(key, &c.revokes)
	defer sh.end(key, &c.revokes)
	return c.Store.Delete(ctx, key, subject)
}

// DeleteSubject does not look for the entries of subject: they are recognised as
// revoked when they are looked at. So are those of the kept session, and those of
// any subject with the same hash; they are read again.
func (c *cached) DeleteSubject(ctx context.Context, subject string, except *Key) (int, error) {
	n, err := c.Store.DeleteSubject(ctx, subject, except)
	raise(c.subject(subject), c.revokes.Add(1))
	return n, err
}

// raise sets a to n, unless somebody has set it to more.
func raise(a *atomic.Uint64, n uint64) {
	for {
		old := a.Load()
		if old >= n || a.CompareAndSwap(old, n) {
			return
		}
	}
}

// Stats is that of the store, and the cache.
func (c *cached) Stats() Stats {
	s, own := c.Store.Stats(), Cache{Name: "sessions"}
	for i := range c.shards {
		sh := &c.shards[i]
		own.Entries += sh.entries()
		own.Hits, own.Misses, own.Stale = own.Hits+sh.hits.Load(), own.Misses+sh.misses.Load(), own.Stale+sh.stale.Load()
	}
	s.Caches = append(s.Caches, own)
	return s
}

func (c *cached) Close() error {
	c.closed.Store(true)
	return c.Store.Close()
}
