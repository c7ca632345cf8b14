package jwt

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// verifiers is one verifier a library over the same ring.
func verifiers(t testing.TB, ring *Ring, clock *frozen) map[string]*Verifier {
	t.Helper()
	out := map[string]*Verifier{}
	for _, library := range Verifiers() {
		cfg := config(clock)
		cfg.Verifier = library
		_, out[library] = pair(t, ring, cfg)
	}
	return out
}

// TestLibrariesAgree: what is accepted, and why something is not, does not depend on the
// library.
func TestLibrariesAgree(t *testing.T) {
	ring := mustRing(t, "HS256")
	key, clock := ring.active(), &frozen{epoch}
	all := verifiers(t, ring, clock)
	good := header("HS256", "at+jwt", key.ID)
	hs := func(h, p string) string { return forge(t, jwt.SigningMethodHS256, key.private, h, p) }
	valid := hs(good, payload(nil))
	parts := strings.Split(valid, ".")
	exp := fmt.Sprint(epoch.Unix() + 60)
	for _, c := range []struct {
		name  string
		token string
		want  error
	}{
		{"valid", valid, nil},
		{"application/at+jwt", hs(header("HS256", "application/at+jwt", key.ID), payload(nil)), nil},
		{"spaces in the header", hs(`{ "alg" : "HS256", "typ":"at+jwt", "kid":"`+key.ID+`" }`, payload(nil)), nil},
		{"none", b64([]byte(header("none", "at+jwt", key.ID))) + "." + parts[1] + ".", ErrAlgorithm},
		{"no signature", parts[0] + "." + parts[1] + ".", ErrSignature},
		{"HS512 under our key", forge(t, jwt.SigningMethodHS512, key.private, header("HS512", "at+jwt", key.ID), payload(nil)), ErrAlgorithm},
		{"HS512 in the header", hs(header("HS512", "at+jwt", key.ID), payload(nil)), ErrAlgorithm},
		{"blank key", forge(t, jwt.SigningMethodHS256, []byte{}, good, payload(nil)), ErrSignature},
		{"no alg", hs(`{"typ":"at+jwt","kid":"`+key.ID+`"}`, payload(nil)), ErrAlgorithm},
		{"alg is a number", hs(`{"alg":1,"typ":"at+jwt","kid":"`+key.ID+`"}`, payload(nil)), ErrAlgorithm},
		{"crit", hs(`{"alg":"HS256","typ":"at+jwt","kid":"`+key.ID+`","crit":["exp"]}`, payload(nil)), ErrCritical},
		{"crit null", hs(`{"alg":"HS256","typ":"at+jwt","kid":"`+key.ID+`","crit":null}`, payload(nil)), ErrCritical},
		{"typ JWT", hs(header("HS256", "JWT", key.ID), payload(nil)), ErrType},
		{"no typ", hs(`{"alg":"HS256","kid":"`+key.ID+`"}`, payload(nil)), ErrType},
		{"unknown kid", hs(header("HS256", "at+jwt", "x"), payload(nil)), ErrKey},
		{"no kid", hs(`{"alg":"HS256","typ":"at+jwt"}`, payload(nil)), ErrKey},
		{"kid is a number", hs(`{"alg":"HS256","typ":"at+jwt","kid":1}`, payload(nil)), ErrKey},
		{"no exp", hs(good, payload(map[string]any{"exp": nil})), ErrClaims},
		{"exp null", hs(good, strings.Replace(payload(nil), exp, "null", 1)), ErrClaims},
		{"exp 0", hs(good, payload(map[string]any{"exp": 0})), ErrExpired},
		{"exp negative", hs(good, payload(map[string]any{"exp": -1})), ErrClaims},
		{"exp beyond the calendar", hs(good, payload(map[string]any{"exp": int64(1) << 62})), ErrClaims},
		{"exp 1e400", hs(good, strings.Replace(payload(nil), exp, "1e400", 1)), ErrMalformed},
		{"exp text", hs(good, payload(map[string]any{"exp": "2000000000"})), ErrMalformed},
		{"nbf in the future", hs(good, payload(map[string]any{"nbf": epoch.Unix() + 6})), ErrNotYet},
		{"nbf within the leeway", hs(good, payload(map[string]any{"nbf": epoch.Unix() + 5})), nil},
		{"nbf in the future, no exp", hs(good, payload(map[string]any{"nbf": epoch.Unix() + 6, "exp": nil})), ErrNotYet},
		{"expired, another issuer", hs(good, payload(map[string]any{"exp": 1, "iss": "x"})), ErrExpired},
		{"other issuer", hs(good, payload(map[string]any{"iss": "https://other.test"})), ErrClaims},
		{"no issuer", hs(good, payload(map[string]any{"iss": nil})), ErrClaims},
		{"other audience", hs(good, payload(map[string]any{"aud": "other"})), ErrClaims},
		{"no audience", hs(good, payload(map[string]any{"aud": nil})), ErrClaims},
		{"no subject", hs(good, payload(map[string]any{"sub": nil})), ErrClaims},
		{"no jti", hs(good, payload(map[string]any{"jti": nil})), ErrClaims},
		{"payload null", hs(good, "null"), ErrClaims},
		{"payload array", hs(good, "[]"), ErrMalformed},
		{"payload deep", hs(good, strings.Repeat("[", 3000)), ErrMalformed},
		{"header null", hs("null", payload(nil)), ErrAlgorithm},
		{"header no JSON", hs("{", payload(nil)), ErrMalformed},
		{"empty", "", ErrMalformed},
		{"two parts", parts[0] + "." + parts[1], ErrMalformed},
		{"four parts", valid + ".", ErrMalformed},
		{"padding", valid + "=", ErrMalformed},
		{"line break", parts[0] + ".\n" + parts[1] + "." + parts[2], ErrMalformed},
		{"space", valid + " ", ErrMalformed},
		{"JSON serialization", `{"payload":"` + parts[1] + `"}`, ErrMalformed},
	} {
		for library, v := range all {
			_, err := v.Access(c.token)
			if (err == nil) != (c.want == nil) || !errors.Is(err, c.want) {
				t.Errorf("%s: %s: %v, want %v", library, c.name, err, c.want)
			}
		}
	}
	for library, v := range all {
		accepted := 0
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			if _, err := v.Access(valid[:len(valid)-1] + string(c)); err == nil {
				accepted++
			}
		}
		if accepted != 1 {
			t.Errorf("%s: %d spellings of one token are accepted", library, accepted)
		}
		clock.t = epoch.Add(65*time.Second - time.Millisecond)
		if _, err := v.Access(valid); err != nil {
			t.Errorf("%s: in its last millisecond: %v", library, err)
		}
		clock.t = epoch.Add(65 * time.Second)
		if _, err := v.Access(valid); !errors.Is(err, ErrExpired) {
			t.Errorf("%s: at exp + leeway: %v", library, err)
		}
		clock.t = epoch
	}
}

// TestVerifierErrors: a library that there is not, and one that is not for the keys.
func TestVerifierErrors(t *testing.T) {
	for library, alg := range map[string]string{"mine": "HS256", "jwx": "ES256"} {
		cfg := config(&frozen{epoch})
		cfg.Verifier = library
		if _, err := NewVerifier(mustRing(t, alg), cfg); err == nil || !strings.Contains(err.Error(), library) {
			t.Errorf("%s with %s: %v", library, alg, err)
		}
	}
}

// FuzzLibraries: whatever header and payload are signed, all libraries say the same, and
// read the same.
func FuzzLibraries(f *testing.F) {
	ring := mustRing(f, "HS256")
	key := ring.active()
	all := verifiers(f, ring, &frozen{epoch})
	f.Add(header("HS256", "at+jwt", key.ID), payload(nil))
	f.Add(`{"alg":"HS256","alg":"none","typ":"at+jwt","kid":"`+key.ID+`"}`, payload(map[string]any{"roles": []string{"a"}}))
	f.Add(`{"ALG":"HS256","typ":"at+jwt","kid":"`+key.ID+`","x":"\ud800"}`, `{"exp":1e9}`)
	f.Add(`[]`, `null`)
	f.Fuzz(func(t *testing.T, h, p string) {
		token := forge(t, jwt.SigningMethodHS256, key.private, h, p)
		a, aerr := all[libraryGolangJWT].Access(token)
		b, berr := all[libraryJWX].Access(token)
		if (aerr == nil) != (berr == nil) {
			t.Fatalf("%q.%q: golang-jwt says %v, jwx %v", h, p, aerr, berr)
		}
		if aerr == nil && berr == nil && (a.Subject != b.Subject || a.ID != b.ID || *a.ExpiresAt != *b.ExpiresAt) {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}
