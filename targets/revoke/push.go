package revoke

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// push is a denylist of which every node has a copy: a reader waits at the
// stream of changes, so that a revocation is everywhere as soon as Redis can
// send it, and polls between the waits, so that silence is told from a channel
// that is cut. How long a revoked token can go on is Bound and not the speed of
// the stream: without a poll that is younger, the node answers nothing.
type push struct {
	*list
	mirror *mirror
	feed   *db // a connection of its own: waiting must not wait for a place in the pool
}

// pushReaders is how many connections the feed may have: one that waits, and one
// for the poll that follows when that was lost.
const pushReaders = 2

func openPush(cfg Config) (Strategy, error) {
	l, err := openList(cfg)
	if err != nil {
		return nil, err
	}
	alone := cfg.Redis
	alone.PoolSize = pushReaders
	feed, err := openDB(alone)
	if err != nil {
		return nil, err
	}
	copied := *l
	copied.db = feed
	m, err := newMirror(&copied, cfg)
	if err != nil {
		return nil, err
	}
	p := &push{l, m, feed}
	m.start(cfg.PollEvery, func(ctx context.Context) error { return p.follow(ctx, cfg.PollEvery) })
	return p, nil
}

// follow waits for changes, for at most d, and applies them.
func (p *push) follow(ctx context.Context, d time.Duration) error {
	streams, err := p.feed.XRead(p.feed.Bound(ctx, d), &redis.XReadArgs{
		Streams: []string{p.keys[3], p.mirror.last()}, Count: streamLength, Block: d,
	}).Result()
	switch {
	case errors.Is(err, redis.Nil): // nothing happened
		return nil
	case err != nil:
		return p.feed.Fail("follow", err)
	}
	for _, s := range streams {
		for _, e := range s.Messages {
			text := func(field string) string { v, _ := e.Values[field].(string); return v }
			seq, err := strconv.ParseInt(text("seq"), 10, 64)
			if err != nil || !p.mirror.follows(text("gen"), seq, e.ID, text("member"), text("value")) {
				return nil // a gap: the poll that comes now closes it
			}
		}
	}
	return nil
}

// Begin returns the user's generation, "" for one who never logged out
// everywhere.
func (p *push) Begin(ctx context.Context, l Login) (string, error) {
	_, now, err := p.ask(ctx, "", subjectMember(l.Subject))
	if err != nil {
		return "", err
	}
	return now[0].value, nil
}

// Check looks at the copy. Only a token of another generation than the copy has
// makes it ask: after a log-out everywhere it may be the copy that is behind.
func (p *push) Check(ctx context.Context, t Token) error {
	var denied, differs bool
	err := p.mirror.look(func(_ string, entries map[string]entry) {
		_, denied = entries[sessionMember(t.Session)]
		user, listed := entries[subjectMember(t.Subject)]
		differs = listed && user.value != t.Generation
	})
	switch {
	case err != nil:
		return err
	case denied:
		return ErrRevoked
	case differs:
		return p.Renew(ctx, t)
	}
	return nil
}

func (p *push) Renew(ctx context.Context, t Token) error {
	_, now, err := p.ask(ctx, "", sessionMember(t.Session), subjectMember(t.Subject))
	if err != nil {
		return err
	}
	session, user := now[0], now[1]
	if session.found || user.found && user.value != t.Generation {
		return ErrRevoked
	}
	return nil
}

func (p *push) Revoke(ctx context.Context, t Token) error {
	return p.tell(ctx, sessionMember(t.Session), "")
}

func (p *push) RevokeAll(ctx context.Context, subject string) error {
	return p.tell(ctx, subjectMember(subject), random())
}

func (p *push) tell(ctx context.Context, member, value string) error {
	gen, seq, err := p.publish(ctx, member, value)
	if err != nil {
		return err
	}
	p.mirror.learn(gen, seq, member, value)
	return nil
}

func (p *push) Ping(ctx context.Context) error { return p.mirror.ready(ctx) }

func (p *push) Close() error {
	p.mirror.stop()
	err := p.feed.Close() // ends the wait for changes
	p.mirror.done.Wait()
	return errors.Join(err, p.db.Close())
}
