package server

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/valyala/fasthttp"

	"authbench/targets/session"
)

// sessionCookie has the __Host- prefix: a browser takes it only with Secure,
// Path=/ and no Domain, so that no sibling host can plant one (RFC 6265bis).
const sessionCookie = "__Host-session"

// sessionIDBytes is the length of a session id as the session package makes it.
const sessionIDBytes = 43

// sessions is the opaque-session mechanism over any store.
type sessions struct {
	// ctx never ends: the store client's own timeouts bound every call, and a
	// context that could end would cost a goroutine or a timer per request.
	ctx        context.Context
	manager    *session.Manager
	attributes string // of the cookie
}

func newSessions(m *session.Manager, sameSite string) *sessions {
	return &sessions{
		ctx: context.Background(), manager: m,
		attributes: "; Path=/; HttpOnly; Secure; SameSite=" + sameSite,
	}
}

func (s *sessions) authenticate(h *fasthttp.RequestHeader) (caller, error) {
	v, ok := cookie(h, sessionCookie)
	if !ok {
		return caller{}, errAbsent()
	}
	// What cannot be an id is not worth a trip to the store.
	if len(v) != sessionIDBytes {
		return caller{}, errRejected("malformed")
	}
	id := string(v)
	rec, err := s.manager.Authenticate(s.ctx, id)
	if err != nil {
		return caller{}, s.classify(err)
	}
	return caller{subject: rec.Subject, roles: rec.Roles, session: id}, nil
}

func (s *sessions) classify(err error) error {
	if errors.Is(err, session.ErrNoSession) {
		return errRejected("unknown-session")
	}
	return err
}

// challenge: a 401 has to carry one (RFC 9110 section 15.5.2), and no registered
// scheme fits a cookie. This is the form of draft-broyer-http-cookie-auth.
func (s *sessions) challenge(bool) string {
	return `Cookie realm="authbench", form-action="/login", cookie-name="` + sessionCookie + `"`
}

func (s *sessions) ambient() bool { return true }

func (s *sessions) csrf(h *fasthttp.RequestHeader, c caller) bool {
	return s.manager.CheckCSRF(c.session, string(h.Peek("X-CSRF-Token")))
}

func (s *sessions) login(h *fasthttp.RequestHeader, subject string, roles []string) (grant, error) {
	var previous string
	if v, ok := cookie(h, sessionCookie); ok && len(v) == sessionIDBytes {
		previous = string(v)
	}
	cred, err := s.manager.Login(s.ctx, subject, roles, previous)
	if err != nil {
		return grant{}, err
	}
	return s.grant(cred)
}

func (s *sessions) renew(c caller, _ []string, others bool) (grant, error) {
	if others {
		if _, err := s.manager.LogoutAll(s.ctx, c.subject, c.session); err != nil {
			return grant{}, err
		}
	}
	cred, err := s.manager.Rotate(s.ctx, c.session, true)
	if err != nil {
		return grant{}, s.classify(err)
	}
	return s.grant(cred)
}

func (s *sessions) grant(c session.Credential) (grant, error) {
	body, err := json.Marshal(struct {
		CSRF string `json:"csrf_token"`
	}{c.CSRF})
	return grant{body: body, cookie: sessionCookie + "=" + c.ID + s.attributes}, err
}

// gone deletes the cookie. A browser matches it by name, path and prefix rules,
// so the attributes are those it was set with.
func (s *sessions) gone() grant {
	return grant{cookie: sessionCookie + "=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT" + s.attributes}
}

func (s *sessions) logout(c caller) (grant, error) {
	if err := s.manager.Logout(s.ctx, c.session); err != nil {
		return grant{}, s.classify(err)
	}
	return s.gone(), nil
}

func (s *sessions) logoutAll(c caller) (grant, error) {
	if _, err := s.manager.LogoutAll(s.ctx, c.subject, ""); err != nil {
		return grant{}, err
	}
	return s.gone(), nil
}
