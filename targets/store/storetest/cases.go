package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"authbench/targets/store"
)

func roundTrip(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	now := time.Now() // not cut: stores do that
	base := NewRecord(now)
	base.AuthTime, base.LastSeen = now.Add(-time.Hour), now.Add(-time.Minute)
	for _, roles := range [][]string{
		nil, {"user"}, {"user", "admin", "user"}, strings.Fields(strings.Repeat(strings.Repeat("r", 63)+" ", 16)),
	} {
		for _, subject := range []string{base.Subject, "Zoë 名前 '\"\\\x00\n%_", strings.Repeat("s", 255)} {
			rec, key := base, NewKey()
			rec.Roles, rec.Subject = roles, subject
			mustCreate(t, s, key, rec)
			mustFind(t, s, key, rec)
			if err := s.Delete(t.Context(), key, subject); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Every byte in a key is a byte.
	for _, b := range []byte{0, '\'', '\\', '\n', '%', 0x1a, 0xff} {
		key, other := NewKey(), NewKey()
		for i := range key {
			key[i], other[i] = b, b
		}
		other[31] ^= 1
		mustCreate(t, s, key, base)
		mustFind(t, s, key, base)
		mustMiss(t, s, other)
		if err := s.Delete(t.Context(), key, base.Subject); err != nil {
			t.Fatal(err)
		}
	}
}

func unknownKey(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	mustMiss(t, s, NewKey())
}

func refuses(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	for name, spoil := range map[string]func(*store.Record){
		"no subject":      func(r *store.Record) { r.Subject = "" },
		"long subject":    func(r *store.Record) { r.Subject = strings.Repeat("s", 256) },
		"invalid UTF-8":   func(r *store.Record) { r.Subject = "\xff" },
		"empty role":      func(r *store.Record) { r.Roles = []string{""} },
		"role with space": func(r *store.Record) { r.Roles = []string{"a b"} },
		"long role":       func(r *store.Record) { r.Roles = []string{strings.Repeat("r", 64)} },
		"many roles":      func(r *store.Record) { r.Roles = strings.Fields(strings.Repeat("r ", 17)) },
		"no created":      func(r *store.Record) { r.Created = time.Time{} },
		"no until":        func(r *store.Record) { r.Until = time.Time{} },
	} {
		good := NewRecord(time.Now())
		bad, old, key := good, NewKey(), NewKey()
		spoil(&bad)
		if err := s.Create(t.Context(), key, bad, later(good)); err == nil {
			t.Errorf("%s: Create accepted it", name)
		}
		mustMiss(t, s, key)
		mustCreate(t, s, old, good)
		if _, err := s.Rotate(t.Context(), old, key, bad, later(good)); err == nil {
			t.Errorf("%s: Rotate accepted it", name)
		}
		mustMiss(t, s, key)
		mustFind(t, s, old, good)
	}
}

// expiry: alive while now < expires, to the millisecond where the clock is ours.
func expiry(t *testing.T, fx Fixture) {
	c := newClock()
	s := fx.Open(t, c.Now)
	rec, key := NewRecord(c.Now()), NewKey()
	const life = 700 * time.Millisecond
	if err := s.Create(t.Context(), key, rec, c.Now().Add(life)); err != nil {
		t.Fatal(err)
	}
	if fx.OwnClock {
		waitMiss(t, s, key, life)
		return
	}
	c.Advance(life - time.Millisecond)
	mustFind(t, s, key, rec)
	c.Advance(time.Millisecond)
	mustMiss(t, s, key)
}

// waitMiss waits until key is gone, and fails if it goes before life is over.
func waitMiss(t *testing.T, s store.Store, key store.Key, life time.Duration) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		_, found, err := s.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		// Expired by the server's clock, which began before ours was read.
		if took := time.Since(start); !found {
			if took < life-100*time.Millisecond {
				t.Fatalf("gone after %v of %v", took, life)
			}
			return
		} else if took > 20*life {
			t.Fatalf("still there after %v of %v", took, life)
		}
	}
}

func touch(t *testing.T, fx Fixture) {
	c := newClock()
	s := fx.Open(t, c.Now)
	rec, key := NewRecord(c.Now()), NewKey()
	if err := s.Create(t.Context(), key, rec, c.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	c.Advance(50 * time.Second)
	rec.LastSeen = c.Now()
	touchOnce := func(expires time.Time) {
		t.Helper()
		// Twice: a second write of the same values has found the session too.
		for range 2 {
			if found, err := s.Touch(t.Context(), key, rec, expires); err != nil || !found {
				t.Fatalf("Touch = %v, %v, want the session", found, err)
			}
		}
		mustFind(t, s, key, rec)
	}
	touchOnce(c.Now().Add(time.Minute))
	if fx.OwnClock {
		touchOnce(c.Now().Add(300 * time.Millisecond))
		waitMiss(t, s, key, 300*time.Millisecond)
		return
	}
	c.Advance(59 * time.Second) // past the first expiry
	mustFind(t, s, key, rec)
	c.Advance(time.Second)
	mustMiss(t, s, key)
}

func touchNeverResurrects(t *testing.T, fx Fixture) {
	c := newClock()
	s := fx.Open(t, c.Now)
	rec := NewRecord(c.Now())
	unknown, deleted, expired := NewKey(), NewKey(), NewKey()
	mustCreate(t, s, deleted, rec)
	if err := s.Delete(t.Context(), deleted, rec.Subject); err != nil {
		t.Fatal(err)
	}
	const life = 50 * time.Millisecond
	if err := s.Create(t.Context(), expired, rec, c.Now().Add(life)); err != nil {
		t.Fatal(err)
	}
	if fx.OwnClock {
		waitMiss(t, s, expired, life)
	} else {
		c.Advance(life)
	}
	for name, key := range map[string]store.Key{"unknown": unknown, "deleted": deleted, "expired": expired} {
		if found, err := s.Touch(t.Context(), key, rec, later(rec)); found || err != nil {
			t.Errorf("%s: Touch = %v, %v, want no session", name, found, err)
		}
		mustMiss(t, s, key)
	}
}

func rotate(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	rec, old, key := NewRecord(time.Now()), NewKey(), NewKey()
	mustCreate(t, s, old, rec)
	rec.Roles, rec.AuthTime = []string{"user"}, rec.AuthTime.Add(time.Second)
	if found, err := s.Rotate(t.Context(), old, key, rec, later(rec)); err != nil || !found {
		t.Fatalf("Rotate = %v, %v, want the session", found, err)
	}
	mustMiss(t, s, old)
	mustFind(t, s, key, rec)
	// The new key is the one that is listed.
	if n, err := s.DeleteSubject(t.Context(), rec.Subject, nil); n != 1 || err != nil {
		t.Fatalf("DeleteSubject = %d, %v, want 1", n, err)
	}
	mustMiss(t, s, key)
}

func rotateMissing(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	rec, key := NewRecord(time.Now()), NewKey()
	if found, err := s.Rotate(t.Context(), NewKey(), key, rec, later(rec)); err != nil || found {
		t.Fatalf("Rotate = %v, %v, want no session", found, err)
	}
	mustMiss(t, s, key)
	if n, err := s.DeleteSubject(t.Context(), rec.Subject, nil); n != 0 || err != nil {
		t.Fatalf("DeleteSubject = %d, %v, want 0", n, err)
	}
}

func remove(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	rec, a, b := NewRecord(time.Now()), NewKey(), NewKey()
	mustCreate(t, s, a, rec)
	mustCreate(t, s, b, rec)
	for range 2 { // the second time it is gone, and that is fine
		if err := s.Delete(t.Context(), a, rec.Subject); err != nil {
			t.Fatal(err)
		}
	}
	mustMiss(t, s, a)
	mustFind(t, s, b, rec)
	if n, err := s.DeleteSubject(t.Context(), rec.Subject, nil); n != 1 || err != nil {
		t.Fatalf("DeleteSubject = %d, %v, want the one that is left", n, err)
	}
}

func removeSubject(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	mine, other, otherKey := NewRecord(time.Now()), NewRecord(time.Now()), NewKey()
	keys := make([]store.Key, 20)
	for i := range keys {
		keys[i] = NewKey()
		mustCreate(t, s, keys[i], mine)
	}
	mustCreate(t, s, otherKey, other)
	for _, want := range []int{len(keys), 0} {
		if n, err := s.DeleteSubject(t.Context(), mine.Subject, nil); n != want || err != nil {
			t.Fatalf("DeleteSubject = %d, %v, want %d", n, err, want)
		}
	}
	for _, key := range keys {
		mustMiss(t, s, key)
	}
	mustFind(t, s, otherKey, other)
	// The user can log in again, and out.
	mustCreate(t, s, keys[0], mine)
	if n, err := s.DeleteSubject(t.Context(), mine.Subject, nil); n != 1 || err != nil {
		t.Fatalf("DeleteSubject after a new login = %d, %v, want 1", n, err)
	}
}

func removeSubjectExcept(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	rec, keep, drop := NewRecord(time.Now()), NewKey(), NewKey()
	mustCreate(t, s, keep, rec)
	mustCreate(t, s, drop, rec)
	for _, want := range []int{1, 0} {
		if n, err := s.DeleteSubject(t.Context(), rec.Subject, &keep); n != want || err != nil {
			t.Fatalf("DeleteSubject = %d, %v, want %d", n, err, want)
		}
	}
	mustFind(t, s, keep, rec)
	mustMiss(t, s, drop)
	if n, err := s.DeleteSubject(t.Context(), rec.Subject, nil); n != 1 || err != nil {
		t.Fatalf("DeleteSubject without exception = %d, %v, want 1", n, err)
	}
}

// removeSubjectExact: to a database's text collation these are one and the same.
func removeSubjectExact(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	base := NewRecord(time.Now())
	subjects := []string{base.Subject, base.Subject + " ", strings.ToUpper(base.Subject), base.Subject + "é", base.Subject + "e", base.Subject + "\x00"}
	keys := make([]store.Key, len(subjects))
	for i, subject := range subjects {
		rec := base
		rec.Subject, keys[i] = subject, NewKey()
		mustCreate(t, s, keys[i], rec)
	}
	for i, subject := range subjects {
		if n, err := s.DeleteSubject(t.Context(), subject, nil); n != 1 || err != nil {
			t.Fatalf("DeleteSubject(%q) = %d, %v, want 1", subject, n, err)
		}
		mustMiss(t, s, keys[i])
	}
}

func sweep(t *testing.T, fx Fixture) {
	c := newClock()
	s := fx.Open(t, c.Now)
	// What other cases left behind does not count.
	if _, err := s.Sweep(t.Context(), c.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	rec, keep := NewRecord(c.Now()), NewKey()
	mustCreate(t, s, keep, rec)
	if fx.OwnClock {
		if n, err := s.Sweep(t.Context(), c.Now()); n != 0 || err != nil {
			t.Fatalf("Sweep = %d, %v, want nothing to do", n, err)
		}
		return
	}
	const dead = 1100 // more than a batch
	for range dead {
		if err := s.Create(t.Context(), NewKey(), rec, c.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	c.Advance(time.Second)
	for _, want := range []int{dead, 0} {
		if n, err := s.Sweep(t.Context(), c.Now()); n != want || err != nil {
			t.Fatalf("Sweep = %d, %v, want %d", n, err, want)
		}
	}
	mustFind(t, s, keep, rec)
	if n, err := s.DeleteSubject(t.Context(), rec.Subject, nil); n != 1 || err != nil {
		t.Fatalf("DeleteSubject after Sweep = %d, %v, want 1", n, err)
	}
}

func damaged(t *testing.T, fx Fixture) {
	if fx.Damage == nil {
		t.Log("nothing that could be damaged: records are Go values")
		return
	}
	s := fx.Open(t, time.Now)
	rec, key := NewRecord(time.Now()), NewKey()
	mustCreate(t, s, key, rec)
	fx.Damage(t, key)
	if _, found, err := s.Get(t.Context(), key); found || !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("Get = %v, %v, want ErrCorrupt", found, err)
	}
	// It can still be removed.
	if err := s.Delete(t.Context(), key, ""); err != nil {
		t.Fatal(err)
	}
	mustMiss(t, s, key)
}

func cancelled(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for method, err := range every(ctx, s) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want context.Canceled", method, err)
		}
	}
}

func closed(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		for method, err := range every(t.Context(), s) {
			if !errors.Is(err, store.ErrClosed) {
				t.Errorf("%s: error %v, want ErrClosed", method, err)
			}
		}
	}
}

// label names a racing round in failures.
func label(round int) string { return fmt.Sprintf("round %d", round) }
