package session_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/targets/session"
	"authbench/targets/store"
)

func TestNewRefuses(t *testing.T) {
	mem, err := store.Open(t.Context(), store.Config{Kind: "memory"})
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*session.Config){
		"no idle":            func(c *session.Config) { c.Idle = 0 },
		"absolute < idle":    func(c *session.Config) { c.Absolute = c.Idle - 1 },
		"touch every = idle": func(c *session.Config) { c.TouchEvery = c.Idle },
		"negative touch":     func(c *session.Config) { c.TouchEvery = -1 },
		"short key":          func(c *session.Config) { c.CSRFKey = c.CSRFKey[:31] },
	} {
		cfg := session.Config{Idle: idle, Absolute: absolute, TouchEvery: every, CSRFKey: make([]byte, 32)}
		spoil(&cfg)
		if _, err := session.New(mem, cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestLogin(t *testing.T) {
	f := setUp(t)
	f.clock.Advance(123456 * time.Nanosecond) // finer than what is stored
	cred, err := f.Login(t.Context(), "alice", []string{"user", "admin"}, "")
	if err != nil {
		t.Fatal(err)
	}
	rec := f.alive(cred.ID)
	if rec.Subject != "alice" || !slices.Equal(rec.Roles, []string{"user", "admin"}) {
		t.Errorf("record %+v", rec)
	}
	for name, got := range map[string]time.Time{"created": rec.Created, "last seen": rec.LastSeen, "auth time": rec.AuthTime} {
		if !got.Equal(epoch) {
			t.Errorf("%s %v, want %v", name, got, epoch)
		}
	}
	if want := epoch.Add(absolute); !rec.Until.Equal(want) {
		t.Errorf("until %v, want %v", rec.Until, want)
	}
	other := f.login("alice")
	if other.ID == cred.ID || other.CSRF == cred.CSRF {
		t.Error("two logins got the same credential")
	}
}

// TestIDIsStoredHashed: what is in the store is SHA-256 of the id's bits.
func TestIDIsStoredHashed(t *testing.T) {
	f := setUp(t)
	cred := f.login("alice")
	raw, err := base64.RawURLEncoding.DecodeString(cred.ID)
	if err != nil || len(raw) != 32 || len(cred.ID) != 43 {
		t.Fatalf("id %q: %d bytes, %v", cred.ID, len(raw), err)
	}
	if _, found, err := f.spy.Store.Get(t.Context(), sha256.Sum256(raw)); err != nil || !found {
		t.Errorf("not under SHA-256 of the id: %v, %v", found, err)
	}
	if _, found, err := f.spy.Store.Get(t.Context(), store.Key(raw)); err != nil || found {
		t.Errorf("under the id itself: %v, %v", found, err)
	}
}

func TestMalformedIDsDoNotReachTheStore(t *testing.T) {
	f := setUp(t)
	id := f.login("alice").ID
	f.spy.calls = nil
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", id[42])
	twin := id[:42] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last^1]) // same 256 bits
	for _, bad := range []string{
		"", "x", id[:42], id + "A", id + "=", id[:42] + "=", id[:42] + "\n", "\r\n" + id[2:], id[:42] + "+", id[:42] + "/",
		id[:42] + " ", id[:42] + "\x00", id[:41] + "é", strings.Repeat("!", 43), twin,
	} {
		f.dead(bad)
		if err := f.Logout(t.Context(), bad); err != nil {
			t.Errorf("Logout(%q): %v", bad, err)
		}
		if _, err := f.Rotate(t.Context(), bad, nil, true); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("Rotate(%q): %v", bad, err)
		}
	}
	if len(f.spy.calls) != 0 {
		t.Errorf("the store was asked: %v", f.spy.calls)
	}
	f.alive(id)
}

func TestIdleTimeoutEdge(t *testing.T) {
	for name, storeFollows := range map[string]bool{"store keeps all": false, "store expires": true} {
		t.Run(name, func(t *testing.T) {
			c := &clock{epoch}
			now := func() time.Time { return epoch }
			if storeFollows {
				now = c.Now
			}
			f := setUpStore(t, now, func(cfg *session.Config) { cfg.Now = c.Now })
			f.clock = c
			a, b := f.login("alice"), f.login("alice")
			c.Advance(idle - time.Millisecond)
			f.alive(a.ID) // moves its LastSeen
			c.Advance(time.Millisecond)
			f.dead(b.ID)
			c.Advance(idle - 2*time.Millisecond)
			// a was last seen idle - 1 ms ago.
			f.alive(a.ID)
			c.Advance(idle)
			f.dead(a.ID)
		})
	}
}

func TestAbsoluteTimeoutEdge(t *testing.T) {
	f := setUp(t)
	id := f.login("alice").ID
	step := idle / 2
	for f.clock.t.Before(epoch.Add(absolute - step)) {
		f.clock.Advance(step)
		f.alive(id)
	}
	f.clock.t = epoch.Add(absolute - time.Millisecond)
	f.alive(id)
	f.clock.Advance(time.Millisecond)
	f.dead(id)
}

// TestAbsoluteTimeoutSurvivesRotation: nobody lives for ever by rotating.
func TestAbsoluteTimeoutSurvivesRotation(t *testing.T) {
	f := setUp(t)
	id := f.login("alice").ID
	for f.clock.t.Before(epoch.Add(absolute - idle/2)) {
		f.clock.Advance(idle / 2)
		cred, err := f.Rotate(t.Context(), id, nil, true)
		if err != nil {
			t.Fatalf("at %v: %v", f.clock.t.Sub(epoch), err)
		}
		id = cred.ID
	}
	f.clock.t = epoch.Add(absolute)
	f.dead(id)
}

// TestTouchThrottle: a write at the earliest every touch interval, so that the
// idle timeout counts from a use at most that old.
func TestTouchThrottle(t *testing.T) {
	f := setUp(t)
	id := f.login("alice").ID
	uses := func() []string {
		f.spy.calls = nil
		f.alive(id)
		return f.spy.calls
	}
	read, write := []string{"Get"}, []string{"Get", "Touch"}
	expect := func(want []string) {
		t.Helper()
		if got := uses(); !slices.Equal(got, want) {
			t.Errorf("at %v: store was called %v, want %v", f.clock.t.Sub(epoch), got, want)
		}
	}
	expect(read)
	f.clock.Advance(every - time.Millisecond)
	expect(read)
	f.clock.Advance(time.Millisecond)
	expect(write)
	expect(read)
	f.clock.Advance(every - time.Millisecond)
	expect(read) // used, not written
	f.clock.Advance(idle - every)
	f.alive(id)
	f.clock.Advance(every - time.Millisecond)
	f.alive(id) // again used but not written, so:
	f.clock.Advance(idle - every + time.Millisecond)
	f.dead(id)

	f = setUp(t, func(c *session.Config) { c.TouchEvery = 0 })
	id = f.login("alice").ID
	expect(write)
}

func TestRotationAtLogin(t *testing.T) {
	f := setUp(t)
	planted := f.login("mallory") // the id that a victim's browser was given
	mine := f.login("alice")
	f.spy.calls = nil
	cred, err := f.Login(t.Context(), "alice", nil, planted.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.dead(planted.ID)
	f.alive(mine.ID) // on her other device
	f.alive(cred.ID)
	if cred.ID == planted.ID {
		t.Error("login kept the id it came with")
	}

	// If the old one cannot be ended, there is no new one.
	f.spy.fail["Delete"] = errors.New("away")
	f.spy.calls = nil
	if cred, err := f.Login(t.Context(), "alice", nil, mine.ID); err == nil || cred != (session.Credential{}) {
		t.Errorf("Login = %v, %v with the store away", cred, err)
	}
	if slices.Contains(f.spy.calls, "Create") {
		t.Error("created a session though the old one lives")
	}
}

func TestRotate(t *testing.T) {
	f := setUp(t)
	old := f.login("alice")
	f.clock.Advance(5 * time.Second)
	mid, err := f.Rotate(t.Context(), old.ID, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	f.dead(old.ID)
	if rec := f.alive(mid.ID); !rec.AuthTime.Equal(epoch) || !rec.LastSeen.Equal(f.clock.t) || !rec.Created.Equal(epoch) {
		t.Errorf("after a rotation: %+v", rec)
	}
	f.clock.Advance(5 * time.Second)
	before := f.alive(mid.ID).Roles
	last, err := f.Rotate(t.Context(), mid.ID, []string{"auditor"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if rec := f.alive(last.ID); slices.Equal(before, rec.Roles) || !slices.Equal(rec.Roles, []string{"auditor"}) {
		t.Errorf("roles %v became %v", before, rec.Roles)
	}
	if rec := f.alive(last.ID); !rec.AuthTime.Equal(f.clock.t) || !rec.Created.Equal(epoch) || rec.Subject != "alice" {
		t.Errorf("after a step-up: %+v", rec)
	}
	if f.CheckCSRF(last.ID, old.CSRF) {
		t.Error("the CSRF token survived the rotation")
	}
	if _, err := f.Rotate(t.Context(), old.ID, nil, true); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("Rotate of a rotated id: %v", err)
	}
	f.clock.Advance(idle)
	if _, err := f.Rotate(t.Context(), last.ID, nil, true); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("Rotate of an expired session: %v", err)
	}
}

func TestLogout(t *testing.T) {
	f := setUp(t)
	a, b, c := f.login("alice"), f.login("alice"), f.login("alice")
	bob := f.login("bob")
	for range 2 { // the second time there is nothing to do
		if err := f.Logout(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		f.dead(a.ID)
	}
	f.alive(b.ID)
	if n, err := f.LogoutAll(t.Context(), "alice", b.ID); n != 1 || err != nil {
		t.Errorf("LogoutAll but b = %d, %v, want 1", n, err)
	}
	f.alive(b.ID)
	f.dead(c.ID)
	if n, err := f.LogoutAll(t.Context(), "alice", ""); n != 1 || err != nil {
		t.Errorf("LogoutAll = %d, %v, want 1", n, err)
	}
	f.dead(b.ID)
	f.alive(bob.ID)
}

// TestLogoutOfDamaged: a record that cannot be read can still be ended.
func TestLogoutOfDamaged(t *testing.T) {
	f := setUp(t)
	id := f.login("alice").ID
	f.spy.fail["Get"] = store.ErrCorrupt
	if err := f.Logout(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	f.spy.fail = nil
	f.dead(id)
}

// TestStoreFailureIsNotALogout: 503, never 401.
func TestStoreFailureIsNotALogout(t *testing.T) {
	f := setUp(t)
	id := f.login("alice").ID
	away := errors.New("away")
	for method, do := range map[string]func() error{
		"Get":           func() error { _, err := f.Authenticate(t.Context(), id); return err },
		"Create":        func() error { _, err := f.Login(t.Context(), "bob", nil, ""); return err },
		"Rotate":        func() error { _, err := f.Rotate(t.Context(), id, nil, false); return err },
		"Delete":        func() error { return f.Logout(t.Context(), id) },
		"DeleteSubject": func() error { _, err := f.LogoutAll(t.Context(), "alice", ""); return err },
	} {
		f.spy.fail = map[string]error{method: away}
		if err := do(); !errors.Is(err, away) || errors.Is(err, session.ErrNoSession) {
			t.Errorf("%s away: %v", method, err)
		}
	}
	f.spy.fail = nil
	f.alive(id)
}

// TestTouchFailure: the read showed a live session, which the caller may use,
// not least to log out. It ages.
func TestTouchFailure(t *testing.T) {
	var heard error
	f := setUp(t, func(c *session.Config) { c.TouchFailed = func(err error) { heard = err } })
	id := f.login("alice").ID
	f.clock.Advance(every)
	full := errors.New("OOM command not allowed")
	f.spy.fail["Touch"] = full
	if rec := f.alive(id); !rec.LastSeen.Equal(epoch) {
		t.Errorf("LastSeen %v though it was not written", rec.LastSeen)
	}
	if !errors.Is(heard, full) {
		t.Errorf("heard %v", heard)
	}
	f.clock.Advance(idle - every)
	f.dead(id)
}

// TestTouchOfARevoked: ended between the read and the write.
func TestTouchOfARevoked(t *testing.T) {
	f := setUp(t)
	id := f.login("alice").ID
	f.clock.Advance(every)
	m, err := session.New(lostBetween{f.spy.Store}, session.Config{
		Idle: idle, Absolute: absolute, TouchEvery: every, CSRFKey: make([]byte, 32), Now: f.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Authenticate(t.Context(), id); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("Authenticate: %v, want ErrNoSession", err)
	}
}

type lostBetween struct{ store.Store }

func (l lostBetween) Get(ctx context.Context, k store.Key) (store.Record, bool, error) {
	rec, found, err := l.Store.Get(ctx, k)
	return rec, found, errors.Join(err, l.Delete(ctx, k, rec.Subject))
}

func TestCSRF(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	f := setUp(t, func(c *session.Config) { c.CSRFKey = key })
	a, b := f.login("alice"), f.login("alice")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(a.ID))
	if want := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); a.CSRF != want {
		t.Errorf("token %q, want HMAC-SHA256(key, id) = %q", a.CSRF, want)
	}
	if !f.CheckCSRF(a.ID, a.CSRF) {
		t.Error("its own token is refused")
	}
	for _, bad := range []string{"", b.CSRF, a.CSRF[:42], a.CSRF + "A", strings.ToLower(a.CSRF), a.ID} {
		if f.CheckCSRF(a.ID, bad) {
			t.Errorf("token %q is accepted", bad)
		}
	}
	other := setUp(t)
	if other.CheckCSRF(a.ID, a.CSRF) {
		t.Error("a token of another key is accepted")
	}
}
