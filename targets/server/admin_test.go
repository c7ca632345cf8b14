package server

import (
	"strings"
	"testing"
	"time"
)

// adminDo talks to the admin plane instead of the server.
func (n *node) adminDo(method, path, body string, headers ...string) answerOf {
	n.t.Helper()
	admin := *n
	admin.addr = n.admin
	return admin.do(method, path, body, append(headers, "Connection: close")...)
}

const adminAuth = "Authorization: Bearer " + adminSecret

func (n *node) freeze(at time.Time) {
	n.t.Helper()
	if a := n.adminDo("POST", "/clock", `{"freeze":"`+at.Format(time.RFC3339Nano)+`"}`, adminAuth); a.status != 200 {
		n.t.Fatalf("freeze: %d %s", a.status, a.body)
	}
}

func TestAdminNeedsItsSecret(t *testing.T) {
	n := startNode(t, settingsFor("token", "algorithm", "HS256"))
	for _, path := range []string{"/clock", "/keys", "/users", "/nowhere"} {
		for _, h := range []string{"X: y", "Authorization: Bearer wrong", "Authorization: " + adminSecret, "Authorization: Bearer "} {
			if a := n.adminDo("GET", path, "", h); a.status != 401 || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %q: %d", path, h, a.status)
			}
		}
	}
	closed := startNode(t, settingsFor("none", "", ""), func(o *Options) { o.AdminSecret = "" })
	if a := closed.adminDo("GET", "/clock", "", "Authorization: Bearer "); a.status != 401 {
		t.Errorf("without a secret anybody may in: %d", a.status)
	}
}

func TestAdminClock(t *testing.T) {
	n := startNode(t, settingsFor("token", "algorithm", "HS256"))
	c := n.login(1)
	for _, bad := range []string{`{"offset":"x"}`, `{"freeze":"x"}`, `{"offset":"1s","freeze":"2030-01-01T00:00:00Z"}`, `{"other":1}`, `[]`} {
		if a := n.adminDo("POST", "/clock", bad, adminAuth); a.status != 400 {
			t.Errorf("%s: %d", bad, a.status)
		}
	}
	if a := n.adminDo("POST", "/clock", `{"offset":"16m"}`, adminAuth); a.status != 200 || !strings.Contains(a.body, `"offset":"16m0s"`) {
		t.Errorf("%+v", a)
	}
	c.works(false)
	if a := n.adminDo("POST", "/clock", `{}`, adminAuth); a.status != 200 {
		t.Errorf("%+v", a)
	}
	c.works(true)
	if a := n.adminDo("DELETE", "/clock", "", adminAuth); a.status != 405 {
		t.Errorf("DELETE: %d", a.status)
	}
}

// TestFrozenEdges: the last millisecond of a credential, over the wire.
func TestFrozenEdges(t *testing.T) {
	start := time.Now().Truncate(time.Second)
	token := startNode(t, settingsFor("token", "algorithm", "ES256"))
	token.freeze(start)
	c := token.login(1)
	end := start.Add(15*time.Minute + 5*time.Second)
	token.freeze(end.Add(-time.Millisecond))
	c.works(true)
	token.freeze(end)
	c.works(false)

	set := settingsFor("session", "store", "memory")
	set["idle_timeout"], set["absolute_timeout"], set["touch_every"] = "10m", "15m", "1m"
	session := startNode(t, set)
	session.freeze(start)
	idle, used := session.login(1), session.login(2)
	session.freeze(start.Add(9 * time.Minute))
	used.works(true) // moves the idle timeout
	session.freeze(start.Add(10*time.Minute - time.Millisecond))
	idle.works(true) // moves it too
	session.freeze(start.Add(15*time.Minute - time.Millisecond))
	used.works(true)
	idle.works(true)
	session.freeze(start.Add(15 * time.Minute)) // the absolute end
	used.works(false)
	idle.works(false)

	session.freeze(start)
	idle = session.login(3)
	session.freeze(start.Add(10 * time.Minute))
	idle.works(false)
}

func TestAdminKeysAndUsers(t *testing.T) {
	n := startNode(t, settingsFor("token", "algorithm", "ES256"))
	before := n.login(1)
	was := n.adminDo("GET", "/keys", "", adminAuth).field(t, "active")
	if a := n.adminDo("POST", "/keys/rotate", "", adminAuth); a.status != 200 || a.field(t, "active") == was {
		t.Errorf("rotate: %+v", a)
	}
	before.works(true)
	n.login(1).works(true)
	if set := n.do("GET", "/.well-known/jwks.json", "").body; strings.Count(set, `"kid"`) != 2 || strings.Contains(set, `"d"`) {
		t.Errorf("JWKS %s", set)
	}
	if a := n.adminDo("GET", "/users", "", adminAuth); a.body != `{"count":100,"first":"user-1","last":"user-100"}`+"\n" {
		t.Errorf("users %q", a.body)
	}
	if a := startNode(t, settingsFor("none", "", "")).adminDo("GET", "/keys", "", adminAuth); a.status != 404 {
		t.Errorf("keys of control: %d", a.status)
	}
}
