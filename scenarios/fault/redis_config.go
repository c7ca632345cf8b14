package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"authbench/scenarios/testbed"
)

// redisConfig changes settings of a running Redis and puts them back.
type redisConfig struct {
	admin *redis.Client
	was   map[string]string
}

// open connects with every right.
func (c *redisConfig) open(ctx context.Context, s *testbed.Store) (err error) {
	if c.admin, err = s.AdminRedis(); err != nil {
		return err
	}
	return c.admin.Ping(ctx).Err()
}

// change notes what the settings were, all of them, before it touches one.
func (c *redisConfig) change(ctx context.Context, to map[string]string) error {
	was := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(to)) {
		got, err := c.admin.ConfigGet(ctx, name).Result()
		if err != nil {
			return fmt.Errorf("CONFIG GET %s: %w", name, err)
		}
		if _, ok := got[name]; !ok {
			return testbed.Unsupported("this server has no setting " + name)
		}
		was[name] = got[name]
	}
	c.was = was
	return c.set(ctx, to)
}

func (c *redisConfig) set(ctx context.Context, to map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(to)) {
		if err := c.admin.ConfigSet(ctx, name, to[name]).Err(); err != nil {
			return fmt.Errorf("CONFIG SET %s: %w", name, err)
		}
	}
	return nil
}

// Recover puts the settings back. A server that has died took them along.
func (c *redisConfig) Recover(ctx context.Context, p *Place) error {
	if err := p.Store.Check(); err != nil {
		return hopeless{fmt.Errorf("it has ended meanwhile: %w", err)}
	}
	if c.admin == nil {
		return nil
	}
	return c.set(ctx, c.was)
}

// isBack is nil when the settings are what they were, and a write works.
func (c *redisConfig) isBack(ctx context.Context, p *Place) error {
	for name, want := range c.was {
		got, err := c.admin.ConfigGet(ctx, name).Result()
		if err != nil {
			return err
		}
		if got[name] != want {
			return fmt.Errorf("setting %s is %q, was %q", name, got[name], want)
		}
	}
	return tryWrite(ctx, p.Store)
}

func (c *redisConfig) Close() error {
	if c.admin == nil {
		return nil
	}
	return c.admin.Close()
}

// tryWrite writes a key as a node would, and takes it back.
func tryWrite(ctx context.Context, s *testbed.Store) error {
	return fresh(s, nil, func(p *testbed.Probe) error {
		ctx, cancel := context.WithTimeout(ctx, probeLimit)
		defer cancel()
		if err := p.Redis().Set(ctx, testbed.KeyPrefix+"fault-probe", 1, 0).Err(); err != nil {
			return err
		}
		return p.Redis().Del(ctx, testbed.KeyPrefix+"fault-probe").Err()
	})
}

// denied is nil when a write is answered with an error that begins with word.
func denied(ctx context.Context, s *testbed.Store, word string) error {
	switch err := tryWrite(ctx, s); {
	case err == nil:
		return errors.New("the store takes a write")
	case !strings.HasPrefix(err.Error(), word):
		return fmt.Errorf("the store does not answer %s: %w", word, err)
	}
	return nil
}
