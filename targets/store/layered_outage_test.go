package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// TestLayeredOldData: a Redis that comes back with what it had before a revoke
// has nothing that counts.
func TestLayeredOldData(t *testing.T) {
	p := newPair(t, "--appendonly", "yes", "--appendfsync", "always")
	s, other := open(t, p.cfg), open(t, p.cfg)
	eventually(t, "create and use", func() error {
		key, rec := create(t, s)
		wantGet(t, s, key, true, "fill")
		if p.cached(t, key) != 'R' {
			return errors.New("not in the cache")
		}
		data := filepath.Join(p.redis.Dir, "appendonlydir")
		old := t.TempDir()
		if err := os.CopyFS(filepath.Join(old, "aof"), os.DirFS(data)); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), key, rec.Subject); err != nil {
			return err
		}
		p.redis.Kill()
		if err := os.RemoveAll(data); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(data, os.DirFS(filepath.Join(old, "aof"))); err != nil {
			t.Fatal(err)
		}
		p.redis.Restart()
		if p.cached(t, key) != 'R' {
			t.Fatal("the old data does not hold the session: this test proves nothing")
		}
		for range 50 {
			wantGet(t, other, key, false, "old data")
			wantGet(t, s, key, false, "old data")
		}
		cachesAgain(t, p, s)
		wantGet(t, other, key, false, "old data, Redis in use again")
		return nil
	})
}

// cachesAgain waits until sessions get into the cache once more.
func cachesAgain(t *testing.T, p pair, s store.Store) {
	t.Helper()
	eventually(t, "cache in use again", func() error {
		key, rec := create(t, s)
		wantGet(t, s, key, true, "use")
		if p.cached(t, key) != 'R' {
			return errors.New("not filled")
		}
		if err := s.Delete(t.Context(), key, rec.Subject); err != nil {
			return err
		}
		wantGet(t, s, key, false, "deleted")
		return nil
	})
}

// TestLayeredKilled: Redis is killed and restarted in the middle of reads and
// log-outs, with all the data it had. Uses go on, log-outs fail until it is back.
func TestLayeredKilled(t *testing.T) {
	p := newPair(t, "--appendonly", "yes")
	cfg := p.cfg
	cfg.Timeouts = store.Timeouts{Dial: 2 * time.Second, IO: 2 * time.Second, Pool: 2 * time.Second}
	nodes := []store.Store{open(t, cfg), open(t, cfg)}
	var over atomic.Bool
	var acked, refused atomic.Int64
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			mine, others := nodes[worker%2], nodes[(worker+1)%2]
			for !over.Load() {
				key, rec := create(t, mine)
				wantGet(t, mine, key, true, "use")
				wantGet(t, others, key, true, "use")
				if err := mine.Delete(t.Context(), key, rec.Subject); err != nil {
					refused.Add(1)
					continue
				}
				acked.Add(1)
				wantGet(t, others, key, false, "acknowledged, other node")
				wantGet(t, mine, key, false, "acknowledged")
			}
		})
	}
	more := func(n *atomic.Int64) {
		t.Helper()
		was := n.Load()
		eventually(t, "load goes on", func() error {
			if n.Load() < was+10 {
				return errors.New("no")
			}
			return nil
		})
	}
	for range 3 {
		more(&acked)
		p.redis.Kill()
		more(&refused)
		p.redis.Restart()
	}
	more(&acked)
	over.Store(true)
	wg.Wait()
	t.Logf("%d revokes acknowledged, %d refused", acked.Load(), refused.Load())
}

// TestLayeredPartition: a node that cannot reach Redis asks MySQL, cannot revoke,
// and accepts nothing that others revoked.
func TestLayeredPartition(t *testing.T) {
	p := newPair(t)
	near, cfg := open(t, p.patient()), p.cfg
	var l *link
	cfg.RedisURL, l = through(t, cfg.RedisURL)
	far := open(t, cfg)
	key, rec := create(t, near)
	other, otherRec := create(t, near)
	wantGet(t, far, key, true, "before")
	l.sever(true)
	wantGet(t, far, key, true, "cut off")
	if err := far.Delete(t.Context(), key, rec.Subject); err == nil {
		t.Error("Delete was acknowledged by a node that cannot reach Redis")
	}
	if _, err := far.DeleteSubject(t.Context(), rec.Subject, nil); err == nil {
		t.Error("DeleteSubject was acknowledged by a node that cannot reach Redis")
	}
	if found, err := far.Rotate(t.Context(), key, storetest.NewKey(), rec, rec.Until); err == nil {
		t.Errorf("Rotate = %v by a node that cannot reach Redis", found)
	}
	wantGet(t, near, key, true, "a refused revoke has changed nothing")
	if err := near.Delete(t.Context(), key, rec.Subject); err != nil {
		t.Fatal(err)
	}
	wantGet(t, far, key, false, "revoked elsewhere, cut off")
	l.sever(false)
	eventually(t, "revoke after the cut", func() error { return far.Delete(t.Context(), other, otherRec.Subject) })
	wantGet(t, far, key, false, "revoked elsewhere, back")
	wantGet(t, near, other, false, "revoked after the cut")
}

// TestLayeredMySQLAway: what is in the cache goes on, the rest fails, and no
// log-out is acknowledged.
func TestLayeredMySQLAway(t *testing.T) {
	p := newPair(t)
	s := open(t, p.cfg)
	var hit, miss store.Key
	var rec store.Record
	eventually(t, "fill", func() error {
		hit, rec = create(t, s)
		miss, _ = create(t, s)
		wantGet(t, s, hit, true, "fill")
		if p.cached(t, hit) != 'R' {
			return errors.New("not filled")
		}
		return nil
	})
	p.mysql.Kill()
	wantGet(t, s, hit, true, "MySQL killed, cached")
	if _, found, err := s.Get(t.Context(), miss); err == nil {
		t.Errorf("MySQL killed, not cached: Get = %v", found)
	}
	if err := s.Delete(t.Context(), hit, rec.Subject); err == nil {
		t.Error("Delete was acknowledged without MySQL")
	}
	if _, found, err := s.Get(t.Context(), hit); err == nil {
		t.Errorf("after a log-out of unknown outcome: Get = %v, want a failure", found)
	}
	p.mysql.Restart()
	recovers(t, s, "killed")
	wantGet(t, s, hit, true, "the log-out was not carried out")
	eventually(t, "log-out", func() error { return s.Delete(t.Context(), hit, rec.Subject) })
	wantGet(t, s, hit, false, "logged out")
}

// TestLayeredBothAway: then every call fails, and soon.
func TestLayeredBothAway(t *testing.T) {
	p := newPair(t)
	s := open(t, p.cfg)
	healthy(t, s)
	p.redis.Pause()
	p.mysql.Pause()
	away(t, s, "both frozen")
	p.redis.Resume()
	p.mysql.Resume()
	recovers(t, s, "both frozen")
	p.redis.Kill()
	p.mysql.Kill()
	away(t, s, "both killed")
	p.mysql.Restart()
	recovers(t, s, "Redis killed")
	p.redis.Restart()
	cachesAgain(t, p, s)
}

// TestLayeredEmptied: FLUSHALL and SCRIPT FLUSH cost time only.
func TestLayeredEmptied(t *testing.T) {
	p := newPair(t)
	s := open(t, p.patient())
	for name, empty := range map[string]func(context.Context) *redis.StatusCmd{
		"FLUSHALL": p.client.FlushAll, "SCRIPT FLUSH": p.client.ScriptFlush,
	} {
		key, rec := create(t, s)
		wantGet(t, s, key, true, "fill")
		if err := empty(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), key, rec.Subject); err != nil {
			t.Errorf("%s: Delete: %v", name, err)
		}
		wantGet(t, s, key, false, name+", logged out")
		key, _ = create(t, s)
		if err := empty(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		wantGet(t, s, key, true, name)
		if kind := p.cached(t, key); kind != 'R' {
			t.Errorf("%s: the next use left %q in the cache", name, kind)
		}
	}
}

// TestLayeredOutOfMemory: users log in, work, and log out; the cache just is not
// filled.
func TestLayeredOutOfMemory(t *testing.T) {
	p := newPair(t)
	s := open(t, p.patient())
	var keys [4]store.Key
	var recs [4]store.Record
	for i := range keys {
		keys[i], recs[i] = create(t, s)
		wantGet(t, s, keys[i], true, "fill")
	}
	if err := p.client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	wantGet(t, s, keys[0], true, "cached")
	fresh, freshRec := create(t, s)
	for range 2 {
		wantGet(t, s, fresh, true, "logged in without memory")
	}
	if kind := p.cached(t, fresh); kind != 0 {
		t.Errorf("cached %q without memory", kind)
	}
	recs[0].LastSeen = recs[0].LastSeen.Add(time.Second)
	if found, err := s.Touch(t.Context(), keys[0], recs[0], recs[0].Until); !found || err != nil {
		t.Errorf("Touch = %v, %v", found, err)
	}
	if err := s.Delete(t.Context(), keys[0], recs[0].Subject); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if n, err := s.DeleteSubject(t.Context(), recs[1].Subject, nil); n != 1 || err != nil {
		t.Errorf("DeleteSubject = %d, %v", n, err)
	}
	next := storetest.NewKey()
	if found, err := s.Rotate(t.Context(), keys[2], next, recs[2], recs[2].Until); !found || err != nil {
		t.Errorf("Rotate = %v, %v", found, err)
	}
	if err := s.Delete(t.Context(), fresh, freshRec.Subject); err != nil {
		t.Errorf("Delete of one that is not cached: %v", err)
	}
	for _, key := range []store.Key{keys[0], keys[1], keys[2], fresh} {
		wantGet(t, s, key, false, "revoked without memory")
	}
	wantGet(t, s, next, true, "rotated to")
	wantGet(t, s, keys[3], true, "not revoked")
	// A new connection without memory: the generation is there already.
	wantGet(t, open(t, p.patient()), keys[3], true, "a new node")
}

// TestLayeredTouchWithoutRedis: a touch that does not reach Redis is not undone
// by what stands there.
func TestLayeredTouchWithoutRedis(t *testing.T) {
	p := newPair(t)
	clock := newFakeClock()
	near := p.patient()
	near.Now = clock.Now
	cfg := p.cfg
	cfg.Now = clock.Now
	var l *link
	cfg.RedisURL, l = through(t, cfg.RedisURL)
	s, other := open(t, cfg), open(t, near)
	rec, key := storetest.NewRecord(clock.Now()), storetest.NewKey()
	if err := s.Create(t.Context(), key, rec, clock.Now().Add(30*time.Second)); err != nil {
		t.Fatal(err)
	}
	wantGet(t, other, key, true, "fill")
	l.sever(true)
	clock.Advance(20 * time.Second)
	rec.LastSeen = clock.Now()
	if found, err := s.Touch(t.Context(), key, rec, clock.Now().Add(30*time.Second)); !found || err != nil {
		t.Fatal(found, err)
	}
	clock.Advance(15 * time.Second) // past the expiry that Redis knows
	got, found, err := other.Get(t.Context(), key)
	if !found || err != nil || !storetest.Equal(got, rec) {
		t.Errorf("Get = %+v, %v, %v, want %+v", got, found, err, rec)
	}
	clock.Advance(15 * time.Second)
	wantGet(t, other, key, false, "expired")
}
