package server

import (
	"net/url"
	"strings"
	"testing"
)

// TestRevocation: what each arm promises after log-out, log-out everywhere, a
// step-up and a new password.
func TestRevocation(t *testing.T) {
	eachArm(t, func(t *testing.T, a arm, n *node) {
		phone, laptop := n.login(2), n.login(2)
		bystander := n.login(3)

		got := phone.post("/logout", "")
		check(t, "logout", got, 204)
		phone.works(!a.revokes)
		laptop.works(!a.users)
		if a.users {
			laptop = n.login(2)
		}
		if a.revokes {
			check(t, "logout again", phone.post("/logout", ""), 401)
		}
		if strings.HasPrefix(a.name, "session") {
			if c := got.header.Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-session=; Max-Age=0;") || !strings.Contains(c, "; Path=/; HttpOnly; Secure; SameSite=Lax") {
				t.Errorf("deletion cookie %q", c)
			}
		}

		phone = n.login(2)
		check(t, "logout-all", phone.post("/logout-all", ""), 204)
		phone.works(!a.revokes)
		laptop.works(!a.revokes)
		bystander.works(true)
		again := n.login(2) // in the same second
		again.works(true)

		old := *again
		got = again.post("/step-up", `{"password":"password-2"}`)
		check(t, "step-up", got, 200)
		again.take(got)
		again.works(true)
		old.works(!a.revokes)

		other := n.login(2)
		old = *again
		got = again.post("/password", `{"password":"password-2","new_password":"better"}`)
		check(t, "password", got, 200)
		again.take(got)
		again.works(true)
		old.works(!a.revokes)
		other.works(!a.revokes)
		check(t, "the old password", n.do("POST", "/login", loginBody("user-2", "password-2"), asJSON), 401)
		check(t, "the new password", n.do("POST", "/login", loginBody("user-2", "better"), asJSON), 200)
		bystander.works(true)
	})
}

func TestCookieAndFixation(t *testing.T) {
	for _, sameSite := range []string{"Lax", "Strict"} {
		set := settingsFor("session", "store", "memory")
		set["same_site"] = sameSite
		n := startNode(t, set)
		const planted = "Cookie: __Host-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		got := n.do("POST", "/login", loginBody("user-5", "password-5"), asJSON, planted)
		cookie := got.header.Get("Set-Cookie")
		id, attributes, _ := strings.Cut(strings.TrimPrefix(cookie, "__Host-session="), ";")
		if len(id) != 43 || attributes != " Path=/; HttpOnly; Secure; SameSite="+sameSite {
			t.Errorf("cookie %q", cookie)
		}
		if strings.Contains(planted, id) {
			t.Error("the planted id was adopted")
		}
		check(t, "planted id", n.do("GET", "/me", "", planted), 401)

		// A login over a live session ends that session.
		first := n.login(5)
		second := n.login(6, first.auth)
		first.works(false)
		second.works(true)
		// Twice the cookie is no cookie.
		check(t, "two cookies", n.do("GET", "/me", "", second.auth+"; "+strings.TrimPrefix(second.auth, "Cookie: ")), 401)
		check(t, "among others", n.do("GET", "/me", "", "Cookie: a=b; x__Host-session=1; "+strings.TrimPrefix(second.auth, "Cookie: ")+"; c=d"), 200)
	}
}

func TestCSRF(t *testing.T) {
	n := startNode(t, settingsFor("session", "store", "memory"))
	victim, attacker := n.login(5), n.login(6)
	post := func(path string, headers ...string) answerOf { return n.do("POST", path, "", headers...) }
	for _, path := range []string{"/logout", "/logout-all", "/password", "/step-up"} {
		check(t, path+" no token", post(path, victim.auth), 403)
		check(t, path+" empty token", post(path, victim.auth, "X-CSRF-Token: "), 403)
		check(t, path+" foreign token", post(path, victim.auth, attacker.csrf), 403)
		check(t, path+" cross-site", post(path, victim.auth, victim.csrf, "Sec-Fetch-Site: cross-site"), 403)
		check(t, path+" same-site", post(path, victim.auth, victim.csrf, "Sec-Fetch-Site: same-site"), 403)
		check(t, path+" foreign origin", post(path, victim.auth, victim.csrf, "Origin: https://evil.test"), 403)
		check(t, path+" origin prefix", post(path, victim.auth, victim.csrf, "Origin: https://target.test.evil.test"), 403)
		check(t, path+" null origin", post(path, victim.auth, victim.csrf, "Origin: null"), 403)
		check(t, path+" cross-site without credential", post(path, "Sec-Fetch-Site: cross-site"), 403)
		check(t, path+" dead credential, no token", post(path, "Cookie: __Host-session="+strings.Repeat("A", 43)), 401)
	}
	check(t, "login from another site", n.do("POST", "/login", loginBody("user-5", "password-5"), asJSON, "Sec-Fetch-Site: cross-site"), 403)
	check(t, "reading from another site", n.do("GET", "/me", "", victim.auth, "Sec-Fetch-Site: cross-site"), 200)
	victim.works(true)
	check(t, "ours", post("/logout", victim.auth, victim.csrf, "Sec-Fetch-Site: same-origin", "Origin: https://target.test"), 204)
	victim.works(false)

	// A credential in a header is not attached by a browser: no defence needed.
	tokens := startNode(t, settingsFor("token", "algorithm", "HS256"))
	check(t, "token", tokens.do("POST", "/logout", "", tokens.login(5).auth, "Origin: https://evil.test"), 204)
}

func TestRefresh(t *testing.T) {
	for _, alg := range []string{"HS256", "RS256", "ES256"} {
		n := startNode(t, settingsFor("token", "algorithm", alg))
		foreign := startNode(t, settingsFor("token", "algorithm", alg)).login(4)
		c := n.login(4)
		refresh := func(body string) answerOf {
			return n.do("POST", "/token", body, "Content-Type: application/x-www-form-urlencoded")
		}
		with := func(token string) string {
			return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode()
		}
		first := refresh(with(c.refresh))
		check(t, "refresh", first, 200)
		// Stateless, and declared so: a used refresh token works again.
		check(t, "replay", refresh(with(c.refresh)), 200)
		access := strings.TrimPrefix(c.auth, "Authorization: Bearer ")
		for name, bad := range map[string]struct{ body, code string }{
			"access token":  {with(access), "invalid_grant"},
			"foreign":       {with(foreign.refresh), "invalid_grant"},
			"garbage":       {with("x.y.z"), "invalid_grant"},
			"empty":         {with(""), "invalid_request"},
			"no grant type": {"refresh_token=x", "invalid_request"},
			"other grant":   {"grant_type=password&username=user-4&password=password-4", "unsupported_grant_type"},
			"twice":         {with(c.refresh) + "&refresh_token=x", "invalid_request"},
			"broken":        {"grant_type=%zz", "invalid_request"},
			"nothing":       {"", "invalid_request"},
		} {
			got := refresh(bad.body)
			check(t, name, got, 400)
			if got.body != `{"error":"`+bad.code+`"}` {
				t.Errorf("%s: %s, want %s", name, got.body, bad.code)
			}
		}
		c.take(first)
		c.works(true)
		check(t, "refresh token as access token", n.do("GET", "/me", "", "Authorization: Bearer "+c.refresh), 401)
		if got := n.do("GET", "/me", "", "Authorization: Bearer x").header.Get("WWW-Authenticate"); !strings.Contains(got, `error="invalid_token"`) {
			t.Errorf("challenge %q", got)
		}
	}
}
