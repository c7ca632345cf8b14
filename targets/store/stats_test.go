package store_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// TestPoolStats has many calls share one connection, and then one that never becomes
// free.
func TestPoolStats(t *testing.T) {
	for kind, start := range map[string]func(testing.TB) (store.Config, *storetest.Server){
		"redis": func(t testing.TB) (store.Config, *storetest.Server) {
			s := storetest.StartRedis(t)
			return store.Config{Kind: "redis", RedisURL: s.URL}, s
		},
		"mysql": func(t testing.TB) (store.Config, *storetest.Server) {
			s := storetest.StartMySQL(t)
			return store.Config{Kind: "mysql", MySQLDSN: s.DSN}, s
		},
	} {
		t.Run(kind, func(t *testing.T) {
			cfg, server := start(t)
			cfg.PoolSize = 1
			cfg.Timeouts = store.Timeouts{Dial: 300 * time.Millisecond, IO: time.Second, Pool: 200 * time.Millisecond}
			s := open(t, cfg)
			key, _ := create(t, s)
			pool := func() store.Pool {
				t.Helper()
				stats := s.Stats()
				if len(stats.Pools) != 1 || stats.Pools[0].Name != kind || stats.Pools[0].Size != 1 {
					t.Fatalf("%+v", stats)
				}
				return stats.Pools[0]
			}
			before := pool()
			if before.Open != 1 || before.Idle != 1 || before.Waiting != 0 {
				t.Errorf("at rest: %+v", before)
			}
			crowd := func() {
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() { _, _, _ = s.Get(t.Context(), key) })
				}
				wg.Wait()
			}
			for range 20 {
				crowd()
			}
			after := pool()
			if after.Waits == before.Waits || after.Waited <= before.Waited || after.Timeouts != before.Timeouts {
				t.Errorf("after a crowd: %+v, before it %+v", after, before)
			}
			server.Pause() // who has the connection keeps it
			crowd()
			server.Resume()
			if last := pool(); last.Timeouts == 0 || last.Waiting != 0 {
				t.Errorf("after a store that did not answer: %+v", last)
			}
		})
	}
}

// TestCacheStats counts what a cache answers.
func TestCacheStats(t *testing.T) {
	clock := newFakeClock()
	s, inner := cachedOver(t, store.CacheConfig{For: time.Second, Stale: 10 * time.Second, Now: clock.Now})
	key, _ := create(t, s)
	want := func(when string, hits, misses, stale uint64, entries int) {
		t.Helper()
		c := s.Stats().Caches
		if len(c) != 1 || c[0] != (store.Cache{Name: "sessions", Entries: entries, Hits: hits, Misses: misses, Stale: stale}) {
			t.Errorf("%s: %+v", when, c)
		}
	}
	want("at first", 0, 0, 0, 0)
	wantGet(t, s, key, true, "first")
	want("a read", 0, 1, 0, 1)
	wantGet(t, s, key, true, "second")
	want("a read again", 1, 1, 0, 1)
	clock.Advance(2 * time.Second)
	inner.fail(io.ErrUnexpectedEOF)
	wantGet(t, s, key, true, "while the store fails")
	want("a stale answer", 1, 2, 1, 1)
}

// TestLayeredStats: a miss, a hit, and a read past a Redis that is gone.
func TestLayeredStats(t *testing.T) {
	front, truth := storetest.StartRedis(t), storetest.StartMySQL(t)
	s := open(t, store.Config{Kind: "redis+mysql", RedisURL: front.URL, MySQLDSN: truth.DSN})
	key, _ := create(t, s)
	wantGet(t, s, key, true, "first")
	wantGet(t, s, key, true, "second")
	front.Kill()
	wantGet(t, s, key, true, "without Redis")
	stats := s.Stats()
	if len(stats.Pools) != 2 || len(stats.Caches) != 1 {
		t.Fatalf("%+v", stats)
	}
	if c := stats.Caches[0]; c.Hits != 1 || c.Misses != 2 || c.Past != 1 {
		t.Errorf("%+v", c)
	}
}

// TestFailure names failures that were made up.
func TestFailure(t *testing.T) {
	for want, errs := range map[string][]error{
		store.FailedPool:     {store.ErrNoConnection, redis.ErrPoolTimeout},
		store.FailedTimeout:  {os.ErrDeadlineExceeded, context.DeadlineExceeded, &mysql.MySQLError{Number: 1205}},
		store.FailedRefused:  {syscall.ECONNREFUSED},
		store.FailedReset:    {io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, mysql.ErrInvalidConn},
		store.FailedReadOnly: {&mysql.MySQLError{Number: 1290}},
		store.FailedFull:     {&mysql.MySQLError{Number: 1040}},
		store.FailedStale:    {store.ErrStale},
		store.FailedOther:    {store.ErrCorrupt, &mysql.MySQLError{Number: 1064}, fmt.Errorf("anything else")},
	} {
		for _, err := range errs {
			for _, e := range []error{err, fmt.Errorf("session: %w", fmt.Errorf("store: redis get: %w", err))} {
				if got := store.Failure(e); got != want {
					t.Errorf("%v is %s, not %s", e, got, want)
				}
			}
		}
	}
}

// TestFailureOfServers has real servers fail.
func TestFailureOfServers(t *testing.T) {
	server := storetest.StartRedis(t)
	admin := redisClient(t, server.URL)
	s := open(t, store.Config{Kind: "redis", RedisURL: server.URL, Timeouts: store.Timeouts{IO: 300 * time.Millisecond, Dial: 300 * time.Millisecond}})
	key, rec := create(t, s)
	write := func() error { return s.Create(t.Context(), storetest.NewKey(), rec, rec.Until) }
	read := func() error { _, _, err := s.Get(t.Context(), key); return err }
	set := func(name, value string) {
		t.Helper()
		if err := admin.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what, want string, err error) {
		t.Helper()
		if got := store.Failure(err); err == nil || got != want {
			t.Errorf("%s: %v is %s, not %s", what, err, got, want)
		}
	}
	set("maxmemory", "1")
	expect("no memory", store.FailedMemory, write())
	set("maxmemory", "0")
	port := server.URL[strings.LastIndex(server.URL, ":")+1:]
	if _, err := strconv.Atoi(strings.TrimSuffix(port, "/0")); err != nil {
		t.Fatal(err)
	}
	if err := admin.Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	expect("a replica", store.FailedReadOnly, write())
	if err := admin.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	server.Pause()
	expect("a frozen one", store.FailedTimeout, read())
	server.Resume()
	server.Kill()
	for range 5 { // those that were open break first
		_ = read()
	}
	expect("nobody there", store.FailedRefused, read())
}
