package jwt

import (
	"fmt"
	"slices"
	"time"
)

// MaxTokenBytes is the largest token that a verifier looks at unless Config says
// otherwise.
const MaxTokenBytes = 8192

// Config is what issuers and verifiers have to agree on.
type Config struct {
	Issuer   string
	Audience string
	// Lifetime of an access token and of a refresh token. Whole seconds.
	Lifetime, RefreshLifetime time.Duration
	// Leeway that a verifier grants to exp and nbf for clocks that differ.
	Leeway time.Duration
	// NotBefore puts a claim nbf, equal to iat, into tokens. Without it a verifier
	// whose clock is behind takes a token before it was made: golang-jwt does not look
	// at iat, and RFC 7519 gives it no such meaning.
	NotBefore bool
	// MaxTokenBytes is the largest token that a verifier looks at. 0 means the constant
	// of that name.
	MaxTokenBytes int
	// Verifier is whose library takes tokens apart and verifies them, one of Verifiers;
	// empty: golang-jwt. What is accepted is the same with all.
	Verifier string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

func (c Config) check() error {
	if c.Issuer == "" || c.Audience == "" {
		return fmt.Errorf("jwt: issuer %q and audience %q must not be empty", c.Issuer, c.Audience)
	}
	if c.Issuer == c.Audience {
		return fmt.Errorf("jwt: issuer and audience are both %q: a refresh token, whose audience is the issuer, could not be told from an access token", c.Issuer)
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"lifetime", c.Lifetime}, {"refresh lifetime", c.RefreshLifetime}} {
		if d.d < time.Second || d.d%time.Second != 0 {
			return fmt.Errorf("jwt: %s %s is not a positive number of whole seconds (exp has no fractions)", d.name, d.d)
		}
	}
	if c.Verifier != "" && !slices.Contains(Verifiers(), c.Verifier) {
		return fmt.Errorf("jwt: verifier %q is none of %v", c.Verifier, Verifiers())
	}
	if c.Leeway < 0 {
		return fmt.Errorf("jwt: leeway %s is negative", c.Leeway)
	}
	return nil
}

func (c Config) now() func() time.Time {
	if c.Now != nil {
		return c.Now
	}
	return time.Now
}
