package server

import (
	"strings"
	"testing"
)

// TestTokenCookie: a token in a cookie has the attributes and the defence of a session.
func TestTokenCookie(t *testing.T) {
	set := with(settingsFor("token", "algorithm", "ES256"), "carrier", "cookie", "same_site", "Strict")
	n := startNode(t, set)
	got := n.do("POST", "/login", loginBody("user-5", "password-5"), asJSON)
	cookie := got.header.Get("Set-Cookie")
	token, attributes, _ := strings.Cut(strings.TrimPrefix(cookie, "__Host-token="), ";")
	if strings.Count(token, ".") != 2 || attributes != " Path=/; HttpOnly; Secure; SameSite=Strict" {
		t.Errorf("cookie %q", cookie)
	}
	if strings.Contains(got.body, token) || strings.Contains(got.body, "refresh") || got.field(t, "csrf_token") == "" {
		t.Errorf("body %s", got.body)
	}
	check(t, "the token in a header", n.do("GET", "/me", "", "Authorization: Bearer "+token), 401)
	got = n.do("GET", "/me", "")
	if w := got.header.Get("WWW-Authenticate"); !strings.HasPrefix(w, "Cookie ") || !strings.Contains(w, `cookie-name="__Host-token"`) {
		t.Errorf("challenge %q", w)
	}

	victim, again, attacker := n.login(5), n.login(5), n.login(6)
	post := func(path string, headers ...string) answerOf { return n.do("POST", path, "", headers...) }
	for _, path := range []string{"/logout", "/logout-all", "/password", "/step-up"} {
		check(t, path+" no token", post(path, victim.auth), 403)
		check(t, path+" the token of another log-in", post(path, victim.auth, again.csrf), 403)
		check(t, path+" another user's token", post(path, victim.auth, attacker.csrf), 403)
		check(t, path+" cross-site", post(path, victim.auth, victim.csrf, "Sec-Fetch-Site: cross-site"), 403)
		check(t, path+" foreign origin", post(path, victim.auth, victim.csrf, "Origin: https://evil.test"), 403)
	}
	check(t, "log-in from another site", n.do("POST", "/login", loginBody("user-5", "password-5"), asJSON, "Origin: https://evil.test"), 403)
	got = post("/logout", victim.auth, victim.csrf, "Origin: https://target.test")
	check(t, "log-out", got, 204)
	if c := got.header.Get("Set-Cookie"); c != "__Host-token=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; Secure; SameSite=Strict" {
		t.Errorf("deletion cookie %q", c)
	}
}

// TestTokenCookieIsShared: nodes with one key directory take each other's tokens, and
// each other's CSRF tokens.
func TestTokenCookieIsShared(t *testing.T) {
	dir := t.TempDir()
	set := with(settingsFor("token", "algorithm", "ES256"), "carrier", "cookie")
	s, err := Decode(set)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.GenerateKeys(dir); err != nil {
		t.Fatal(err)
	}
	shared := func(o *Options) { o.KeysDir = dir }
	a, b := startNode(t, set, shared), startNode(t, set, shared)
	c := a.login(5)
	check(t, "another node", b.do("POST", "/logout", "", c.auth, c.csrf), 204)
	check(t, "another ring", startNode(t, set).do("GET", "/me", "", c.auth), 401)
}

// TestOriginScheme: what came by http is another origin than the one that cookies are
// sent to, but on the machine itself.
func TestOriginScheme(t *testing.T) {
	n := startNode(t, settingsFor("session", "store", "memory"))
	for origin, want := range map[string]int{
		"https://target.test": 200, "HTTPS://TARGET.TEST": 200, "http://target.test": 403, "ftp://target.test": 403, "target.test": 403, "null": 403,
	} {
		check(t, origin, n.do("POST", "/login", loginBody("user-5", "password-5"), asJSON, "Origin: "+origin), want)
	}
	for host, want := range map[string]int{"127.0.0.1:80": 200, "localhost": 200, "[::1]:8080": 200, "10.0.0.1": 403, "localhost.evil.test": 403} {
		raw := strings.Replace(request("POST", "/login", loginBody("user-5", "password-5"), asJSON, "Origin: http://"+host), "target.test", host, 1)
		if got := n.raw(raw); got == nil || got.status != want {
			t.Errorf("http://%s: %+v, want %d", host, got, want)
		}
	}
}
