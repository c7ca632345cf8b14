package store_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// fixtures is how the suite gets at each store of store.All.
func fixtures() map[string]func(*testing.T) storetest.Fixture {
	return map[string]func(*testing.T) storetest.Fixture{
		"memory": func(*testing.T) storetest.Fixture {
			return storetest.Fixture{Open: opener(store.Config{Kind: "memory"})}
		},
		"redis": func(t *testing.T) storetest.Fixture {
			cfg := store.Config{Kind: "redis", RedisURL: storetest.StartRedis(t).URL}
			client := redisClient(t, cfg.RedisURL)
			return storetest.Fixture{
				Open: opener(cfg), OwnClock: true,
				Damage: func(t testing.TB, key store.Key) {
					name := "authbench:s:" + string(key[:])
					value, err := client.Get(t.Context(), name).Bytes()
					if err != nil {
						t.Fatal(err)
					}
					value[len(value)/2] ^= 1
					if err := client.Set(t.Context(), name, value, 0).Err(); err != nil {
						t.Fatal(err)
					}
				},
			}
		},
		"mysql": func(t *testing.T) storetest.Fixture {
			cfg := store.Config{Kind: "mysql", MySQLDSN: storetest.StartMySQL(t).DSN}
			return storetest.Fixture{Open: opener(cfg), Damage: damageRow(t, cfg.MySQLDSN)}
		},
		"redis+mysql": func(t *testing.T) storetest.Fixture {
			cfg := store.Config{Kind: "redis+mysql", RedisURL: storetest.StartRedis(t).URL, MySQLDSN: storetest.StartMySQL(t).DSN}
			return storetest.Fixture{Open: opener(cfg), Damage: damageRow(t, cfg.MySQLDSN)}
		},
	}
}

// damageRow damages a record in the MySQL at dsn.
func damageRow(t *testing.T, dsn string) func(testing.TB, store.Key) {
	db := mysqlDB(t, dsn)
	return func(t testing.TB, key store.Key) {
		if _, err := db.ExecContext(t.Context(), "UPDATE authbench_sessions SET roles = '\x00 x' WHERE id = ?", key[:]); err != nil {
			t.Fatal(err)
		}
	}
}

func opener(cfg store.Config) func(testing.TB, func() time.Time) store.Store {
	return func(t testing.TB, now func() time.Time) store.Store {
		t.Helper()
		cfg := cfg
		cfg.Now = now
		// The suite is not about time: a busy machine may take its own.
		cfg.Timeouts = store.Timeouts{Dial: 10 * time.Second, IO: 10 * time.Second, Pool: 10 * time.Second}
		return open(t, cfg)
	}
}

func open(t testing.TB, cfg store.Config) store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func redisClient(t testing.TB, url string) *redis.Client {
	t.Helper()
	opt, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opt)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func mysqlDB(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestConformance(t *testing.T) {
	fx := fixtures()
	for _, kind := range store.All() {
		t.Run(kind.Kind, func(t *testing.T) {
			fixture, ok := fx[kind.Kind]
			if !ok {
				t.Fatalf("store %q is listed in All but has no fixture", kind.Kind)
			}
			storetest.Run(t, fixture(t))
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, cfg := range map[string]store.Config{
		"unknown kind":   {Kind: "etcd"},
		"no redis URL":   {Kind: "redis"},
		"bad redis URL":  {Kind: "redis", RedisURL: "http://127.0.0.1"},
		"no mysql DSN":   {Kind: "mysql"},
		"no database":    {Kind: "mysql", MySQLDSN: "root@tcp(127.0.0.1:1)/"},
		"nobody listens": {Kind: "redis", RedisURL: "redis://127.0.0.1:1"},
	} {
		if s, err := store.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s: opened %T", name, s)
		}
	}
	var kinds []string
	for _, k := range store.All() {
		kinds = append(kinds, k.Kind)
	}
	if len(kinds) != len(slices.Compact(slices.Sorted(slices.Values(kinds)))) {
		t.Errorf("All lists a kind twice: %v", kinds)
	}
}
