package revoke

import (
	"context"
	"time"
)

// denylist keeps what was revoked. A log-out is a key rd:SESSION, a log-out
// everywhere a new random generation under rg:SUBJECT; both are forgotten after
// Keep. What is not there was not revoked, so that a store that lost its data
// lets revoked tokens live again.
type denylist struct {
	*db
	keep time.Duration
}

func openDenylist(cfg Config) (Strategy, error) {
	d, err := openDB(cfg.Redis)
	if err != nil {
		return nil, err
	}
	return &denylist{d, cfg.Keep}, nil
}

// Begin returns the subject's generation, "" for one who never logged out
// everywhere.
func (d *denylist) Begin(ctx context.Context, l Login) (string, error) {
	g, _, err := d.get(ctx, "begin", d.ofUser("rg", l.Subject, ""))
	return g, err
}

// Check is exactly one MGET.
func (d *denylist) Check(ctx context.Context, t Token) error {
	v, err := d.MGet(d.Bound(ctx, 0), d.ofUser("rd", t.Subject, t.Session), d.ofUser("rg", t.Subject, "")).Result()
	if err != nil {
		return d.Fail("check", err)
	}
	denied, generation := v[0], v[1]
	if denied != nil || generation != nil && generation != t.Generation {
		return ErrRevoked
	}
	return nil
}

func (d *denylist) Renew(ctx context.Context, t Token) error { return d.Check(ctx, t) }

func (d *denylist) Revoke(ctx context.Context, t Token) error {
	return d.put(ctx, "revoke", d.ofUser("rd", t.Subject, t.Session), "1", d.keep)
}

// RevokeAll makes a generation that no token has. Generations are compared for
// equality: whole seconds could not tell a token made just before a log-out
// everywhere from one made just after.
func (d *denylist) RevokeAll(ctx context.Context, subject string) error {
	return d.put(ctx, "revoke all", d.ofUser("rg", subject, ""), random(), d.keep)
}
