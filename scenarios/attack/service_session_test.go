package attack

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"
)

// session is a log-in that is kept under its id.
type session struct {
	user       string
	made, used time.Time
}

const (
	sessionName     = "__Host-session"
	sessionIdle     = 30 * time.Minute
	sessionAbsolute = 12 * time.Hour
)

// idOf is the session id of a request, "" where there is none or more than one.
func idOf(r *http.Request) string {
	if all := r.CookiesNamed(sessionName); len(all) == 1 {
		return all[0].Value
	}
	return ""
}

func (s *service) bySession(r *http.Request) (caller, error) {
	id := idOf(r)
	if id == "" {
		return caller{}, errNobody
	}
	if s.away && s.defect != openOutage {
		return caller{}, errAway
	}
	at, now := s.sessions[id], s.now()
	if s.defect == patternIDs && at == nil {
		at = s.matching(id)
	}
	ended := s.defect != endlessSessions && at != nil && (now.Sub(at.used) >= sessionIdle || now.Sub(at.made) >= sessionAbsolute)
	if at == nil || ended {
		return caller{}, errNobody
	}
	at.used = now
	return caller{user: at.user, id: id}, nil
}

// newSession begins a session in place of the one that was sent, whatever that is.
func (s *service) newSession(w http.ResponseWriter, r *http.Request, user string, old caller) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	id := base64.RawURLEncoding.EncodeToString(raw)
	if s.defect == countedIDs {
		id = hex.EncodeToString(raw[:8]) + fmt.Sprintf("%016x", len(s.sessions))
	}
	sent := idOf(r)
	switch {
	case s.defect == fixation && sent != "" && old.id == "":
		id = sent
	case s.defect == noRotation && (s.sessions[sent] != nil || old.id != ""):
		id = sent
	default:
		delete(s.sessions, sent)
	}
	s.sessions[id] = &session{user, s.now(), s.now()}
	s.keepMost(user)
	http.SetCookie(w, sessionCookie(id, 0))
	say(w, 200, "csrf_token", s.csrf(id))
}

func sessionCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: sessionName, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: maxAge}
}

// end ends the log-in of c.
func (s *service) end(c caller) {
	if s.tokens != nil {
		s.tokens.end(c)
		return
	}
	s.drop(c.id)
}

// endAll ends all log-ins of c's user; others: but for that of c.
func (s *service) endAll(c caller, others bool) {
	if s.tokens != nil {
		s.tokens.endAll(c.user)
		return
	}
	for id, at := range s.sessions {
		if at.user == c.user && !(others && id == c.id) && !(s.defect == wholeSeconds && at.made.Unix() == s.now().Unix()) {
			delete(s.sessions, id)
		}
	}
}

// gone answers a log-out.
func (s *service) gone(w http.ResponseWriter) {
	if s.tokens == nil {
		http.SetCookie(w, sessionCookie("", -1))
	}
	w.WriteHeader(204)
}
