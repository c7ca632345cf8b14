package jwt

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Issuer signs tokens with the active key of its ring. Safe for concurrent use.
type Issuer struct {
	ring *Ring
	cfg  Config
	now  func() time.Time
}

// ErrCannotSign is an issuer without a private key: its ring holds somebody else's
// public ones.
var ErrCannotSign = errors.New("jwt: no private key to sign with")

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
	return &Issuer{ring: ring, cfg: cfg, now: cfg.now()}, nil
}

// Login is whom tokens are for.
type Login struct {
	Subject string
	Roles   []string
	// AuthTime is zero unless the user proved who they are again after log-in.
	AuthTime time.Time
	// Session and Generation become the claims of that name.
	Session, Generation string
	// Profile becomes the claim of that name, of the access token alone.
	Profile string
}

// Issue signs an access token and a refresh token.
func (i *Issuer) Issue(l Login) (Pair, error) {
	p, err := i.IssueAccess(l)
	if err != nil {
		return Pair{}, err
	}
	// The refresh token carries no roles: they are looked up again when it is
	// used, so that a role taken away is gone after one lifetime.
	p.Refresh, err = i.sign(Refresh, i.claims(l, i.cfg.Issuer, i.cfg.RefreshLifetime))
	return p, err
}

// IssueAccess signs an access token alone, for refresh tokens of another kind.
func (i *Issuer) IssueAccess(l Login) (Pair, error) {
	if l.Subject == "" {
		return Pair{}, fmt.Errorf("jwt: no subject to issue a token for")
	}
	c := i.claims(l, i.cfg.Audience, i.cfg.Lifetime)
	c.Roles, c.Profile = l.Roles, l.Profile
	at, err := i.sign(Access, c)
	return Pair{Access: at, Claims: c}, err
}

func (i *Issuer) claims(l Login, audience string, life time.Duration) *Claims {
	iat := i.now().Unix()
	exp := iat + int64(life/time.Second)
	c := &Claims{
		Issuer: i.cfg.Issuer, Audience: audience, Subject: l.Subject, IssuedAt: &iat, ExpiresAt: &exp, ID: newID(),
		Session: l.Session, Generation: l.Generation,
	}
	if i.cfg.NotBefore {
		c.NotBefore = &iat
	}
	if !l.AuthTime.IsZero() {
		c.AuthTime = l.AuthTime.Unix()
	}
	return c
}

func (i *Issuer) sign(kind Kind, c *Claims) (string, error) {
	key := i.ring.active()
	if key == nil {
		return "", ErrCannotSign
	}
	t := &jwt.Token{
		Method: key.alg.method,
		Header: map[string]any{"typ": string(kind), "alg": key.Algorithm, "kid": key.ID},
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
