package jwt

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// served is a key set whose answers a test decides on.
type served struct {
	asked  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc]
}

func (s *served) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	w := httptest.NewRecorder()
	(*s.answer.Load())(w, r)
	return w.Result(), r.Context().Err()
}

func (s *served) with(f http.HandlerFunc) { s.answer.Store(&f) }

func (s *served) set(body string) {
	s.with(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
}

func remoteConfig() RemoteConfig {
	return RemoteConfig{URL: "https://keys.test/jwks", Algorithm: "ES256", Cache: time.Minute, Timeout: time.Second, MinInterval: 5 * time.Second}
}

// remote is one that asks s, running for as long as the bubble of the test.
func remote(t *testing.T, cfg RemoteConfig, s *served) *Remote {
	t.Helper()
	r, err := NewRemote(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.client.Transport = s
	go r.Run(t.Context())
	return r
}

func kids(r *Remote) string {
	keys, _ := r.Ring().Keys()
	var out []string
	for _, k := range keys {
		out = append(out, k.ID)
	}
	return strings.Join(out, " ")
}

// TestRemoteFollowsItsIssuer: what the issuer signs is verified with public keys alone,
// through a rotation that was published ahead and a removal.
func TestRemoteFollowsItsIssuer(t *testing.T) {
	ring, s := mustRing(t, "ES256"), &served{}
	synctest.Test(t, func(t *testing.T) {
		s.with(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(ring.JWKS()) })
		r := remote(t, remoteConfig(), s)
		cfg := config(&frozen{epoch})
		i, _ := pair(t, ring, cfg)
		v, err := NewVerifier(r, cfg)
		if err != nil {
			t.Fatal(err)
		}
		access := func(what, token string, want error) {
			t.Helper()
			if _, err := v.Access(token); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
		old := issue(t, i).Access
		access("the first key", old, nil)
		was := ring.active().ID
		if _, err := ring.Begin(time.Now(), Rotation{Publish: 2 * time.Minute, Overlap: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if ring.active().ID != was {
			t.Fatal("the new key signs before it was published")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		before := s.asked.Load()
		ring.Step(time.Now())
		access("the second key", issue(t, i).Access, nil)
		access("the first key, after it", old, nil)
		if s.asked.Load() != before {
			t.Error("a key that was published ahead had to be asked for")
		}
		if err := ring.Remove(time.Now(), was); err != nil {
			t.Fatal(err)
		}
		access("removed, and not yet heard of", old, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		access("removed", old, ErrKey)
		other, err := NewIssuer(r.Ring(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Issue(Login{Subject: "user-7"}); !errors.Is(err, ErrCannotSign) {
			t.Errorf("a verifier signs: %v", err)
		}
		if err := r.Ring().Save(t.TempDir()); err == nil {
			t.Error("a verifier saves keys")
		}
	})
}

// TestRemoteKeepsTheLastGood: whatever is answered, a set that was good stays, and is
// asked for again after the least interval.
func TestRemoteKeepsTheLastGood(t *testing.T) {
	ring := mustRing(t, "ES256")
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"slow": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, FetchTimeout},
		"500":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, FetchStatus},
		"204":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, FetchStatus},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.test/", http.StatusFound)
		}, FetchStatus},
		"empty":      {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) }, FetchEmpty},
		"no keys":    {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) }, FetchMalformed},
		"null keys":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":null}`) }, FetchMalformed},
		"no answer":  {func(http.ResponseWriter, *http.Request) {}, FetchMalformed},
		"garbage":    {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html>`) }, FetchMalformed},
		"half a set": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(ring.JWKS()[:40]) }, FetchMalformed},
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"keys":[],"x":"`+strings.Repeat("x", maxSetBytes)+`"}`)
		}, FetchMalformed},
		"other kinds": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"keys":[{"kty":"oct","k":"AAAA","alg":"HS256","kid":"a"},{"kty":"x"},7]}`)
		}, FetchEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &served{}
				s.set(string(ring.JWKS()))
				r := remote(t, remoteConfig(), s)
				synctest.Wait()
				want := kids(r)
				if want == "" {
					t.Fatal("the good set was not taken")
				}
				s.with(c.answer)
				time.Sleep(time.Minute + 2*time.Second)
				synctest.Wait()
				if n := r.Fetches(); n[c.want] != 1 || n[FetchOK] != 1 || len(n) != 2 {
					t.Errorf("fetches %v, want one %s", n, c.want)
				}
				if got := kids(r); got != want {
					t.Errorf("keys %q, before %q", got, want)
				}
				if age, ok := r.Age(); !ok || age < time.Minute {
					t.Errorf("age %s, %v: a failed fetch made the set new", age, ok)
				}
				s.set(string(ring.JWKS()))
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if n := r.Fetches(); n[FetchOK] != 2 {
					t.Errorf("fetches %v: it was not asked again after the least interval", n)
				}
			})
		})
	}
}

// TestRemoteWithoutKeys: as long as nothing was had, no token can be called bad.
func TestRemoteWithoutKeys(t *testing.T) {
	ring := mustRing(t, "ES256")
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.with(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		r := remote(t, remoteConfig(), s)
		if _, err := r.find("a"); !errors.Is(err, ErrNoKeys) {
			t.Errorf("%v", err)
		}
		if _, ok := r.Age(); ok {
			t.Error("there is an age of nothing")
		}
		s.set(string(ring.JWKS()))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if _, err := r.find("a"); !errors.Is(err, ErrKey) {
			t.Errorf("%v", err)
		}
	})
}

// TestRemoteStorm: unknown kids have the set fetched once in the least interval, and a
// key that appears meanwhile is found by then, asked for or not.
func TestRemoteStorm(t *testing.T) {
	a, b := mustRing(t, "ES256"), mustRing(t, "ES256")
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.with(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(100 * time.Millisecond)
			_, _ = w.Write(a.JWKS())
		})
		r := remote(t, remoteConfig(), s)
		time.Sleep(time.Second)
		start := s.asked.Load()
		var wg sync.WaitGroup
		for i := range 20_000 { // 1,000 a second for 20 s
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if _, err := r.find(fmt.Sprint(i)); !errors.Is(err, ErrKey) {
					t.Errorf("kid %d: %v", i, err)
				}
			})
		}
		time.Sleep(10 * time.Second)
		s.set(string(b.JWKS()))
		time.Sleep(5*time.Second + 100*time.Millisecond)
		synctest.Wait()
		if r.known(b.active().ID) == nil {
			t.Error("a storm hides a key that appeared one interval ago")
		}
		wg.Wait()
		if n := s.asked.Load() - start; n > 5 || n < 4 {
			t.Errorf("%d fetches in 20 s, at most one in 5 s", n)
		}
	})
}

// TestRemoteOneFetchServesAll: those who ask at the same time wait for one fetch.
func TestRemoteOneFetchServesAll(t *testing.T) {
	a, b := mustRing(t, "ES256"), mustRing(t, "ES256")
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.set(string(a.JWKS()))
		r := remote(t, remoteConfig(), s)
		time.Sleep(10 * time.Second)
		s.with(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(300 * time.Millisecond)
			_, _ = w.Write(b.JWKS())
		})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := r.find(b.active().ID); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := s.asked.Load(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// TestRemoteWantsLater: a kid that is asked for right after a fetch is fetched when the
// interval is over, though nobody asks again.
func TestRemoteWantsLater(t *testing.T) {
	a, b := mustRing(t, "ES256"), mustRing(t, "ES256")
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.set(string(a.JWKS()))
		r := remote(t, remoteConfig(), s)
		time.Sleep(time.Second)
		s.set(string(b.JWKS()))
		if _, err := r.find(b.active().ID); !errors.Is(err, ErrKey) {
			t.Errorf("within the interval: %v", err)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if r.known(b.active().ID) == nil {
			t.Error("it was not fetched when the interval was over")
		}
	})
}

// TestRemoteKidReused: the first key that came under a kid stays, the other is refused
// and counted; its good neighbours are taken.
func TestRemoteKidReused(t *testing.T) {
	a, b := mustRing(t, "ES256"), mustRing(t, "ES256")
	kid := a.active().ID
	renamed := strings.ReplaceAll(string(b.JWKS()), b.active().ID, kid)
	r, err := NewRemote(remoteConfig())
	if err != nil {
		t.Fatal(err)
	}
	s := &served{}
	r.client.Transport = s
	get := func(want string) {
		t.Helper()
		if result, err := r.get(t.Context()); result != want {
			t.Errorf("%s, %v, want %s", result, err, want)
		}
	}
	s.set(string(a.JWKS()))
	get(FetchOK)
	first := r.known(kid)
	s.set(renamed)
	get(FetchOK)
	if r.known(kid) != first || r.Ring().Conflicts() != 1 {
		t.Errorf("the key under %s was exchanged; %d conflicts", kid, r.Ring().Conflicts())
	}
	// Also after the first one was gone for a while.
	s.set(string(b.JWKS()))
	get(FetchOK)
	if r.known(kid) != nil {
		t.Error("a removed key is still there")
	}
	s.set(renamed)
	get(FetchEmpty)
	if r.known(kid) != nil || r.known(b.active().ID) == nil || r.Ring().Conflicts() != 2 {
		t.Errorf("%s, %d conflicts", kids(r), r.Ring().Conflicts())
	}
	s.set(string(a.JWKS()))
	get(FetchOK)
	if got := r.known(kid); got == nil || got.print != first.print {
		t.Error("the first key did not come back")
	}
}

// TestParseSet: what makes a key unusable, one thing at a time.
func TestParseSet(t *testing.T) {
	rs, es, ed, ml := mustRing(t, "RS256"), mustRing(t, "ES256"), mustRing(t, "EdDSA"), mustRing(t, "ML-DSA-44")
	base := func(r *Ring) map[string]any {
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal(r.JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		return set.Keys[0]
	}
	for _, c := range []struct {
		ring  *Ring
		field string
		value any
		want  string
	}{
		{es, "", nil, ""},
		{rs, "", nil, ""},
		{es, "use", nil, ""},
		{es, "x5t", "ignored", ""},
		{es, "use", "enc", "not for signatures"},
		{es, "alg", nil, "unknown algorithm"},
		{es, "alg", "none", "unknown algorithm"},
		{es, "alg", "RS256", "kty"},
		{es, "alg", "HS256", "secret"},
		{es, "kid", "", "kid"},
		{es, "kid", strings.Repeat("k", 300), "kid"},
		{es, "kid", 7, "cannot unmarshal"},
		{es, "kty", "OKP", "kty"},
		{es, "crv", "P-384", "crv"},
		{es, "x", base(es)["y"], "point"}, // off the curve
		{es, "x", "AAAA", "32 bytes"},
		{es, "x", "!", "32 bytes"},
		{es, "d", "AAAA", "private part"},
		{rs, "n", "AQAB", "bits"},
		{rs, "n", b64(make([]byte, 256)), "bits"},
		{rs, "n", b64(append([]byte{1}, make([]byte, 1100)...)), "bits"},
		{rs, "n", "!", "n: "},
		{rs, "e", "AQ", "odd"},
		{rs, "e", "BA", "odd"},
		{rs, "e", "AQAAAAE", "odd"},
		{rs, "e", "", "odd"},
		{rs, "k", "AAAA", "private part"},
		{rs, "p", "AAAA", "private part"},
		{rs, "alg", "PS256", ""},
		{es, "key_ops", []string{"verify"}, ""},
		{es, "key_ops", []string{"sign"}, "not to verify"},
		{es, "alg", "ES384", "crv"},
		{ed, "", nil, ""},
		{ed, "crv", "Ed448", "crv"},
		{ed, "x", "AAAA", "32 bytes"},
		{ed, "alg", "ES256", "kty"},
		{ml, "", nil, ""},
		{ml, "alg", "ML-DSA-65", "1952 bytes"},
		{ml, "alg", nil, "unknown algorithm"},
		{ml, "pub", base(ml)["pub"].(string)[4:], "1312 bytes"},
		{ml, "priv", "AAAA", "private part"},
		{ml, "kty", "OKP", "kty"},
	} {
		k := base(c.ring)
		if c.field != "" {
			k[c.field] = c.value
		}
		b, err := json.Marshal(map[string]any{"keys": []any{k}})
		if err != nil {
			t.Fatal(err)
		}
		keys, why, err := parseSet(b)
		if c.want == "" {
			if err != nil || why != nil || len(keys) != 1 {
				t.Errorf("%s=%v: %v, %v", c.field, c.value, why, err)
			}
			continue
		}
		if !errors.Is(err, errEmptySet) || why == nil || !strings.Contains(why.Error(), c.want) {
			t.Errorf("%s=%.40v: %v, %v, want %q", c.field, c.value, why, err, c.want)
		}
	}
	if _, _, err := parseSet([]byte(`{"keys":[` + strings.Repeat("{},", maxSetKeys) + `{}]}`)); !errors.Is(err, errNotASet) {
		t.Errorf("too many keys: %v", err)
	}
}

func TestRemoteConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*RemoteConfig){
		"no public key": func(c *RemoteConfig) { c.Algorithm = "HS256" },
		"unknown":       func(c *RemoteConfig) { c.Algorithm = "none" },
		"loopback":      func(c *RemoteConfig) { c.URL = "http://keys.test/jwks" },
		"neither":       func(c *RemoteConfig) { c.URL = "file://localhost/jwks" },
		"not a URL":     func(c *RemoteConfig) { c.URL = "https://user:secret@keys.test/" },
		"no interval":   func(c *RemoteConfig) { c.MinInterval = time.Hour },
		"all above 0":   func(c *RemoteConfig) { c.Timeout = 0 },
	} {
		cfg := remoteConfig()
		change(&cfg)
		if _, err := NewRemote(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, good := range []string{"http://127.0.0.1:1/x", "http://[::1]:1/x", "http://localhost/x", "https://keys.test/"} {
		if err := CheckSetURL(good); err != nil {
			t.Error(err)
		}
	}
}

// FuzzParseSet: whatever is served, nothing panics, and what is taken is a public key
// of the algorithm that it says.
func FuzzParseSet(f *testing.F) {
	for _, ring := range rings(f) {
		f.Add(ring.JWKS())
	}
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","kid":"a","x":"","y":""}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, _, err := parseSet(b)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			if k.ID == "" || k.private != nil || k.alg.shared() {
				t.Fatalf("took %+v", k)
			}
		}
	})
}
