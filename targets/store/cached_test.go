package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// TestCachedConformance: the suite over a Redis, read through a cache that is
// believed for longer than most of its steps take.
func TestCachedConformance(t *testing.T) {
	cfg := store.Config{Kind: "redis", RedisURL: storetest.StartRedis(t).URL}
	storetest.Run(t, storetest.Fixture{
		OwnClock: true, // the cache goes by its own
		Open: func(t testing.TB, now func() time.Time) store.Store {
			s := store.NewCached(opener(cfg)(t, now), store.CacheConfig{For: 200 * time.Millisecond})
			t.Cleanup(func() { _ = s.Close() })
			return s
		},
	})
}

func create(t *testing.T, s store.Store) (store.Key, store.Record) {
	t.Helper()
	rec, key := storetest.NewRecord(time.Now()), storetest.NewKey()
	if err := s.Create(t.Context(), key, rec, rec.Until); err != nil {
		t.Fatal(err)
	}
	return key, rec
}

func wantGet(t *testing.T, s store.Store, key store.Key, want bool, when string) {
	t.Helper()
	if _, found, err := s.Get(t.Context(), key); err != nil || found != want {
		t.Errorf("%s: Get = %v, %v, want %v", when, found, err, want)
	}
}

// TestCachedCountsFromSent: an entry ends For after its read was sent, however
// long the store took to answer.
func TestCachedCountsFromSent(t *testing.T) {
	clock := newFakeClock()
	s, inner := cachedOver(t, store.CacheConfig{For: 100 * time.Millisecond, Now: clock.Now})
	key, rec := create(t, s)
	inner.after = func(string) { clock.Advance(30 * time.Millisecond) }
	wantGet(t, s, key, true, "first")
	if err := inner.Store.Delete(t.Context(), key, rec.Subject); err != nil { // as through another node
		t.Fatal(err)
	}
	clock.Advance(70*time.Millisecond - 1) // 100 ms less 1 ns since it was sent
	wantGet(t, s, key, true, "within the bound")
	if n := inner.gets.Load(); n != 1 {
		t.Errorf("%d reads of the store, want 1", n)
	}
	clock.Advance(1)
	wantGet(t, s, key, false, "at the bound")
}

// TestCachedRevokeOvertakesRead: a read that saw the session and is answered only
// after the revoke does not bring it back.
func TestCachedRevokeOvertakesRead(t *testing.T) {
	for method, revoke := range map[string]func(store.Store, store.Key, store.Record) error{
		"Delete": func(s store.Store, key store.Key, rec store.Record) error {
			return s.Delete(t.Context(), key, rec.Subject)
		},
		"DeleteSubject": func(s store.Store, _ store.Key, rec store.Record) error {
			_, err := s.DeleteSubject(t.Context(), rec.Subject, nil)
			return err
		},
		"Rotate": func(s store.Store, key store.Key, rec store.Record) error {
			_, err := s.Rotate(t.Context(), key, storetest.NewKey(), rec, rec.Until)
			return err
		},
	} {
		t.Run(method, func(t *testing.T) {
			s, inner := cachedOver(t, store.CacheConfig{For: time.Hour, Stale: time.Hour})
			key, rec := create(t, s)
			read, revoked := make(chan struct{}), make(chan struct{})
			inner.after = func(method string) {
				if method == "Get" {
					close(read)
					<-revoked
				}
			}
			var wg sync.WaitGroup
			wg.Go(func() { wantGet(t, s, key, true, "sent before the revoke") })
			<-read
			inner.after = nil
			if err := revoke(s, key, rec); err != nil {
				t.Fatal(err)
			}
			close(revoked)
			wg.Wait()
			wantGet(t, s, key, false, "after the revoke")
			inner.fail(errors.New("down"))
			if _, found, err := s.Get(t.Context(), key); found || err == nil {
				t.Errorf("store down after the revoke: Get = %v, %v", found, err)
			}
		})
	}
}

// TestCachedRotateIsAtomic: from the start of a rotation on the old key is asked
// of the store.
func TestCachedRotateIsAtomic(t *testing.T) {
	s, inner := cachedOver(t, store.CacheConfig{For: time.Hour})
	key, rec := create(t, s)
	next := storetest.NewKey()
	wantGet(t, s, key, true, "before") // and in the cache
	// Sent after the call has begun, but before it has an effect.
	inner.before = func() { wantGet(t, s, key, true, "the old key at first") }
	inner.after = func(method string) {
		if method == "Rotate" { // done, but not yet answered
			wantGet(t, s, next, true, "the new key meanwhile")
			wantGet(t, s, key, false, "the old key meanwhile")
		}
	}
	if found, err := s.Rotate(t.Context(), key, next, rec, rec.Until); !found || err != nil {
		t.Fatal(found, err)
	}
}

// TestCachedRaces: no read that starts after a revoke through the same node was
// acknowledged finds the session, with a cache that would keep it for an hour.
func TestCachedRaces(t *testing.T) {
	s, _ := cachedOver(t, store.CacheConfig{For: time.Hour, Entries: 128})
	var readers, users sync.WaitGroup
	type subject struct {
		key     store.Key
		revoked atomic.Bool
	}
	var current [8]atomic.Pointer[subject]
	var over atomic.Bool
	var reads atomic.Int64
	for range 4 {
		readers.Go(func() {
			for i := 0; !over.Load(); i++ {
				one := current[i%len(current)].Load()
				if one == nil {
					continue
				}
				gone := one.revoked.Load()
				_, found, err := s.Get(t.Context(), one.key)
				if err != nil || found && gone {
					t.Errorf("Get = %v, %v, revoked before: %v", found, err, gone)
					return
				}
				reads.Add(1)
			}
		})
	}
	for i := range current {
		users.Go(func() {
			for round := range 300 {
				key, rec := create(t, s)
				one := &subject{key: key}
				current[i].Store(one)
				for n := reads.Load(); reads.Load() < n+8 && !t.Failed(); { // until it is being used
					time.Sleep(time.Microsecond)
				}
				var err error
				switch round % 3 {
				case 0:
					err = s.Delete(t.Context(), key, rec.Subject)
				case 1:
					_, err = s.DeleteSubject(t.Context(), rec.Subject, nil)
				default:
					_, err = s.Rotate(t.Context(), key, storetest.NewKey(), rec, rec.Until)
				}
				one.revoked.Store(true)
				wantFalse(t, s, key)
				if err != nil || t.Failed() {
					t.Error(err)
					return
				}
			}
		})
	}
	users.Wait()
	over.Store(true)
	readers.Wait()
}

func wantFalse(t *testing.T, s store.Store, key store.Key) {
	t.Helper()
	wantGet(t, s, key, false, "acknowledged")
}

func TestCachedStale(t *testing.T) {
	clock := newFakeClock()
	s, inner := cachedOver(t, store.CacheConfig{For: time.Second, Stale: 10 * time.Second, Now: clock.Now})
	key, rec := create(t, s)
	down := errors.New("connection refused")
	wantErr := func(want error, when string) {
		t.Helper()
		if _, found, err := s.Get(t.Context(), key); found || !errors.Is(err, want) {
			t.Errorf("%s: Get = %v, %v, want %v", when, found, err, want)
		}
	}
	wantGet(t, s, key, true, "store up")
	inner.fail(down)
	clock.Advance(10 * time.Second)
	wantGet(t, s, key, true, "down, at the bound")
	for _, err := range []error{store.ErrCorrupt, store.ErrClosed} {
		inner.fail(err)
		wantErr(err, "no outage")
	}
	inner.fail(down)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, found, err := s.Get(gone, key); found || err == nil {
		t.Errorf("caller gone: Get = %v, %v", found, err)
	}
	clock.Advance(1)
	wantErr(down, "down, beyond the bound")
	inner.fail(nil)
	wantGet(t, s, key, true, "up again")
	inner.fail(down)
	if err := s.Delete(t.Context(), key, rec.Subject); !errors.Is(err, down) {
		t.Errorf("Delete = %v, want %v", err, down)
	}
	wantErr(down, "a revoke that failed may have been carried out")
	inner.fail(nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantErr(store.ErrClosed, "closed")
}

// TestCachedStaleCountsTheWait: what was young enough when the store was asked
// may be too old when it has failed.
func TestCachedStaleCountsTheWait(t *testing.T) {
	clock := newFakeClock()
	s, inner := cachedOver(t, store.CacheConfig{For: time.Second, Stale: 10 * time.Second, Now: clock.Now})
	key, _ := create(t, s)
	wantGet(t, s, key, true, "store up")
	clock.Advance(9 * time.Second)
	inner.fail(errors.New("timeout"))
	inner.after = func(string) { clock.Advance(2 * time.Second) }
	if _, found, err := s.Get(t.Context(), key); found || err == nil {
		t.Errorf("Get = %v, %v", found, err)
	}
}

// TestCachedMisses: a missing session is asked for each time, and one found
// missing is not kept for an outage.
func TestCachedMisses(t *testing.T) {
	clock := newFakeClock()
	s, inner := cachedOver(t, store.CacheConfig{For: time.Second, Stale: time.Hour, Now: clock.Now})
	unknown := storetest.NewKey()
	for range 3 {
		wantGet(t, s, unknown, false, "unknown")
	}
	if n := inner.gets.Load(); n != 3 {
		t.Errorf("%d reads of the store, want 3", n)
	}
	key, rec := create(t, s)
	wantGet(t, s, key, true, "created")
	if err := inner.Store.Delete(t.Context(), key, rec.Subject); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	wantGet(t, s, key, false, "deleted elsewhere")
	inner.fail(errors.New("down"))
	if _, found, err := s.Get(t.Context(), key); found || err == nil {
		t.Errorf("down: Get = %v, %v", found, err)
	}
}

// TestCachedTouch: a touch shows at once, and does not make the entry younger.
func TestCachedTouch(t *testing.T) {
	clock := newFakeClock()
	s, inner := cachedOver(t, store.CacheConfig{For: time.Second, Now: clock.Now})
	key, rec := create(t, s)
	wantGet(t, s, key, true, "created")
	clock.Advance(900 * time.Millisecond)
	rec.LastSeen = rec.LastSeen.Add(time.Minute)
	if found, err := s.Touch(t.Context(), key, rec, rec.Until); !found || err != nil {
		t.Fatal(found, err)
	}
	got, _, err := s.Get(t.Context(), key)
	if err != nil || !storetest.Equal(got, rec) {
		t.Errorf("Get = %+v, %v, want %+v", got, err, rec)
	}
	if err := inner.Store.Delete(t.Context(), key, rec.Subject); err != nil {
		t.Fatal(err)
	}
	clock.Advance(100 * time.Millisecond)
	wantGet(t, s, key, false, "a second after the read")
}

// TestCachedBounded: the cache holds Entries sessions and forgets the least
// recently used.
func TestCachedBounded(t *testing.T) {
	const most = 10
	s, inner := cachedOver(t, store.CacheConfig{For: time.Hour, Entries: most})
	keys := make([]store.Key, most+1)
	for i := range keys {
		keys[i], _ = create(t, s)
		wantGet(t, s, keys[i], true, "fill")
		wantGet(t, s, keys[0], true, "in use")
	}
	reads := func(key store.Key) int64 {
		before := inner.gets.Load()
		wantGet(t, s, key, true, "full")
		return inner.gets.Load() - before
	}
	if n := reads(keys[0]); n != 0 {
		t.Error("the session that was used all the time was forgotten")
	}
	if n := reads(keys[2]); n != 0 {
		t.Error("the second oldest was forgotten")
	}
	if n := reads(keys[1]); n != 1 {
		t.Error("one more than fits was kept")
	}
}

// TestCachedAllocates nothing on a hit.
func TestCachedAllocates(t *testing.T) {
	s, _ := cachedOver(t, store.CacheConfig{For: time.Hour})
	key, _ := create(t, s)
	n := testing.AllocsPerRun(100, func() { wantGet(t, s, key, true, "hit") })
	if n > 0 {
		t.Errorf("%v allocations a hit", n)
	}
}

// BenchmarkCachedGet is a hit, on 16 goroutines.
func BenchmarkCachedGet(b *testing.B) {
	s := store.NewCached(open(b, store.Config{Kind: "memory"}), store.CacheConfig{For: time.Hour, Entries: 10 * benchSessions})
	keys := fill(b, s)
	b.ReportAllocs()
	var next atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for i := int(next.Add(61)); pb.Next(); i++ {
			if _, found, err := s.Get(context.Background(), keys[i%len(keys)]); !found || err != nil {
				b.Error(found, err)
				return
			}
		}
	})
}
