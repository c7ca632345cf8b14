package revoke

import "context"

// record is the hybrid: a token is good as long as the store has a record of the
// log-in that it names.
type record struct{ *logins }

func openRecord(cfg Config) (Strategy, error) {
	l, err := openLogins(cfg)
	if err != nil {
		return nil, err
	}
	return record{l}, nil
}

// Check is exactly one EXISTS.
func (r record) Check(ctx context.Context, t Token) error {
	n, err := r.Exists(r.Bound(ctx, 0), r.ofUser("rl", t.Subject, t.Session)).Result()
	if err != nil {
		return r.Fail("check", err)
	}
	if n == 0 {
		return ErrRevoked
	}
	return nil
}

func (r record) Renew(ctx context.Context, t Token) error {
	v, err := r.run(ctx, "renew", r.scripts.renew, r.keys(t.Session, t.Subject), t.Session, millis(r.keep))
	if err != nil {
		return err
	}
	if v != int64(1) {
		return ErrRevoked
	}
	return nil
}
