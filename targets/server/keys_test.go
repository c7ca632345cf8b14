package server

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keysOf asks the admin plane.
func (n *node) keysOf() keysView {
	n.t.Helper()
	return n.keysFrom("GET", "/keys", "")
}

func (n *node) keysFrom(method, path, body string) keysView {
	n.t.Helper()
	a := n.adminDo(method, path, body, adminAuth)
	if a.status != 200 {
		n.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	var v keysView
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		n.t.Fatal(err)
	}
	return v
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("never: %s", what)
		}
	}
}

func keySettings(algorithm string, more ...string) map[string]string {
	set := settingsFor("token", "algorithm", algorithm)
	for i := 0; i+1 < len(more); i += 2 {
		set[more[i]] = more[i+1]
	}
	return set
}

// TestVerifierNode: a node with another's public keys accepts its tokens, through
// rotation, migration and removal, and can hand none out.
func TestVerifierNode(t *testing.T) {
	issuer := startNode(t, keySettings("RS256"))
	verifier := startNode(t, keySettings("RS256", "jwks_url", "http://"+issuer.addr+"/.well-known/jwks.json",
		"jwks_cache", "100ms", "jwks_min_interval", "10ms", "memo_entries", "100"))
	eventually(t, "the verifier is ready", func() bool { return verifier.do("GET", "/readyz", "").status == 200 })
	old := issuer.login(1)
	old.at(verifier).works(true)
	old.at(verifier).works(true) // remembered

	form := "Content-Type: application/x-www-form-urlencoded"
	for path, a := range map[string]answerOf{
		"/login":    verifier.do("POST", "/login", loginBody("user-1", "password-1"), asJSON),
		"/token":    verifier.do("POST", "/token", "grant_type=refresh_token&refresh_token="+old.refresh, form),
		"/password": old.at(verifier).post("/password", `{"password":"password-1","new_password":"n"}`),
		"/step-up":  old.at(verifier).post("/step-up", `{"password":"password-1"}`),
	} {
		check(t, path+" on a verifier", a, 501)
	}
	check(t, "log-out on a verifier", old.at(verifier).post("/logout", ""), 204)
	for _, r := range []struct{ method, path string }{{"POST", "/keys/rotate"}, {"DELETE", "/keys/x"}} {
		if a := verifier.adminDo(r.method, r.path, "", adminAuth); a.status != 409 {
			t.Errorf("%s %s on a verifier: %d", r.method, r.path, a.status)
		}
	}

	was := issuer.keysOf().Active
	now := issuer.keysFrom("POST", "/keys/rotate", `{"algorithm":"ES256"}`)
	if now.Active == was || len(now.Keys) != 2 || now.Keys[1].Algorithm != "ES256" || now.Keys[0].Stage != "retired" {
		t.Errorf("%+v", now)
	}
	fresh := issuer.login(2)
	eventually(t, "the verifier knows the new key", func() bool { return fresh.at(verifier).get("/me").status == 200 })
	old.at(verifier).works(true)
	held := verifier.keysOf()
	if held.Active != "" || len(held.Keys) != 2 || held.Keys[0].Private || held.Keys[1].Private || held.Fetches["ok"] == 0 || held.From == "" || held.Age == "" {
		t.Errorf("a verifier holds %+v", held)
	}
	if keys := issuer.keysOf().Keys; !keys[0].Private || !keys[1].Private {
		t.Errorf("an issuer holds %+v", keys)
	}

	issuer.keysFrom("DELETE", "/keys/"+was, "")
	old.works(false)
	eventually(t, "the verifier refuses what the removed key signed", func() bool { return old.at(verifier).get("/me").status == 401 })
	fresh.at(verifier).works(true)
	if a := issuer.adminDo("DELETE", "/keys/"+was, "", adminAuth); a.status != 404 {
		t.Errorf("removed twice: %d", a.status)
	}
	metrics := verifier.do("GET", "/metrics", "").body
	for _, want := range []string{"authbench_jwks_fetches_total{", `result="timeout"`, "authbench_jwks_age_seconds{", `stage="published"`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if strings.Contains(issuer.do("GET", "/metrics", "").body, "jwks_fetches") {
		t.Error("an issuer counts fetches")
	}
}

// TestVerifierWithoutKeys: nobody is called a liar as long as there is nothing to judge
// by.
func TestVerifierWithoutKeys(t *testing.T) {
	issuer := startNode(t, keySettings("ES256"))
	c := issuer.login(1)
	away := listenLocal(t)
	if err := away.Close(); err != nil {
		t.Fatal(err)
	}
	n := startNode(t, keySettings("ES256", "jwks_url", "http://"+away.Addr().String()+"/", "jwks_min_interval", "10ms", "jwks_timeout", "50ms"))
	check(t, "ready", n.do("GET", "/readyz", ""), 503)
	check(t, "a use", c.at(n).get("/me"), 503)
	check(t, "no token", n.do("GET", "/me", ""), 401)
	check(t, "health", n.do("GET", "/healthz", ""), 200)
}

// TestPublishedFirst: a key signs when it has been published, and goes when its tokens
// have ended.
func TestPublishedFirst(t *testing.T) {
	n := startNode(t, keySettings("ES256", "key_overlap", "200ms"))
	was := n.keysOf().Active
	v := n.keysFrom("POST", "/keys/rotate", `{"publish_for":"100ms"}`)
	if v.Active != was || len(v.Keys) != 2 || v.Keys[1].Stage != "published" || v.Keys[1].Signs.IsZero() {
		t.Errorf("published: %+v", v)
	}
	if set := n.do("GET", "/.well-known/jwks.json", "").body; strings.Count(set, `"kid"`) != 2 {
		t.Errorf("JWKS %s", set)
	}
	eventually(t, "the new key signs", func() bool { return n.keysOf().Active == v.Keys[1].ID })
	eventually(t, "the old key goes", func() bool { return len(n.keysOf().Keys) == 1 })
	for _, bad := range []string{`{"publish_for":"x"}`, `{"publish_for":"-1s"}`, `{"publish_for":1}`, `{"algorithm":"none"}`, `{"other":1}`, `[]`} {
		if a := n.adminDo("POST", "/keys/rotate", bad, adminAuth); a.status != 400 {
			t.Errorf("%s: %d", bad, a.status)
		}
	}
	if a := n.adminDo("POST", "/keys/rotate", `{"algorithm":"HS256"}`, adminAuth); a.status != 409 {
		t.Errorf("a secret among public keys: %d", a.status)
	}
}

// TestScheduledRotation: new keys come by themselves, old ones go, and no token of a
// node that follows by the file is refused meanwhile.
func TestScheduledRotation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	set := keySettings("HS256", "lifetime", "1s", "leeway", "1s")
	s, err := Decode(set)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.GenerateKeys(dir); err != nil {
		t.Fatal(err)
	}
	shared := func(o *Options) { o.KeysDir = dir }
	leader := startNode(t, with(with(with(set, "rotate_every", "900ms"), "key_publish", "600ms"), "key_overlap", "2s"), shared)
	follower := startNode(t, with(set, "reload_keys", "20ms"), shared)
	first := leader.keysOf().Active
	seen := map[string]bool{}
	for end := time.Now().Add(20 * time.Second); len(seen) < 3 || hasKey(follower.keysOf(), first); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("keys seen: %v; the follower has %+v", seen, follower.keysOf())
		}
		c := leader.login(1)
		c.at(follower).works(true)
		seen[leader.keysOf().Active] = true
	}
	if n := leader.keysOf(); len(n.Keys) > 6 || n.Rotations < 2 {
		t.Errorf("%d keys after %d rotations", len(n.Keys), n.Rotations)
	}
	if strings.Contains(leader.events.String(), "level=ERROR") || strings.Contains(follower.events.String(), "level=ERROR") {
		t.Errorf("%s%s", leader.events, follower.events)
	}
}

func hasKey(v keysView, kid string) bool {
	for _, k := range v.Keys {
		if k.ID == kid {
			return true
		}
	}
	return false
}

func TestKeySettingsErrors(t *testing.T) {
	for _, c := range []struct {
		algorithm string
		set       []string
		want      string
	}{
		{"ES256", []string{"jwks_url", "http://keys.test/"}, "jwks_url=http://keys.test/: want none, or the https URL"},
		{"ES256", []string{"jwks_url", ""}, "want none, or the https URL"},
		{"HS256", []string{"jwks_url", "https://keys.test/"}, "means nothing"},
		{"ES256", []string{"jwks_cache", "1s"}, "jwks_min_interval=5s: longer than jwks_cache=1s"},
		{"ES256", []string{"rotate_every", "1h"}, "no key would ever go"},
		{"ES256", []string{"rotate_every", "1h", "key_publish", "1h", "key_overlap", "1h"}, "the next key would come before"},
		{"ES256", []string{"rotate_every", "1h", "key_overlap", "10m"}, "would end tokens before their time"},
		{"ES256", []string{"rotate_every", "1h", "key_overlap", "1h", "jwks_url", "https://keys.test/"}, "somebody else's"},
	} {
		if _, err := Decode(keySettings(c.algorithm, c.set...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.set, err, c.want)
		}
	}
	if _, err := Decode(keySettings("ES256", "rotate_every", "1h", "key_overlap", "20m", "key_publish", "10m")); err != nil {
		t.Error(err)
	}
}
