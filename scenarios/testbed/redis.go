package testbed

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// redisClient is the testbed's own connection to a Redis or Valkey.
type redisClient struct {
	*redis.Client
	access  access
	unlinks int64 // UNLINK commands of ours, to take out of the count
}

// quietRedis keeps go-redis from writing to stderr: a server that is not up yet
// is expected.
var quietRedis = sync.OnceFunc(logging.Disable)

func newRedisClient(a access) (storeClient, error) {
	opts, err := redisOptions(a.url)
	if err != nil {
		return nil, err
	}
	opts.PoolSize = 1
	opts.MaxRetries = -1
	opts.DialerRetries = 1
	opts.DialTimeout = time.Second
	opts.ContextTimeoutEnabled = true
	opts.DisableIdentity = true
	opts.ClientName = HarnessName
	quietRedis()
	return &redisClient{Client: redis.NewClient(opts), access: a}, nil
}

// ready looks for a listener before it uses the pool.
//
// Subtle: once as many dials have failed as the pool is large, go-redis tries
// again only once a second, and the store would seem to take that long to start.
func (c *redisClient) ready(ctx context.Context) error {
	if err := answers(ctx, "http", c.Options().Addr, "", "", nil); err != nil {
		return err
	}
	return c.Ping(ctx).Err()
}

func (c *redisClient) close() error { return c.Close() }

// about reads INFO server and CONFIG GET. A managed Redis forbids CONFIG; its
// settings then say so.
func (c *redisClient) about(ctx context.Context) (product, version string, settings map[string]string, err error) {
	settings = map[string]string{}
	if c.access.standIn {
		return "", "", settings, nil // it has neither
	}
	info, err := c.info(ctx, "server")
	if err != nil {
		return "", "", nil, err
	}
	product, version = "Redis", info["redis_version"]
	// Valkey keeps reporting the Redis version that it is compatible with.
	if name := info["server_name"]; name == "valkey" {
		product, version = "Valkey", info["valkey_version"]
	}
	if version == "" {
		return "", "", nil, errors.New("INFO server names no version")
	}
	for _, name := range []string{"appendonly", "appendfsync", "save", "maxmemory", "maxmemory-policy", "io-threads"} {
		got, err := c.ConfigGet(ctx, name).Result()
		if err != nil {
			settings["config"] = "not readable: " + err.Error()
			break
		}
		for k, v := range got {
			settings[k] = v
		}
	}
	return product, version, settings, nil
}

// info is one section of INFO as a map.
func (c *redisClient) info(ctx context.Context, section string) (map[string]string, error) {
	text, err := c.Info(ctx, section).Result()
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}

// reset empties a private server. Of another one only keys below KeyPrefix go:
// SCAN and UNLINK block nobody.
func (c *redisClient) reset(ctx context.Context) error {
	if c.access.private {
		return c.FlushAll(ctx).Err()
	}
	var cursor uint64
	for {
		keys, next, err := c.Scan(ctx, cursor, KeyPrefix+"*", 1000).Result()
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			if err := c.Unlink(ctx, keys...).Err(); err != nil {
				return err
			}
			c.unlinks++
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// ops reads INFO commandstats: cmdstat_get:calls=12,usec=30,... A stand-in has
// no such section.
func (c *redisClient) ops(ctx context.Context) (Ops, error) {
	if c.access.standIn {
		return Ops{}, nil
	}
	stats, err := c.info(ctx, "commandstats")
	if err != nil {
		return Ops{}, err
	}
	o := Ops{Known: true, ByName: map[string]int64{}}
	for name, value := range stats {
		name, ok := strings.CutPrefix(name, "cmdstat_")
		if !ok || redisBookkeeping(name) {
			continue
		}
		calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
		n, err := strconv.ParseInt(calls, 10, 64)
		if err != nil {
			return Ops{}, fmt.Errorf("INFO commandstats: %s: %q", name, value)
		}
		o.ByName["redis."+name] = n
	}
	if n, ok := o.ByName["redis.unlink"]; ok {
		o.ByName["redis.unlink"] = n - c.unlinks
	}
	return o, nil
}

// redisBookkeeping reports whether a command only sets a connection up, looks at
// the server, or is one that only the testbed uses (FLUSHALL, SCAN).
func redisBookkeeping(name string) bool {
	name, _, _ = strings.Cut(name, "|") // subcommands: config|get
	switch name {
	case "hello", "auth", "select", "client", "ping", "quit", "readonly",
		"info", "config", "command", "echo", "flushall", "scan":
		return true
	}
	return false
}
