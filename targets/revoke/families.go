package revoke

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Why a refresh token of a family is refused, beside ErrRevoked.
var (
	// ErrForged: no refresh token that this key has made.
	ErrForged = errors.New("revoke: not a refresh token")
	// ErrReused: it was used before, so that two parties have it. The family has
	// been revoked (RFC 9700 section 4.14.2).
	ErrReused = errors.New("revoke: refresh token used again")
)

// Families let access tokens live out their short life and revoke what makes new
// ones: each log-in is a family of refresh tokens of which one is current. Using
// it makes the next. Within Grace after that the one before it gets the same
// successor again, since an answer may have been lost or a client may refresh in
// parallel; anything older or later is a reuse, which ends the family.
//
// A refresh token is opaque: SESSION.NUMBER.HMAC. A successor is a function of
// family and number, so that the store keeps the number alone, cannot leak a
// token, and can hand the same bytes out twice.
type Families struct {
	*logins
	key   []byte
	grace time.Duration
}

func openFamilies(cfg Config) (Strategy, error) {
	if len(cfg.Key) != sha256.Size || cfg.Grace < 0 {
		return nil, fmt.Errorf("revoke: families want a key of %d bytes, not %d, and a grace of at least 0, not %v", sha256.Size, len(cfg.Key), cfg.Grace)
	}
	l, err := openLogins(cfg)
	if err != nil {
		return nil, err
	}
	if l.Cluster {
		return nil, errors.Join(errors.New("revoke: families cannot be kept in a Redis Cluster: a refresh token names its log-in, and not the user whose keys lie beside it"), l.Close())
	}
	return &Families{l, cfg.Key, cfg.Grace}, nil
}

// Check is part of Strategy: access tokens are not looked up.
func (f *Families) Check(context.Context, Token) error { return nil }

// Renew is part of Strategy; refreshes of families go through Rotate.
func (f *Families) Renew(ctx context.Context, t Token) error { return record{f.logins}.Renew(ctx, t) }

// First is the refresh token of a log-in that was just begun.
func (f *Families) First(session string) string { return f.token(session, "1") }

// Rotation is what a refresh token was traded for.
type Rotation struct {
	Session, Subject string
	AuthTime         int64
	Refresh          string // the next refresh token
	// Again: the token had been traded in a moment ago, and this is the same successor.
	Again bool
}

// Rotate trades a refresh token in: one round trip. An error is ErrForged,
// ErrReused (with whose family it was), ErrRevoked (logged out, or not used for too
// long) or the store's.
func (f *Families) Rotate(ctx context.Context, token string) (Rotation, error) {
	session, number, ok := f.parse(token)
	if !ok {
		return Rotation{}, ErrForged
	}
	v, err := f.texts(ctx, "refresh", f.scripts.rotate, []string{f.db.key("rl", session)},
		session, millis(f.keep), f.db.key("ru", ""), number, millis(f.grace))
	if err != nil {
		return Rotation{}, err
	}
	switch {
	case len(v) != 4:
		return Rotation{}, fmt.Errorf("revoke: redis refresh: answered %q", v)
	case v[0] == "gone":
		return Rotation{}, ErrRevoked
	case v[0] == "reused":
		return Rotation{Session: session, Subject: v[2]}, fmt.Errorf("%w: family of %s", ErrReused, v[2])
	}
	auth, err := strconv.ParseInt(v[3], 10, 64)
	if err != nil {
		return Rotation{}, fmt.Errorf("revoke: redis refresh: auth time %q", v[3])
	}
	return Rotation{Session: session, Subject: v[2], AuthTime: auth, Refresh: f.token(session, v[1]), Again: v[0] == "again"}, nil
}

func (f *Families) token(session, number string) string {
	return session + "." + number + "." + f.mac(session, number)
}

// mac separates its two texts by a dot, which neither can contain.
func (f *Families) mac(session, number string) string {
	h := hmac.New(sha256.New, f.key)
	h.Write([]byte("refresh." + session + "." + number))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// maxRefresh is longer than any token of ours.
const maxRefresh = 128

// parse accepts exactly the bytes that token makes.
func (f *Families) parse(token string) (session, number string, ok bool) {
	if len(token) > maxRefresh {
		return "", "", false
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", "", false
	}
	return parts[0], parts[1], hmac.Equal([]byte(parts[2]), []byte(f.mac(parts[0], parts[1])))
}
