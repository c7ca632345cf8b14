package server

import (
	"encoding/json"
	"strings"
	"testing"
)

// check holds an answer to what every answer of the server keeps to.
func check(t *testing.T, what string, a answerOf, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %d, want %d: %s", what, a.status, status, a.body)
	}
	if a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s: 401 without WWW-Authenticate", what)
	}
	if a.status == 503 && a.header.Get("Retry-After") == "" {
		t.Errorf("%s: 503 without Retry-After", what)
	}
	if a.status == 405 && a.header.Get("Allow") == "" {
		t.Errorf("%s: 405 without Allow", what)
	}
	if a.header.Get("Cache-Control") == "" && !strings.Contains(what, "/metrics") {
		t.Errorf("%s: no Cache-Control", what)
	}
	if a.status < 400 || strings.HasPrefix(a.body, `{"error":`) || strings.HasPrefix(what, "HEAD") {
		return
	}
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.Status != a.status || p.Title == "" || p.Type != "about:blank" {
		t.Errorf("%s: not a problem document: %q", what, a.body)
	}
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("%s: content type %q", what, ct)
	}
}

// TestRoutes walks every route of every arm through every status that it has.
func TestRoutes(t *testing.T) {
	eachArm(t, func(t *testing.T, a arm, n *node) {
		isToken := strings.HasPrefix(a.name, "jwt") || strings.HasPrefix(a.name, "hybrid")
		inCookie := strings.HasPrefix(a.name, "session") || strings.HasSuffix(a.name, "@cookie")
		or404 := func(there bool, status int) int {
			if there {
				return status
			}
			return 404
		}
		tokenOr404 := func(status int) int { return or404(isToken && !inCookie, status) }
		c := n.login(7)
		const form = "Content-Type: application/x-www-form-urlencoded"
		for _, r := range []struct {
			method, path, body string
			headers            []string
			want               int
		}{
			{"GET", "/me", "", []string{c.auth}, 200},
			{"HEAD", "/me", "", []string{c.auth}, 200},
			{"GET", "/me", "", nil, 401},
			{"GET", "/me?access_token=x", "", nil, 401},
			{"GET", "/me", "", []string{"X-User-ID: user-1"}, 401},
			{"GET", "/me", "", []string{"Authorization: Basic dXNlci0xOng="}, 401},
			{"GET", "/me", "", []string{"Authorization: Bearer"}, 401},
			{"GET", "/me", "", []string{"Authorization: Bearer "}, 401},
			{"GET", "/me", "", []string{"Cookie: __Host-session="}, 401},
			{"GET", "/me", "", []string{"Cookie: __Host-session=x"}, 401},
			{"GET", "/me", "", []string{"Cookie: __Host-token=x"}, 401},
			{"GET", "/me", "", []string{"Cookie: __Host-session=" + strings.Repeat("A", 43)}, 401},
			{"POST", "/me", "", []string{c.auth}, 405},
			{"GET", "/restricted", "", []string{c.auth}, 403},
			{"GET", "/restricted", "", nil, 401},
			{"PUT", "/restricted", "", []string{c.auth}, 405},
			{"DELETE", "/me", "", []string{c.auth}, 405},
			{"OPTIONS", "/me", "", nil, 405},
			{"GET", "/logout", "", []string{c.auth}, 405},
			{"GET", "/logout-all", "", []string{c.auth}, 405},
			{"GET", "/login", "", nil, 405},
			{"PUT", "/password", "{}", []string{asJSON, c.auth}, 405},
			{"GET", "/", "", nil, 404},
			{"GET", "/nowhere", "", nil, 404},
			{"POST", "/nowhere", "{}", nil, 404},
			{"GET", "/me/", "", []string{c.auth}, 404},
			{"GET", "/debug/pprof/", "", nil, 404},
			{"GET", "/clock", "", []string{"Authorization: Bearer " + adminSecret}, 404},
			{"POST", "/login", loginBody("user-7", "wrong"), []string{asJSON}, 401},
			{"POST", "/login", loginBody("user-101", "password-101"), []string{asJSON}, 401},
			{"POST", "/login", loginBody("user-07", "password-7"), []string{asJSON}, 401},
			{"POST", "/login", loginBody("root", "password-7"), []string{asJSON}, 401},
			{"POST", "/login", loginBody("user-7", "password-7"), nil, 415},
			{"POST", "/login", loginBody("user-7", "password-7"), []string{"Content-Type: text/plain"}, 415},
			{"POST", "/login", "username=user-7&password=password-7", []string{form}, 415},
			{"POST", "/login", loginBody("user-7", "password-7"), []string{"Content-Type: application/json; charset=utf-8"}, 200},
			{"POST", "/login", "", []string{asJSON}, 400},
			{"POST", "/login", "null", []string{asJSON}, 400},
			{"POST", "/login", "{", []string{asJSON}, 400},
			{"POST", "/login", "{}", []string{asJSON}, 400},
			{"POST", "/login", "[]", []string{asJSON}, 400},
			{"POST", "/login", `{"username":7,"password":"x"}`, []string{asJSON}, 400},
			{"POST", "/login", `{"username":"user-7","password":"password-7","role":"admin"}`, []string{asJSON}, 400},
			{"POST", "/login", loginBody("user-7", "password-7") + "{}", []string{asJSON}, 400},
			{"POST", "/login", "{\"username\":\"\xff\",\"password\":\"x\"}", []string{asJSON}, 400},
			{"POST", "/login", strings.Repeat("[", 10_000), []string{asJSON}, 400},
			{"POST", "/logout", "", nil, 401},
			{"POST", "/logout-all", "", nil, 401},
			{"POST", "/password", "{}", []string{asJSON}, 401},
			{"POST", "/step-up", "{}", []string{asJSON}, 401},
			{"POST", "/step-up", `{"password":"password-7"}`, []string{c.auth, c.csrf}, 415},
			{"POST", "/step-up", `{`, []string{asJSON, c.auth, c.csrf}, 400},
			{"POST", "/step-up", `{"password":"wrong"}`, []string{asJSON, c.auth, c.csrf}, 403},
			{"POST", "/password", `{"password":"wrong","new_password":"n"}`, []string{asJSON, c.auth, c.csrf}, 403},
			{"POST", "/password", `{"password":"password-7","new_password":""}`, []string{asJSON, c.auth, c.csrf}, 400},
			{"POST", "/token", "grant_type=refresh_token&refresh_token=x", []string{form}, tokenOr404(400)},
			{"POST", "/token", `{"grant_type":"refresh_token"}`, []string{asJSON}, tokenOr404(415)},
			{"GET", "/token", "", nil, tokenOr404(405)},
			{"GET", "/.well-known/jwks.json", "", nil, or404(isToken, 200)},
			{"GET", "/healthz", "", nil, 200},
			{"HEAD", "/healthz", "", nil, 200},
			{"POST", "/healthz", "", nil, 405},
			{"GET", "/readyz", "", nil, 200},
			{"GET", "/metrics", "", nil, 200},
		} {
			want := r.want
			got := n.do(r.method, r.path, r.body, r.headers...)
			check(t, r.method+" "+r.path+" "+r.body[:min(len(r.body), 60)], got, want)
		}
		c.works(true) // the canary is still alive
		if inCookie {
			return
		}
		for _, scheme := range []string{"bearer", "BEARER", "bEaReR"} {
			got := n.do("GET", "/me", "", strings.Replace(c.auth, "Bearer", scheme, 1))
			check(t, scheme, got, 200)
		}
	})
}

// TestSameBytes: whatever proves who the caller is, the answer is the same.
func TestSameBytes(t *testing.T) {
	for _, a := range storeless() {
		n := a.start(t)
		if got := n.login(7).get("/me"); got.body != `{"sub":"user-7","roles":["user"]}` || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %q %v", a.name, got.body, got.header)
		}
		if got := n.login(1).get("/me"); got.body != `{"sub":"user-1","roles":["user","admin"]}` {
			t.Errorf("%s: %q", a.name, got.body)
		}
	}
}

// A control credential is as long as a session id.
func TestCredentialSizes(t *testing.T) {
	control := startNode(t, settingsFor("none", "", "")).login(7)
	session := startNode(t, settingsFor("session", "store", "memory")).login(7)
	a, b := len(strings.TrimPrefix(control.auth, "Authorization: Bearer ")), len(strings.TrimPrefix(session.auth, "Cookie: __Host-session="))
	if a != b || a != sessionIDBytes {
		t.Errorf("control %d bytes, session %d", a, b)
	}
}

func TestMetricsAndEvents(t *testing.T) {
	n := startNode(t, settingsFor("session", "store", "memory"))
	c := n.login(3)
	c.works(true)
	c.post("/logout", "")
	c.works(false)
	n.do("POST", "/login", loginBody("user-3", "secret-guess"), asJSON)
	page := n.do("GET", "/metrics", "").body
	for _, want := range []string{
		`authbench_http_requests_total{arm="test",`, `route="/me"`, `code="401"`, `authbench_auth_rejections_total`, `reason="wrong-password"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("metrics lack %s:\n%s", want, page)
		}
	}
	events := n.events.String()
	for _, want := range []string{
		`"msg":"login","sub":"user-3"`, `"msg":"revoke","sub":"user-3","what":"/logout"`,
		`"msg":"reject","route":"/me","reason":"unknown-session"`, `"msg":"reject","route":"/login","reason":"wrong-password"`,
	} {
		if !strings.Contains(events, want) {
			t.Errorf("events lack %s:\n%s", want, events)
		}
	}
	for _, secret := range []string{"password-3", "secret-guess", strings.TrimPrefix(c.auth, "Cookie: __Host-session="), strings.TrimPrefix(c.csrf, "X-CSRF-Token: ")} {
		if strings.Contains(events, secret) {
			t.Errorf("the event log contains the secret %q", secret)
		}
	}
}
