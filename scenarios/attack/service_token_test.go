package attack

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// tokenSide is the service with signed tokens, a list of log-ins that were ended, and
// refresh tokens that work once.
type tokenSide struct {
	defect    string
	algorithm string
	kid       string
	private   any // *ecdsa.PrivateKey, *rsa.PrivateKey or []byte
	verifying any

	ended       map[string]bool         // log-ins; with the defect, tokens
	generations map[string]string       // of users, changed by a log-out everywhere
	refreshes   map[string]*refreshable // by refresh token
}

// refreshable is what a refresh token stands for.
type refreshable struct {
	user, login string
	used        bool
	until       time.Time
}

const (
	tokenIssuer   = "https://sound.test"
	tokenAudience = "sound-api"
	tokenLife     = 15 * time.Minute
	tokenLeeway   = 5 * time.Second
	refreshLife   = 24 * time.Hour
)

// claimSet is the payload of an access token.
type claimSet struct {
	jwt.RegisteredClaims
	Login      string `json:"sid"`
	Generation string `json:"gen"`
	raw        string
}

func newTokenSide(t *testing.T, defect, algorithm string) *tokenSide {
	k := &tokenSide{
		defect: defect, algorithm: algorithm, kid: rand.Text(),
		ended: map[string]bool{}, generations: map[string]string{}, refreshes: map[string]*refreshable{},
	}
	switch algorithm {
	case "ES256":
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k.private, k.verifying = key, &key.PublicKey
	case "RS256":
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		k.private, k.verifying = key, &key.PublicKey
	default:
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
		k.private, k.verifying = secret, secret
	}
	return k
}

// public is what the service publishes: nothing of a shared secret.
func (k *tokenSide) public() []Key {
	b64 := func(n *big.Int, size int) string {
		return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, size)))
	}
	jwk := map[string]string{"kid": k.kid, "alg": k.algorithm, "use": "sig"}
	switch key := k.verifying.(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return nil
		}
		jwk["kty"], jwk["crv"] = "EC", "P-256"
		jwk["x"], jwk["y"] = base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:])
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", b64(key.N, key.Size()), "AQAB"
	default:
		return nil
	}
	raw, err := json.Marshal(jwk)
	if err != nil {
		return nil
	}
	return []Key{{ID: k.kid, Algorithm: k.algorithm, Public: k.verifying, JWK: raw}}
}

// signRaw signs anything.
func (k *tokenSide) signRaw(_ context.Context, s Signing) (string, error) {
	if s.KeyID != "" && s.KeyID != k.kid {
		return "", fmt.Errorf("there is no key %q", s.KeyID)
	}
	algorithm := k.algorithm
	if s.Algorithm != "" {
		algorithm = s.Algorithm
	}
	method := jwt.GetSigningMethod(algorithm)
	if method == nil {
		return "", fmt.Errorf("there is no algorithm %q", algorithm)
	}
	signed := base64.RawURLEncoding.EncodeToString(s.Header) + "." + base64.RawURLEncoding.EncodeToString(s.Payload)
	signature, err := method.Sign(signed, k.private)
	if key, ok := k.private.(*rsa.PrivateKey); ok && s.Padded != nil {
		signature, err = new(big.Int).Exp(new(big.Int).SetBytes(s.Padded), key.D, key.N).FillBytes(make([]byte, key.Size())), nil
	}
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// handed is a pair of tokens.
type handed struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
}

func (k *tokenSide) begin(user string, now time.Time) handed {
	if k.generations[user] == "" {
		k.generations[user] = rand.Text()
	}
	return k.issue(user, rand.Text(), now)
}

func (k *tokenSide) issue(user, login string, now time.Time) handed {
	payload, err := json.Marshal(claimSet{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: tokenIssuer, Audience: jwt.ClaimStrings{tokenAudience}, Subject: user, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(tokenLife)),
		},
		Login: login, Generation: k.generations[user],
	})
	if err != nil {
		panic(err) // strings and numbers
	}
	header := fmt.Sprintf(`{"alg":%q,"typ":"at+jwt","kid":%q}`, k.algorithm, k.kid)
	token, err := k.signRaw(context.Background(), Signing{Header: []byte(header), Payload: payload})
	if err != nil {
		panic(err)
	}
	refresh := rand.Text()
	k.refreshes[refresh] = &refreshable{user: user, login: login, until: now.Add(refreshLife)}
	return handed{token, refresh, "Bearer", int(tokenLife.Seconds())}
}

func (k *tokenSide) hand(w http.ResponseWriter, h handed) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(h) // a client that went away
}

// byToken verifies the token of a request as RFC 8725 asks for.
func (s *service) byToken(r *http.Request) (caller, error) {
	k := s.tokens
	all := r.Header.Values("Authorization")
	if len(all) != 1 {
		return caller{}, errNobody
	}
	scheme, token, _ := strings.Cut(all[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return caller{}, errNobody
	}
	c, err := k.verify(strings.TrimLeft(token, " "), s.now)
	if err != nil {
		return caller{}, errNobody
	}
	if s.away {
		return caller{}, errAway
	}
	name := c.Login
	if k.defect == denylistByBytes {
		name = c.raw
	}
	if k.ended[name] || c.Generation != k.generations[c.Subject] {
		return caller{}, errNobody
	}
	return caller{user: c.Subject, old: c}, nil
}

func (k *tokenSide) verify(token string, now func() time.Time) (*claimSet, error) {
	if strings.ContainsAny(token, "\r\n") { // base64 of the standard library skips them
		return nil, errNobody
	}
	for _, part := range strings.SplitN(token, ".", 4)[:min(2, strings.Count(token, ".")+1)] {
		b, err := base64.RawURLEncoding.DecodeString(part)
		members := plainObject(b)
		if err != nil || members == nil || bytes.HasPrefix(members["exp"], []byte(`"`)) {
			return nil, errNobody
		}
	}
	options := []jwt.ParserOption{
		jwt.WithStrictDecoding(), jwt.WithExpirationRequired(), jwt.WithIssuer(tokenIssuer),
		jwt.WithLeeway(tokenLeeway), jwt.WithTimeFunc(now),
	}
	if k.defect != noAudienceCheck {
		options = append(options, jwt.WithAudience(tokenAudience))
	}
	methods := []string{k.algorithm}
	if k.defect == algorithmConfusion {
		methods = append(methods, "HS256", "HS384", "HS512")
	}
	options = append(options, jwt.WithValidMethods(methods))
	c := &claimSet{raw: token}
	_, err := jwt.NewParser(options...).ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		if typ, _ := t.Header["typ"].(string); typ != "at+jwt" && typ != "application/at+jwt" {
			return nil, errNobody
		}
		if _, critical := t.Header["crit"]; critical || t.Header["kid"] != any(k.kid) {
			return nil, errNobody
		}
		if _, hmac := t.Method.(*jwt.SigningMethodHMAC); hmac && k.algorithm != "HS256" {
			return k.pem()
		}
		return k.verifying, nil
	})
	switch {
	case err != nil:
		return nil, err
	case c.Subject == "" || c.ID == "" || c.Login == "":
		return nil, errNobody
	}
	return c, nil
}

// plainObject is a JSON object in UTF-8 that says everything once, in names that no reader
// of JSON takes for others: encoding/json does not care about case. Nil: b is none.
func plainObject(b []byte) map[string]json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(b))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') || !utf8.Valid(b) {
		return nil
	}
	members := map[string]json.RawMessage{}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok || members[name] != nil || strings.ToLower(name) != name {
			return nil
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil
		}
		members[name] = value
	}
	return members
}

// pem is how the public key lies about in files: what a verifier that trusts the header
// takes for a secret.
func (k *tokenSide) pem() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.verifying)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), err
}

func (k *tokenSide) end(c caller) {
	if k.defect == denylistByBytes {
		k.ended[c.old.raw] = true
	} else {
		k.ended[c.old.Login] = true
	}
	for _, at := range k.refreshes {
		if at.login == c.old.Login {
			at.used = true
		}
	}
}

func (k *tokenSide) endAll(user string) {
	k.generations[user] = rand.Text()
	for _, at := range k.refreshes {
		if at.user == user {
			at.used = true
		}
	}
}

// refresh is RFC 6749 section 6: a token that was used ends its log-in.
func (s *service) refresh(w http.ResponseWriter, r *http.Request) {
	k := s.tokens
	if err := r.ParseForm(); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		say(w, 400, "error", "invalid_request")
		return
	}
	switch grant := r.PostForm["grant_type"]; {
	case len(grant) != 1 || grant[0] == "" || grant[0] == "refresh_token" && len(r.PostForm["refresh_token"]) != 1:
		say(w, 400, "error", "invalid_request")
		return
	case grant[0] != "refresh_token":
		say(w, 400, "error", "unsupported_grant_type")
		return
	}
	if s.away {
		s.refuse(w, errAway)
		return
	}
	user, login, err := k.trade(r.PostForm.Get("refresh_token"), s.now())
	if err != nil || s.disabled[user] {
		say(w, 400, "error", "invalid_grant")
		return
	}
	k.hand(w, k.issue(user, login, s.now()))
}

var errGrant = errors.New("invalid grant")

func (k *tokenSide) trade(token string, now time.Time) (user, login string, err error) {
	at := k.refreshes[token]
	switch {
	case at == nil || !now.Before(at.until):
		return "", "", errGrant
	case at.used && k.defect == reuseForgiven && !k.ended[at.login]:
		return at.user, at.login, nil
	case at.used:
		k.ended[at.login] = true
		for _, other := range k.refreshes {
			if other.login == at.login {
				other.used = true
			}
		}
		return "", "", errGrant
	}
	at.used = true
	return at.user, at.login, nil
}
