package store_test

import (
	"strings"
	"testing"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// TestRedisCluster runs the contract over a cluster, where no script can change a
// session and its index together.
func TestRedisCluster(t *testing.T) {
	cfg := store.Config{Kind: "redis", RedisURL: storetest.StartCluster(t)}
	storetest.Run(t, storetest.Fixture{Open: opener(cfg), OwnClock: true, Steps: true})
	for kind, cfg := range map[string]store.Config{
		"redis":       {RedisURL: cfg.RedisURL, Wait: store.Wait{Replicas: 1}},
		"redis+mysql": {RedisURL: cfg.RedisURL, MySQLDSN: "u:p@tcp(127.0.0.1:1)/db"},
	} {
		cfg.Kind = kind
		if kind == "redis+mysql" {
			cfg.MySQLDSN = storetest.StartMySQL(t).DSN
		}
		if s, err := store.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "cluster") {
			t.Errorf("%s: %v, %v, want a word about clusters", kind, s, err)
		}
	}
}
