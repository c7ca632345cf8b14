package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// redisStore keeps a session as one string, PREFIX"s:"KEY, that expires by
// itself, and lists the keys of a subject in a sorted set, PREFIX"u:"SUBJECT,
// scored with the end of their absolute timeout. That end never moves, so Touch
// is one plain SET and has no index to keep true.
//
// The scripts change both kinds of key at once, which have to be on one server;
// redisCluster does without.
type redisStore struct {
	client    Client
	reads     Client // client, or a replica's
	size      int    // of its pool
	now       func() time.Time
	wait      Wait
	limit     time.Duration
	recPrefix string
	idxPrefix string
	scripts   redisScripts
}

func openRedis(ctx context.Context, cfg Config) (Store, error) {
	at, err := parseRedisURL(cfg.RedisURL)
	if err != nil {
		return nil, err
	}
	if at.cluster && cfg.Wait.Replicas > 0 {
		return nil, errClusterWait
	}
	s := &redisStore{
		client: at.client(cfg, nil), size: cfg.PoolSize, now: cfg.Now, wait: cfg.Wait, limit: cfg.Timeouts.callLimit(),
		recPrefix: cfg.Prefix + "s:", idxPrefix: cfg.Prefix + "u:", scripts: newRedisScripts(),
	}
	s.reads = s.client
	if cfg.ReadReplica {
		if s.reads, err = at.reader(cfg); err != nil {
			return nil, errors.Join(err, s.client.Close())
		}
	}
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if at.cluster {
		return newRedisCluster(s), nil
	}
	return s, nil
}

// redisOptions makes the client fail at once and never repeat a command.
//
// After an outage it is back within Timeouts.Dial + 1 s: once PoolSize dials
// have failed, the pool answers with the last error and dials once a second
// until that works. Connections that died meanwhile are found by a peek at
// their socket before use, not by a failing command.
func redisOptions(opt *redis.Options, cfg Config) {
	opt.MaxRetries = -1 // a repeated GETDEL would take another answer's place
	opt.DialerRetries = 1
	opt.DialTimeout = cfg.Timeouts.Dial
	opt.ReadTimeout = cfg.Timeouts.IO
	opt.WriteTimeout = cfg.Timeouts.IO
	opt.PoolTimeout = cfg.Timeouts.Pool
	opt.ContextTimeoutEnabled = true
	opt.PoolSize = cfg.PoolSize
	opt.PipelinePoolSize = -1 // nothing is pipelined: no second pool
	opt.ReadBufferSize = 4096 // a record is about 70 bytes, the default buffers 64 KiB a connection
	opt.WriteBufferSize = 4096
	opt.Protocol = 2           // no push messages wanted, so none looked for in every reply
	opt.DisableIdentity = true // no CLIENT SETINFO on every new connection
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

func (s *redisStore) rec(key Key) string        { return s.recPrefix + string(key[:]) }
func (s *redisStore) idx(subject string) string { return s.idxPrefix + subject }

// bound puts a deadline on all the steps of a call together: the wait for a
// connection, the dial, the hello, the command.
func (s *redisStore) bound(ctx context.Context) context.Context {
	return deadline{ctx, time.Now().Add(s.limit)}
}

// deadline is a context with a deadline but without a timer: one allocation
// instead of five and a timer, on every call.
//
// Subtle: it is not Done when the time is over. That is enough for go-redis,
// which bounds the waits for a connection and for a dial with timeouts of their
// own, and takes the socket's deadlines from Deadline.
type deadline struct {
	context.Context
	at time.Time
}

func (d deadline) Deadline() (time.Time, bool) {
	if at, ok := d.Context.Deadline(); ok && at.Before(d.at) {
		return at, true
	}
	return d.at, true
}

// fail says what failed, and turns a closed client into our own error.
func fail(op string, err error) error {
	if errors.Is(err, redis.ErrClosed) {
		return ErrClosed
	}
	return fmt.Errorf("store: redis %s: %w", op, err)
}

// left is the rest of a life as Redis takes it: whole milliseconds, rounded up.
func (s *redisStore) left(t time.Time) (int64, error) {
	d := t.Sub(s.now())
	if d <= 0 {
		return 0, fmt.Errorf("store: expiry %v is not in the future", t)
	}
	return int64((d + time.Millisecond - 1) / time.Millisecond), nil
}

func (s *redisStore) Create(ctx context.Context, key Key, rec Record, expires time.Time) error {
	value, ttl, until, err := s.encode(&rec, expires)
	if err != nil {
		return err
	}
	err = s.scripts.create.Run(s.bound(ctx), s.client,
		[]string{s.rec(key), s.idx(rec.Subject)}, value, ttl, until, key[:]).Err()
	if err != nil {
		return fail("create", err)
	}
	return nil
}

func (s *redisStore) encode(rec *Record, expires time.Time) (value []byte, ttl, until int64, err error) {
	if err = rec.check(); err != nil {
		return nil, 0, 0, err
	}
	if ttl, err = s.left(expires); err != nil {
		return nil, 0, 0, err
	}
	if until, err = s.left(rec.Until); err != nil {
		return nil, 0, 0, err
	}
	return appendRecord(nil, rec), ttl, max(until, ttl), nil
}

// Get is exactly one GET, at the primary unless reads go to a replica.
func (s *redisStore) Get(ctx context.Context, key Key) (Record, bool, error) {
	value, err := s.reads.Get(s.bound(ctx), s.rec(key)).Bytes()
	if err != nil {
		if errors.Is(err, redis.Nil) {
			return Record{}, false, nil
		}
		return Record{}, false, fail("get", err)
	}
	rec, err := decodeRecord(value)
	if err != nil {
		return Record{}, false, err
	}
	return rec, true, nil
}

// Touch is one SET that only replaces (XX). Two at once leave the LastSeen of
// the later command; nothing else in the record can differ.
func (s *redisStore) Touch(ctx context.Context, key Key, rec Record, expires time.Time) (bool, error) {
	value, ttl, _, err := s.encode(&rec, expires)
	if err != nil {
		return false, err
	}
	err = s.client.Do(s.bound(ctx), "SET", s.rec(key), value, "PX", ttl, "XX").Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fail("touch", err)
	}
	return true, nil
}

func (s *redisStore) Rotate(ctx context.Context, oldKey, newKey Key, rec Record, expires time.Time) (bool, error) {
	value, ttl, until, err := s.encode(&rec, expires)
	if err != nil {
		return false, err
	}
	n, err := s.wait.Run(s.bound(ctx), s.client, s.scripts.rotate,
		[]string{s.rec(newKey), s.idx(rec.Subject), s.rec(oldKey)}, value, ttl, until, newKey[:], oldKey[:]).Int()
	if err != nil {
		return false, fail("rotate", err)
	}
	return n == 1, nil
}

func (s *redisStore) Delete(ctx context.Context, key Key, subject string) error {
	err := s.wait.Run(s.bound(ctx), s.client, s.scripts.remove, []string{s.rec(key), s.idx(subject)}, key[:]).Err()
	if err != nil {
		return fail("delete", err)
	}
	return nil
}

func (s *redisStore) DeleteSubject(ctx context.Context, subject string, except *Key) (int, error) {
	var keep []byte
	if except != nil {
		keep = except[:]
	}
	n, err := s.wait.Run(s.bound(ctx), s.client, s.scripts.removeAll, []string{s.idx(subject)}, s.recPrefix, keep).Int()
	if err != nil {
		return 0, fail("delete subject", err)
	}
	return n, nil
}

// Sweep has nothing to do: Redis expires keys by itself.
func (s *redisStore) Sweep(ctx context.Context, _ time.Time) (int, error) { return 0, s.Ping(ctx) }

func (s *redisStore) Ping(ctx context.Context) error {
	err := s.client.Ping(s.bound(ctx)).Err()
	if err == nil && s.reads != s.client {
		err = s.reads.Ping(s.bound(ctx)).Err()
	}
	if err != nil {
		return fail("ping", err)
	}
	return nil
}

func (s *redisStore) Close() error {
	err := s.client.Close()
	if s.reads != s.client {
		err = errors.Join(err, s.reads.Close())
	}
	if err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("store: close redis: %w", err)
	}
	return nil
}

// Stats is part of Store.
func (s *redisStore) Stats() Stats {
	return Stats{Pools: []Pool{redisPool("redis", s.size, s.client)}}
}
