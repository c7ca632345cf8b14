package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"authbench/targets/session"
	"authbench/targets/store/storetest"
)

// TestBulkLogins: what the admin plane gives out works as if it came over the wire,
// and is spread over the population.
func TestBulkLogins(t *testing.T) {
	redis := storetest.StartRedis(t)
	arms := append(storeless()[1:], redisArm(redis))
	for _, a := range append(arms, revocable(redis)...) {
		t.Run(a.name, func(t *testing.T) {
			n := a.start(t)
			n.untilReady()
			a := n.adminDo("POST", "/sessions/bulk", `{"from":51,"count":150,"sample":3}`, adminAuth)
			var out struct {
				Created int
				Sample  []struct {
					User      string
					SetCookie string `json:"set_cookie"`
					Body      json.RawMessage
				}
			}
			if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != 200 {
				t.Fatalf("%d %s: %v", a.status, a.body, err)
			}
			if out.Created != 150 || len(out.Sample) != 3 || out.Sample[0].User != "user-51" || out.Sample[2].User != "user-151" {
				t.Fatalf("%+v", out)
			}
			for _, got := range out.Sample {
				c := &client{n: n, user: got.User}
				header := http.Header{}
				if got.SetCookie != "" {
					header.Set("Set-Cookie", got.SetCookie)
				}
				c.take(answerOf{200, header, string(got.Body)})
				if me := c.get("/me"); me.status != 200 || me.field(t, "sub") != got.User { // user-101 is in no directory
					t.Errorf("%s: %d %s", got.User, me.status, me.body)
				}
			}
		})
	}
}

func TestBulkLoginsRefused(t *testing.T) {
	n := startNode(t, settingsFor("session", "store", "memory"))
	for _, bad := range []string{
		``, `{}`, `{"from":0,"count":1}`, `{"from":1,"count":0}`, `{"from":1,"count":20001}`, `{"from":1,"count":2,"sample":3}`,
		`{"from":1,"count":1,"all":true}`, `[]`,
	} {
		if a := n.adminDo("POST", "/sessions/bulk", bad, adminAuth); a.status != 400 {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	// A store that is away is no half of a population.
	srv := storetest.StartRedis(t)
	a := redisArm(srv)
	n = a.start(t)
	srv.Kill()
	if got := n.adminDo("POST", "/sessions/bulk", `{"from":1,"count":2}`, adminAuth); got.status != 503 || !strings.Contains(got.body, "log in user-1") {
		t.Errorf("without a store: %d %s", got.status, got.body)
	}
}

// TestMemory: the node's heap grows by what its sessions take, and not otherwise.
func TestMemory(t *testing.T) {
	n := startNode(t, with(settingsFor("session", "store", "memory"), "session_bytes", "2000"))
	heap := func() int64 {
		t.Helper()
		var m struct{ Heap, Stacks, FromOS int64 }
		a := n.adminDo("GET", "/memory", "", adminAuth)
		if err := json.Unmarshal([]byte(a.body), &m); err != nil || a.status != 200 || m.Heap <= 0 {
			t.Fatalf("%d %s: %v", a.status, a.body, err)
		}
		return m.Heap
	}
	before := heap()
	const count = 2000
	if a := n.adminDo("POST", "/sessions/bulk", fmt.Sprintf(`{"from":1,"count":%d}`, count), adminAuth); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if each := (heap() - before) / count; each < 2000 || each > 4000 {
		t.Errorf("%d bytes a session with a profile of 2,000", each)
	}
}

func TestProfile(t *testing.T) {
	if profileOf(0) != nil {
		t.Error("a profile of 0 bytes is one")
	}
	for _, size := range []int{1, 2, 3, 200, 2001} {
		of := profileOf(size)
		one, two := of("user-1"), of("user-2")
		if len(one) != size || one != of("user-1") || size > 3 && one == two {
			t.Errorf("%d bytes: %q, %q", size, one, two)
		}
	}
}

// TestProfiles: sessions and tokens carry what they are to carry, over every store.
func TestProfiles(t *testing.T) {
	redis, mysql := storetest.StartRedis(t), storetest.StartMySQL(t)
	both := func(o *Options) { o.RedisURL, o.MySQLDSN = redis.URL, mysql.DSN }
	for name, set := range map[string]map[string]string{
		"memory":      with(settingsFor("session", "store", "memory"), "session_bytes", "16384"),
		"redis":       with(settingsFor("session", "store", "redis"), "session_bytes", "16384"),
		"mysql":       with(settingsFor("session", "store", "mysql"), "session_bytes", "16384"),
		"redis+mysql": with(settingsFor("session", "store", "redis+mysql"), "session_bytes", "16384"),
		"cached":      with(settingsFor("session", "store", "redis"), "session_bytes", "16384", "cache_for", "1m"),
		"sealed":      with(settingsFor("sealed", "", ""), "session_bytes", "5000"),
		"token":       with(settingsFor("token", "algorithm", "ES256"), "claims_bytes", "5000"),
		"memo":        with(settingsFor("token", "algorithm", "ES256"), "claims_bytes", "5000", "memo_entries", "10"),
	} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, set, both)
			n.untilReady()
			c := n.login(7)
			c.works(true)
			c.works(true)
			if a := c.get("/me"); len(a.body) > 100 {
				t.Errorf("the answer grew with the profile: %d bytes", len(a.body))
			}
			if carries := len(c.auth) > 5000; carries != (name == "sealed" || name == "token" || name == "memo") {
				t.Errorf("a credential of %d bytes", len(c.auth))
			}
			if a := c.post("/step-up", `{"password":"password-7"}`); a.status != 200 {
				t.Errorf("step-up: %d %s", a.status, a.body)
			} else {
				c.take(a)
				c.works(true)
			}
		})
	}
}

// TestLargeTokens: how large a token may be is the header's limit, and no other.
func TestLargeTokens(t *testing.T) {
	set := with(settingsFor("token", "algorithm", "HS256"), "claims_bytes", "8000", "max_header_bytes", "16384")
	startNode(t, set).login(1).works(true)
	c := startNode(t, with(set, "max_header_bytes", "8192")).login(1)
	if a := c.get("/me"); a.status != 431 {
		t.Errorf("%d for a credential of %d bytes", a.status, len(c.auth))
	}
}

// TestSealedNodes: nodes with the same keys take each other's cookies, others do not.
// Logging out ends nothing but the cookie in the browser, and says so.
func TestSealedNodes(t *testing.T) {
	set := settingsFor("sealed", "", "")
	one, two := nodes(t, arm{set: set, options: func(*Options) {}})
	c := one.login(7)
	c.works(true)
	c.at(two).works(true)
	c.at(startNode(t, set)).works(false)
	a := c.post("/logout", "")
	if a.status != 204 || !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("log-out: %d %v", a.status, a.header)
	}
	c.works(true) // a copy of the cookie
	if a := c.at(two).post("/logout", "", "Sec-Fetch-Site: cross-site"); a.status != 403 {
		t.Errorf("from another site: %d", a.status)
	}
	c.csrf = "X-CSRF-Token: " + strings.Repeat("A", 43)
	if a := c.post("/logout", ""); a.status != 403 {
		t.Errorf("with another CSRF token: %d", a.status)
	}
}

// TestSealKeysFile: what GenerateKeys writes is read back, and only from its owner.
func TestSealKeysFile(t *testing.T) {
	dir := t.TempDir() + "/keys"
	keys := session.NewSealKeys()
	if err := saveSealKeys(dir, keys); err != nil {
		t.Fatal(err)
	}
	again, err := sealKeys(dir)
	if err != nil || again.List()[0].ID != keys.List()[0].ID {
		t.Errorf("%v, %v", again, err)
	}
	if _, err := sealKeys(t.TempDir()); err == nil || !strings.Contains(err.Error(), "authbench keys") {
		t.Errorf("no keys: %v", err)
	}
}
