package server

import (
	"encoding/json"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/targets/jwt"
)

// tokens is the signed-token mechanism without any state: nothing is looked up,
// and nothing can be revoked before its exp.
type tokens struct {
	ring     *jwt.Ring
	issuer   *jwt.Issuer
	verifier *jwt.Verifier
	lifetime time.Duration
	now      func() time.Time
}

func newTokens(s Settings, ring *jwt.Ring, now func() time.Time) (*tokens, error) {
	cfg := jwt.Config{
		Issuer: s.Issuer, Audience: s.Audience,
		Lifetime: s.Lifetime, RefreshLifetime: s.RefreshLifetime, Leeway: s.Leeway, Now: now,
	}
	issuer, err := jwt.NewIssuer(ring, cfg)
	if err != nil {
		return nil, err
	}
	verifier, err := jwt.NewVerifier(ring, cfg)
	if err != nil {
		return nil, err
	}
	return &tokens{ring: ring, issuer: issuer, verifier: verifier, lifetime: s.Lifetime, now: now}, nil
}

func (t *tokens) authenticate(h *fasthttp.RequestHeader) (caller, error) {
	v, ok := bearer(h)
	if !ok {
		return caller{}, errAbsent()
	}
	c, err := t.verifier.Access(string(v))
	if err != nil {
		return caller{}, errRejected(jwt.Reason(err))
	}
	return caller{subject: c.Subject, roles: c.Roles}, nil
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
	return t.issue(subject, roles, time.Time{})
}

// renew hands out new tokens that say when the user proved who they are. The old
// ones live on: there is no one to tell.
func (t *tokens) renew(c caller, roles []string, _ bool) (grant, error) {
	return t.issue(c.subject, roles, t.now())
}

// refresh trades a refresh token for a new pair. It is stateless: the old one
// works as often as one likes until its exp.
func (t *tokens) refresh(token string, roles func(subject string) []string) (grant, string, error) {
	c, err := t.verifier.Refresh(token)
	if err != nil {
		return grant{}, "", errRejected(jwt.Reason(err))
	}
	var authTime time.Time
	if c.AuthTime != 0 {
		authTime = time.Unix(c.AuthTime, 0)
	}
	g, err := t.issue(c.Subject, roles(c.Subject), authTime)
	return g, c.Subject, err
}

func (t *tokens) issue(subject string, roles []string, authTime time.Time) (grant, error) {
	p, err := t.issuer.Issue(subject, roles, authTime)
	if err != nil {
		return grant{}, err
	}
	body, err := json.Marshal(struct {
		Access  string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int64  `json:"expires_in"`
		Refresh string `json:"refresh_token"`
	}{p.Access, "Bearer", int64(t.lifetime / time.Second), p.Refresh})
	return grant{body: body}, err
}

func (t *tokens) logout(caller) (grant, error)    { return grant{}, nil }
func (t *tokens) logoutAll(caller) (grant, error) { return grant{}, nil }
