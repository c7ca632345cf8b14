package server

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/targets/jwt"
	"authbench/targets/revoke"
)

// newService is the mechanism of a service that learns from another tier who the user
// is. A service of shape each has that of its arm, and is not made here.
func newService(o Options, now func() time.Time) (mechanism, error) {
	secret, err := tierSecret(o.KeysDir)
	if err != nil {
		return nil, err
	}
	word := base64.RawURLEncoding.EncodeToString(secret)
	switch t := o.Tier; t.Shape {
	case shapeIntrospect:
		return &introspecting{
			client: newTierClient(t.Issuer, t), issuer: t.Issuer, authorization: "Bearer " + word,
			hold: t.Hold, timeout: t.Timeout, known: revoke.NewLRU[string, introspected](tierEntries),
		}, nil
	case shapePhantom:
		return newVerifying(o, now)
	case shapeEdge:
		if t.Guard == "none" {
			word = ""
		}
		return &trusting{secret: []byte(word)}, nil
	}
	return nil, fmt.Errorf("tier: no service of shape %q", o.Tier.Shape)
}

// behind is what services have of a mechanism besides authenticate: users do not log
// in or out here.
type behind struct{}

var errBehind = errors.New("a service behind an edge hands out no credentials")

func (behind) challenge(bool) string                       { return `Bearer realm="authbench internal"` }
func (behind) ambient() bool                               { return false }
func (behind) csrf(*fasthttp.RequestHeader, caller) bool   { return true }
func (behind) logout(caller) (grant, error)                { return grant{}, errBehind }
func (behind) logoutAll(caller) (grant, error)             { return grant{}, errBehind }
func (behind) renew(caller, []string, bool) (grant, error) { return grant{}, errBehind }
func (behind) login(*fasthttp.RequestHeader, string, []string) (grant, error) {
	return grant{}, errBehind
}

// trusting believes a header of the edge's. A secret in another header shows that it
// comes from there; without one, everybody who can open a connection to the service
// is whoever they say. (A mesh has TLS with certificates of both sides do the same.)
// The secret is the same for all: a service that is broken into can pass for the edge.
type trusting struct {
	behind
	secret []byte // empty: none is asked for
}

func (t *trusting) authenticate(h *fasthttp.RequestHeader) (caller, error) {
	subject := h.PeekCanonical([]byte(headerSubject))
	if len(subject) == 0 {
		return caller{}, errAbsent()
	}
	if len(t.secret) > 0 && subtle.ConstantTimeCompare(h.PeekCanonical([]byte(headerSecret)), t.secret) != 1 {
		return caller{}, errRejected("not-from-the-edge")
	}
	who := caller{subject: string(subject)}
	if roles := h.PeekCanonical([]byte(headerRoles)); len(roles) > 0 {
		who.roles = strings.Split(string(roles), ",")
	}
	return who, nil
}

// verifying checks the token that the edge handed on in place of a credential.
type verifying struct {
	behind
	access func(token string) (*jwt.Claims, error)
}

func newVerifying(o Options, now func() time.Time) (mechanism, error) {
	ring, err := jwt.LoadRing(filepath.Join(o.KeysDir, tierDir), tierAlgorithm)
	if err != nil {
		return nil, err
	}
	cfg := internalTokens(o.Tier, now)
	v, err := jwt.NewVerifier(ring, cfg)
	if err != nil {
		return nil, err
	}
	if o.Tier.Memo > 0 {
		return &verifying{access: jwt.NewMemo(v, cfg, o.Tier.Memo).Access}, nil
	}
	return &verifying{access: v.Access}, nil
}

func (s *verifying) authenticate(h *fasthttp.RequestHeader) (caller, error) {
	v, ok := bearer(h)
	if !ok {
		return caller{}, errAbsent()
	}
	c, err := s.access(string(v))
	if err != nil {
		return caller{}, errRejected(jwt.Reason(err))
	}
	return caller{subject: c.Subject, roles: c.Roles}, nil
}

// introspecting asks the issuer who the holder of a credential is (RFC 7662), and
// believes a good answer for a while (section 4 names the price: a revocation that is
// known later), counted from the instant the question was sent:
// what the issuer knew then, it may have known no longer when its answer arrived. A bad
// answer is not kept: whoever makes credentials up could fill the memory with them.
type introspecting struct {
	behind
	client        *fasthttp.HostClient
	issuer        string
	authorization string // section 2.1: the endpoint has to know who asks
	hold          time.Duration
	timeout       time.Duration
	known         *revoke.LRU[string, introspected]
}

type introspected struct {
	who   caller
	asked time.Time
}

// challenge: what is missing is the user's credential, which comes in a cookie.
func (s *introspecting) challenge(presented bool) string { return (&sessions{}).challenge(presented) }

func (s *introspecting) authenticate(h *fasthttp.RequestHeader) (caller, error) {
	v, ok := cookie(h, sessionCookie)
	if !ok {
		return caller{}, errAbsent()
	}
	if len(v) != sessionIDBytes {
		return caller{}, errRejected("malformed")
	}
	now := time.Now()
	if k, ok := s.known.Get(string(v)); ok && now.Sub(k.asked) < s.hold {
		return k.who, nil
	}
	id := string(v)
	who, err := s.ask(id)
	if err != nil {
		s.known.Remove(id)
		return caller{}, err
	}
	if s.hold > 0 {
		s.known.Put(id, introspected{who, now})
	}
	return who, nil
}

// introspection is the answer of section 2.2, as far as it is used. Roles are an
// extension of ours, which the section allows.
type introspection struct {
	Active  bool     `json:"active"`
	Subject string   `json:"sub,omitempty"`
	Roles   []string `json:"roles,omitempty"`
}

// ask: an issuer that cannot say is no rejection, but a 503.
func (s *introspecting) ask(id string) (caller, error) {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(fasthttp.MethodPost)
	req.SetRequestURI(routeIntrospect.String())
	req.Header.SetHost(s.issuer)
	req.Header.SetContentType("application/x-www-form-urlencoded")
	req.Header.Set(fasthttp.HeaderAuthorization, s.authorization)
	req.SetBodyString("token=" + url.QueryEscape(id))
	if err := s.client.DoTimeout(req, resp, s.timeout); err != nil {
		return caller{}, fmt.Errorf("ask the issuer at %s: %w", s.issuer, err)
	}
	if status := resp.StatusCode(); status != fasthttp.StatusOK {
		return caller{}, fmt.Errorf("the issuer at %s answered %d", s.issuer, status)
	}
	var a introspection
	if err := json.Unmarshal(resp.Body(), &a); err != nil {
		return caller{}, fmt.Errorf("the answer of the issuer at %s: %w", s.issuer, err)
	}
	switch {
	case !a.Active:
		return caller{}, errRejected("inactive")
	case a.Subject == "":
		return caller{}, fmt.Errorf("the issuer at %s names no subject", s.issuer)
	}
	return caller{subject: a.Subject, roles: a.Roles}, nil
}

// introspects says whether the node answers POST /introspect.
func (e *edge) introspects() bool { return e != nil && e.tier.Shape == shapeIntrospect }

// introspect is the endpoint of RFC 7662: an answer to those who are allowed to ask,
// and to a credential that is no good exactly {"active":false} (section 2.2), which
// is no error.
func (s *Server) introspect(ctx *fasthttp.RequestCtx) {
	word, _ := bearer(&ctx.Request.Header)
	if subtle.ConstantTimeCompare(word, []byte(s.edge.secret)) != 1 {
		s.counters.rejection("not-a-service")
		s.events.reject(routeIntrospect, "not-a-service")
		problem(ctx, fasthttp.StatusUnauthorized, "only services may ask")
		ctx.Response.Header.Set(fasthttp.HeaderWWWAuthenticate, `Bearer realm="authbench introspection"`)
		return
	}
	form, err := readForm(&ctx.Request)
	if errors.Is(err, errContentType) {
		unreadable(ctx, err)
		return
	}
	token := form.Get("token")
	if err != nil || token == "" {
		oauthError(ctx, "invalid_request")
		return
	}
	h := &fasthttp.RequestHeader{}
	h.SetCookie(sessionCookie, token)
	var a introspection
	switch who, err := s.mechanism.authenticate(h); {
	case err == nil:
		a = introspection{true, who.subject, s.rolesOf(who)}
	case rejected(err) == nil:
		s.failed(ctx, routeIntrospect, err)
		return
	}
	body, _ := json.Marshal(a) // strings only: cannot fail
	answer(ctx, fasthttp.StatusOK, body)
}
