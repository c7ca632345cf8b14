package jwt

import (
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// golangJWT is github.com/golang-jwt/jwt, used strictly.
type golangJWT struct {
	methods         []string
	access, refresh *jwt.Parser
}

func newGolangJWT(cfg Config, methods []string) *golangJWT {
	register()
	parser := func(audience string) *jwt.Parser {
		return jwt.NewParser(
			jwt.WithValidMethods(methods),
			jwt.WithStrictDecoding(),
			jwt.WithExpirationRequired(),
			jwt.WithIssuer(cfg.Issuer),
			jwt.WithAudience(audience),
			jwt.WithLeeway(cfg.Leeway),
			jwt.WithTimeFunc(cfg.now()),
		)
	}
	return &golangJWT{methods, parser(cfg.Audience), parser(cfg.Issuer)}
}

func (g *golangJWT) verify(token string, kind Kind, c *Claims, find func(head) (*Key, error)) error {
	p := g.access
	if kind == Refresh {
		p = g.refresh
	}
	t, err := p.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		k, err := find(headOf(t))
		if err != nil {
			return nil, err
		}
		t.Method = k.alg.method // ours, which may be stricter than the parser's of that name
		return k.public, nil
	})
	if err != nil {
		return g.classify(t, err)
	}
	return nil
}

func headOf(t *jwt.Token) head {
	h := head{alg: t.Method.Alg()}
	h.typ, _ = t.Header["typ"].(string)
	h.kid, _ = t.Header["kid"].(string)
	_, h.crit = t.Header["crit"]
	return h
}

// classify puts our reason in front of what golang-jwt says. t is as much of
// the token as was parsed, or nil.
func (g *golangJWT) classify(t *jwt.Token, err error) error {
	// The parser calls an algorithm outside its list a bad signature.
	if t != nil && t.Method != nil && !slices.Contains(g.methods, t.Method.Alg()) {
		return fmt.Errorf("%w: %w", ErrAlgorithm, err)
	}
	for _, m := range []struct{ theirs, ours error }{
		{ErrType, ErrType},
		{ErrCritical, ErrCritical},
		{ErrKey, ErrKey},
		{ErrNoKeys, ErrNoKeys},
		{ErrAlgorithm, ErrAlgorithm},
		{jwt.ErrTokenMalformed, ErrMalformed},
		{jwt.ErrTokenUnverifiable, ErrAlgorithm}, // alg unknown or absent
		{jwt.ErrTokenSignatureInvalid, ErrSignature},
		{jwt.ErrTokenExpired, ErrExpired},
		{jwt.ErrTokenNotValidYet, ErrNotYet},
	} {
		if errors.Is(err, m.theirs) {
			return fmt.Errorf("%w: %w", m.ours, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrClaims, err)
}
