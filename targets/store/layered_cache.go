package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// entryCache is the Redis part of layered. Two kinds of keys:
//
//	PREFIX"g"      the generation: run id of the server process, 16 random bytes
//	PREFIX"c:"KEY  an entry: the 16 random bytes of its generation, 1 byte kind, ...
//
// An entry counts only if it is of the generation that stands in Redis when it is
// read, both in one command. The generation is that of the server process: the
// first thing on every new connection is a script that compares the run id, which
// a server makes up when it starts, and puts a new generation if it is another's.
// A connection ends with its process, so no command is ever answered by a server
// that was not fenced since it started, whatever data it was started with.
//
// Rejected: to recognise a restart by the empty script cache, that is by NOSCRIPT.
// Redis before 7 may restore scripts from its RDB file, and every hit would be a
// script: 2.3 us of the server instead of 0.3 (INFO commandstats of Redis 7.0).
type entryCache struct {
	client    Client
	size      int // of its pool
	now       func() time.Time
	limit     time.Duration // for a call
	leaseLife time.Duration
	barLife   time.Duration
	gen       string
	prefix    string
	scripts   entryScripts
	away      breaker
}

const (
	genBytes  = 16
	entryLife = time.Minute // at most: what is wrong in spite of all ends by itself

	entryNone   = 0   // nothing, or of another generation
	entryRecord = 'R' // 8 bytes expiry in Unix ms, record
	entryLease  = 'L' // 16 random bytes: somebody is reading MySQL
	entryBar    = 'B' // somebody is changing MySQL
)

type entry struct {
	kind    byte
	rec     Record
	expires int64 // Unix ms
}

// openEntryCache gives Redis half the time: what is only a cache is not worth
// waiting for.
func openEntryCache(ctx context.Context, cfg Config) (*entryCache, error) {
	at, err := parseRedisURL(cfg.RedisURL)
	if err != nil {
		return nil, err
	}
	if at.cluster { // every entry is judged by the one generation beside it
		return nil, errors.New("store: redis+mysql wants one Redis, not a cluster")
	}
	full := cfg.Timeouts.callLimit()
	cfg.Timeouts = Timeouts{Dial: cfg.Timeouts.Dial / 2, IO: cfg.Timeouts.IO / 2, Pool: cfg.Timeouts.Pool / 2}
	c := &entryCache{
		size: cfg.PoolSize, now: cfg.Now, limit: cfg.Timeouts.callLimit(),
		// A fill comes within two calls of its lease, and the row goes within two of
		// its bar. Nothing depends on it but how much is cached.
		leaseLife: 2*full + time.Second, barLife: 4*full + 10*time.Second,
		gen: cfg.Prefix + "g", prefix: cfg.Prefix + "c:", scripts: newEntryScripts(),
		away: breaker{start: time.Now(), pause: int64(full)},
	}
	c.client = at.client(cfg, func(ctx context.Context, conn *redis.Conn) error { return c.fence(ctx, conn) })
	if err := c.client.Ping(c.bound(ctx)).Err(); err != nil {
		return nil, errors.Join(fail("ping", err), c.client.Close())
	}
	return c, nil
}

func (c *entryCache) name(key Key) string { return c.prefix + string(key[:]) }

func (c *entryCache) bound(ctx context.Context) context.Context {
	return deadline{ctx, time.Now().Add(c.limit)}
}

// fence puts a new generation unless there is one of this very server process.
func (c *entryCache) fence(ctx context.Context, to redis.Scripter) error {
	var random [genBytes]byte
	_, _ = rand.Read(random[:])
	if err := c.scripts.fence.Run(ctx, to, []string{c.gen}, random[:]).Err(); err != nil {
		return fail("fence", err)
	}
	return nil
}

// get is one MGET. While Redis is known to be away it is not asked.
func (c *entryCache) get(ctx context.Context, key Key) (entry, error) {
	if !c.away.try() {
		return entry{}, errAway
	}
	values, err := c.client.MGet(c.bound(ctx), c.gen, c.name(key)).Result()
	if err != nil {
		if ctx.Err() == nil {
			c.away.fail()
		}
		return entry{}, fail("get", err)
	}
	c.away.ok()
	gen, ok := values[0].(string)
	if !ok || len(gen) < genBytes { // somebody emptied Redis
		return entry{}, c.fence(c.bound(ctx), c.client)
	}
	value, ok := values[1].(string)
	if !ok || len(value) <= genBytes || value[:genBytes] != gen[len(gen)-genBytes:] {
		return entry{}, nil
	}
	e := entry{kind: value[genBytes]}
	if e.kind != entryRecord {
		return e, nil
	}
	return decodeEntry(value[genBytes+1:])
}

func decodeEntry(value string) (entry, error) {
	if len(value) < 8 {
		return entry{}, corrupt("cache entry of %d bytes", len(value))
	}
	b := []byte(value)
	rec, err := decodeRecord(b[8:])
	return entry{kind: entryRecord, rec: rec, expires: int64(binary.BigEndian.Uint64(b))}, err
}

// appendEntry appends what follows the generation.
func appendEntry(b []byte, rec *Record, expires time.Time) []byte {
	b = append(b, entryRecord)
	b = binary.BigEndian.AppendUint64(b, uint64(expires.UnixMilli()))
	return appendRecord(b, rec)
}

// life is what is left until expires, at most entryLife, in whole ms rounded up.
func (c *entryCache) life(expires time.Time) int64 {
	d := min(expires.Sub(c.now()), entryLife)
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// lease returns the right to fill key: what now stands there. Empty: somebody
// else has it, or Redis has no memory for it.
func (c *entryCache) lease(ctx context.Context, key Key) string {
	var random [genBytes]byte
	_, _ = rand.Read(random[:])
	lease, err := c.scripts.lease.Run(c.bound(ctx), c.client, []string{c.gen, c.name(key)},
		random[:], c.leaseLife.Milliseconds()).Text()
	if err != nil {
		return "" // nothing is kept, and the session is read from MySQL the next time too
	}
	return lease
}

// fill exchanges the lease for the record. If the lease is gone, or Redis is out
// of memory, there just is no entry.
func (c *entryCache) fill(ctx context.Context, key Key, lease string, rec *Record, expires time.Time) {
	life := c.life(expires)
	if life <= 0 {
		return
	}
	value := appendEntry([]byte(lease[:genBytes]), rec, expires)
	_ = c.scripts.fill.Run(c.bound(ctx), c.client, []string{c.name(key)}, lease, value, life).Err()
}

// touch replaces a record by rec. It changes nothing where there is none.
func (c *entryCache) touch(ctx context.Context, key Key, rec *Record, expires time.Time) {
	life := c.life(expires)
	if life <= 0 || !c.away.try() {
		return
	}
	err := c.scripts.touch.Run(c.bound(ctx), c.client, []string{c.gen, c.name(key)}, appendEntry(nil, rec, expires), life).Err()
	switch {
	case err == nil:
		c.away.ok()
	case ctx.Err() == nil:
		c.away.fail()
	}
}

// bar replaces whatever stands under the keys. It always asks Redis: who cannot
// reach it cannot revoke.
func (c *entryCache) bar(ctx context.Context, keys ...Key) error {
	names := make([]string, 1, 1+len(keys))
	names[0] = c.gen
	for _, key := range keys {
		names = append(names, c.name(key))
	}
	for range 2 {
		done, err := c.scripts.bar.Run(c.bound(ctx), c.client, names, c.barLife.Milliseconds()).Int()
		if err != nil {
			return fail("revoke", err)
		}
		if done == 1 {
			return nil
		}
		if err := c.fence(c.bound(ctx), c.client); err != nil { // somebody emptied Redis
			return err
		}
	}
	return errors.New("store: redis revoke: the generation is gone again")
}

// unbar removes whatever stands under the keys by now.
func (c *entryCache) unbar(ctx context.Context, keys ...Key) error {
	for len(keys) > 0 {
		n := min(len(keys), bulkRows)
		names := make([]string, n)
		for i, key := range keys[:n] {
			names[i] = c.name(key)
		}
		if err := c.client.Del(c.bound(ctx), names...).Err(); err != nil {
			return fail("revoke", err)
		}
		keys = keys[n:]
	}
	return nil
}

func (c *entryCache) close() error {
	if err := c.client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("store: close redis: %w", err)
	}
	return nil
}

var errAway = errors.New("store: redis failed a moment ago")

// breaker lets one caller find out whether Redis is back, per pause, and spares
// the others the wait.
type breaker struct {
	start time.Time
	pause int64        // ns
	until atomic.Int64 // ns since start; 0: all is well
}

// try says whether to ask.
func (b *breaker) try() bool {
	until := b.until.Load()
	if until == 0 {
		return true
	}
	now := int64(time.Since(b.start))
	return now >= until && b.until.CompareAndSwap(until, now+b.pause)
}

func (b *breaker) fail() { b.until.Store(int64(time.Since(b.start)) + b.pause) }

func (b *breaker) ok() {
	if b.until.Load() != 0 {
		b.until.Store(0)
	}
}
