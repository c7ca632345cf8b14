package revoke

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

func openTestFamilies(t *testing.T, url string, grace time.Duration) *Families {
	t.Helper()
	s, err := openFamilies(Config{
		Redis: store.Config{RedisURL: url}, Keep: time.Hour, Grace: grace, Key: []byte("0123456789abcdef0123456789abcdef"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*Families)
}

func first(t *testing.T, f *Families) (Token, string) {
	t.Helper()
	tok := begin(t, f, "alice")
	return tok, f.First(tok.Session)
}

func rotate(t *testing.T, f *Families, token string) string {
	t.Helper()
	r, err := f.Rotate(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if r.Subject != "alice" || !strings.HasPrefix(token, r.Session+".") {
		t.Fatalf("%+v", r)
	}
	return r.Refresh
}

func refused(t *testing.T, f *Families, what, token string, want error) {
	t.Helper()
	if r, err := f.Rotate(t.Context(), token); !errors.Is(err, want) {
		t.Errorf("%s: %+v, %v, want %v", what, r, err, want)
	}
}

func TestFamilies(t *testing.T) {
	srv := storetest.StartRedis(t)
	f := openTestFamilies(t, srv.URL, time.Hour)
	_, one := first(t, f)
	two := rotate(t, f, one)
	if again := rotate(t, f, one); again != two {
		t.Errorf("a replay inside the grace got %q, want the successor %q", again, two)
	}
	three := rotate(t, f, two)
	if again := rotate(t, f, two); again != three {
		t.Errorf("replay got %q, want %q", again, three)
	}
	refused(t, f, "older than the preceding one", one, ErrReused)
	refused(t, f, "the current one of a revoked family", three, ErrRevoked)

	tok, one := first(t, f)
	two = rotate(t, f, one)
	if err := f.Revoke(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	refused(t, f, "logged out", two, ErrRevoked)

	_, a := first(t, f)
	_, b := first(t, f)
	if err := f.RevokeAll(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	_, c := first(t, f)
	refused(t, f, "logged out everywhere", a, ErrRevoked)
	refused(t, f, "logged out everywhere", b, ErrRevoked)
	rotate(t, f, c)
}

// TestFamilyGrace: later than the grace a replay is a reuse.
func TestFamilyGrace(t *testing.T) {
	srv := storetest.StartRedis(t)
	f := openTestFamilies(t, srv.URL, 20*time.Millisecond)
	_, one := first(t, f)
	two := rotate(t, f, one)
	time.Sleep(40 * time.Millisecond)
	refused(t, f, "later than the grace", one, ErrReused)
	refused(t, f, "its family", two, ErrRevoked)
}

// TestFamilyNoGrace: with a grace of 0 only the same millisecond forgives.
func TestFamilyNoGrace(t *testing.T) {
	srv := storetest.StartRedis(t)
	f := openTestFamilies(t, srv.URL, 0)
	_, one := first(t, f)
	rotate(t, f, one)
	time.Sleep(5 * time.Millisecond)
	refused(t, f, "a replay", one, ErrReused)
}

// TestFamilyParallel: N refreshes at once on two nodes leave one lineage.
func TestFamilyParallel(t *testing.T) {
	srv := storetest.StartRedis(t)
	nodes := []*Families{openTestFamilies(t, srv.URL, time.Hour), openTestFamilies(t, srv.URL, time.Hour)}
	_, token := first(t, nodes[0])
	for range 20 {
		got := make([]string, 16)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				r, err := nodes[i%2].Rotate(t.Context(), token)
				if err != nil {
					t.Error(err)
				}
				got[i] = r.Refresh
			})
		}
		wg.Wait()
		for _, g := range got {
			if g != got[0] || g == token {
				t.Fatalf("two lineages: %q and %q from %q", g, got[0], token)
			}
		}
		token = got[0]
	}
}

func TestFamilyForged(t *testing.T) {
	srv := storetest.StartRedis(t)
	f := openTestFamilies(t, srv.URL, time.Hour)
	_, one := first(t, f)
	_, other := first(t, f)
	parts, theirs := strings.Split(one, "."), strings.Split(other, ".")
	for what, token := range map[string]string{
		"empty":          "",
		"no parts":       "x",
		"another number": parts[0] + ".2." + parts[2],
		"another family": theirs[0] + "." + parts[1] + "." + parts[2],
		"no signature":   parts[0] + "." + parts[1] + ".",
		"padded":         one + "=",
		"four parts":     one + ".x",
		"leading zero":   parts[0] + ".01." + parts[2],
		"long":           strings.Repeat("a", 10_000),
	} {
		refused(t, f, what, token, ErrForged)
	}
	alien := openTestFamilies(t, srv.URL, time.Hour)
	alien.key = []byte("another key of the same length 0")
	refused(t, alien, "another key", one, ErrForged)
	rotate(t, f, one) // none of that has touched it
}
