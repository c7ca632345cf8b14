package server

import (
	"context"
	"errors"
	"time"

	"authbench/targets/revoke"
	"authbench/targets/store"
)

// Errors of a store that needs an address.
var (
	ErrNoRedisURL = errors.New("it needs the address of a Redis")
	ErrNoMySQLDSN = errors.New("it needs the address of a MySQL or MariaDB")
)

// timeouts are those of a store's client: one setting gives all of them their
// size. A read or write may take t, a dial 2/3 t, the wait for a connection t/2,
// so that no call takes longer than 1.5 t and 300 ms keeps the promise "503
// within 0.5 s".
func timeouts(t time.Duration) store.Timeouts {
	return store.Timeouts{Dial: t * 2 / 3, IO: t, Pool: t / 2}
}

// openStore connects to the store of the settings. Of redis+mysql the settings of
// MySQL hold for both clients: either may have to answer every use.
func openStore(ctx context.Context, o Options, now func() time.Time) (store.Store, error) {
	set := o.Settings
	cfg := store.Config{
		Kind: set.Store, RedisURL: o.RedisURL, MySQLDSN: o.MySQLDSN, Now: now,
		Wait: wait(set), ReadReplica: set.ReadFrom == "replica",
	}
	redis, mysql := set.Store == "redis" || set.Store == "redis+mysql", set.Store == "mysql" || set.Store == "redis+mysql"
	switch {
	case redis && o.RedisURL == "":
		return nil, ErrNoRedisURL
	case mysql && o.MySQLDSN == "":
		return nil, ErrNoMySQLDSN
	case mysql:
		cfg.PoolSize, cfg.Timeouts = set.MySQLPoolSize, timeouts(set.MySQLTimeout)
	case redis:
		cfg.PoolSize, cfg.Timeouts = set.RedisPoolSize, timeouts(set.RedisTimeout)
	}
	s, err := store.Open(ctx, cfg)
	if err != nil || set.CacheFor == 0 {
		return s, err
	}
	// The cache ages by the machine's monotonic clock and not by the node's, which
	// the admin plane moves.
	return store.NewCached(s, store.CacheConfig{For: set.CacheFor, Stale: set.OnStoreUnreachable.Stale, Entries: set.RecallEntries}), nil
}

// wait is how many replicas a revocation waits for.
func wait(set Settings) store.Wait {
	return store.Wait{Replicas: set.RedisWait, Timeout: set.RedisWaitTimeout}
}

// openStrategy makes what revokes the tokens of the settings; nil for nothing.
func openStrategy(o Options, failed func(error)) (revoke.Strategy, error) {
	set := o.Settings
	cfg := revoke.Config{
		Kind:  set.strategy(),
		Redis: store.Config{RedisURL: o.RedisURL, PoolSize: set.RedisPoolSize, Timeouts: timeouts(set.RedisTimeout), Wait: wait(set)},
		Keep:  set.keep(), Bound: set.RevocationBound, PollEvery: set.PollEvery, Grace: set.RefreshGrace, Failed: failed,
	}
	switch {
	case cfg.Kind == "":
		return nil, nil
	case o.RedisURL == "":
		return nil, ErrNoRedisURL
	case cfg.Kind == "families":
		cfg.Keep = set.RefreshLifetime // a family ends with its last refresh token
		key, err := sharedKey(o.KeysDir, refreshFile)
		if err != nil {
			return nil, err
		}
		cfg.Key = key
	}
	s, err := revoke.Open(cfg)
	away := set.OnStoreUnreachable
	if err != nil || set.CheckEvery == 0 && (away.Mode == "" || away.Mode == "503") {
		return s, err
	}
	return revoke.NewRecall(s, revoke.RecallConfig{
		Every: set.CheckEvery, Stale: away.Stale, Open: away.Mode == "open", Entries: max(1, set.RecallEntries),
	}), nil
}
