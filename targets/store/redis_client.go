package store

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Redis is a client with the settings that redisOptions explains, for what is
// kept in a Redis beside sessions.
type Redis struct {
	*redis.Client
	Prefix string // of every key
	limit  time.Duration
}

// NewRedis makes a client for the Redis of cfg. It does not connect: a server
// that is away is an error of the first call.
func NewRedis(cfg Config) (*Redis, error) {
	cfg = cfg.withDefaults()
	opt, err := redis.ParseURL(cfg.RedisURL)
	if err != nil {
		return nil, fmt.Errorf("store: redis URL: %w", err)
	}
	redisOptions(opt, cfg)
	logging.Disable() // every failed dial is the error of a call already
	return &Redis{Client: redis.NewClient(opt), Prefix: cfg.Prefix, limit: cfg.Timeouts.callLimit()}, nil
}

// Bound puts a deadline on all the steps of one call together: the client's own
// timeouts, and what the server is asked to wait.
func (r *Redis) Bound(ctx context.Context, wait time.Duration) context.Context {
	return deadline{ctx, time.Now().Add(r.limit + wait)}
}

// Fail says what failed, and turns a closed client into ErrClosed.
func (r *Redis) Fail(op string, err error) error { return fail(op, err) }
