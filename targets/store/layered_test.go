package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// pair is two servers and what a node needs to know of them.
type pair struct {
	redis, mysql *storetest.Server
	cfg          store.Config
	client       *redis.Client
}

func newPair(t *testing.T, redisArgs ...string) pair {
	t.Helper()
	p := pair{redis: storetest.StartRedis(t, redisArgs...), mysql: storetest.StartMySQL(t)}
	p.cfg = store.Config{Kind: "redis+mysql", RedisURL: p.redis.URL, MySQLDSN: p.mysql.DSN}
	p.client = redisClient(t, p.redis.URL)
	return p
}

// patient is for nodes whose servers a busy machine may delay, and do not fail.
func (p pair) patient() store.Config {
	cfg := p.cfg
	cfg.Timeouts = store.Timeouts{Dial: 5 * time.Second, IO: 5 * time.Second, Pool: 5 * time.Second}
	return cfg
}

// cached says what kind of entry Redis has for key: R, L, B or 0.
func (p pair) cached(t *testing.T, key store.Key) byte {
	t.Helper()
	value, err := p.client.Get(t.Context(), "authbench:c:"+string(key[:])).Bytes()
	if errors.Is(err, redis.Nil) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return value[16]
}

// eventually asks until it works: a pool finds out by itself that a server is
// back.
func eventually(t *testing.T, what string, do func() error) {
	t.Helper()
	start := time.Now()
	for {
		err := do()
		if err == nil {
			return
		}
		if time.Since(start) > 20*time.Second {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// slowNode is a node whose answers from MySQL a test can hold up. What Get and
// Touch need has been prepared.
func slowNode(t *testing.T, p pair) (store.Store, *link) {
	t.Helper()
	cfg := p.patient()
	dsn, l := through(t, cfg.MySQLDSN)
	cfg.MySQLDSN, cfg.PoolSize = dsn, 1
	s := open(t, cfg)
	wantGet(t, s, storetest.NewKey(), false, "unknown")
	rec := storetest.NewRecord(time.Now())
	if found, err := s.Touch(t.Context(), storetest.NewKey(), rec, rec.Until); found || err != nil {
		t.Fatal(found, err)
	}
	return s, l
}

// awaitHeld waits until an answer is held.
func awaitHeld(t *testing.T, l *link) {
	t.Helper()
	eventually(t, "an answer on its way", func() error {
		if l.holding() == 0 {
			return errors.New("none yet")
		}
		return nil
	})
}

// TestLayeredCommands: a hit is one MGET, and MySQL is not asked.
func TestLayeredCommands(t *testing.T) {
	p := newPair(t)
	s := open(t, p.patient())
	key, _ := create(t, s)
	wantGet(t, s, key, true, "miss")
	if kind := p.cached(t, key); kind != 'R' {
		t.Fatalf("cached %q after a miss", kind)
	}
	p.mysql.Pause()
	defer p.mysql.Resume()
	const n = 100
	before := calls(t, p.client)
	for range n {
		wantGet(t, s, key, true, "hit")
	}
	for name, count := range calls(t, p.client) {
		want := map[string]int{"mget": n, "info": 1}[name]
		if got := count - before[name]; got != want {
			t.Errorf("%s: %d calls, want %d", name, got, want)
		}
	}
	if ttl := p.client.PTTL(t.Context(), "authbench:c:"+string(key[:])).Val(); ttl <= 0 || ttl > time.Minute {
		t.Errorf("an entry lives for %v, want at most a minute", ttl)
	}
}

// TestLayeredLateFill: a node that read the row before it was deleted, and gets
// to its fill only afterwards, does not bring the session back.
func TestLayeredLateFill(t *testing.T) {
	p := newPair(t)
	fast := open(t, p.patient())
	slow, l := slowNode(t, p)
	for name, revoke := range map[string]func(store.Key, store.Record) error{
		"delete": func(key store.Key, rec store.Record) error { return fast.Delete(t.Context(), key, rec.Subject) },
		"delete subject": func(_ store.Key, rec store.Record) error {
			_, err := fast.DeleteSubject(t.Context(), rec.Subject, nil)
			return err
		},
		"rotate": func(key store.Key, rec store.Record) error {
			_, err := fast.Rotate(t.Context(), key, storetest.NewKey(), rec, rec.Until)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			key, rec := create(t, fast)
			l.hold(true)
			var wg sync.WaitGroup
			wg.Go(func() { wantGet(t, slow, key, true, "read before the revoke") })
			awaitHeld(t, l)
			if kind := p.cached(t, key); kind != 'L' {
				t.Errorf("cached %q while MySQL is being read", kind)
			}
			if err := revoke(key, rec); err != nil {
				t.Fatal(err)
			}
			// By now the bar is gone too.
			if kind := p.cached(t, key); kind != 0 {
				t.Errorf("cached %q after the revoke", kind)
			}
			l.hold(false)
			wg.Wait()
			wantGet(t, fast, key, false, "after the revoke")
			wantGet(t, slow, key, false, "after the revoke")
		})
	}
}

// TestLayeredLateTouch: a node whose touch was stored before the row was deleted,
// and gets to the cache only afterwards, does not bring the session back.
func TestLayeredLateTouch(t *testing.T) {
	p := newPair(t)
	fast := open(t, p.patient())
	slow, l := slowNode(t, p)
	key, rec := create(t, fast)
	wantGet(t, fast, key, true, "fill")
	l.hold(true)
	var wg sync.WaitGroup
	wg.Go(func() {
		if found, err := slow.Touch(t.Context(), key, rec, rec.Until); !found || err != nil {
			t.Errorf("Touch = %v, %v", found, err)
		}
	})
	awaitHeld(t, l)
	if err := fast.Delete(t.Context(), key, rec.Subject); err != nil {
		t.Fatal(err)
	}
	l.hold(false)
	wg.Wait()
	wantGet(t, fast, key, false, "after the revoke")
	wantGet(t, slow, key, false, "after the revoke")
}

// TestLayeredLostBar: Redis loses the bar while MySQL is still deleting, and
// another node misses, takes a lease and reads the row.
func TestLayeredLostBar(t *testing.T) {
	p := newPair(t)
	fast := open(t, p.patient())
	slow, l := slowNode(t, p)
	key, rec := create(t, fast)
	wantGet(t, fast, key, true, "fill")

	// The row is locked, so that the DELETE waits.
	tx, err := mysqlDB(t, p.mysql.DSN).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "UPDATE authbench_sessions SET roles = roles WHERE id = ?", key[:]); err != nil {
		t.Fatal(err)
	}
	var revoke, read sync.WaitGroup
	revoke.Go(func() {
		if err := fast.Delete(t.Context(), key, rec.Subject); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "bar", func() error {
		if p.cached(t, key) != 'B' {
			return errors.New("no bar yet")
		}
		return nil
	})
	if err := p.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	l.hold(true)
	read.Go(func() { wantGet(t, slow, key, true, "read before the revoke") })
	awaitHeld(t, l)
	if kind := p.cached(t, key); kind != 'L' {
		t.Errorf("cached %q while MySQL is being read", kind)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	revoke.Wait()
	l.hold(false)
	read.Wait()
	wantGet(t, fast, key, false, "after the revoke")
	wantGet(t, slow, key, false, "after the revoke")
}

// TestLayeredRaces: with two nodes, no read that starts after an acknowledged
// revoke finds the session.
func TestLayeredRaces(t *testing.T) {
	p := newPair(t)
	nodes := []store.Store{open(t, p.patient()), open(t, p.patient())}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for round := range 40 {
				key, rec := create(t, nodes[0])
				var revoked atomic.Bool
				var readers sync.WaitGroup
				for _, node := range nodes {
					readers.Go(func() {
						for last := false; !last; {
							last = revoked.Load()
							if _, found, err := node.Get(t.Context(), key); err != nil || found && last {
								t.Errorf("Get = %v, %v, revoked before: %v", found, err, last)
							}
						}
					})
				}
				var err error
				switch node := nodes[(worker+round)%2]; round % 3 {
				case 0:
					err = node.Delete(t.Context(), key, rec.Subject)
				case 1:
					_, err = node.DeleteSubject(t.Context(), rec.Subject, nil)
				default:
					_, err = node.Rotate(t.Context(), key, storetest.NewKey(), rec, rec.Until)
				}
				if err != nil {
					t.Error(err)
				}
				revoked.Store(true)
				readers.Wait()
			}
		})
	}
	wg.Wait()
}
