package store

import (
	"context"
	"time"
)

// Redis is a client with the settings that redisOptions explains, for what is
// kept in a Redis beside sessions.
type Redis struct {
	Client
	Prefix  string // of every key
	Wait    Wait   // of what revokes
	Cluster bool   // keys of one script have to share a {tag}
	size    int    // of its pool
	limit   time.Duration
}

// NewRedis makes a client for the Redis of cfg. It does not connect: a server
// that is away is an error of the first call.
func NewRedis(cfg Config) (*Redis, error) {
	cfg = cfg.withDefaults()
	at, err := parseRedisURL(cfg.RedisURL)
	if err != nil {
		return nil, err
	}
	if at.cluster && cfg.Wait.Replicas > 0 {
		return nil, errClusterWait
	}
	return &Redis{
		Client: at.client(cfg, nil), Prefix: cfg.Prefix, Wait: cfg.Wait, Cluster: at.cluster,
		size: cfg.PoolSize, limit: cfg.Timeouts.callLimit(),
	}, nil
}

// Bound puts a deadline on all the steps of one call together: the client's own
// timeouts, and what the server is asked to wait.
func (r *Redis) Bound(ctx context.Context, wait time.Duration) context.Context {
	return deadline{ctx, time.Now().Add(r.limit + wait)}
}

// Pool is what the client says of its connections, under that name.
func (r *Redis) Pool(name string) Pool { return redisPool(name, r.size, r.Client) }

// Fail says what failed, and turns a closed client into ErrClosed.
func (r *Redis) Fail(op string, err error) error { return fail(op, err) }
