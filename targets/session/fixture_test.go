package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"authbench/targets/session"
	"authbench/targets/store"
)

const (
	idle     = 30 * time.Minute
	absolute = 12 * time.Hour
	every    = time.Minute
)

var epoch = time.UnixMilli(1_700_000_000_000)

// clock only moves when told to. Not for concurrent use.
type clock struct{ t time.Time }

func (c *clock) Now() time.Time          { return c.t }
func (c *clock) Advance(d time.Duration) { c.t = c.t.Add(d) }

// spy counts what reaches the store, and can make it fail.
type spy struct {
	store.Store
	calls []string
	fail  map[string]error
}

func (s *spy) called(method string) error {
	s.calls = append(s.calls, method)
	return s.fail[method]
}

func (s *spy) Create(ctx context.Context, k store.Key, r store.Record, e time.Time) error {
	if err := s.called("Create"); err != nil {
		return err
	}
	return s.Store.Create(ctx, k, r, e)
}

func (s *spy) Get(ctx context.Context, k store.Key) (store.Record, bool, error) {
	if err := s.called("Get"); err != nil {
		return store.Record{}, false, err
	}
	return s.Store.Get(ctx, k)
}

func (s *spy) Touch(ctx context.Context, k store.Key, r store.Record, e time.Time) (bool, error) {
	if err := s.called("Touch"); err != nil {
		return false, err
	}
	return s.Store.Touch(ctx, k, r, e)
}

func (s *spy) Rotate(ctx context.Context, o, n store.Key, r store.Record, e time.Time) (bool, error) {
	if err := s.called("Rotate"); err != nil {
		return false, err
	}
	return s.Store.Rotate(ctx, o, n, r, e)
}

func (s *spy) Delete(ctx context.Context, k store.Key, subject string) error {
	if err := s.called("Delete"); err != nil {
		return err
	}
	return s.Store.Delete(ctx, k, subject)
}

func (s *spy) DeleteSubject(ctx context.Context, subject string, except *store.Key) (int, error) {
	if err := s.called("DeleteSubject"); err != nil {
		return 0, err
	}
	return s.Store.DeleteSubject(ctx, subject, except)
}

type fixture struct {
	*session.Manager
	t     *testing.T
	clock *clock
	spy   *spy
}

// setUp has a store that never expires anything, so that what expires is the
// manager's doing.
func setUp(t *testing.T, change ...func(*session.Config)) fixture {
	t.Helper()
	return setUpStore(t, func() time.Time { return epoch }, change...)
}

func setUpStore(t *testing.T, storeNow func() time.Time, change ...func(*session.Config)) fixture {
	t.Helper()
	mem, err := store.Open(t.Context(), store.Config{Kind: "memory", Now: storeNow})
	if err != nil {
		t.Fatal(err)
	}
	c, s := &clock{epoch}, &spy{Store: mem, fail: map[string]error{}}
	cfg := session.Config{Idle: idle, Absolute: absolute, TouchEvery: every, CSRFKey: make([]byte, 32), Now: c.Now}
	for _, f := range change {
		f(&cfg)
	}
	m, err := session.New(s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return fixture{m, t, c, s}
}

func (f fixture) login(subject string) session.Credential {
	f.t.Helper()
	cred, err := f.Login(f.t.Context(), subject, []string{"user"}, "")
	if err != nil {
		f.t.Fatal(err)
	}
	return cred
}

func (f fixture) alive(id string) store.Record {
	f.t.Helper()
	rec, err := f.Authenticate(f.t.Context(), id)
	if err != nil {
		f.t.Fatalf("at %v: %v, want a live session", f.clock.t.Sub(epoch), err)
	}
	return rec
}

func (f fixture) dead(id string) {
	f.t.Helper()
	if rec, err := f.Authenticate(f.t.Context(), id); !errors.Is(err, session.ErrNoSession) {
		f.t.Fatalf("at %v: %+v, %v, want ErrNoSession", f.clock.t.Sub(epoch), rec, err)
	}
}
