package server

import (
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/targets/store/storetest"
)

func (c *client) refreshed() answerOf {
	c.n.t.Helper()
	body := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.refresh}}.Encode()
	return c.n.do("POST", "/token", body, "Content-Type: application/x-www-form-urlencoded")
}

// nodes starts two nodes of an arm that share keys and store.
func nodes(t *testing.T, a arm) (*node, *node) {
	t.Helper()
	s, err := Decode(a.set)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() + "/keys"
	if err := s.GenerateKeys(dir); err != nil {
		t.Fatal(err)
	}
	one := func() *node {
		n := startNode(t, a.set, a.options, func(o *Options) { o.KeysDir = dir })
		n.untilReady()
		return n
	}
	return one(), one()
}

// at is the same client at another node.
func (c *client) at(n *node) *client {
	other := *c
	other.n = n
	return &other
}

// TestTokensRevoked: log-out, log-out everywhere and a new password, over two
// nodes, for access and refresh tokens and for the twin of a signature.
func TestTokensRevoked(t *testing.T) {
	srv := storetest.StartRedis(t)
	for _, a := range revocable(srv) {
		t.Run(a.name, func(t *testing.T) {
			here, there := nodes(t, a)
			c := here.login(1)
			c.works(true)
			c.at(there).works(true)
			twin := c.twin()
			twin.works(true)
			first := c.refreshed()
			check(t, "refresh", first, 200)
			newer := *c
			newer.take(first)
			newer.at(there).works(true)

			check(t, "log-out", newer.post("/logout", ""), 204)
			refusedSoon(t, a, c, twin, &newer, c.at(there), twin.at(there), newer.at(there))
			for what, old := range map[string]*client{"first": c, "second": &newer, "there": newer.at(there)} {
				got := old.refreshed()
				check(t, "refresh with the "+what, got, 400)
				if got.body != `{"error":"invalid_grant"}` {
					t.Errorf("%s: %s", what, got.body)
				}
			}

			phone, laptop := here.login(1), there.login(1)
			check(t, "log-out everywhere", phone.post("/logout-all", ""), 204)
			again := here.login(1)
			again.works(true)
			again.at(there).works(true)
			refusedSoon(t, a, phone, laptop, laptop.at(here))
			check(t, "refresh", laptop.refreshed(), 400)

			other := there.login(1)
			got := again.post("/password", `{"password":"password-1","new_password":"better"}`)
			check(t, "password", got, 200)
			fresh := *again
			fresh.take(got)
			fresh.works(true)
			fresh.at(there).works(true)
			refusedSoon(t, a, again, other)
			check(t, "refresh after a new password", other.refreshed(), 400)
			check(t, "refresh of the new one", fresh.refreshed(), 200)
			if page := here.do("GET", "/metrics", "").body; a.revokes && !strings.Contains(page, `reason="revoked"} `) {
				t.Error("no rejection is counted as revoked")
			}
		})
	}
}

// refusedSoon wants 401 within the bound that the arm declares, and if it
// declares none, of uses, nothing.
func refusedSoon(t *testing.T, a arm, clients ...*client) {
	t.Helper()
	if !a.revokes {
		return
	}
	acked := time.Now()
	bound := time.Duration(0)
	if strings.HasSuffix(a.name, "local") || strings.HasSuffix(a.name, "push") {
		bound = time.Second
	}
	for i, c := range clients {
		for {
			began := time.Now()
			got := c.get("/me")
			if got.status == 401 {
				break
			}
			if began.Sub(acked) > bound {
				t.Errorf("client %d: %d past the bound", i, got.status)
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// twin has the same token with the signature (r, n-s), which verifies as well.
func (c *client) twin() *client {
	c.n.t.Helper()
	at := strings.LastIndexByte(c.auth, '.') + 1
	sig, err := base64.RawURLEncoding.DecodeString(c.auth[at:])
	if err != nil || len(sig) != 64 {
		c.n.t.Fatalf("signature of %d bytes: %v", len(sig), err)
	}
	new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(sig[32:])).FillBytes(sig[32:])
	other := *c
	other.auth = c.auth[:at] + base64.RawURLEncoding.EncodeToString(sig)
	return &other
}

// TestRemembered: a log-out outlives the last token of its log-in, on the slowest
// clock.
func TestRemembered(t *testing.T) {
	srv := storetest.StartRedis(t)
	set := with(settingsFor("token", "algorithm", "ES256"), "revocation", "denylist",
		"lifetime", "1h", "refresh_lifetime", "2h", "leeway", "10s", "max_skew", "20s")
	n := startNode(t, set, func(o *Options) { o.RedisURL = srv.URL })
	check(t, "log-out", n.login(1).post("/logout", ""), 204)
	opt, err := redis.ParseURL(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opt)
	defer client.Close()
	keys := client.Keys(t.Context(), "*").Val()
	if len(keys) != 1 {
		t.Fatalf("keys %q, want the one log-out", keys)
	}
	const want = 2*time.Hour + 10*time.Second + 20*time.Second
	if ttl := client.PTTL(t.Context(), keys[0]).Val(); ttl > want || ttl < want-5*time.Second {
		t.Errorf("remembered for %v, want %v", ttl, want)
	}
}

// TestFamiliesOverTheWire: the same successor inside the grace, and the end of
// the family for a reuse.
func TestFamiliesOverTheWire(t *testing.T) {
	srv := storetest.StartRedis(t)
	set := with(settingsFor("token", "algorithm", "ES256"), "revocation", "families", "lifetime", "60s")
	here, there := nodes(t, arm{set: set, options: func(o *Options) { o.RedisURL = srv.URL }})
	one := here.login(1)
	two := *one
	two.take(one.refreshed())
	two.works(true)
	replay := one.at(there).refreshed()
	check(t, "replay inside the grace", replay, 200)
	if got := replay.field(t, "refresh_token"); got != two.refresh {
		t.Errorf("the replay got %q, want the same successor %q", got, two.refresh)
	}
	three := two
	three.take(two.refreshed())
	check(t, "older than the preceding one", one.refreshed(), 400)
	check(t, "the current one after a reuse", three.refreshed(), 400)
	three.works(true) // the access token lives out its life
	if page := here.do("GET", "/metrics", "").body; !strings.Contains(page, `reason="reused"} 1`) {
		t.Error("the reuse is not counted")
	}
}

// TestStoreAway: what a use is answered while the store cannot be asked is a
// setting, and a log-out is 503 under all of them.
func TestStoreAway(t *testing.T) {
	srv := storetest.StartRedis(t)
	for _, base := range revocable(srv) {
		kinds := []string{"503"}
		if base.set["revocation"] == "denylist" || base.set["revocation"] == "epoch" || base.name == "hybrid" {
			kinds = append(kinds, "stale(1h)", "open")
		}
		for _, away := range kinds {
			t.Run(base.name+" "+away, func(t *testing.T) {
				a := base
				if len(kinds) > 1 {
					a.set = with(a.set, "on_store_unreachable", away)
				}
				n := a.start(t)
				n.untilReady()
				seen, unseen := n.login(1), n.login(2)
				seen.works(true)
				srv.Kill()
				defer srv.Restart()
				if strings.HasSuffix(a.name, "local") || strings.HasSuffix(a.name, "push") {
					time.Sleep(time.Second) // so long a copy may go on
				}
				want := map[string][2]int{"503": {503, 503}, "stale(1h)": {200, 503}, "open": {200, 200}}[away]
				if !a.revokes {
					want = [2]int{200, 200} // uses ask nobody
				}
				check(t, "seen before", seen.get("/me"), want[0])
				check(t, "not seen before", unseen.get("/me"), want[1])
				check(t, "log-out", seen.post("/logout", ""), 503)
				check(t, "log-out everywhere", seen.post("/logout-all", ""), 503)
				check(t, "log-in", n.do("POST", "/login", loginBody("user-1", "password-1"), asJSON), 503)
				check(t, "refresh", seen.refreshed(), 503)
				check(t, "password", seen.post("/password", `{"password":"password-1","new_password":"x"}`), 503)
				check(t, "rubbish", n.do("GET", "/me", "", "Authorization: Bearer x"), 401)
				check(t, "ready", n.do("GET", "/readyz", ""), 503)
				check(t, "healthy", n.do("GET", "/healthz", ""), 200)
			})
		}
	}
}

// TestAdminDirectory: disabling a user and changing roles.
func TestAdminDirectory(t *testing.T) {
	srv := storetest.StartRedis(t)
	arms := append(storeless(), revocable(srv)...)
	for _, a := range arms {
		if a.name == "jwt-rs256" || a.name == "control" {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			n := a.start(t)
			n.untilReady()
			c := n.login(3)
			user := func(body string) answerOf { return n.adminDo("POST", "/users/user-3", body, adminAuth) }
			got := user(`{"disabled":true,"roles":["auditor"]}`)
			if got.status != 200 || strings.TrimSpace(got.body) != `{"name":"user-3","disabled":true,"roles":["auditor"]}` {
				t.Errorf("%d %s", got.status, got.body)
			}
			late := 403
			if a.revokes {
				refusedSoon(t, a, c)
				late = 401
			} else {
				c.works(true) // there is nothing that could end it
			}
			check(t, "log-in", n.do("POST", "/login", loginBody("user-3", "password-3"), asJSON), 401)
			check(t, "step-up", c.post("/step-up", `{"password":"password-3"}`), late)
			check(t, "password", c.post("/password", `{"password":"password-3","new_password":"x"}`), late)
			if c.refresh != "" {
				check(t, "refresh", c.refreshed(), 400)
			}
			n.login(4).works(true)
			check(t, "enabled", user(`{"disabled":false}`), 200)
			if got := n.login(3).get("/me"); got.body != `{"sub":"user-3","roles":["auditor"]}` {
				t.Errorf("roles at the next log-in: %s", got.body)
			}
			check(t, "no roles", user(`{"roles":[]}`), 200)
			if got := n.login(3).get("/me"); got.body != `{"sub":"user-3","roles":[]}` {
				t.Errorf("no roles: %s", got.body)
			}
		})
	}
	n := startNode(t, settingsFor("none", "", ""))
	for body, want := range map[string]int{`{`: 400, `{"role":[]}`: 400, `{"roles":["a b"]}`: 400, `{"roles":[""]}`: 400, `{}`: 200} {
		check(t, body, n.adminDo("POST", "/users/user-3", body, adminAuth), want)
	}
	check(t, "nobody", n.adminDo("POST", "/users/user-101", `{}`, adminAuth), 404)
	check(t, "nobody", n.adminDo("GET", "/users/x", "", adminAuth), 404)
	if a := n.adminDo("GET", "/users/user-3", ""); a.status != 401 {
		t.Errorf("no secret: %d", a.status)
	}
}
