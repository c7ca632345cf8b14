package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// calls is how often a Redis has run a command, by its own count.
func calls(t *testing.T, client *redis.Client) map[string]int {
	t.Helper()
	info, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for line := range strings.Lines(info) {
		rest, ok := strings.CutPrefix(line, "cmdstat_")
		if !ok {
			continue
		}
		name, stats, _ := strings.Cut(rest, ":")
		var count int
		if _, err := fmt.Sscanf(stats, "calls=%d,", &count); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		n[name] = count
	}
	return n
}

// TestRedisCommands: a use of a session is one GET and nothing else, a touch one
// SET; also right after connecting there is nothing but a hello.
func TestRedisCommands(t *testing.T) {
	url := storetest.StartRedis(t).URL
	client := redisClient(t, url)
	s := open(t, store.Config{Kind: "redis", RedisURL: url})
	rec, key := storetest.NewRecord(time.Now()), storetest.NewKey()
	if err := s.Create(t.Context(), key, rec, rec.Until); err != nil {
		t.Fatal(err)
	}
	const n = 100
	before := calls(t, client)
	for range n {
		if _, found, err := s.Get(t.Context(), key); err != nil || !found {
			t.Fatal(found, err)
		}
	}
	for range n {
		if found, err := s.Touch(t.Context(), key, rec, rec.Until); err != nil || !found {
			t.Fatal(found, err)
		}
	}
	for name, count := range calls(t, client) {
		want := map[string]int{"get": n, "set": n, "info": 1}[name]
		if got := count - before[name]; got != want {
			t.Errorf("%s: %d calls, want %d", name, got, want)
		}
	}
	for name := range before {
		switch name {
		case "hello", "ping", "evalsha", "eval", "time", "zremrangebyscore", "set", "zadd", "pttl", "pexpire", "info", "client|setinfo":
			// client|setinfo is of this test's own client.
		default:
			t.Errorf("%s was run", name)
		}
	}
}

// TestRedisIndex: the list of a subject's sessions neither grows without bound
// nor outlives them, nor loses one that lives.
func TestRedisIndex(t *testing.T) {
	url := storetest.StartRedis(t).URL
	client := redisClient(t, url)
	s := open(t, store.Config{Kind: "redis", RedisURL: url, Prefix: "mine:"})
	long := storetest.NewRecord(time.Now())
	short := long
	short.Until = short.Created.Add(300 * time.Millisecond)
	create := func(rec store.Record) store.Key {
		key := storetest.NewKey()
		if err := s.Create(t.Context(), key, rec, rec.Until); err != nil {
			t.Fatal(err)
		}
		return key
	}
	live := create(long)
	for range 5 {
		create(short)
	}
	index := "mine:u:" + long.Subject
	if n := client.ZCard(t.Context(), index).Val(); n != 6 {
		t.Fatalf("%d sessions listed, want 6", n)
	}
	time.Sleep(400 * time.Millisecond)
	create(long)
	if n := client.ZCard(t.Context(), index).Val(); n != 2 {
		t.Errorf("%d sessions listed after the next login, want the 2 that live", n)
	}
	if ttl := client.PTTL(t.Context(), index).Val(); ttl < 11*time.Hour || ttl > 12*time.Hour {
		t.Errorf("the list lives for %v, want as long as its longest session, 12h", ttl)
	}
	if err := s.Delete(t.Context(), live, long.Subject); err != nil {
		t.Fatal(err)
	}
	if n, err := s.DeleteSubject(t.Context(), long.Subject, nil); n != 1 || err != nil {
		t.Errorf("DeleteSubject = %d, %v, want 1", n, err)
	}
	if keys := client.Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("left behind: %q", keys)
	}
}

// TestRedisOutOfMemory: nobody can log in, but everybody out; and a rotation
// that is refused leaves the old session as it was.
func TestRedisOutOfMemory(t *testing.T) {
	url := storetest.StartRedis(t).URL
	client := redisClient(t, url)
	s := open(t, store.Config{Kind: "redis", RedisURL: url})
	rec := storetest.NewRecord(time.Now())
	keys := []store.Key{storetest.NewKey(), storetest.NewKey(), storetest.NewKey()}
	for _, key := range keys {
		if err := s.Create(t.Context(), key, rec, rec.Until); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	fresh := storetest.NewKey()
	if err := s.Create(t.Context(), fresh, rec, rec.Until); err == nil {
		t.Error("Create worked without memory")
	}
	if _, err := s.Touch(t.Context(), keys[0], rec, rec.Until); err == nil {
		t.Error("Touch worked without memory")
	}
	if found, err := s.Rotate(t.Context(), keys[0], fresh, rec, rec.Until); err == nil || found {
		t.Errorf("Rotate = %v, %v without memory", found, err)
	}
	expect := func(key store.Key, want bool) {
		t.Helper()
		if _, found, err := s.Get(t.Context(), key); err != nil || found != want {
			t.Errorf("Get = %v, %v, want %v", found, err, want)
		}
	}
	expect(keys[0], true)
	expect(fresh, false)
	if err := s.Delete(t.Context(), keys[0], rec.Subject); err != nil {
		t.Errorf("Delete: %v", err)
	}
	expect(keys[0], false)
	if n, err := s.DeleteSubject(t.Context(), rec.Subject, nil); n != 2 || err != nil {
		t.Errorf("DeleteSubject = %d, %v, want 2", n, err)
	}
}

// TestRedisSkewedNode: a node whose clock is ahead neither ends sessions early
// nor drops those of others from the list.
func TestRedisSkewedNode(t *testing.T) {
	url := storetest.StartRedis(t).URL
	ahead := func() time.Time { return time.Now().Add(48 * time.Hour) }
	right := open(t, store.Config{Kind: "redis", RedisURL: url})
	skewed := open(t, store.Config{Kind: "redis", RedisURL: url, Now: ahead})
	rec, key := storetest.NewRecord(time.Now()), storetest.NewKey()
	if err := right.Create(t.Context(), key, rec, rec.Until); err != nil {
		t.Fatal(err)
	}
	other := storetest.NewRecord(ahead())
	other.Subject = rec.Subject
	if err := skewed.Create(t.Context(), storetest.NewKey(), other, other.Until); err != nil {
		t.Fatal(err)
	}
	if n, err := skewed.DeleteSubject(t.Context(), rec.Subject, nil); n != 2 || err != nil {
		t.Fatalf("DeleteSubject = %d, %v, want both", n, err)
	}
}
