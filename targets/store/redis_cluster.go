package store

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisCluster is redisStore where a session and the index of its subject may lie
// on different servers, so that no script can change both. What was one step is
// several, in an order in which every state between them is harmless:
//
//   - Create: session, index. Without the second the log-in is not answered, so
//     that nobody has the id; log-out-everywhere misses no session that was.
//   - Delete: session, index. A key in the index without a session is nothing.
//   - Rotate: new session, index, then the old one goes. Who deletes the old one
//     has won; who finds it gone takes the new one back.
//   - DeleteSubject reads the index until nothing is left of it: who finds a
//     session gone may have lost it to a Rotate, whose new one is listed by then.
//
// Between two steps of a Rotate both ids work. The new one has not been handed out.
type redisCluster struct {
	*redisStore
	list *redis.Script
}

func newRedisCluster(s *redisStore) *redisCluster {
	// KEYS: index. ARGV: ms to the absolute end, key.
	return &redisCluster{s, redis.NewScript("local index, life, key = KEYS[1], ARGV[1], ARGV[2]" + redisList + "return 1")}
}

func (s *redisCluster) Create(ctx context.Context, key Key, rec Record, expires time.Time) error {
	value, ttl, until, err := s.encode(&rec, expires)
	if err != nil {
		return err
	}
	if err := s.put(ctx, key, rec.Subject, value, ttl, until); err != nil {
		return fail("create", err)
	}
	return nil
}

// put stores a session and lists it.
func (s *redisCluster) put(ctx context.Context, key Key, subject string, value []byte, ttl, until int64) error {
	ctx = s.bound(ctx)
	if err := s.client.Do(ctx, "SET", s.rec(key), value, "PX", ttl).Err(); err != nil {
		return err
	}
	return s.list.Run(ctx, s.client, []string{s.idx(subject)}, until, key[:]).Err()
}

func (s *redisCluster) Rotate(ctx context.Context, oldKey, newKey Key, rec Record, expires time.Time) (bool, error) {
	value, ttl, until, err := s.encode(&rec, expires)
	if err != nil {
		return false, err
	}
	n, err := s.client.Exists(s.bound(ctx), s.rec(oldKey)).Result()
	if err != nil {
		return false, fail("rotate", err)
	}
	if n == 0 {
		return false, nil
	}
	if err := s.put(ctx, newKey, rec.Subject, value, ttl, until); err != nil {
		return false, fail("rotate", err)
	}
	won, err := s.drop(ctx, oldKey, rec.Subject)
	if err != nil {
		return false, fail("rotate", err)
	}
	if won {
		return true, nil
	}
	if _, err := s.drop(ctx, newKey, rec.Subject); err != nil {
		return false, fail("rotate", err)
	}
	return false, nil
}

// drop deletes a session, says whether there was one, and takes it off the list.
func (s *redisCluster) drop(ctx context.Context, key Key, subject string) (bool, error) {
	ctx = s.bound(ctx)
	n, err := s.client.Del(ctx, s.rec(key)).Result()
	if err != nil {
		return false, err
	}
	return n == 1, s.client.ZRem(ctx, s.idx(subject), key[:]).Err()
}

func (s *redisCluster) Delete(ctx context.Context, key Key, subject string) error {
	if _, err := s.drop(ctx, key, subject); err != nil {
		return fail("delete", err)
	}
	return nil
}

// subjectPasses is how often DeleteSubject reads the index: each pass after the
// first is for sessions that were rotated, or begun, during the one before.
const subjectPasses = 100

func (s *redisCluster) DeleteSubject(ctx context.Context, subject string, except *Key) (int, error) {
	removed := 0
	for range subjectPasses {
		members, err := s.client.ZRange(s.bound(ctx), s.idx(subject), 0, -1).Result()
		if err != nil {
			return 0, fail("delete subject", err)
		}
		left := 0
		for _, m := range members {
			var key Key
			if copy(key[:], m) != len(key) || len(m) != len(key) {
				return 0, corrupt("index of %q", subject)
			}
			if except != nil && key == *except {
				continue
			}
			left++
			gone, err := s.drop(ctx, key, subject)
			if err != nil {
				return 0, fail("delete subject", err)
			}
			if gone {
				removed++
			}
		}
		if left == 0 {
			return removed, nil
		}
	}
	return 0, errors.New("store: redis delete subject: sessions come faster than they can be ended")
}
