package store_test

import (
	"testing"
	"time"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// TestMySQLOneSelect: a use of a session is one SELECT, as the server counts.
func TestMySQLOneSelect(t *testing.T) {
	dsn := storetest.StartMySQL(t).DSN
	s := open(t, store.Config{Kind: "mysql", MySQLDSN: dsn})
	db := mysqlDB(t, dsn)
	rec, key := storetest.NewRecord(time.Now()), storetest.NewKey()
	if err := s.Create(t.Context(), key, rec, rec.Until); err != nil {
		t.Fatal(err)
	}
	selects := func() (n int) {
		var name string
		if err := db.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Com_select'").Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := selects()
	const n = 100
	for range n {
		if _, found, err := s.Get(t.Context(), key); err != nil || !found {
			t.Fatal(found, err)
		}
	}
	if got := selects() - before; got != n {
		t.Errorf("%d SELECTs for %d Gets", got, n)
	}
}

// TestMySQLOpenTwice: the second node of a trial finds the tables there.
func TestMySQLOpenTwice(t *testing.T) {
	cfg := store.Config{Kind: "mysql", MySQLDSN: storetest.StartMySQL(t).DSN, PoolSize: 2}
	a, b := open(t, cfg), open(t, cfg)
	rec, key := storetest.NewRecord(time.Now()), storetest.NewKey()
	if err := a.Create(t.Context(), key, rec, rec.Until); err != nil {
		t.Fatal(err)
	}
	if _, found, err := b.Get(t.Context(), key); err != nil || !found {
		t.Errorf("Get on the other node = %v, %v", found, err)
	}
	if n, err := b.DeleteSubject(t.Context(), rec.Subject, nil); n != 1 || err != nil {
		t.Errorf("DeleteSubject on the other node = %d, %v", n, err)
	}
	if _, found, err := a.Get(t.Context(), key); err != nil || found {
		t.Errorf("Get after it = %v, %v", found, err)
	}
}
