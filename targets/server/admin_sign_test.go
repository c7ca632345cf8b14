package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// bearerOf is the access token that c holds.
func bearerOf(c *client) string { return strings.TrimPrefix(c.auth, "Authorization: Bearer ") }

// TestAdminSign: whoever has the secret has tokens signed, and nobody else, nowhere else.
func TestAdminSign(t *testing.T) {
	n := startNode(t, settingsFor("token", "algorithm", "RS256"))
	kid := n.adminDo("GET", "/keys", "", adminAuth).field(t, "active")
	b64 := base64.RawURLEncoding.EncodeToString
	now := bearerOf(n.login(1))
	parts := strings.Split(now, ".")
	body := func(algorithm string) string {
		return fmt.Sprintf(`{"kid":%q,"algorithm":%q,"header":%q,"payload":%q}`, kid, algorithm, parts[0], parts[1])
	}
	me := func(token string) int { return n.do("GET", "/me", "", "Authorization: Bearer "+token).status }

	if got := me(n.adminDo("POST", "/keys/sign", body(""), adminAuth).field(t, "token")); got != 200 {
		t.Errorf("signed with the key's own algorithm: %d", got)
	}
	for _, algorithm := range []string{"RS384", "PS256"} {
		if got := me(n.adminDo("POST", "/keys/sign", body(algorithm), adminAuth).field(t, "token")); got != 401 {
			t.Errorf("signed with %s: %d", algorithm, got)
		}
	}
	for _, h := range []string{"X: y", "Authorization: Bearer wrong", "Authorization: Bearer " + now} {
		if a := n.adminDo("POST", "/keys/sign", body(""), h); a.status != 401 {
			t.Errorf("with %q: %d", h, a.status)
		}
	}
	for _, h := range []string{adminAuth, "Authorization: Bearer " + now, "X: y"} {
		for _, method := range []string{"POST", "GET", "PUT"} {
			if a := n.do(method, "/keys/sign", body(""), h, "Content-Type: application/json"); a.status != 404 {
				t.Errorf("%s on the public listener with %q: %d", method, h, a.status)
			}
		}
	}
	for bad, want := range map[string]int{
		`{`: 400, `{"other":1}`: 400, `{"header":"="}`: 400, `{"algorithm":"HS256"}`: 400, `{"algorithm":"none"}`: 400, `{"algorithm":"x"}`: 400,
		`{"kid":"x"}`: 404, fmt.Sprintf(`{"padded":%q}`, b64([]byte{1})): 200,
	} {
		if a := n.adminDo("POST", "/keys/sign", bad, adminAuth); a.status != want {
			t.Errorf("%s: %d %s, want %d", bad, a.status, a.body, want)
		}
	}
	if a := startNode(t, settingsFor("none", "", "")).adminDo("POST", "/keys/sign", "{}", adminAuth); a.status != 404 {
		t.Errorf("of control: %d", a.status)
	}
	if !json.Valid([]byte(body(""))) {
		t.Fatal("the test's own body is no JSON")
	}
}

// TestTwoAuthorizations: a request with two of them has none.
func TestTwoAuthorizations(t *testing.T) {
	n := startNode(t, settingsFor("token", "algorithm", "ES256"))
	one, two := "Authorization: Bearer "+bearerOf(n.login(1)), "Authorization: Bearer "+bearerOf(n.login(2))
	if a := n.do("GET", "/me", "", one); a.status != 200 {
		t.Fatalf("one: %d", a.status)
	}
	for _, both := range [][]string{{one, two}, {two, one}, {one, one}, {one, "Authorization: Basic eDp4"}, {"Authorization: Basic eDp4", one}, {one, "authorization:"}} {
		if a := n.do("GET", "/me", "", both...); a.status != 401 {
			t.Errorf("%q: %d", both, a.status)
		}
	}
}
