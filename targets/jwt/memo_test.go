package jwt

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

func memoOf(t testing.TB, ring *Ring, cfg Config, entries int) (*Issuer, *Memo) {
	t.Helper()
	i, v := pair(t, ring, cfg)
	return i, NewMemo(v, cfg, entries)
}

// TestMemo: what a signature cannot change is looked at every time.
func TestMemo(t *testing.T) {
	clock := &frozen{epoch}
	cfg := config(clock)
	ring := rings(t)["ES256"]
	i, m := memoOf(t, ring, cfg, 100)
	p := issue(t, i)
	access := func(what, token string, want error) *Claims {
		t.Helper()
		c, err := m.Access(token)
		if !errors.Is(err, want) || (err == nil) != (c != nil) {
			t.Errorf("%s: %v, %v, want %v", what, c, err, want)
		}
		return c
	}
	first := access("first", p.Access, nil)
	if again := access("again", p.Access, nil); again != first || m.verified.Len() != 1 {
		t.Error("it was verified again")
	}
	access("the refresh token", p.Refresh, ErrType)
	access("one byte off", p.Access[:len(p.Access)-3]+"AAA", ErrSignature)
	if m.verified.Len() != 1 {
		t.Errorf("%d tokens are remembered, one verified", m.verified.Len())
	}
	end := epoch.Add(cfg.Lifetime + cfg.Leeway)
	clock.t = end.Add(-time.Millisecond)
	access("the last millisecond", p.Access, nil)
	clock.t = end
	access("the end", p.Access, ErrExpired)
	clock.t = epoch
	access("the clock set back", p.Access, nil)

	notBefore := epoch.Unix() + 60
	late := i.claims(Login{Subject: "user-7"}, cfg.Audience, cfg.Lifetime)
	late.NotBefore = &notBefore
	nbf, err := i.sign(Access, late)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Unix(notBefore, 0).Add(-cfg.Leeway)
	access("not yet, not known", nbf, ErrNotYet)
	clock.t = start
	access("from nbf - leeway on", nbf, nil)
	clock.t = start.Add(-time.Millisecond)
	access("not yet, known", nbf, ErrNotYet)
}

// TestMemoKeys: a key that is gone takes its tokens along, and one that comes
// back under the same kid is another key.
func TestMemoKeys(t *testing.T) {
	ring := rings(t)["ES256"]
	i, m := memoOf(t, ring, config(&frozen{epoch}), 100)
	p := issue(t, i)
	if _, err := m.Access(p.Access); err != nil {
		t.Fatal(err)
	}
	old := ring.active()
	if _, err := ring.Rotate(epoch); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Access(p.Access); err != nil {
		t.Errorf("after a rotation with overlap: %v", err)
	}
	ring.set(members(ring.active()), ring.active())
	if _, err := m.Access(p.Access); !errors.Is(err, ErrKey) {
		t.Errorf("key removed: %v", err)
	}
	impostor := *ring.active()
	impostor.ID = old.ID
	ring.set(members(old, ring.active()), ring.active())
	if _, err := m.Access(p.Access); err != nil {
		t.Errorf("key back: %v", err)
	}
	ring.set(members(&impostor), &impostor)
	if _, err := m.Access(p.Access); !errors.Is(err, ErrSignature) {
		t.Errorf("another key of the same kid: %v", err)
	}
}

func members(keys ...*Key) []*member {
	var out []*member
	for _, k := range keys {
		out = append(out, &member{Key: k})
	}
	return out
}

// TestMemoTwin: the twin (r, n-s) is other bytes of the same token, and brings
// the same identity for whoever checks revocation.
func TestMemoTwin(t *testing.T) {
	ring := rings(t)["ES256"]
	i, m := memoOf(t, ring, config(&frozen{epoch}), 100)
	p, err := i.Issue(Login{Subject: "user-7", Session: "s", Generation: "g"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := m.Access(p.Access)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Access(twin(t, p.Access))
	if err != nil {
		t.Fatalf("the twin of a good token: %v", err)
	}
	if a.Session != "s" || b.Session != a.Session || b.Generation != a.Generation || b.ID != a.ID {
		t.Errorf("%+v and %+v", a, b)
	}
}

// TestMemoShared: many at once get the same claims, and none changes them.
func TestMemoShared(t *testing.T) {
	i, m := memoOf(t, rings(t)["HS256"], config(&frozen{epoch}), 4)
	var tokens []string
	for range 8 { // more than fit
		tokens = append(tokens, issue(t, i).Access)
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for k := range 100 {
				c, err := m.Access(tokens[(w+k)%len(tokens)])
				if err != nil || c.Subject != "user-7" {
					t.Error(fmt.Sprint(c, err))
					return
				}
			}
		})
	}
	wg.Wait()
	if n := m.verified.Len(); n > 4 {
		t.Errorf("%d tokens are remembered, at most 4", n)
	}
}

func BenchmarkMemo(b *testing.B) {
	i, m := memoOf(b, rings(b)["ES256"], config(&frozen{epoch}), 1000)
	p := issue(b, i)
	for b.Loop() {
		if _, err := m.Access(p.Access); err != nil {
			b.Fatal(err)
		}
	}
}
