package revoke

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/targets/store"
)

// db is the Redis of a strategy.
type db struct{ *store.Redis }

func openDB(cfg store.Config) (*db, error) {
	r, err := store.NewRedis(cfg)
	if err != nil {
		return nil, err
	}
	return &db{r}, nil
}

// key is prefix + kind + name: every kind of key has a letter or two of its own.
func (d *db) key(kind, name string) string { return d.Prefix + kind + ":" + name }

// ofUser is key for what is used together with other keys of that user: in a
// cluster they share the {tag} that puts them on one server.
func (d *db) ofUser(kind, subject, name string) string {
	switch {
	case !d.Cluster && name == "":
		return d.key(kind, subject)
	case !d.Cluster:
		return d.key(kind, name)
	case name == "":
		return d.key(kind, "{"+subject+"}")
	}
	return d.key(kind, "{"+subject+"}"+name)
}

// run executes a script: one EVALSHA, and the text once more only where the
// server has not seen it and so has done nothing.
func (d *db) run(ctx context.Context, op string, s *redis.Script, keys []string, args ...any) (any, error) {
	v, err := s.Run(d.Bound(ctx, 0), d.Client, keys, args...).Result()
	if err != nil {
		return nil, d.Fail(op, err)
	}
	return v, nil
}

// end is run for what revokes: it waits for as many replicas as it is to.
func (d *db) end(ctx context.Context, op string, s *redis.Script, keys []string, args ...any) error {
	if err := d.Wait.Run(d.Bound(ctx, 0), d.Client, s, keys, args...).Err(); err != nil {
		return d.Fail(op, err)
	}
	return nil
}

// put is one SET that revokes; it waits likewise. keep 0: for ever.
func (d *db) put(ctx context.Context, op, key, value string, keep time.Duration) error {
	ctx = d.Bound(ctx, 0)
	if d.Wait.Replicas == 0 {
		if err := d.Set(ctx, key, value, keep).Err(); err != nil {
			return d.Fail(op, err)
		}
		return nil
	}
	err := d.Wait.Write(ctx, d.Client, func(p redis.Pipeliner) redis.Cmder { return p.Set(ctx, key, value, keep) })
	if err != nil {
		return d.Fail(op, err)
	}
	return nil
}

// texts executes a script whose answer is a list of texts and numbers.
func (d *db) texts(ctx context.Context, op string, s *redis.Script, keys []string, args ...any) ([]string, error) {
	v, err := d.run(ctx, op, s, keys, args...)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("revoke: redis %s: answered a %T", op, v)
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = fmt.Sprint(e)
	}
	return out, nil
}

// get is one GET; a missing key is "".
func (d *db) get(ctx context.Context, op, key string) (value string, found bool, err error) {
	value, err = d.Get(d.Bound(ctx, 0), key).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return "", false, nil
	case err != nil:
		return "", false, d.Fail(op, err)
	}
	return value, true, nil
}

// Ping is part of Strategy.
func (d *db) Ping(ctx context.Context) error {
	if err := d.Client.Ping(d.Bound(ctx, 0)).Err(); err != nil {
		return d.Fail("ping", err)
	}
	return nil
}

// Close is part of Strategy.
func (d *db) Close() error {
	if err := d.Client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return d.Fail("close", err)
	}
	return nil
}

// millis is d as Redis takes it, rounded up.
func millis(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }
