package server

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"authbench/targets/store"
)

// tiers are an edge with two services, over one key directory.
type tiers struct {
	edge     *node
	services []*node
	dir      string
}

// startTiers: sessions in memory are the edge's alone, so that with shape each the
// services are another edge's worth of the same tokens.
func startTiers(t *testing.T, set map[string]string, shape string, tier ...string) *tiers {
	t.Helper()
	s, err := Decode(set)
	if err != nil {
		t.Fatal(err)
	}
	ts := &tiers{dir: t.TempDir()}
	if err := s.GenerateKeys(ts.dir); err != nil {
		t.Fatal(err)
	}
	ts.edge = ts.start(t, set, append([]string{"role=edge", "shape=" + shape}, of(tier, "hold", "order", "timeout")...)...)
	behind := append([]string{"role=service", "shape=" + shape, "issuer=" + ts.edge.addr}, of(tier, "hold", "guard", "memo")...)
	for range 2 {
		ts.services = append(ts.services, ts.start(t, set, behind...))
	}
	ts.edge.serves(ts.services...)
	return ts
}

// of are the settings with those keys.
func of(settings []string, keys ...string) []string {
	var out []string
	for _, s := range settings {
		for _, k := range keys {
			if strings.HasPrefix(s, k+"=") {
				out = append(out, s)
			}
		}
	}
	return out
}

func (ts *tiers) start(t *testing.T, set map[string]string, tier ...string) *node {
	t.Helper()
	values := map[string]string{}
	for _, kv := range tier {
		k, v, _ := strings.Cut(kv, "=")
		values[k] = v
	}
	at, err := DecodeTier(values)
	if err != nil {
		t.Fatal(err)
	}
	return startNode(t, set, func(o *Options) { o.Tier, o.KeysDir = at, ts.dir })
}

// serves has an edge call these nodes.
func (n *node) serves(services ...*node) {
	n.t.Helper()
	var addrs []string
	for _, s := range services {
		addrs = append(addrs, `"`+s.addr+`"`)
	}
	check(n.t.(*testing.T), "tier", n.adminDo("POST", "/tier", `{"services":[`+strings.Join(addrs, ",")+`]}`, adminAuth), 200)
}

func tierTokens() map[string]string   { return settingsFor("token", "algorithm", "ES256") }
func tierSessions() map[string]string { return settingsFor("session", "store", "memory") }

// TestTiersAgreeOnTheUser: every shape answers with the user whose credential it is.
func TestTiersAgreeOnTheUser(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   map[string]string
		shape string
		tier  []string
	}{
		{"each", tierTokens(), "each", nil},
		{"each, parallel", tierTokens(), "each", []string{"order=parallel"}},
		{"introspect", tierSessions(), "introspect", nil},
		{"introspect, never believed", tierSessions(), "introspect", []string{"hold=0s"}},
		{"phantom", tierSessions(), "phantom", nil},
		{"phantom, remembered", tierSessions(), "phantom", []string{"memo=100"}},
		{"edge", tierSessions(), "edge", nil},
		{"edge, parallel", tierTokens(), "edge", []string{"order=parallel"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts := startTiers(t, c.set, c.shape, c.tier...)
			for range 2 { // the second time from what is remembered
				for u := 1; u <= 3; u++ {
					got := ts.edge.login(u).get("/me")
					check(t, "through both", got, 200)
					if want := string(appendMe(nil, username(u), ts.edge.srv.users.roles(username(u)))); got.body != want {
						t.Errorf("user %d: %s, want %s", u, got.body, want)
					}
				}
			}
			for _, s := range ts.services {
				check(t, "no credential", s.do("GET", "/me", ""), 401)
				if c.shape == "each" {
					continue
				}
				check(t, "a log-in at a service", s.do("POST", "/login", loginBody("user-1", "password-1"), asJSON), 404)
				check(t, "ready", s.do("GET", "/readyz", ""), 200)
			}
			got := ts.edge.do("GET", "/me", "")
			check(t, "nothing at the edge", got, 401)
			if got.header.Get("WWW-Authenticate") == "" {
				t.Error("a 401 without a challenge")
			}
		})
	}
}

// TestRoundTheEdge: what a service is told is worth nothing from anybody else.
func TestRoundTheEdge(t *testing.T) {
	name := headerSubject + ": user-1"
	made := headerSecret + ": " + strings.Repeat("A", 43)
	ts := startTiers(t, tierSessions(), "edge")
	c := ts.edge.login(1)
	check(t, "the user's own", ts.services[0].do("GET", "/me", "", c.auth), 401)
	check(t, "a name", ts.services[0].do("GET", "/me", "", name), 401)
	check(t, "a name and a secret", ts.services[0].do("GET", "/me", "", name, made), 401)
	// What a user sends in those headers gets no further than the edge.
	got := ts.edge.do("GET", "/me", "", c.auth, headerSubject+": user-2")
	check(t, "another name", got, 200)
	if got.field(t, "sub") != "user-1" {
		t.Errorf("%s", got.body)
	}

	open := startTiers(t, tierSessions(), "edge", "guard=none")
	got = open.services[0].do("GET", "/me", "", name)
	check(t, "a service without a guard", got, 200)

	ts = startTiers(t, tierSessions(), "phantom")
	c = ts.edge.login(1)
	check(t, "the reference itself", ts.services[0].do("GET", "/me", "", c.auth), 401)
	check(t, "a name", ts.services[0].do("GET", "/me", "", name), 401)
	// A token of the arm's own issuer is none of the edge's, even with the same algorithm.
	theirs := startNode(t, tierTokens()).login(1)
	check(t, "another issuer", ts.services[0].do("GET", "/me", "", theirs.auth), 401)
}

func TestIntrospection(t *testing.T) {
	ts := startTiers(t, tierSessions(), "introspect", "hold=300ms")
	c := ts.edge.login(1)
	id := strings.TrimPrefix(c.auth, "Cookie: "+sessionCookie+"=")
	secret, err := tierSecret(ts.dir)
	if err != nil {
		t.Fatal(err)
	}
	allowed := "Authorization: Bearer " + base64.RawURLEncoding.EncodeToString(secret)
	const form = "Content-Type: application/x-www-form-urlencoded"
	ask := func(body string, headers ...string) answerOf {
		return ts.edge.do("POST", "/introspect", body, append(headers, form)...)
	}
	got := ask("token="+id, allowed)
	check(t, "live", got, 200)
	if got.body != `{"active":true,"sub":"user-1","roles":["user","admin"]}` {
		t.Errorf("live: %s", got.body)
	}
	for _, body := range []string{"token=" + strings.Repeat("A", 43), "token=x", "token=" + id + "&token_type_hint=access_token"} {
		got := ask(body, allowed)
		check(t, body, got, 200)
		if strings.HasPrefix(body, "token="+id) != (got.body != `{"active":false}`) {
			t.Errorf("%s: %s", body, got.body)
		}
	}
	check(t, "a stranger", ask("token="+id), 401)
	check(t, "another secret", ask("token="+id, "Authorization: Bearer "+strings.Repeat("A", 43)), 401)
	check(t, "no token", ask("token=", allowed), 400)
	check(t, "twice", ask("token=a&token=b", allowed), 400)
	check(t, "not by GET", ts.edge.do("GET", "/introspect?token="+id, "", allowed), 405)
	check(t, "at a service", ts.services[0].do("POST", "/introspect", "token="+id, allowed, form), 404)
	check(t, "where nobody introspects", startTiers(t, tierSessions(), "edge").edge.do("POST", "/introspect", "token="+id, allowed, form), 404)
}

// TestTiersHearOfLogOuts: at once, or when what they believe for a while is over.
func TestTiersHearOfLogOuts(t *testing.T) {
	for _, c := range []struct {
		shape string
		tier  string
		held  bool
	}{
		{"edge", "hold=1s", false},
		{"introspect", "hold=0s", false},
		{"introspect", "hold=1s", true},
		{"phantom", "hold=1s", true},
	} {
		t.Run(c.shape+", "+c.tier, func(t *testing.T) {
			ts := startTiers(t, tierSessions(), c.shape, c.tier)
			u := ts.edge.login(1)
			began := time.Now()
			check(t, "before", u.get("/me"), 200)
			check(t, "log-out", u.post("/logout", ""), 204)
			got := u.get("/me")
			quick := time.Since(began) < 500*time.Millisecond // else the hold may be over
			switch {
			case !c.held:
				check(t, "after", got, 401)
			case quick:
				check(t, "still believed", got, 200)
			}
			deadline := time.Now().Add(10 * time.Second)
			for u.get("/me").status != 401 {
				if time.Now().After(deadline) {
					t.Fatal("a log-out is never known")
				}
				time.Sleep(20 * time.Millisecond)
			}
			if c.held && time.Since(began) > 9*time.Second {
				t.Errorf("known after %s", time.Since(began))
			}
		})
	}
}

// TestServiceAway: a service that cannot answer is 502, 503 or 504, and the credential
// is never to blame.
func TestServiceAway(t *testing.T) {
	ts := startTiers(t, tierTokens(), "each", "timeout=200ms")
	u := ts.edge.login(1)
	check(t, "all there", u.get("/me"), 200)

	silent := listenLocal(t) // accepts, and says nothing
	t.Cleanup(func() { silent.Close() })
	ts.edge.serves(ts.services[0], &node{addr: silent.Addr().String()})
	check(t, "silent", u.get("/me"), 504)

	gone := listenLocal(t)
	addr := gone.Addr().String()
	gone.Close()
	ts.edge.serves(ts.services[0], &node{addr: addr})
	check(t, "refused", u.get("/me"), 502)

	ts.edge.serves()
	got := u.get("/me")
	check(t, "none", got, 503)
	if got.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}

	ts.edge.serves(ts.services...)
	ts.services[1].stop()
	check(t, "stopped", u.get("/me"), 502)
	ts.edge.serves(ts.services[0])
	check(t, "without it", u.get("/me"), 200)
}

// brokenStore fails every look-up once it is broken.
type brokenStore struct {
	store.Store
	broken *atomic.Bool
}

func (s brokenStore) Get(ctx context.Context, key store.Key) (store.Record, bool, error) {
	if s.broken.Load() {
		return store.Record{}, false, errors.New("the store is away")
	}
	return s.Store.Get(ctx, key)
}

// TestStoreAwayBehindTheEdge: 503 stays 503 over two tiers.
func TestStoreAwayBehindTheEdge(t *testing.T) {
	for _, shape := range []string{"introspect", "phantom", "edge"} {
		t.Run(shape, func(t *testing.T) {
			set := tierSessions()
			s, err := Decode(set)
			if err != nil {
				t.Fatal(err)
			}
			ts := &tiers{dir: t.TempDir()}
			if err := s.GenerateKeys(ts.dir); err != nil {
				t.Fatal(err)
			}
			var broken atomic.Bool
			at, err := DecodeTier(map[string]string{"role": "edge", "shape": shape})
			if err != nil {
				t.Fatal(err)
			}
			edge := startNode(t, set, func(o *Options) {
				o.Tier, o.KeysDir = at, ts.dir
				o.WrapStore = func(s store.Store) store.Store { return brokenStore{s, &broken} }
			})
			edge.serves(ts.start(t, set, "role=service", "shape="+shape, "issuer="+edge.addr))
			u := edge.login(1)
			broken.Store(true)
			check(t, "the store is away", u.get("/me"), 503)
			broken.Store(false)
			check(t, "it is back", u.get("/me"), 200)
		})
	}
}

// TestServicesDisagree: two services that name different users are no answer, and a
// service that does not take the edge's word is not the user's fault.
func TestServicesDisagree(t *testing.T) {
	ts := startTiers(t, tierSessions(), "edge")
	others := startTiers(t, tierSessions(), "edge") // of other keys
	u := ts.edge.login(1)
	ts.edge.serves(ts.services[0], others.services[0])
	check(t, "another secret", u.get("/me"), 502)

	ts.edge.serves(ts.services[0], startNode(t, settingsFor("none", "", "")))
	check(t, "one that asks for something else", u.get("/me"), 502)

	lies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"sub":"user-9","roles":["user"]}`)
	}))
	t.Cleanup(lies.Close)
	liar := &node{addr: lies.Listener.Addr().String()}
	ts.edge.serves(liar)
	check(t, "another name than the edge's", u.get("/me"), 502)
	each := startTiers(t, tierTokens(), "each")
	u = each.edge.login(1)
	each.edge.serves(each.services[0], liar)
	check(t, "another name than the first", u.get("/me"), 502)
}

func TestDecodeTier(t *testing.T) {
	if got, err := DecodeTier(nil); err != nil || got.Role != "" || got.Map() != nil {
		t.Errorf("nothing: %+v, %v", got, err)
	}
	for want, set := range map[string]map[string]string{
		"role is missing":         {"shape": "each"},
		"role=middle: want":       {"role": "middle"},
		"want one of connections": {"role": "edge", "sevices": "a:1"},
		"issuer is missing":       {"role": "service", "shape": "introspect"},
		"hold=-1s: want":          {"role": "edge", "shape": "phantom", "hold": "-1s"},
		"belong to an edge":       {"role": "service", "services": "127.0.0.1:1"},
		"services=a,,b: want":     {"role": "edge", "services": "a,,b"},
	} {
		if _, err := DecodeTier(set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", set, err, want)
		}
	}
	at, err := DecodeTier(map[string]string{"role": "edge", "services": "a:1,b:2", "order": "parallel"})
	if err != nil || len(at.Services) != 2 || at.Map()["services"] != "a:1,b:2" || at.Map()["hold"] != "10s" {
		t.Errorf("%+v, %v", at, err)
	}
	set, err := Decode(tierTokens())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "keys")
	if err := set.GenerateKeys(dir); err != nil {
		t.Fatal(err)
	}
	phantom := Tier{Role: "edge", Shape: "phantom", Hold: time.Second}
	if _, err := New(t.Context(), Options{Settings: set, Tier: phantom, KeysDir: dir}); err == nil || !strings.Contains(err.Error(), "only the issuer can read") {
		t.Errorf("a phantom of a token: %v", err)
	}
	if _, err := New(t.Context(), Options{Settings: set, Tier: Tier{Role: "service", Shape: "edge"}}); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("no keys: %v", err)
	}
}
