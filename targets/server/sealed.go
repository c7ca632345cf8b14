package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/targets/jwt"
	"authbench/targets/session"
)

// sealFile holds the keys of sealed sessions in a key directory.
const sealFile = "seal.json"

// sealed is the mechanism whose session is in the cookie, encrypted. Nothing is
// looked up and nothing can be ended before its time: logging out deletes the cookie
// in the browser, and a copy of it goes on working.
type sealed struct {
	box        *session.Sealer
	attributes string // of the cookie
}

func newSealed(s Settings, dir string, now func() time.Time) (*sealed, error) {
	csrf, err := sharedKey(dir, csrfFile)
	if err != nil {
		return nil, err
	}
	keys, err := sealKeys(dir)
	if err != nil {
		return nil, err
	}
	box, err := session.NewSealer(session.SealConfig{
		Keys: keys, Lifetime: s.Lifetime, CSRFKey: csrf, Data: profileOf(s.SessionBytes), Now: now,
	})
	if err != nil {
		return nil, err
	}
	return &sealed{box, cookieAttributes(s.SameSite)}, nil
}

// sealKeys reads the keys that the nodes share, or makes one for this node alone.
func sealKeys(dir string) (*session.SealKeys, error) {
	if dir == "" {
		return session.NewSealKeys(), nil
	}
	b, err := jwt.ReadSecret(dir, sealFile)
	if err != nil {
		return nil, err
	}
	keys := new(session.SealKeys)
	if err := json.Unmarshal(b, keys); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, sealFile), err)
	}
	return keys, nil
}

func saveSealKeys(dir string, keys *session.SealKeys) error {
	b, err := json.MarshalIndent(keys, "", "\t")
	if err != nil {
		return fmt.Errorf("encode the keys of sealed sessions: %w", err)
	}
	return jwt.WriteSecret(dir, sealFile, append(b, '\n'))
}

// generateSealKeys writes what nodes that take each other's cookies share.
func generateSealKeys(dir string) error {
	return errors.Join(saveSealKeys(dir, session.NewSealKeys()), jwt.WriteSecret(dir, csrfFile, newSecret()))
}

func (s *sealed) authenticate(h *fasthttp.RequestHeader) (caller, error) {
	v, ok := cookie(h, sessionCookie)
	if !ok {
		return caller{}, errAbsent()
	}
	rec, err := s.box.Open(string(v))
	if err != nil {
		return caller{}, errRejected(session.SealReason(err))
	}
	return caller{subject: rec.Subject, roles: rec.Roles, session: rec.ID}, nil
}

func (s *sealed) challenge(bool) string { return cookieChallenge(sessionCookie) }

func (s *sealed) ambient() bool { return true }

func (s *sealed) csrf(h *fasthttp.RequestHeader, c caller) bool {
	return s.box.CheckCSRF(c.session, string(h.Peek("X-CSRF-Token")))
}

func (s *sealed) login(_ *fasthttp.RequestHeader, subject string, roles []string) (grant, error) {
	cred, err := s.box.Seal(subject, roles)
	if err != nil {
		return grant{}, err
	}
	return cookieGrant(cred, s.attributes)
}

// renew replaces the cookie; the old one lives on, whatever others says.
func (s *sealed) renew(c caller, roles []string, _ bool) (grant, error) {
	return s.login(nil, c.subject, roles)
}

func (s *sealed) logout(caller) (grant, error) {
	return cookieGone(sessionCookie, s.attributes), nil
}

func (s *sealed) logoutAll(c caller) (grant, error) { return s.logout(c) }
