package store_test

import (
	"strings"
	"testing"
	"time"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// TestMySQLOldTable: a table of before sessions had data gets the column, whoever of
// several nodes comes first.
func TestMySQLOldTable(t *testing.T) {
	dsn := storetest.StartMySQL(t).DSN
	cfg := store.Config{Kind: "mysql", MySQLDSN: dsn, PoolSize: 2}
	open(t, cfg)
	db := mysqlDB(t, dsn)
	if _, err := db.ExecContext(t.Context(), "ALTER TABLE authbench_sessions DROP COLUMN data"); err != nil {
		t.Fatal(err)
	}
	stores := make(chan store.Store, 3)
	errs := make(chan error, cap(stores))
	for range cap(stores) {
		go func() {
			s, err := store.Open(t.Context(), cfg)
			stores <- s
			errs <- err
		}()
	}
	rec := storetest.NewRecord(time.Now())
	rec.Data = strings.Repeat("\x00d", 8192)
	for range cap(stores) {
		s, err := <-stores, <-errs
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		key := storetest.NewKey()
		if err := s.Create(t.Context(), key, rec, rec.Until); err != nil {
			t.Fatal(err)
		}
		if got, found, err := s.Get(t.Context(), key); err != nil || !found || got.Data != rec.Data {
			t.Errorf("%v, %v, %d bytes of data", found, err, len(got.Data))
		}
	}
	rec.Data += "d"
	if err := open(t, cfg).Create(t.Context(), storetest.NewKey(), rec, rec.Until); err == nil || !strings.Contains(err.Error(), "16385 bytes of data") {
		t.Errorf("more data than a record may have: %v", err)
	}
}
