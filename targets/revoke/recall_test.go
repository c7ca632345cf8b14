package revoke

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// scripted is a strategy whose checks answer err.
type scripted struct {
	Strategy
	err   error
	asked int
}

func (s *scripted) Check(context.Context, Token) error      { s.asked++; return s.err }
func (s *scripted) Revoke(context.Context, Token) error     { return nil }
func (s *scripted) RevokeAll(context.Context, string) error { return nil }

var errAway = errors.New("store away")

func TestRecallStale(t *testing.T) {
	const stale = 50 * time.Millisecond
	in := &scripted{}
	r := NewRecall(in, RecallConfig{Stale: stale, Entries: 10})
	seen, stranger := Token{Session: "seen", Subject: "alice"}, Token{Session: "stranger", Subject: "bob"}
	check := func(what string, tok Token, want error) {
		t.Helper()
		if err := r.Check(t.Context(), tok); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	check("asked", seen, nil)
	checked := time.Now()
	in.err = errAway
	if err := r.Check(t.Context(), seen); err != nil && time.Since(checked) <= stale {
		t.Errorf("within stale: %v", err)
	}
	check("never seen", stranger, errAway)
	time.Sleep(stale - time.Since(checked) + time.Millisecond)
	check("past stale", seen, errAway)

	// A rejection, and a log-out through this node, end what is remembered.
	for what, forget := range map[string]func(){
		"rejected":   func() { in.err = ErrRevoked; check("rejected", seen, ErrRevoked) },
		"logged out": func() { _ = r.Revoke(t.Context(), seen) },
		"everywhere": func() { _ = r.RevokeAll(t.Context(), "alice") },
	} {
		in.err = nil
		check(what, seen, nil)
		forget()
		in.err = errAway
		check(what, seen, errAway)
	}
	in.err = nil
	check("of bob", stranger, nil)
	_ = r.RevokeAll(t.Context(), "alice")
	in.err = errAway
	check("of bob, after alice logged out", stranger, nil)
}

func TestRecallOpen(t *testing.T) {
	in := &scripted{err: errAway}
	r := NewRecall(in, RecallConfig{Open: true, Entries: 1})
	if err := r.Check(t.Context(), Token{Session: "x"}); err != nil {
		t.Errorf("store away: %v, want it let in", err)
	}
	in.err = ErrRevoked
	if err := r.Check(t.Context(), Token{Session: "x"}); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
}

func TestRecallEvery(t *testing.T) {
	const every = 50 * time.Millisecond
	in := &scripted{}
	r := NewRecall(in, RecallConfig{Every: every, Entries: 10})
	tok := Token{Session: "x", Subject: "alice"}
	began := time.Now()
	for range 100 {
		if err := r.Check(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
	}
	if most := 1 + int(time.Since(began)/every); in.asked > most {
		t.Errorf("asked %d times, at most %d", in.asked, most)
	}
	in.err = ErrRevoked
	time.Sleep(every)
	if err := r.Check(t.Context(), tok); !errors.Is(err, ErrRevoked) {
		t.Errorf("past every: %v", err)
	}
}

func TestLRU(t *testing.T) {
	l := NewLRU[string, int](3)
	for i, k := range []string{"a", "b", "c"} {
		l.Put(k, i)
	}
	l.Get("a") // used: b is the oldest now
	l.Put("d", 3)
	for k, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if _, ok := l.Get(k); ok != want {
			t.Errorf("%s is there: %t", k, ok)
		}
	}
	l.Put("d", 4)
	if v, _ := l.Get("d"); v != 4 || l.Len() != 3 {
		t.Errorf("d is %d, %d entries", v, l.Len())
	}
	l.Remove("d")
	l.Remove("d")
	l.RemoveIf(func(v int) bool { return v == 0 })
	if _, ok := l.Get("a"); ok || l.Len() != 1 {
		t.Errorf("%d entries left, want c alone", l.Len())
	}
}

// TestLRUIsBounded, whatever the keys and however many write.
func TestLRUIsBounded(t *testing.T) {
	const most = 2000
	l := NewLRU[string, string](most)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 5000 {
				k := fmt.Sprint(w, "-", i)
				l.Put(k, k)
				if v, ok := l.Get(k); ok && v != k {
					t.Errorf("%s is %s", k, v)
				}
			}
		})
	}
	wg.Wait()
	if n := l.Len(); n > most || n < most*9/10 {
		t.Errorf("%d entries, at most %d", n, most)
	}
}
