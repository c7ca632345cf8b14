package store_test

import (
	"sync"
	"testing"
	"time"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// The promise is 0.5 s for a call while the store is away and 2 s until it works
// again. The tests log what they saw, and fail at bounds that a busy machine
// keeps and that the clients' defaults would not (1.7 to 10 s a call).
const (
	callBound    = 1500 * time.Millisecond
	recoverBound = 6 * time.Second
)

func TestOutage(t *testing.T) {
	for name, start := range map[string]func(testing.TB) (*storetest.Server, store.Config){
		"redis": func(t testing.TB) (*storetest.Server, store.Config) {
			srv := storetest.StartRedis(t)
			return srv, store.Config{Kind: "redis", RedisURL: srv.URL}
		},
		"mysql": func(t testing.TB) (*storetest.Server, store.Config) {
			srv := storetest.StartMySQL(t)
			return srv, store.Config{Kind: "mysql", MySQLDSN: srv.DSN}
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv, cfg := start(t)
			s := open(t, cfg)
			healthy(t, s)

			srv.Kill()
			away(t, s, "killed")
			srv.Restart()
			recovers(t, s, "killed")

			srv.Pause()
			away(t, s, "frozen")
			srv.Resume()
			recovers(t, s, "frozen")

			// While nobody called: only dead connections are left in the pool.
			srv.Kill()
			srv.Restart()
			healthy(t, s)
		})
	}
}

// healthy: all works, at the first attempt. What a dead connection in the pool
// breaks fails at once; only what a busy machine delayed gets another chance.
func healthy(t *testing.T, s store.Store) {
	t.Helper()
	var wg sync.WaitGroup
	for range 8 { // several connections
		wg.Go(func() {
			for {
				start := time.Now()
				err := login(t, s)
				if err == nil {
					return
				}
				if time.Since(start) < 100*time.Millisecond {
					t.Error(err)
					return
				}
				t.Logf("repeated: %v", err)
			}
		})
	}
	wg.Wait()
}

func login(t *testing.T, s store.Store) error {
	rec, key := storetest.NewRecord(time.Now()), storetest.NewKey()
	if err := s.Create(t.Context(), key, rec, rec.Until); err != nil {
		return err
	}
	_, found, err := s.Get(t.Context(), key)
	if err == nil && !found {
		t.Error("Get does not find what Create stored")
	}
	return err
}

// away: every call of every kind is an error, soon, and never "no session".
func away(t *testing.T, s store.Store, how string) {
	t.Helper()
	rec := storetest.NewRecord(time.Now())
	var mu sync.Mutex
	var worst time.Duration
	call := func(method string, do func() error) {
		start := time.Now()
		err := do()
		took := time.Since(start)
		mu.Lock()
		defer mu.Unlock()
		worst = max(worst, took)
		if err == nil {
			t.Errorf("store %s: %s answered", how, method)
		}
		if took > callBound {
			t.Errorf("store %s: %s took %v", how, method, took)
		}
	}
	var wg sync.WaitGroup
	for range 40 { // more than the pool has connections
		wg.Go(func() {
			call("Get", func() error { _, _, err := s.Get(t.Context(), storetest.NewKey()); return err })
			call("Touch", func() error {
				_, err := s.Touch(t.Context(), storetest.NewKey(), rec, rec.Until)
				return err
			})
			call("Delete", func() error { return s.Delete(t.Context(), storetest.NewKey(), rec.Subject) })
		})
	}
	wg.Wait()
	call("DeleteSubject", func() error { _, err := s.DeleteSubject(t.Context(), rec.Subject, nil); return err })
	call("Rotate", func() error {
		_, err := s.Rotate(t.Context(), storetest.NewKey(), storetest.NewKey(), rec, rec.Until)
		return err
	})
	call("Ping", func() error { return s.Ping(t.Context()) })
	t.Logf("store %s: slowest call %v", how, worst)
}

// recovers: after some time calls work again, and go on working.
func recovers(t *testing.T, s store.Store, how string) {
	t.Helper()
	start := time.Now()
	for login(t, s) != nil {
		if time.Since(start) > recoverBound {
			t.Fatalf("store %s: not back after %v", how, recoverBound)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("store %s: back %v after it was", how, time.Since(start))
	healthy(t, s)
}
