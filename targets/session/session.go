// Package session keeps users logged in with opaque ids: what a client holds is
// a random number, and everything it stands for is in a store (Manager). Its Sealer
// is the opposite: the client holds all of it, encrypted, and there is no store.
//
// Ids are 256 bits of crypto/rand (OWASP asks for 64), stored only as SHA-256.
// They change at every login and privilege change, so that an id planted or
// seen before is worth nothing after (session fixation).
package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"authbench/targets/store"
)

// ErrNoSession means that the id stands for no live session: malformed, never
// issued, logged out, rotated away or expired. The answer is 401. Any other
// error is a failure of the store, and the answer 503.
var ErrNoSession = errors.New("session: no such session")

// Config says how long sessions live.
type Config struct {
	// Idle ends a session that is not used, Absolute one that is. With now in
	// whole milliseconds, a session is alive if and only if
	//
	//	now < LastSeen + Idle  and  now < Created + Absolute.
	Idle, Absolute time.Duration
	// TouchEvery throttles writes: a use moves LastSeen only if it is at least so
	// old. A session may therefore end between Idle - TouchEvery and Idle after
	// its last use, never later. 0 writes at every use; less than Idle.
	TouchEvery time.Duration
	// CSRFKey is the 32-byte HMAC key of CSRF tokens, the same on all nodes.
	CSRFKey []byte
	// Data is what is kept beside the subject; nil for nothing.
	Data func(subject string) string
	// Now is the clock; time.Now if nil. Nodes that share a store should agree.
	Now func() time.Time
	// TouchFailed, if not nil, hears of writes of LastSeen that failed.
	TouchFailed func(error)
}

// Manager issues, checks and ends sessions. It is safe for concurrent use.
type Manager struct {
	store    store.Store
	cfg      Config
	encoding *base64.Encoding
	touches  atomic.Uint64
}

// Credential is what a client gets at login and keeps.
type Credential struct {
	ID   string // 43 characters base64url of 256 random bits
	CSRF string // 43 characters, see CheckCSRF
}

// New checks cfg. The store remains the caller's to close.
func New(s store.Store, cfg Config) (*Manager, error) {
	switch {
	case s == nil:
		return nil, errors.New("session: no store")
	case cfg.Idle < time.Millisecond || cfg.Absolute < cfg.Idle:
		return nil, fmt.Errorf("session: idle %v, absolute %v: want 1ms <= idle <= absolute", cfg.Idle, cfg.Absolute)
	case cfg.TouchEvery < 0 || cfg.TouchEvery >= cfg.Idle:
		return nil, fmt.Errorf("session: touch every %v: want less than idle %v, or an active user is logged out", cfg.TouchEvery, cfg.Idle)
	case len(cfg.CSRFKey) != 32:
		return nil, fmt.Errorf("session: CSRF key of %d bytes: want 32", len(cfg.CSRFKey))
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	// Strict: of the 4 spellings of a number in 43 characters only one is an id.
	return &Manager{store: s, cfg: cfg, encoding: base64.RawURLEncoding.Strict()}, nil
}

// now is whole milliseconds of wall time, like everything in a record.
func (m *Manager) now() time.Time { return time.UnixMilli(m.cfg.Now().UnixMilli()) }

// Login starts a session. previousID, the id that the client came with (or ""),
// is ended first, whoever it belonged to: if that fails there is no new one, so
// an id known from before the login never survives it.
func (m *Manager) Login(ctx context.Context, subject string, roles []string, previousID string) (Credential, error) {
	if err := m.Logout(ctx, previousID); err != nil {
		return Credential{}, err
	}
	now := m.now()
	rec := store.Record{
		Subject: subject, Roles: roles,
		Created: now, LastSeen: now, AuthTime: now, Until: now.Add(m.cfg.Absolute),
	}
	if m.cfg.Data != nil {
		rec.Data = m.cfg.Data(subject)
	}
	cred, key := m.newCredential()
	if err := m.store.Create(ctx, key, rec, m.expires(&rec)); err != nil {
		return Credential{}, fmt.Errorf("session: login: %w", err)
	}
	return cred, nil
}

func (m *Manager) newCredential() (Credential, store.Key) {
	var raw [idBytes]byte
	_, _ = rand.Read(raw[:]) // never fails: the program crashes instead (crypto/rand)
	id := m.encoding.EncodeToString(raw[:])
	return Credential{ID: id, CSRF: m.csrf(id)}, keyOf(raw)
}

// expires is the instant from which rec is dead if nobody uses it.
func (m *Manager) expires(rec *store.Record) time.Time {
	idle := rec.LastSeen.Add(m.cfg.Idle)
	if rec.Until.Before(idle) {
		return rec.Until
	}
	return idle
}

// Authenticate returns the session that id stands for: one read of the store,
// and a write if LastSeen is due. A malformed id does not reach the store.
//
// A write that fails does not fail the request: the read has shown a live
// session, and a Redis that is out of memory, which refuses SET but not DEL,
// must not keep users from logging out. Such a session just ages.
func (m *Manager) Authenticate(ctx context.Context, id string) (store.Record, error) {
	_, rec, err := m.load(ctx, id)
	if err != nil {
		return store.Record{}, err
	}
	return rec, nil
}

// load is Authenticate, with the key.
func (m *Manager) load(ctx context.Context, id string) (store.Key, store.Record, error) {
	key, ok := m.parse(id)
	if !ok {
		return store.Key{}, store.Record{}, ErrNoSession
	}
	rec, found, err := m.store.Get(ctx, key)
	if err != nil {
		return store.Key{}, store.Record{}, fmt.Errorf("session: %w", err)
	}
	now := m.now()
	// The store expires by a clock of its own; this one decides.
	if !found || !now.Before(m.expires(&rec)) {
		return store.Key{}, store.Record{}, ErrNoSession
	}
	if now.Sub(rec.LastSeen) >= m.cfg.TouchEvery {
		if !m.touch(ctx, key, &rec, now) {
			return store.Key{}, store.Record{}, ErrNoSession
		}
	}
	return key, rec, nil
}

// touch moves LastSeen. false means that the session was ended since it was
// read.
func (m *Manager) touch(ctx context.Context, key store.Key, rec *store.Record, now time.Time) bool {
	moved := *rec
	moved.LastSeen = now
	found, err := m.store.Touch(ctx, key, moved, m.expires(&moved))
	if err != nil {
		if m.cfg.TouchFailed != nil {
			m.cfg.TouchFailed(fmt.Errorf("session: touch: %w", err))
		}
		return true
	}
	m.touches.Add(1)
	*rec = moved
	return found
}

// Touches is how often LastSeen has been written.
func (m *Manager) Touches() uint64 { return m.touches.Load() }

// Rotate gives a live session a new id and ends the old one in the same
// instant: after a step-up, a new password, or any change of privilege.
// reauthenticated says that the user has just proved who they are; it sets
// AuthTime. roles are those of now; nil leaves those of the login. The absolute
// timeout goes on from the login.
func (m *Manager) Rotate(ctx context.Context, id string, roles []string, reauthenticated bool) (Credential, error) {
	old, rec, err := m.load(ctx, id)
	if err != nil {
		return Credential{}, err
	}
	rec.LastSeen = m.now()
	if roles != nil {
		rec.Roles = roles
	}
	if reauthenticated {
		rec.AuthTime = rec.LastSeen
	}
	cred, key := m.newCredential()
	found, err := m.store.Rotate(ctx, old, key, rec, m.expires(&rec))
	if err != nil {
		return Credential{}, fmt.Errorf("session: rotate: %w", err)
	}
	if !found {
		return Credential{}, ErrNoSession
	}
	return cred, nil
}

// Logout ends a session. An id that stands for none is out already: no error.
// When it returns nil, no node accepts the id any more.
func (m *Manager) Logout(ctx context.Context, id string) error {
	key, ok := m.parse(id)
	if !ok {
		return nil
	}
	rec, found, err := m.store.Get(ctx, key)
	switch {
	case errors.Is(err, store.ErrCorrupt): // whose it was cannot be read, but it can go
	case err != nil:
		return fmt.Errorf("session: logout: %w", err)
	case !found:
		return nil
	}
	if err := m.store.Delete(ctx, key, rec.Subject); err != nil {
		return fmt.Errorf("session: logout: %w", err)
	}
	return nil
}

// LogoutAll ends all sessions of subject but exceptID (or "" for none but), and
// says how many.
func (m *Manager) LogoutAll(ctx context.Context, subject, exceptID string) (int, error) {
	var except *store.Key
	if key, ok := m.parse(exceptID); ok {
		except = &key
	}
	n, err := m.store.DeleteSubject(ctx, subject, except)
	if err != nil {
		return n, fmt.Errorf("session: logout everywhere: %w", err)
	}
	return n, nil
}
