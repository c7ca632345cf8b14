package store

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// Config says which store, where, and how long to wait for it. What is zero
// gets its default.
type Config struct {
	Kind     string // a Kind of All
	RedisURL string // redis://[user:password@]host:port/db, and more: see redisAddress
	MySQLDSN string // go-sql-driver form: user:password@tcp(host:port)/database, and more: see mysqlAddress
	// Wait is for a Redis with replicas: what revokes is acknowledged when they
	// have it.
	Wait Wait
	// ReadReplica has Get ask a replica, which the address names (redis, mysql).
	ReadReplica bool
	// Prefix of every Redis key, "authbench:" by default. In MySQL our own
	// database has that part.
	Prefix string
	// PoolSize is the most connections to the store, 32 by default, and so the
	// most calls under way; others wait for Timeouts.Pool.
	PoolSize int
	Timeouts Timeouts
	// Now is the clock that decides whether a session has expired; time.Now by
	// default. Redis lets time pass by its own clock, from the rest of life that
	// this one gave it.
	Now func() time.Time
}

// Timeouts bound every call, so that a store that is away is an answer and not
// a hanging request: Pool + max(Dial, IO) is the longest that a call on a dead
// or frozen store takes. The clients' defaults of several seconds and several
// retries would break the promise "503 within 0.5 s". redis+mysql gives Redis half
// of each, before MySQL gets all.
type Timeouts struct {
	Dial time.Duration // connect, 200 ms by default
	IO   time.Duration // one read or write, 300 ms
	Pool time.Duration // wait for a free connection, 100 ms
}

// Kind is one way to keep sessions.
type Kind struct {
	Kind string
	Open func(context.Context, Config) (Store, error)
}

// All lists the stores. A new one is a file and a line here; storetest tests it
// as soon as it is listed.
func All() []Kind {
	return []Kind{
		{"memory", openMemory},
		{"redis", openRedis},
		{"mysql", openMySQL},
		{"redis+mysql", openLayered},
	}
}

// Open connects to the store that cfg names and prepares it: afterwards every
// method works. An unknown kind, a bad address and a store that does not
// answer are errors.
func Open(ctx context.Context, cfg Config) (Store, error) {
	var kinds []string
	for _, k := range All() {
		if k.Kind == cfg.Kind {
			return k.Open(ctx, cfg.withDefaults())
		}
		kinds = append(kinds, k.Kind)
	}
	return nil, fmt.Errorf("store: unknown kind %q: want %s", cfg.Kind, strings.Join(kinds, ", "))
}

func (c Config) withDefaults() Config {
	c.Prefix = cmp.Or(c.Prefix, "authbench:")
	c.PoolSize = cmp.Or(c.PoolSize, 32)
	c.Timeouts.Dial = cmp.Or(c.Timeouts.Dial, 200*time.Millisecond)
	c.Timeouts.IO = cmp.Or(c.Timeouts.IO, 300*time.Millisecond)
	c.Timeouts.Pool = cmp.Or(c.Timeouts.Pool, 100*time.Millisecond)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// callLimit is the longest a call may take in all.
func (t Timeouts) callLimit() time.Duration { return t.Pool + max(t.Dial, t.IO) }
