package revoke

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// epoch keeps one random generation per user, re:SUBJECT, made at the first
// log-in and never forgotten; tokens carry it. It knows users, not log-ins: a
// log-out ends all of the user's. A user without a generation can only be one
// whose record the store lost, and is refused.
type epoch struct {
	*db
	begin *redis.Script
}

func openEpoch(cfg Config) (Strategy, error) {
	d, err := openDB(cfg.Redis)
	if err != nil {
		return nil, err
	}
	// KEYS: generation. ARGV: a fresh one. It writes only where there is none, so
	// that a user who was here before gets in while Redis is out of memory.
	return &epoch{d, redis.NewScript(`
local g = redis.call('GET', KEYS[1])
if not g then
	redis.call('SET', KEYS[1], ARGV[1])
	g = ARGV[1]
end
return g
`)}, nil
}

func (e *epoch) Begin(ctx context.Context, l Login) (string, error) {
	v, err := e.run(ctx, "begin", e.begin, []string{e.key("re", l.Subject)}, random())
	if err != nil {
		return "", err
	}
	g, _ := v.(string)
	return g, nil
}

// Check is exactly one GET.
func (e *epoch) Check(ctx context.Context, t Token) error {
	g, found, err := e.get(ctx, "check", e.key("re", t.Subject))
	if err != nil {
		return err
	}
	if !found || g != t.Generation {
		return ErrRevoked
	}
	return nil
}

func (e *epoch) Renew(ctx context.Context, t Token) error { return e.Check(ctx, t) }

func (e *epoch) Revoke(ctx context.Context, t Token) error { return e.RevokeAll(ctx, t.Subject) }

func (e *epoch) RevokeAll(ctx context.Context, subject string) error {
	return e.put(ctx, "revoke", e.key("re", subject), random(), 0)
}
