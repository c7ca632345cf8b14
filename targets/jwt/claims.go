// Package jwt issues and verifies signed tokens: access tokens (typ at+jwt) and
// stateless refresh tokens (typ rt+jwt), over a ring of keys found by kid. It
// is golang-jwt used as strictly as RFC 8725 asks for; the wire profile is that
// of RFC 9068 without client_id, since there is one client.
package jwt

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Kind is the typ header of a token: what it may be used for.
type Kind string

// The kinds of tokens. Neither is ever accepted as the other: typ differs, and
// the audience of a refresh token is its issuer.
const (
	Access  Kind = "at+jwt" // RFC 9068 section 2.1
	Refresh Kind = "rt+jwt"
)

// Claims is the payload of a token. Times are whole seconds since 1970; a
// fraction is legal JSON (RFC 7519 section 2) but we never write one, so it is
// refused. A nil time is an absent claim. Typed rather than a map: a map reads
// "exp":0 as absent and costs twice the time.
type Claims struct {
	Issuer    string   `json:"iss"`
	Audience  string   `json:"aud"`
	Subject   string   `json:"sub"`
	IssuedAt  *int64   `json:"iat,omitempty"`
	NotBefore *int64   `json:"nbf,omitempty"`
	ExpiresAt *int64   `json:"exp,omitempty"`
	ID        string   `json:"jti"`
	Roles     []string `json:"roles,omitempty"`
	// AuthTime is when the user last proved who they are, if that was after
	// login: set by a step-up (RFC 9470) and carried through refreshes.
	AuthTime int64 `json:"auth_time,omitempty"`
	// Session names the log-in that the token comes from, the same in access and
	// refresh token; Generation is the user's at that time. Only tokens that can be
	// revoked have them.
	Session    string `json:"sid,omitempty"`
	Generation string `json:"gen,omitempty"`
	// Profile is what an application would like to have at hand without asking: only
	// access tokens have it.
	Profile string `json:"profile,omitempty"`

	exp, nbf, iat jwt.NumericDate // what the getters point at
	aud           [1]string
}

var _ jwt.Claims = (*Claims)(nil)

// maxSeconds is the last second of the year 9999. Beyond it time arithmetic
// with a leeway could wrap around.
const maxSeconds = 253402300799

var errTimeRange = errors.New("a time claim is out of range")

func numericDate(seconds *int64, dst *jwt.NumericDate) (*jwt.NumericDate, error) {
	if seconds == nil {
		return nil, nil
	}
	if *seconds < 0 || *seconds > maxSeconds {
		return nil, errTimeRange
	}
	dst.Time = time.Unix(*seconds, 0)
	return dst, nil
}

// GetExpirationTime implements jwt.Claims.
func (c *Claims) GetExpirationTime() (*jwt.NumericDate, error) {
	return numericDate(c.ExpiresAt, &c.exp)
}

// GetIssuedAt implements jwt.Claims.
func (c *Claims) GetIssuedAt() (*jwt.NumericDate, error) { return numericDate(c.IssuedAt, &c.iat) }

// GetNotBefore implements jwt.Claims.
func (c *Claims) GetNotBefore() (*jwt.NumericDate, error) { return numericDate(c.NotBefore, &c.nbf) }

// GetAudience implements jwt.Claims.
func (c *Claims) GetAudience() (jwt.ClaimStrings, error) {
	c.aud[0] = c.Audience
	return c.aud[:], nil
}

// GetIssuer implements jwt.Claims.
func (c *Claims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject implements jwt.Claims.
func (c *Claims) GetSubject() (string, error) { return c.Subject, nil }

// Expires is when the token ends, without any leeway; zero if it never does.
func (c *Claims) Expires() time.Time {
	if c.ExpiresAt == nil {
		return time.Time{}
	}
	return time.Unix(*c.ExpiresAt, 0)
}

// check holds the claims to cfg as the parser of golang-jwt does with the options that
// we give it: accepted iff exp is there, now < exp + leeway, now >= nbf - leeway, and
// issuer and audience are those.
func (c *Claims) check(cfg *Config, audience string, now time.Time) error {
	exp, badExp := c.GetExpirationTime()
	nbf, badNBF := c.GetNotBefore()
	switch {
	case exp != nil && !now.Before(exp.Add(cfg.Leeway)):
		return ErrExpired
	case nbf != nil && now.Before(nbf.Add(-cfg.Leeway)):
		return ErrNotYet
	case exp == nil || badExp != nil || badNBF != nil:
		return fmt.Errorf("%w: no exp, or a time out of range", ErrClaims)
	case c.Issuer != cfg.Issuer || c.Audience != audience:
		return fmt.Errorf("%w: iss or aud", ErrClaims)
	}
	return nil
}
