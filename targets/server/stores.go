package server

import (
	"context"
	"errors"
	"time"

	"authbench/targets/store"
)

// Errors of a store that needs an address.
var (
	ErrNoRedisURL = errors.New("store redis needs the address of a Redis")
	ErrNoMySQLDSN = errors.New("store mysql needs the address of a MySQL or MariaDB")
)

// openStore connects to the store of the settings. One setting gives all the
// timeouts their size: a read or write may take t, a dial 2/3 t, the wait for a
// connection t/2, so that no call takes longer than 1.5 t and 300 ms keeps the
// promise "503 within 0.5 s".
func openStore(ctx context.Context, o Options, now func() time.Time) (store.Store, error) {
	cfg := store.Config{Kind: o.Settings.Store, RedisURL: o.RedisURL, MySQLDSN: o.MySQLDSN, Now: now}
	var t time.Duration
	switch {
	case cfg.Kind == "redis" && o.RedisURL == "":
		return nil, ErrNoRedisURL
	case cfg.Kind == "mysql" && o.MySQLDSN == "":
		return nil, ErrNoMySQLDSN
	case cfg.Kind == "redis":
		cfg.PoolSize, t = o.Settings.RedisPoolSize, o.Settings.RedisTimeout
	case cfg.Kind == "mysql":
		cfg.PoolSize, t = o.Settings.MySQLPoolSize, o.Settings.MySQLTimeout
	}
	cfg.Timeouts = store.Timeouts{Dial: t * 2 / 3, IO: t, Pool: t / 2}
	return store.Open(ctx, cfg)
}
