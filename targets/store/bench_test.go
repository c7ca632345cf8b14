//go:build unix

package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

const benchSessions = 1000

// cpuPerOp reports the CPU that this process has spent per operation; ns/op
// also holds the server's share and the waiting.
func cpuPerOp(b *testing.B, run func()) {
	b.ReportAllocs()
	cpu := func() int64 {
		var ru syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
			b.Fatal(err)
		}
		return ru.Utime.Nano() + ru.Stime.Nano()
	}
	b.ResetTimer()
	start := cpu()
	run()
	b.ReportMetric(float64(cpu()-start)/float64(b.N), "cpu-ns/op")
}

// parallel runs op with i = 0, 1, 2 ... on 16 goroutines.
func parallel(b *testing.B, op func(i int) error) {
	var next atomic.Int64
	b.SetParallelism(16)
	cpuPerOp(b, func() {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := op(int(next.Add(1))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkGet is the hot path of each store. Use -cpu 1: so is a node pinned.
func BenchmarkGet(b *testing.B) {
	for _, kind := range store.All() {
		b.Run(kind.Kind, func(b *testing.B) {
			cfg := store.Config{Kind: kind.Kind}
			switch kind.Kind {
			case "redis":
				cfg.RedisURL = storetest.StartRedis(b).URL
			case "mysql":
				cfg.MySQLDSN = storetest.StartMySQL(b).DSN
			case "redis+mysql":
				cfg.RedisURL, cfg.MySQLDSN = storetest.StartRedis(b).URL, storetest.StartMySQL(b).DSN
			}
			s := open(b, cfg)
			keys := fill(b, s)
			b.Run("get", func(b *testing.B) {
				parallel(b, func(i int) error {
					_, found, err := s.Get(context.Background(), keys[i%len(keys)])
					if err == nil && !found {
						err = fmt.Errorf("session %d is missing", i%len(keys))
					}
					return err
				})
			})
		})
	}
}

func fill(b *testing.B, s store.Store) []store.Key {
	b.Helper()
	keys := make([]store.Key, benchSessions)
	for i := range keys {
		rec := storetest.NewRecord(time.Now())
		keys[i] = storetest.NewKey()
		if err := s.Create(b.Context(), keys[i], rec, rec.Until); err != nil {
			b.Fatal(err)
		}
	}
	return keys
}

// BenchmarkMySQLStatements is the measurement behind docs/adr/0003: the SELECT
// of a Get, prepared or with its parameters written into the text, under a
// context that can be cancelled or cannot.
func BenchmarkMySQLStatements(b *testing.B) {
	dsn := storetest.StartMySQL(b).DSN
	keys := fill(b, open(b, store.Config{Kind: "mysql", MySQLDSN: dsn}))
	const query = `SELECT subject, roles, created_ms, last_seen_ms, auth_ms, until_ms
		FROM authbench_sessions WHERE id = ? AND expires_ms > ?`
	for _, prepared := range []bool{false, true} {
		db := mysqlDB(b, dsn+"?interpolateParams=true")
		db.SetMaxOpenConns(16)
		db.SetMaxIdleConns(16)
		row := func(ctx context.Context, args ...any) *sql.Row { return db.QueryRowContext(ctx, query, args...) }
		if prepared {
			stmt, err := db.PrepareContext(b.Context(), query)
			if err != nil {
				b.Fatal(err)
			}
			defer stmt.Close()
			row = stmt.QueryRowContext
		}
		for _, cancellable := range []bool{true, false} {
			b.Run(fmt.Sprintf("prepared=%t/cancellable=%t", prepared, cancellable), func(b *testing.B) {
				parallel(b, func(i int) error {
					ctx, cancel := context.Background(), func() {}
					if cancellable {
						ctx, cancel = context.WithTimeout(ctx, time.Second)
					}
					defer cancel()
					var subject, roles string
					var created, seen, auth, until int64
					return row(ctx, keys[i%len(keys)][:], time.Now().UnixMilli()).Scan(
						&subject, &roles, &created, &seen, &auth, &until)
				})
			})
		}
	}
}
