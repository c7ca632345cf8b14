// Package storetest holds every store to the contract of store.Store, and
// starts private servers for the tests of whoever needs one.
package storetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"reflect"
	"sync"
	"testing"
	"time"

	"authbench/targets/store"
)

// Fixture is one store under test.
type Fixture struct {
	// Open returns a store that judges expiry by now, and closes it with the
	// test. It may share its data with other opens: the cases make up their own
	// keys and subjects.
	Open func(t testing.TB, now func() time.Time) store.Store
	// Damage makes what is stored under key into something that no Create can
	// have stored. nil: the store has no bytes that could be damaged.
	Damage func(t testing.TB, key store.Key)
	// OwnClock: the store lets time pass by itself and forgets by itself, so that
	// cases have to wait and there is nothing to sweep.
	OwnClock bool
	// Steps: a rotation is several of them, between which both keys work; the new one
	// has not been handed out by then.
	Steps bool
}

// Run runs all cases.
func Run(t *testing.T, fx Fixture) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Fixture)
	}{
		{"round trip", roundTrip},
		{"unknown key", unknownKey},
		{"refuses what it cannot hold", refuses},
		{"expiry", expiry},
		{"touch", touch},
		{"touch never resurrects", touchNeverResurrects},
		{"touch races delete", touchRacesDelete},
		{"rotate", rotate},
		{"rotate of a missing session creates none", rotateMissing},
		{"rotate has one winner", rotateOneWinner},
		{"rotate shows both or neither to nobody", rotateAtomic},
		{"delete", remove},
		{"delete subject", removeSubject},
		{"delete subject keeps the exception", removeSubjectExcept},
		{"delete subject tells subjects apart", removeSubjectExact},
		{"delete subject outruns rotation", removeSubjectRacesRotate},
		{"sweep", sweep},
		{"damaged record is an error", damaged},
		{"cancelled context is an error", cancelled},
		{"closed store is an error", closed},
		{"concurrent use", concurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, fx) })
	}
}

// clock is a clock that only moves when told to.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

// newClock starts at a real instant, cut to milliseconds like all that is stored.
func newClock() *clock { return &clock{t: time.UnixMilli(time.Now().UnixMilli())} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// NewKey is a random key, as that of a new session.
func NewKey() (k store.Key) {
	_, _ = rand.Read(k[:])
	return k
}

// NewRecord is the record of a user nobody else has, who logged in at now.
func NewRecord(now time.Time) store.Record {
	var n [8]byte
	_, _ = rand.Read(n[:])
	return store.Record{
		Subject: "user-" + hex.EncodeToString(n[:]), Roles: []string{"user", "admin"},
		Created: now, LastSeen: now, AuthTime: now, Until: now.Add(12 * time.Hour), Data: "profile \x00\xff " + hex.EncodeToString(n[:]),
	}
}

// later is far enough for any case that does not test expiry.
func later(rec store.Record) time.Time { return rec.LastSeen.Add(30 * time.Minute) }

func mustCreate(t *testing.T, s store.Store, key store.Key, rec store.Record) {
	t.Helper()
	if err := s.Create(t.Context(), key, rec, later(rec)); err != nil {
		t.Fatalf("Create: %v", err)
	}
}

func mustFind(t *testing.T, s store.Store, key store.Key, want store.Record) {
	t.Helper()
	got, found, err := s.Get(t.Context(), key)
	if err != nil || !found {
		t.Fatalf("Get = %v, %v, want the session", found, err)
	}
	if !Equal(got, want) {
		t.Fatalf("Get = %+v\nwant  %+v", got, want)
	}
}

func mustMiss(t *testing.T, s store.Store, key store.Key) {
	t.Helper()
	rec, found, err := s.Get(t.Context(), key)
	if err != nil || found {
		t.Fatalf("Get = %+v, %v, %v, want no session and no error", rec, found, err)
	}
}

// Equal compares records as stores keep them: instants in whole milliseconds,
// no roles and nil roles alike.
func Equal(a, b store.Record) bool { return reflect.DeepEqual(plain(a), plain(b)) }

func plain(r store.Record) any {
	return struct {
		subject string
		roles   []string
		times   [4]int64
	}{r.Subject, append([]string{}, r.Roles...), [4]int64{
		r.Created.UnixMilli(), r.LastSeen.UnixMilli(), r.AuthTime.UnixMilli(), r.Until.UnixMilli(),
	}}
}

// every calls each method once, for cases where all have to fail alike.
func every(ctx context.Context, s store.Store) map[string]error {
	rec := NewRecord(time.Now())
	errs := map[string]error{}
	errs["Create"] = s.Create(ctx, NewKey(), rec, later(rec))
	_, _, errs["Get"] = s.Get(ctx, NewKey())
	_, errs["Touch"] = s.Touch(ctx, NewKey(), rec, later(rec))
	_, errs["Rotate"] = s.Rotate(ctx, NewKey(), NewKey(), rec, later(rec))
	errs["Delete"] = s.Delete(ctx, NewKey(), rec.Subject)
	_, errs["DeleteSubject"] = s.DeleteSubject(ctx, rec.Subject, nil)
	_, errs["Sweep"] = s.Sweep(ctx, time.Unix(0, 0))
	errs["Ping"] = s.Ping(ctx)
	return errs
}
