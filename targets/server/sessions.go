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
	sightings  *sightings
	attributes string // of the cookie
}

func newSessions(m *session.Manager, seen *sightings, sameSite string) *sessions {
	return &sessions{ctx: context.Background(), manager: m, sightings: seen, attributes: cookieAttributes(sameSite)}
}

func cookieAttributes(sameSite string) string {
	return "; Path=/; HttpOnly; Secure; SameSite=" + sameSite
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
		if errors.Is(err, session.ErrNoSession) {
			s.sightings.missed(id)
		}
		return caller{}, s.classify(err)
	}
	s.sightings.saw(id, &rec)
	return caller{subject: rec.Subject, roles: rec.Roles, session: id}, nil
}

func (s *sessions) classify(err error) error {
	if errors.Is(err, session.ErrNoSession) {
		return errRejected("unknown-session")
	}
	return err
}

// cookieChallenge: a 401 has to carry one (RFC 9110 section 15.5.2), and no
// registered scheme fits a cookie. This is the form of draft-broyer-http-cookie-auth.
func cookieChallenge(name string) string {
	return `Cookie realm="authbench", form-action="/login", cookie-name="` + name + `"`
}

func (s *sessions) challenge(bool) string { return cookieChallenge(sessionCookie) }

func (s *sessions) ambient() bool { return true }

func (s *sessions) csrf(h *fasthttp.RequestHeader, c caller) bool {
	return s.manager.CheckCSRF(c.session, string(h.Peek("X-CSRF-Token")))
}

func (s *sessions) login(h *fasthttp.RequestHeader, subject string, roles []string) (grant, error) {
	var previous string
	if v, ok := cookie(h, sessionCookie); ok && len(v) == sessionIDBytes {
		previous = string(v)
	}
	defer s.ending(previous)()
	cred, err := s.manager.Login(s.ctx, subject, roles, previous)
	if err != nil {
		return grant{}, err
	}
	return s.grant(cred)
}

func (s *sessions) renew(c caller, roles []string, others bool) (grant, error) {
	defer s.ending(c.session)()
	if others {
		if _, err := s.manager.LogoutAll(s.ctx, c.subject, c.session); err != nil {
			return grant{}, err
		}
	}
	cred, err := s.manager.Rotate(s.ctx, c.session, roles, true)
	if err != nil {
		return grant{}, s.classify(err)
	}
	return s.grant(cred)
}

func (s *sessions) grant(c session.Credential) (grant, error) { return cookieGrant(c, s.attributes) }

func cookieGrant(c session.Credential, attributes string) (grant, error) {
	body, err := json.Marshal(struct {
		CSRF string `json:"csrf_token"`
	}{c.CSRF})
	return grant{body: body, cookie: sessionCookie + "=" + c.ID + attributes}, err
}

func (s *sessions) gone() grant { return cookieGone(sessionCookie, s.attributes) }

// cookieGone deletes the cookie. A browser matches it by name, path and prefix rules,
// so the attributes are those it was set with.
func cookieGone(name, attributes string) grant {
	return grant{cookie: name + "=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT" + attributes}
}

// ending forgets a session that this node is about to end, and once more when that is
// done: a use that is under way may have noted it again.
func (s *sessions) ending(id string) (ended func()) {
	s.sightings.ended(id)
	return func() { s.sightings.ended(id) }
}

func (s *sessions) logout(c caller) (grant, error) {
	defer s.ending(c.session)()
	if err := s.manager.Logout(s.ctx, c.session); err != nil {
		return grant{}, s.classify(err)
	}
	return s.gone(), nil
}

func (s *sessions) logoutAll(c caller) (grant, error) {
	defer s.ending(c.session)()
	if _, err := s.manager.LogoutAll(s.ctx, c.subject, ""); err != nil {
		return grant{}, err
	}
	return s.gone(), nil
}
