package server

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"time"

	"github.com/valyala/fasthttp"
)

// me is the hot path: the request whose cost is measured.
func (s *Server) me(ctx *fasthttp.RequestCtx) {
	if s.edge != nil {
		s.edge.me(s, ctx)
		return
	}
	c, err := s.mechanism.authenticate(&ctx.Request.Header)
	if err != nil {
		s.failed(ctx, routeMe, err)
		return
	}
	var buf [256]byte
	answer(ctx, fasthttp.StatusOK, appendMe(buf[:0], c.subject, s.rolesOf(c)))
}

// restrictedRole is what the route of that name needs.
const restrictedRole = "admin"

// restricted is a use that needs a role. Who has not got it is forbidden, and not
// unknown: 403, never 401.
func (s *Server) restricted(ctx *fasthttp.RequestCtx) {
	c, err := s.mechanism.authenticate(&ctx.Request.Header)
	if err != nil {
		s.failed(ctx, routeRestricted, err)
		return
	}
	roles := s.rolesOf(c)
	if !slices.Contains(roles, restrictedRole) {
		s.forbidden(ctx, routeRestricted, "role")
		return
	}
	var buf [256]byte
	answer(ctx, fasthttp.StatusOK, appendMe(buf[:0], c.subject, roles))
}

// rolesOf is what the caller may do: as the credential says, or as the directory
// says now.
func (s *Server) rolesOf(c caller) []string {
	if s.lookUpRoles {
		return s.users.roles(c.subject)
	}
	return c.roles
}

const maxPassword = 256 // bytes

func (s *Server) login(ctx *fasthttp.RequestCtx) {
	var body struct{ Username, Password string }
	if err := readJSON(&ctx.Request, &body); err != nil {
		unreadable(ctx, err)
		return
	}
	if body.Username == "" || body.Password == "" {
		problem(ctx, fasthttp.StatusBadRequest, "username and password are needed")
		return
	}
	attempt, right, ok := s.look(ctx, routeLogin, body.Username, func() (bool, error) {
		return s.users.check(body.Username, body.Password)
	})
	if !ok {
		return
	}
	if !right {
		s.reject(ctx, routeLogin, &rejection{reason: "wrong-password"})
		return
	}
	// The answer is that to a wrong password: it tells nobody which users there are.
	if s.users.disabled(body.Username) {
		s.reject(ctx, routeLogin, &rejection{reason: "disabled"})
		return
	}
	attempt.right()
	g, err := s.mechanism.login(&ctx.Request.Header, body.Username, s.users.roles(body.Username))
	if err != nil {
		s.failed(ctx, routeLogin, err)
		return
	}
	s.events.login(body.Username)
	give(ctx, g)
}

// give hands a credential over.
func give(ctx *fasthttp.RequestCtx, g grant) {
	if g.cookie != "" {
		ctx.Response.Header.Add(fasthttp.HeaderSetCookie, g.cookie)
	}
	if g.body != nil {
		answer(ctx, fasthttp.StatusOK, g.body)
		return
	}
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, noStore)
	ctx.Response.SetStatusCode(fasthttp.StatusNoContent)
}

func (s *Server) revoked(ctx *fasthttp.RequestCtx, r route, c caller, g grant, err error) {
	if err != nil {
		s.failed(ctx, r, err)
		return
	}
	s.events.revoke(c.subject, r.String())
	give(ctx, g)
}

// password changes the caller's password, kills what the mechanism can kill of
// the user's other credentials, and rotates the caller's own. The directory
// changes first, so that the old password opens no session in between; if the
// store then fails, it changes back, and the request can be repeated as it was.
func (s *Server) password(ctx *fasthttp.RequestCtx, c caller) {
	var body struct {
		Password string
		Next     string `json:"new_password"`
	}
	if err := readJSON(&ctx.Request, &body); err != nil {
		unreadable(ctx, err)
		return
	}
	if body.Next == "" || len(body.Next) > maxPassword {
		problem(ctx, fasthttp.StatusBadRequest, "new_password must have 1 to 256 bytes")
		return
	}
	if s.users.disabled(c.subject) {
		s.forbidden(ctx, routePassword, "disabled")
		return
	}
	var undo func()
	attempt, right, ok := s.look(ctx, routePassword, c.subject, func() (right bool, err error) {
		undo, right, err = s.users.change(c.subject, body.Password, body.Next)
		return right, err
	})
	if !ok {
		return
	}
	if !right {
		s.forbidden(ctx, routePassword, "wrong-password")
		return
	}
	attempt.right()
	g, err := s.mechanism.renew(c, s.users.roles(c.subject), true)
	if err != nil {
		undo()
	}
	s.renewed(ctx, routePassword, c, g, err)
}

// stepUp proves again who the caller is, and rotates the credential.
func (s *Server) stepUp(ctx *fasthttp.RequestCtx, c caller) {
	var body struct{ Password string }
	if err := readJSON(&ctx.Request, &body); err != nil {
		unreadable(ctx, err)
		return
	}
	attempt, right, ok := s.look(ctx, routeStepUp, c.subject, func() (bool, error) {
		return s.users.check(c.subject, body.Password)
	})
	if !ok {
		return
	}
	if !right {
		s.forbidden(ctx, routeStepUp, "wrong-password")
		return
	}
	attempt.right()
	if s.users.disabled(c.subject) {
		s.forbidden(ctx, routeStepUp, "disabled")
		return
	}
	g, err := s.mechanism.renew(c, s.users.roles(c.subject), false)
	s.renewed(ctx, routeStepUp, c, g, err)
}

func (s *Server) renewed(ctx *fasthttp.RequestCtx, r route, c caller, g grant, err error) {
	if err != nil {
		s.failed(ctx, r, err)
		return
	}
	s.events.revoke(c.subject, r.String())
	give(ctx, g)
}

// token is the refresh of RFC 6749 section 6. A bad refresh token is 400
// invalid_grant (section 5.2), never 401: no client is authenticated here.
func (s *Server) token(ctx *fasthttp.RequestCtx) {
	form, err := readForm(&ctx.Request)
	if err != nil {
		if errors.Is(err, errContentType) {
			unreadable(ctx, err)
			return
		}
		oauthError(ctx, "invalid_request")
		return
	}
	grantType, refresh := form.Get("grant_type"), form.Get("refresh_token")
	switch {
	case grantType == "":
		oauthError(ctx, "invalid_request")
		return
	case grantType != "refresh_token":
		oauthError(ctx, "unsupported_grant_type")
		return
	case refresh == "":
		oauthError(ctx, "invalid_request")
		return
	}
	g, subject, err := s.tokens.refresh(refresh, s.users)
	s.counters.refreshes.add(refreshResult(g, err))
	if rej := rejected(err); rej != nil {
		s.counters.rejection(rej.reason)
		s.events.reject(routeToken, rej.reason)
		if rej.reason == "reused" {
			s.events.reuse(subject)
		}
		oauthError(ctx, "invalid_grant")
		return
	}
	if err != nil {
		s.failed(ctx, routeToken, err)
		return
	}
	s.events.refresh(subject)
	give(ctx, g)
}

func oauthError(ctx *fasthttp.RequestCtx, code string) {
	answer(ctx, fasthttp.StatusBadRequest, []byte(`{"error":"`+code+`"}`))
}

// serveInfo answers what needs no credential and changes nothing.
func (s *Server) serveInfo(ctx *fasthttp.RequestCtx, r route) {
	switch r {
	case routeJWKS:
		ctx.Response.Header.SetContentType("application/jwk-set+json")
		ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "public, max-age=60")
		ctx.Response.AppendBody(s.tokens.keys.ring.JWKS())
	case routeHealth:
		answer(ctx, fasthttp.StatusOK, []byte(`{"status":"ok"}`))
	case routeReady:
		s.ready(ctx)
	case routeMetrics:
		s.metrics(ctx)
	}
}

// readyTimeout bounds the question to the store; its client has a bound of its
// own that is about as long.
const readyTimeout = time.Second

func (s *Server) ready(ctx *fasthttp.RequestCtx) {
	if s.draining.Load() {
		problem(ctx, fasthttp.StatusServiceUnavailable, "shutting down")
		return
	}
	if err := s.tokens.ready(); err != nil {
		s.events.unavailable(routeReady, err)
		problem(ctx, fasthttp.StatusServiceUnavailable, "there is no key yet to verify tokens with")
		return
	}
	limit, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	for _, b := range s.backing {
		if err := b.Ping(limit); err != nil {
			s.events.unavailable(routeReady, err)
			problem(ctx, fasthttp.StatusServiceUnavailable, "the store does not answer")
			return
		}
	}
	answer(ctx, fasthttp.StatusOK, []byte(`{"status":"ready"}`))
}

func stack() string { return string(debug.Stack()) }
