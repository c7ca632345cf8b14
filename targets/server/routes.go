package server

import (
	"errors"

	"github.com/valyala/fasthttp"
)

// route is one path that the server knows, for dispatch and for counting.
type route uint8

const (
	routeNone route = iota // no such path, or no request at all
	routeMe
	routeRestricted
	routeLogin
	routeLogout
	routeLogoutAll
	routePassword
	routeStepUp
	routeToken
	routeIntrospect
	routeJWKS
	routeHealth
	routeReady
	routeMetrics
	routes
)

func (r route) String() string {
	return [routes]string{
		"none", "/me", "/restricted", "/login", "/logout", "/logout-all", "/password", "/step-up",
		"/token", "/introspect", "/.well-known/jwks.json", "/healthz", "/readyz", "/metrics",
	}[r]
}

// find is a switch and not a map: it costs next to nothing, and allocates
// nothing.
func (s *Server) find(path []byte) route {
	switch string(path) {
	case "/me":
		return routeMe
	case "/restricted":
		return routeRestricted
	case "/login":
		return routeLogin
	case "/logout":
		return routeLogout
	case "/logout-all":
		return routeLogoutAll
	case "/password":
		return routePassword
	case "/step-up":
		return routeStepUp
	case "/token":
		if s.tokens != nil && s.tokens.carrier == nil {
			return routeToken
		}
	case "/introspect":
		if s.edge.introspects() {
			return routeIntrospect
		}
	case "/.well-known/jwks.json":
		if s.tokens != nil {
			return routeJWKS
		}
	case "/healthz":
		return routeHealth
	case "/readyz":
		return routeReady
	case "/metrics":
		return routeMetrics
	}
	return routeNone
}

// handle answers one request and counts it. Nothing that a handler does takes
// the server down.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	r := s.find(ctx.Path())
	defer func() {
		if p := recover(); p != nil {
			s.panicked(ctx, r, p)
		}
		s.counters.request(r, ctx.Response.StatusCode())
	}()
	s.dispatch(ctx, r)
}

func (s *Server) dispatch(ctx *fasthttp.RequestCtx, r route) {
	read := ctx.IsGet() || ctx.IsHead()
	switch {
	case r == routeNone || s.isService && !r.safe():
		problem(ctx, fasthttp.StatusNotFound, "there is nothing at this path")
	case r.safe() && !read:
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD")
		problem(ctx, fasthttp.StatusMethodNotAllowed, "this path is read with GET")
	case !r.safe() && !ctx.IsPost():
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "POST")
		problem(ctx, fasthttp.StatusMethodNotAllowed, "this path takes POST")
	case r == routeMe:
		s.me(ctx)
	case r == routeRestricted:
		s.restricted(ctx)
	case r.safe():
		s.serveInfo(ctx, r)
	default:
		s.serveChange(ctx, r)
	}
}

// safe routes read; the others change something.
func (r route) safe() bool {
	return r == routeMe || r == routeRestricted || r >= routeJWKS
}

// issues says that the route hands credentials out.
func (r route) issues() bool {
	return r == routeLogin || r == routeToken || r == routePassword || r == routeStepUp
}

// serveChange runs the checks that every unsafe route shares, in the order that
// the semantics give: where the request comes from, the credential, the CSRF
// token, then the effect.
func (s *Server) serveChange(ctx *fasthttp.RequestCtx, r route) {
	h := &ctx.Request.Header
	if s.tokens.verifiesOnly() && r.issues() {
		problem(ctx, fasthttp.StatusNotImplemented, "this node verifies tokens, and has no key to sign any")
		return
	}
	if s.mechanism.ambient() && foreign(h) {
		s.forbidden(ctx, r, "cross-site")
		return
	}
	switch r {
	case routeLogin:
		s.counters.loggingIn.Add(1)
		defer s.counters.loggingIn.Add(-1)
		s.login(ctx)
		return
	case routeToken:
		s.token(ctx)
		return
	case routeIntrospect:
		s.introspect(ctx)
		return
	}
	c, err := s.mechanism.authenticate(h)
	if err != nil {
		s.failed(ctx, r, err)
		return
	}
	if !s.mechanism.csrf(h, c) {
		s.forbidden(ctx, r, "csrf-token")
		return
	}
	switch r {
	case routeLogout:
		g, err := s.mechanism.logout(c)
		s.revoked(ctx, r, c, g, err)
	case routeLogoutAll:
		g, err := s.mechanism.logoutAll(c)
		s.revoked(ctx, r, c, g, err)
	case routePassword:
		s.password(ctx, c)
	case routeStepUp:
		s.stepUp(ctx, c)
	}
}

// failed answers a request whose credential could not be accepted: 401 if it is
// no good, 503 if that could not be found out.
func (s *Server) failed(ctx *fasthttp.RequestCtx, r route, err error) {
	rej := rejected(err)
	if rej == nil {
		s.counters.storeError(err)
		s.events.unavailable(r, err)
		problem(ctx, fasthttp.StatusServiceUnavailable, "the store does not answer")
		return
	}
	s.reject(ctx, r, rej)
}

func (s *Server) reject(ctx *fasthttp.RequestCtx, r route, rej *rejection) {
	s.counters.rejection(rej.reason)
	s.events.reject(r, rej.reason)
	problem(ctx, fasthttp.StatusUnauthorized, "valid credentials are needed")
	ctx.Response.Header.Set(fasthttp.HeaderWWWAuthenticate, s.mechanism.challenge(rej.presented))
}

func (s *Server) forbidden(ctx *fasthttp.RequestCtx, r route, reason string) {
	s.events.forbid(r, reason)
	problem(ctx, fasthttp.StatusForbidden, "refused: "+reason)
}

// unreadable answers a body that cannot be used.
func unreadable(ctx *fasthttp.RequestCtx, err error) {
	status := fasthttp.StatusBadRequest
	if errors.Is(err, errContentType) {
		status = fasthttp.StatusUnsupportedMediaType
	}
	problem(ctx, status, err.Error())
}

// panicked turns a defect of ours into a 500 of one request.
func (s *Server) panicked(ctx *fasthttp.RequestCtx, r route, p any) {
	s.log.Error("panic", "route", r.String(), "panic", p, "stack", stack())
	ctx.Response.Reset()
	problem(ctx, fasthttp.StatusInternalServerError, "internal error")
}

// brokenRequest answers what fasthttp could not read as a request. It runs
// outside handle, and the connection is closed after it.
func (s *Server) brokenRequest(ctx *fasthttp.RequestCtx, err error) {
	var timeout interface{ Timeout() bool }
	var small *fasthttp.ErrSmallBuffer
	status, detail := fasthttp.StatusBadRequest, "not an HTTP request"
	switch {
	case errors.As(err, &small):
		status, detail = fasthttp.StatusRequestHeaderFieldsTooLarge, "the header is too large"
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		status, detail = fasthttp.StatusRequestEntityTooLarge, "the body is too large"
	case errors.As(err, &timeout) && timeout.Timeout():
		status, detail = fasthttp.StatusRequestTimeout, "the request took too long to arrive"
	}
	ctx.Response.Reset()
	problem(ctx, status, detail)
	s.counters.request(routeNone, status)
	linger(ctx.Conn())
}
