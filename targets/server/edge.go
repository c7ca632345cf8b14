package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/targets/jwt"
	"authbench/targets/revoke"
)

// What the edge tells a service of the user, and what it shows for it.
const (
	headerSubject = "X-Edge-Subject"
	headerRoles   = "X-Edge-Roles"
	headerSecret  = "X-Edge-Secret"
)

// edge is a node with services behind it: GET /me is answered when all of them have
// answered it, and agree on who the user is. What else the arm does (log-in, log-out)
// it does itself.
type edge struct {
	tier   Tier
	secret string    // that services and edge know each other by, as it is sent
	swap   *exchange // phantom: credentials for tokens; else nil

	services atomic.Pointer[[]*callee]
	mu       sync.Mutex
	known    map[string]*callee // by address: connections outlive a change of services
}

// callee is one service, with the open connections to it.
type callee struct {
	addr   string
	client *fasthttp.HostClient
}

func newEdge(o Options, now func() time.Time) (*edge, error) {
	t := o.Tier
	e := &edge{tier: t, known: map[string]*callee{}}
	e.serve(t.Services)
	if t.Shape == shapeEach {
		return e, nil
	}
	if t.Shape != shapeEdge && o.Settings.Mechanism != "session" {
		return nil, fmt.Errorf("tier shape=%s is for credentials that only the issuer can read; those of mechanism %s any service can check", t.Shape, o.Settings.Mechanism)
	}
	secret, err := tierSecret(o.KeysDir)
	if err != nil {
		return nil, err
	}
	e.secret = base64.RawURLEncoding.EncodeToString(secret)
	if t.Shape == shapePhantom {
		e.swap, err = newExchange(t, o.KeysDir, now)
	}
	return e, err
}

// serve has the edge call these services from now on.
func (e *edge) serve(addrs []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]*callee, len(addrs))
	for i, addr := range addrs {
		if e.known[addr] == nil {
			e.known[addr] = &callee{addr, newTierClient(addr, e.tier)}
		}
		list[i] = e.known[addr]
	}
	e.services.Store(&list)
}

// newTierClient keeps connections open, bounds every wait, and repeats a call once
// where a connection that was idle turns out to be closed: what tiers ask each other
// changes nothing (RFC 9110 section 9.2.2).
func newTierClient(addr string, t Tier) *fasthttp.HostClient {
	return &fasthttp.HostClient{
		Addr:                      addr,
		MaxConns:                  t.Connections,
		MaxConnWaitTimeout:        t.Timeout,
		MaxIdleConnDuration:       time.Minute,
		MaxResponseBodySize:       1 << 16,
		MaxIdemponentCallAttempts: 2,
		RetryIfErr:                func(*fasthttp.Request, int, error) (bool, bool) { return false, true },
		NoDefaultUserAgentHeader:  true,
		DialTimeout: func(addr string, limit time.Duration) (net.Conn, error) {
			if limit <= 0 || limit > t.Timeout {
				limit = t.Timeout
			}
			return fasthttp.DialTimeout(addr, limit)
		},
	}
}

// me answers the request of a user at the edge.
func (e *edge) me(s *Server, ctx *fasthttp.RequestCtx) {
	call := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(call)
	call.SetRequestURI(routeMe.String())
	want, err := e.vouch(s, &ctx.Request.Header, &call.Header)
	if err == nil {
		want, err = e.ask(call, want)
	}
	var broken *callError
	switch {
	case err == nil:
		answer(ctx, fasthttp.StatusOK, want)
	case errors.As(err, &broken):
		s.events.service(broken)
		problem(ctx, broken.answer(), "a service that this needs has not answered")
	default:
		s.failed(ctx, routeMe, err)
	}
}

// vouch writes into the header of a call what services are to know the user by, and
// nothing else of what the user sent. It returns the answer that they have to give,
// nil where the edge does not know who the user is.
func (e *edge) vouch(s *Server, from, to *fasthttp.RequestHeader) (want []byte, err error) {
	switch e.tier.Shape {
	case shapePhantom:
		p, err := e.swap.token(s, from)
		if err != nil {
			return nil, err
		}
		to.Set(fasthttp.HeaderAuthorization, "Bearer "+p.token)
		return p.answer, nil
	case shapeEdge:
		who, err := s.mechanism.authenticate(from)
		if err != nil {
			return nil, err
		}
		roles := s.rolesOf(who)
		to.Set(headerSubject, who.subject)
		to.Set(headerRoles, strings.Join(roles, ","))
		to.Set(headerSecret, e.secret)
		return appendMe(nil, who.subject, roles), nil
	}
	for _, name := range [...]string{sessionCookie, tokenCookie} {
		if v, ok := cookie(from, name); ok {
			to.SetCookie(name, string(v))
			return nil, nil
		}
	}
	if v, ok := bearer(from); ok {
		to.Set(fasthttp.HeaderAuthorization, "Bearer "+string(v))
		return nil, nil
	}
	return nil, errAbsent()
}

// ask makes the call to every service. It returns their common answer, or what the
// first of them that did not agree has said.
func (e *edge) ask(call *fasthttp.Request, want []byte) ([]byte, error) {
	list := *e.services.Load()
	if len(list) == 0 {
		return nil, &callError{status: fasthttp.StatusServiceUnavailable, cause: errors.New("the edge has no services")}
	}
	answers := make([][]byte, len(list))
	errs := make([]error, len(list))
	one := func(i int, req *fasthttp.Request) { answers[i], errs[i] = e.call(list[i], req) }
	if e.tier.Order == "parallel" {
		var wg sync.WaitGroup
		for i := range list {
			req := fasthttp.AcquireRequest()
			call.CopyTo(req)
			wg.Go(func() {
				defer fasthttp.ReleaseRequest(req)
				one(i, req)
			})
		}
		wg.Wait()
	} else {
		for i := range list {
			if one(i, call); errs[i] != nil {
				return nil, errs[i]
			}
		}
	}
	for i, c := range list {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if want == nil {
			want = answers[i]
		}
		if !bytes.Equal(answers[i], want) {
			return nil, &callError{addr: c.addr, status: fasthttp.StatusBadGateway, cause: errors.New("it names another user than the others")}
		}
	}
	return want, nil
}

// call asks one service. Its 401 is the user's only where it was given the user's
// credential; where it was given the edge's word, tiers do not understand each other.
func (e *edge) call(c *callee, req *fasthttp.Request) ([]byte, error) {
	resp := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetHost(c.addr)
	if err := c.client.DoTimeout(req, resp, e.tier.Timeout); err != nil {
		status := fasthttp.StatusBadGateway
		if errors.Is(err, fasthttp.ErrTimeout) || errors.Is(err, fasthttp.ErrDialTimeout) || errors.Is(err, fasthttp.ErrNoFreeConns) {
			status = fasthttp.StatusGatewayTimeout
		}
		return nil, &callError{c.addr, status, err}
	}
	theirs := e.tier.Shape == shapeEach || e.tier.Shape == shapeIntrospect
	switch status := resp.StatusCode(); {
	case status == fasthttp.StatusOK:
		return bytes.Clone(resp.Body()), nil
	case status == fasthttp.StatusUnauthorized && theirs:
		return nil, errRejected("refused-by-service")
	case status == fasthttp.StatusServiceUnavailable || status == fasthttp.StatusTooManyRequests:
		return nil, &callError{c.addr, fasthttp.StatusServiceUnavailable, fmt.Errorf("it answered %d", status)}
	default:
		return nil, &callError{c.addr, fasthttp.StatusBadGateway, fmt.Errorf("it answered %d", status)}
	}
}

// callError is a service that has not done its part. It says nothing of the user's
// credential, so that it is never answered 401.
type callError struct {
	addr   string
	status int
	cause  error
}

func (e *callError) Error() string { return fmt.Sprintf("service %s: %v", e.addr, e.cause) }

func (e *callError) Unwrap() error { return e.cause }

// answer is the status that the user is told: 502, 503 or 504.
func (e *callError) answer() int { return e.status }

func (e events) service(err *callError) {
	e.write(slog.LevelError, "service_unavailable", slog.String("service", err.addr), slog.String("error", err.cause.Error()))
}

// exchange trades opaque credentials for signed tokens, each again and again for a
// while.
type exchange struct {
	issuer *jwt.Issuer
	hold   time.Duration
	known  *revoke.LRU[string, phantom]
}

// phantom is a token in place of a credential.
type phantom struct {
	token  string
	answer []byte // to GET /me
	asked  time.Time
}

// tierEntries bounds what a node of a tier remembers.
const tierEntries = 65536

func newExchange(t Tier, keysDir string, now func() time.Time) (*exchange, error) {
	ring, err := jwt.LoadRing(filepath.Join(keysDir, tierDir), tierAlgorithm)
	if err != nil {
		return nil, err
	}
	issuer, err := jwt.NewIssuer(ring, internalTokens(t, now))
	if err != nil {
		return nil, err
	}
	return &exchange{issuer, t.Hold, revoke.NewLRU[string, phantom](tierEntries)}, nil
}

// token is a token for whoever sent the request. Nothing is looked up for as long as
// one is held, counted from the instant of the look-up on the machine's monotonic
// clock: that long a log-out goes unnoticed.
func (x *exchange) token(s *Server, h *fasthttp.RequestHeader) (phantom, error) {
	v, ok := cookie(h, sessionCookie)
	if !ok {
		return phantom{}, errAbsent()
	}
	now := time.Now()
	if p, ok := x.known.Get(string(v)); ok && now.Sub(p.asked) < x.hold {
		return p, nil
	}
	who, err := s.mechanism.authenticate(h)
	if err != nil {
		return phantom{}, err
	}
	who.roles = s.rolesOf(who)
	pair, err := x.issuer.IssueAccess(jwt.Login{Subject: who.subject, Roles: who.roles})
	if err != nil {
		return phantom{}, err
	}
	p := phantom{pair.Access, appendMe(nil, who.subject, who.roles), now}
	x.known.Put(who.session, p)
	return p, nil
}

// setTier changes which services an edge calls.
func (s *Server) setTier(w http.ResponseWriter, r *http.Request) {
	if s.edge == nil {
		adminProblem(w, http.StatusNotFound, "this node is no edge")
		return
	}
	var body struct{ Services []string }
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil || slices.Contains(body.Services, "") {
		adminProblem(w, http.StatusBadRequest, "services is a list of host:port")
		return
	}
	s.edge.serve(body.Services)
	adminAnswer(w, body)
}
