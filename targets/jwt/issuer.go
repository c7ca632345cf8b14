package jwt

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Issuer signs tokens with the active key of its ring. Safe for concurrent use.
type Issuer struct {
	ring   *Ring
	method jwt.SigningMethod
	cfg    Config
	now    func() time.Time
}

// Pair is what a login or a refresh hands out.
type Pair struct {
	Access, Refresh string
	Claims          *Claims // of the access token
}

// NewIssuer returns an issuer that signs with ring's active key.
func NewIssuer(ring *Ring, cfg Config) (*Issuer, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Issuer{ring: ring, method: ring.alg.method, cfg: cfg, now: cfg.now()}, nil
}

// Issue signs an access token and a refresh token for subject. authTime is zero
// unless the user proved who they are again after login.
func (i *Issuer) Issue(subject string, roles []string, authTime time.Time) (Pair, error) {
	if subject == "" {
		return Pair{}, fmt.Errorf("jwt: no subject to issue a token for")
	}
	now := i.now()
	access := i.claims(subject, i.cfg.Audience, now, i.cfg.Lifetime, authTime)
	access.Roles = roles
	// The refresh token carries no roles: they are looked up again when it is
	// used, so that a role taken away is gone after one lifetime.
	refresh := i.claims(subject, i.cfg.Issuer, now, i.cfg.RefreshLifetime, authTime)
	at, err := i.sign(Access, access)
	if err != nil {
		return Pair{}, err
	}
	rt, err := i.sign(Refresh, refresh)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Access: at, Refresh: rt, Claims: access}, nil
}

func (i *Issuer) claims(subject, audience string, now time.Time, life time.Duration, authTime time.Time) *Claims {
	iat := now.Unix()
	exp := iat + int64(life/time.Second)
	c := &Claims{Issuer: i.cfg.Issuer, Audience: audience, Subject: subject, IssuedAt: &iat, ExpiresAt: &exp, ID: newID()}
	if !authTime.IsZero() {
		c.AuthTime = authTime.Unix()
	}
	return c
}

func (i *Issuer) sign(kind Kind, c *Claims) (string, error) {
	key := i.ring.active()
	t := &jwt.Token{
		Method: i.method,
		Header: map[string]any{"typ": string(kind), "alg": i.method.Alg(), "kid": key.ID},
		Claims: c,
	}
	s, err := t.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("jwt: sign %s for %q with key %s: %w", kind, c.Subject, key.ID, err)
	}
	return s, nil
}

// newID is 128 random bits: collisions are out of the question, and a jti
// cannot be guessed.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
