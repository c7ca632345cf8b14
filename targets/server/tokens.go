package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/targets/jwt"
	"authbench/targets/revoke"
)

// tokens is the signed-token mechanism. Without a strategy nothing is looked up
// and nothing can be revoked before its exp.
type tokens struct {
	// ctx never ends: the store client's own timeouts bound every call.
	ctx      context.Context
	keys     *keyring
	issuer   *jwt.Issuer
	verifier *jwt.Verifier
	access   func(token string) (*jwt.Claims, error) // verifies, or remembers that it did
	strategy revoke.Strategy                         // nil: none
	families *revoke.Families                        // nil: refresh tokens are JWTs
	memo     *jwt.Memo                               // nil: none
	profile  func(subject string) string             // nil: none
	carrier  *tokenCarrier                           // nil: clients keep tokens, and send them in a header
	lifetime time.Duration
	now      func() time.Time
}

// tokenConfig is what issuer and verifier agree on.
func (s *Settings) tokenConfig(now func() time.Time) jwt.Config {
	return jwt.Config{
		Issuer: s.Issuer, Audience: s.Audience,
		Lifetime: s.Lifetime, RefreshLifetime: cmp.Or(s.RefreshLifetime, s.Lifetime), Leeway: s.Leeway, NotBefore: s.NotBefore == "iat", Now: now,
		MaxTokenBytes: s.MaxHeaderBytes, // what does not fit a header is refused there
		Verifier:      s.Verifier,
	}
}

func newTokens(s Settings, keys *keyring, strategy revoke.Strategy, now func() time.Time) (*tokens, error) {
	cfg := s.tokenConfig(now)
	issuer, err := jwt.NewIssuer(keys.ring, cfg)
	if err != nil {
		return nil, err
	}
	verifier, err := jwt.NewVerifier(keys.verifying(), cfg)
	if err != nil {
		return nil, err
	}
	t := &tokens{
		ctx: context.Background(), keys: keys, issuer: issuer, verifier: verifier, access: verifier.Access,
		strategy: strategy, profile: profileOf(s.ClaimsBytes), lifetime: s.Lifetime, now: now,
	}
	t.families, _ = strategy.(*revoke.Families)
	if s.MemoEntries > 0 {
		t.memo = jwt.NewMemo(verifier, cfg, s.MemoEntries)
		t.access = t.memo.Access
	}
	return t, nil
}

func (t *tokens) authenticate(h *fasthttp.RequestHeader) (caller, error) {
	v, ok := bearer(h)
	if !ok {
		return caller{}, errAbsent()
	}
	return t.accept(string(v))
}

// accept says whose token it is.
func (t *tokens) accept(token string) (caller, error) {
	c, err := t.access(token)
	if err != nil {
		return caller{}, refusal(err)
	}
	who := caller{subject: c.Subject, roles: c.Roles, tokenID: c.ID, token: identity(c)}
	if t.strategy == nil {
		return who, nil
	}
	if who.token.Session == "" {
		return caller{}, errRejected(jwt.ErrClaims.Error())
	}
	return who, t.classify(t.strategy.Check(t.ctx, who.token))
}

// refusal is why a token was not accepted: it is no good, or there is nothing yet to
// judge it with.
func refusal(err error) error {
	if errors.Is(err, jwt.ErrNoKeys) {
		return err
	}
	return errRejected(jwt.Reason(err))
}

// identity is what a token is revoked by.
func identity(c *jwt.Claims) revoke.Token {
	return revoke.Token{Session: c.Session, Subject: c.Subject, Generation: c.Generation}
}

// classify tells a token that is no good from a store that could not say.
func (t *tokens) classify(err error) error {
	switch {
	case errors.Is(err, revoke.ErrRevoked):
		return errRejected("revoked")
	case errors.Is(err, revoke.ErrReused):
		return errRejected("reused")
	case errors.Is(err, revoke.ErrForged):
		return errRejected("malformed")
	}
	return err
}

// challenge follows RFC 6750 section 3: no error code if there was no token.
func (t *tokens) challenge(presented bool) string {
	if presented {
		return `Bearer realm="authbench", error="invalid_token"`
	}
	return `Bearer realm="authbench"`
}

func (t *tokens) ambient() bool { return false }

func (t *tokens) csrf(*fasthttp.RequestHeader, caller) bool { return true }

func (t *tokens) login(_ *fasthttp.RequestHeader, subject string, roles []string) (grant, error) {
	return t.begin(subject, roles, time.Time{})
}

// begin hands out the tokens of a new log-in.
func (t *tokens) begin(subject string, roles []string, authTime time.Time) (grant, error) {
	l := jwt.Login{Subject: subject, Roles: roles, AuthTime: authTime}
	if t.strategy == nil {
		return t.issue(l, "")
	}
	l.Session = revoke.NewSession()
	in := revoke.Login{Session: l.Session, Subject: subject}
	if !authTime.IsZero() {
		in.AuthTime = authTime.Unix()
	}
	var err error
	if l.Generation, err = t.strategy.Begin(t.ctx, in); err != nil {
		return grant{}, err
	}
	if t.families == nil {
		return t.issue(l, "")
	}
	return t.issue(l, t.families.First(l.Session))
}

// renew hands out the tokens of a new log-in, which say when the user proved who
// they are. What can be revoked of the old ones is revoked first: a strategy that
// knows users only would revoke the new ones, too.
func (t *tokens) renew(c caller, roles []string, others bool) (grant, error) {
	var err error
	switch {
	case t.strategy == nil: // there is no one to tell
	case others:
		err = t.strategy.RevokeAll(t.ctx, c.subject)
	default:
		err = t.strategy.Revoke(t.ctx, c.token)
	}
	if err != nil {
		return grant{}, err
	}
	return t.begin(c.subject, roles, t.now())
}

// refresh trades a refresh token for a new pair.
func (t *tokens) refresh(token string, users *directory) (grant, string, error) {
	if t.families != nil {
		return t.rotate(token, users)
	}
	c, err := t.verifier.Refresh(token)
	if err != nil {
		return grant{}, "", refusal(err)
	}
	if t.strategy != nil {
		if c.Session == "" {
			return grant{}, "", errRejected(jwt.ErrClaims.Error())
		}
		if err := t.classify(t.strategy.Renew(t.ctx, identity(c))); err != nil {
			return grant{}, "", err
		}
	}
	if users.disabled(c.Subject) {
		return grant{}, "", errRejected("disabled")
	}
	// The new tokens are of the same log-in and generation: a log-out that comes
	// between the check and here ends them as well.
	l := jwt.Login{Subject: c.Subject, Roles: users.roles(c.Subject), AuthTime: instant(c.AuthTime), Session: c.Session, Generation: c.Generation}
	g, err := t.issue(l, "")
	return g, c.Subject, err
}

func (t *tokens) rotate(token string, users *directory) (grant, string, error) {
	r, err := t.families.Rotate(t.ctx, token)
	if err != nil {
		return grant{}, r.Subject, t.classify(err)
	}
	if users.disabled(r.Subject) {
		return grant{}, "", errRejected("disabled")
	}
	l := jwt.Login{Subject: r.Subject, Roles: users.roles(r.Subject), AuthTime: instant(r.AuthTime), Session: r.Session}
	g, err := t.issue(l, r.Refresh)
	g.again = r.Again
	return g, r.Subject, err
}

// instant is the zero time for no auth_time.
func instant(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// issue signs the tokens; refresh is the refresh token unless that is to be a JWT,
// too.
func (t *tokens) issue(l jwt.Login, refresh string) (grant, error) {
	if t.profile != nil {
		l.Profile = t.profile(l.Subject)
	}
	sign := t.issuer.Issue
	if refresh != "" || t.carrier != nil {
		sign = t.issuer.IssueAccess
	}
	p, err := sign(l)
	if err != nil {
		return grant{}, err
	}
	if t.carrier != nil {
		return t.carrier.grant(p)
	}
	if refresh != "" {
		p.Refresh = refresh
	}
	body, err := json.Marshal(struct {
		Access  string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int64  `json:"expires_in"`
		Refresh string `json:"refresh_token"`
	}{p.Access, "Bearer", int64(t.lifetime / time.Second), p.Refresh})
	return grant{body: body}, err
}

func (t *tokens) logout(c caller) (grant, error) {
	if t.strategy == nil {
		return grant{}, nil
	}
	return grant{}, t.strategy.Revoke(t.ctx, c.token)
}

func (t *tokens) logoutAll(c caller) (grant, error) {
	if t.strategy == nil {
		return grant{}, nil
	}
	return grant{}, t.strategy.RevokeAll(t.ctx, c.subject)
}
