package store

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// Stats is what a store's client knows of itself. Reading it asks nobody, and
// what it counts is counted where something went slowly anyway, or under a lock
// that was held anyway.
type Stats struct {
	Pools  []Pool
	Caches []Cache
}

// Pool is a pool of connections. Counts are since the client was made.
type Pool struct {
	Name    string // "redis", "mysql"
	Size    int    // connections that it may have
	Open    int    // that it has
	Idle    int    // of those: free
	Waiting int    // calls that wait for one now
	// Waits is how many calls got a connection after a wait, and Waited how long they
	// waited together. Timeouts counts those that gave up; how long they waited is
	// Timeouts x Timeouts.Pool.
	Waits    uint64
	Waited   time.Duration
	Timeouts uint64
}

// Cache is something that answers in place of the store.
type Cache struct {
	Name    string
	Entries int    // 0 where they are not on this node
	Hits    uint64 // answered from it
	Misses  uint64 // the store was asked
	// Stale counts answers from it that were only given because the store failed, Open
	// those given without any, and Past those for which the cache itself failed.
	Stale, Open, Past uint64
}

// pooled is what a Redis client has; also one of a cluster has it.
type pooled interface{ PoolStats() *redis.PoolStats }

// redisPool reads the pool of c, which may have size connections.
func redisPool(name string, size int, c pooled) Pool {
	s := c.PoolStats()
	return Pool{
		Name: name, Size: size, Open: int(s.TotalConns), Idle: int(s.IdleConns), Waiting: int(s.PendingRequests),
		Waits: uint64(s.WaitCount), Waited: time.Duration(s.WaitDurationNs), Timeouts: uint64(s.Timeouts),
	}
}
