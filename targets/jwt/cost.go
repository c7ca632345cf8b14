package jwt

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// Cost is what an algorithm takes, measured in this process by one goroutine. Every
// figure of time has several values, each the mean of a stretch, in nanoseconds: whole
// tokens, as issuer and verifier handle them, and of these the signature alone.
type Cost struct {
	Algorithm string    `json:"algorithm"`
	Bits      int       `json:"bits,omitempty"` // of an RSA key
	Verifier  string    `json:"verifier"`
	Issue     []float64 `json:"issue_ns"`  // an access token
	Access    []float64 `json:"access_ns"` // its verification
	Sign      []float64 `json:"sign_ns"`
	Verify    []float64 `json:"verify_ns"`
	Signature int       `json:"signature_bytes"`
	Token     int       `json:"token_bytes"` // of the access token that was measured
	JWKS      int       `json:"jwks_bytes"`  // the published set with this one key
}

// costStretches is how many values every figure has.
const costStretches = 10

// MeasureCost spends about d on each figure, with a fresh key of ring's algorithm and
// size. The garbage that is made is collected meanwhile, as it is at work.
func MeasureCost(ctx context.Context, ring *Ring, cfg Config, d time.Duration) (Cost, error) {
	fresh, err := NewRingOf(ring.Algorithm(), ring.Bits())
	if err != nil {
		return Cost{}, err
	}
	issuer, err := NewIssuer(fresh, cfg)
	if err != nil {
		return Cost{}, err
	}
	verifier, err := NewVerifier(fresh, cfg)
	if err != nil {
		return Cost{}, err
	}
	login := Login{Subject: "user-1", Roles: []string{"user"}}
	p, err := issuer.IssueAccess(login)
	if err != nil {
		return Cost{}, err
	}
	key := fresh.active()
	text := p.Access[:strings.LastIndexByte(p.Access, '.')]
	sig, err := key.alg.method.Sign(text, key.private)
	if err != nil {
		return Cost{}, fmt.Errorf("jwt: %s: %w", key.Algorithm, err)
	}
	c := Cost{
		Algorithm: key.Algorithm, Bits: fresh.Bits(), Verifier: cmp.Or(cfg.Verifier, libraryGolangJWT),
		Signature: len(sig), Token: len(p.Access), JWKS: len(fresh.JWKS()),
	}
	for _, f := range []struct {
		dst *[]float64
		do  func() error
	}{
		{&c.Issue, func() error { _, err := issuer.IssueAccess(login); return err }},
		{&c.Access, func() error { _, err := verifier.Access(p.Access); return err }},
		{&c.Sign, func() error { _, err := key.alg.method.Sign(text, key.private); return err }},
		{&c.Verify, func() error { return key.alg.method.Verify(text, sig, key.public) }},
	} {
		if *f.dst, err = timed(ctx, d, f.do); err != nil {
			return Cost{}, fmt.Errorf("jwt: %s: %w", key.Algorithm, err)
		}
	}
	return c, nil
}

// timed is how long do takes, in nanoseconds: as many means, each of a stretch of d. A
// stretch has one call at least. The first calls warm up, and are not counted.
func timed(ctx context.Context, d time.Duration, do func() error) ([]float64, error) {
	stretch := d / costStretches
	var out []float64
	for i := range costStretches + 1 {
		began, n := time.Now(), 0
		for {
			if err := do(); err != nil {
				return nil, err
			}
			n++
			// The clock is read after 1, 2, 4 ... calls, so that reading it does not count:
			// a stretch is half as long as asked for to as long.
			if n&(n-1) == 0 && time.Since(began) >= stretch/2 {
				break
			}
		}
		took := time.Since(began)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if i > 0 {
			out = append(out, float64(took.Nanoseconds())/float64(n))
		}
	}
	return out, nil
}
