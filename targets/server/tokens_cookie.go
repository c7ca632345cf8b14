package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/targets/jwt"
)

// The values of carrier.
const (
	carrierHeader = "header"
	carrierCookie = "cookie"
)

// tokenCookie has the prefix of sessionCookie, for the same reason.
const tokenCookie = "__Host-token"

// cookieTokens are tokens in a cookie. Scripts of a page cannot read them there, and the
// browser attaches them by itself: so they need the defence against CSRF that a session
// needs, and a token in a header does not.
//
// There is no refresh token: in a body a script could read it, which is what the
// cookie is for. The token ends, and the user logs in again.
type cookieTokens struct {
	*tokens
	carrier *tokenCarrier
}

// tokenCarrier hands tokens out in a cookie.
type tokenCarrier struct {
	key        []byte // of CSRF tokens
	attributes string // of the cookie
	lifetime   time.Duration
}

func newCookieTokens(t *tokens, s *Settings, dir string) (*cookieTokens, error) {
	key, err := sharedKey(dir, csrfFile)
	if err != nil {
		return nil, err
	}
	t.carrier = &tokenCarrier{key, cookieAttributes(s.SameSite), s.Lifetime}
	return &cookieTokens{t, t.carrier}, nil
}

// authenticate looks at the cookie alone. A token that a page has put into a header
// would need no defence, but one place is enough.
func (c *cookieTokens) authenticate(h *fasthttp.RequestHeader) (caller, error) {
	v, ok := cookie(h, tokenCookie)
	if !ok {
		return caller{}, errAbsent()
	}
	return c.accept(string(v))
}

func (c *cookieTokens) challenge(bool) string { return cookieChallenge(tokenCookie) }

func (c *cookieTokens) ambient() bool { return true }

func (c *cookieTokens) csrf(h *fasthttp.RequestHeader, who caller) bool {
	return hmac.Equal([]byte(c.carrier.csrf(who.tokenID)), h.Peek("X-CSRF-Token"))
}

func (c *cookieTokens) logout(who caller) (grant, error) {
	if _, err := c.tokens.logout(who); err != nil {
		return grant{}, err
	}
	return cookieGone(tokenCookie, c.carrier.attributes), nil
}

func (c *cookieTokens) logoutAll(who caller) (grant, error) {
	if _, err := c.tokens.logoutAll(who); err != nil {
		return grant{}, err
	}
	return cookieGone(tokenCookie, c.carrier.attributes), nil
}

// csrf is bound to the jti: every token has its own. The prefix keeps it apart from
// what else may be made with the key.
func (k *tokenCarrier) csrf(jti string) string {
	mac := hmac.New(sha256.New, k.key)
	mac.Write([]byte("token " + jti))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (k *tokenCarrier) grant(p jwt.Pair) (grant, error) {
	body, err := json.Marshal(struct {
		CSRF    string `json:"csrf_token"`
		Expires int64  `json:"expires_in"`
	}{k.csrf(p.Claims.ID), int64(k.lifetime / time.Second)})
	return grant{body: body, cookie: tokenCookie + "=" + p.Access + k.attributes}, err
}
