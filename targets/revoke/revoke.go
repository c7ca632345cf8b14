// Package revoke ends signed tokens before their exp: strategies that differ in
// what they keep in Redis, what a node copies from it, and when it is asked.
// Strategy is the contract; revoketest holds all of them to it.
//
// A strategy knows a token by the identity in its claims, never by its bytes: an
// ECDSA signature (r, s) has a twin (r, n-s) that verifies as well, so that a
// list of bytes would let the twin of a revoked token in.
package revoke

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"authbench/targets/store"
)

// ErrRevoked means that the token was revoked. The answer is 401, or 400 where a
// refresh token was presented. Any other error says that it could not be found
// out, and the answer is 503.
var ErrRevoked = errors.New("revoke: revoked")

// Token is what a strategy needs to know of a token.
type Token struct {
	// Session names the log-in that the token comes from: the same in the access
	// and the refresh token, and kept over refreshes. Revoking one credential
	// revokes that, so that no refresh token is left to make new ones.
	Session string
	Subject string
	// Generation is what Begin returned, carried as a claim.
	Generation string
}

// Login is a log-in that tokens are about to be made for.
type Login struct {
	Session  string // from NewSession
	Subject  string
	AuthTime int64 // seconds since 1970 of a later proof of identity; 0: none
}

// Strategy is one way to revoke. Every method but Check asks the store, so that
// what it acknowledges is done; none blocks beyond the client's finite timeouts.
// Safe for concurrent use.
type Strategy interface {
	// Begin notes a log-in and returns the generation that its tokens carry, if
	// the strategy has any. One round trip.
	Begin(ctx context.Context, l Login) (generation string, err error)
	// Check says whether a token that verifies is still good: nil, ErrRevoked, or
	// an error of the store.
	Check(ctx context.Context, t Token) error
	// Renew is Check at a refresh: it never judges by a copy, and what the store
	// keeps of the log-in lives on for as long as the new tokens.
	Renew(ctx context.Context, t Token) error
	// Revoke logs out the log-in that t comes from; where the strategy knows users
	// only, all of the user's. Doing it twice is no error.
	Revoke(ctx context.Context, t Token) error
	// RevokeAll logs out every log-in of subject that was begun before it returns.
	RevokeAll(ctx context.Context, subject string) error
	// Ping reports whether Check can tell and the store answers.
	Ping(ctx context.Context) error
	// Stats is what the node knows of itself; no store is asked.
	Stats() Stats
	// Close ends what the strategy runs and its connections.
	Close() error
}

// Config says which strategy, where, and how long things last.
type Config struct {
	Kind  string       // a Kind of All
	Redis store.Config // address, prefix, pool and timeouts
	// Keep is how long a revocation, or a log-in, is remembered: until no token
	// that was made before it can be accepted anywhere. That is the longest life
	// of a token + leeway + the largest skew between any two clocks: with the
	// remaining life alone a revoked token would live again inside the leeway.
	Keep time.Duration
	// Bound and PollEvery are of the strategies whose nodes copy (epoch-local,
	// push): a copy older than Bound is not used, one is due every PollEvery.
	Bound, PollEvery time.Duration
	// Grace is of families: how long a replay of the immediately preceding refresh
	// token gets the same successor, by the clock of Redis.
	Grace time.Duration
	// Key is the 32-byte HMAC key of the refresh tokens of families.
	Key []byte
	// Failed, if not nil, hears of polls that failed.
	Failed func(error)
}

// Kind is one strategy.
type Kind struct {
	Kind string
	Open func(Config) (Strategy, error)
}

// All lists the strategies. A new one is a file and a line here; revoketest
// tests it as soon as it is listed.
func All() []Kind {
	return []Kind{
		{"denylist", openDenylist},
		{"epoch", openEpoch},
		{"epoch-local", openLocal},
		{"push", openPush},
		{"families", openFamilies},
		{"record", openRecord},
	}
}

// Open makes the strategy that cfg names. It does not wait for the store: until
// that answers, Check is an error.
func Open(cfg Config) (Strategy, error) {
	var kinds []string
	for _, k := range All() {
		if k.Kind == cfg.Kind {
			if cfg.Keep < time.Millisecond {
				return nil, fmt.Errorf("revoke: keep %v: want how long a token can live", cfg.Keep)
			}
			return k.Open(cfg)
		}
		kinds = append(kinds, k.Kind)
	}
	return nil, fmt.Errorf("revoke: unknown kind %q: want %s", cfg.Kind, strings.Join(kinds, ", "))
}

// NewSession is a fresh name of a log-in: 128 random bits.
func NewSession() string { return random() }

// random is 128 bits that nobody can guess and that never come twice.
func random() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
