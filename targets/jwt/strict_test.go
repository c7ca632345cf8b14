package jwt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// forge signs any header and payload with any method and key, as an attacker
// would, and as our own issuer never does.
func forge(t testing.TB, method jwt.SigningMethod, key any, header, payload string) string {
	t.Helper()
	s := b64([]byte(header)) + "." + b64([]byte(payload))
	sig, err := method.Sign(s, key)
	if err != nil {
		t.Fatal(err)
	}
	return s + "." + b64(sig)
}

func header(alg, typ, kid string) string {
	return fmt.Sprintf(`{"alg":%q,"typ":%q,"kid":%q}`, alg, typ, kid)
}

func payload(change map[string]any) string {
	m := map[string]any{
		"iss": "https://issuer.test", "aud": "api", "sub": "user-7", "jti": "x",
		"iat": epoch.Unix(), "exp": epoch.Unix() + 60,
	}
	for k, v := range change {
		if v == nil {
			delete(m, k)
		} else {
			m[k] = v
		}
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func TestStrict(t *testing.T) {
	all := rings(t)
	ring := all["RS256"]
	key := ring.active()
	_, v := pair(t, ring, config(&frozen{epoch}))
	der, err := x509.MarshalPKIXPublicKey(key.public)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	good := header("RS256", "at+jwt", key.ID)
	rs := func(h, p string) string { return forge(t, jwt.SigningMethodRS256, key.private, h, p) }
	valid := rs(good, payload(nil))
	parts := strings.Split(valid, ".")
	for _, c := range []struct {
		name  string
		token string
		want  error
	}{
		{"valid", valid, nil},
		{"application/at+jwt", rs(header("RS256", "application/at+jwt", key.ID), payload(nil)), nil},
		{"none", b64([]byte(header("none", "at+jwt", key.ID))) + "." + parts[1] + ".", ErrAlgorithm},
		{"none, signature kept", b64([]byte(header("none", "at+jwt", key.ID))) + "." + parts[1] + "." + parts[2], ErrAlgorithm},
		{"nOnE", b64([]byte(header("nOnE", "at+jwt", key.ID))) + "." + parts[1] + ".", ErrAlgorithm},
		{"no signature", parts[0] + "." + parts[1] + ".", ErrSignature},
		{"HS256 keyed with the public key", forge(t, jwt.SigningMethodHS256, publicPEM, header("HS256", "at+jwt", key.ID), payload(nil)), ErrAlgorithm},
		{"RS512 under our key", forge(t, jwt.SigningMethodRS512, key.private, header("RS512", "at+jwt", key.ID), payload(nil)), ErrAlgorithm},
		{"PS256 under our key", forge(t, jwt.SigningMethodPS256, key.private, header("PS256", "at+jwt", key.ID), payload(nil)), ErrAlgorithm},
		{"no alg", rs(`{"typ":"at+jwt","kid":"`+key.ID+`"}`, payload(nil)), ErrAlgorithm},
		{"crit", rs(`{"alg":"RS256","typ":"at+jwt","kid":"`+key.ID+`","crit":["exp"]}`, payload(nil)), ErrCritical},
		{"crit empty", rs(`{"alg":"RS256","typ":"at+jwt","kid":"`+key.ID+`","crit":[]}`, payload(nil)), ErrCritical},
		{"crit null", rs(`{"alg":"RS256","typ":"at+jwt","kid":"`+key.ID+`","crit":null}`, payload(nil)), ErrCritical},
		{"typ JWT", rs(header("RS256", "JWT", key.ID), payload(nil)), ErrType},
		{"no typ", rs(`{"alg":"RS256","kid":"`+key.ID+`"}`, payload(nil)), ErrType},
		{"typ is a number", rs(`{"alg":"RS256","typ":1,"kid":"`+key.ID+`"}`, payload(nil)), ErrType},
		{"unknown kid", rs(header("RS256", "at+jwt", "../../dev/null"), payload(nil)), ErrKey},
		{"no kid", rs(`{"alg":"RS256","typ":"at+jwt"}`, payload(nil)), ErrKey},
		{"kid is a number", rs(`{"alg":"RS256","typ":"at+jwt","kid":1}`, payload(nil)), ErrKey},
		{"embedded jwk, another key", forge(t, jwt.SigningMethodRS256, mustRing(t, "RS256").active().private, good, payload(nil)), ErrSignature},
		{"no exp", rs(good, payload(map[string]any{"exp": nil})), ErrClaims},
		{"exp null", rs(good, strings.Replace(payload(nil), fmt.Sprint(epoch.Unix()+60), "null", 1)), ErrClaims},
		{"exp 0", rs(good, payload(map[string]any{"exp": 0})), ErrExpired},
		{"exp negative", rs(good, payload(map[string]any{"exp": -1})), ErrClaims},
		{"exp beyond the calendar", rs(good, payload(map[string]any{"exp": int64(1) << 62})), ErrClaims},
		{"exp 1e400", rs(good, strings.Replace(payload(nil), fmt.Sprint(epoch.Unix()+60), "1e400", 1)), ErrMalformed},
		{"exp text", rs(good, payload(map[string]any{"exp": "2000000000"})), ErrMalformed},
		{"nbf in the future", rs(good, payload(map[string]any{"nbf": epoch.Unix() + 6})), ErrNotYet},
		{"other issuer", rs(good, payload(map[string]any{"iss": "https://other.test"})), ErrClaims},
		{"no issuer", rs(good, payload(map[string]any{"iss": nil})), ErrClaims},
		{"other audience", rs(good, payload(map[string]any{"aud": "other"})), ErrClaims},
		{"no audience", rs(good, payload(map[string]any{"aud": nil})), ErrClaims},
		{"audience of refresh tokens", rs(good, payload(map[string]any{"aud": "https://issuer.test"})), ErrClaims},
		{"no subject", rs(good, payload(map[string]any{"sub": nil})), ErrClaims},
		{"no jti", rs(good, payload(map[string]any{"jti": nil})), ErrClaims},
		{"payload null", rs(good, "null"), ErrClaims},
		{"payload array", rs(good, "[]"), ErrMalformed},
		{"payload deep", rs(good, strings.Repeat("[", 3000)), ErrMalformed},
		{"header null", rs("null", payload(nil)), ErrAlgorithm},
		{"empty", "", ErrMalformed},
		{"two parts", parts[0] + "." + parts[1], ErrMalformed},
		{"four parts", valid + ".", ErrMalformed},
		{"five parts", valid + "..", ErrMalformed},
		{"padding", valid + "=", ErrMalformed},
		{"line break", parts[0] + ".\n" + parts[1] + "." + parts[2], ErrMalformed},
		{"line break at the end", valid + "\r\n", ErrMalformed},
		{"standard alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(valid), ErrMalformed},
		{"JSON serialization", `{"payload":"` + parts[1] + `"}`, ErrMalformed},
		{"too large", valid + strings.Repeat("A", MaxTokenBytes), ErrMalformed},
	} {
		_, err := v.Access(c.token)
		if (err == nil) != (c.want == nil) || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if got := Reason(err); c.want != nil && got != c.want.Error() {
			t.Errorf("%s: reason %q, want %q", c.name, got, c.want)
		}
	}
}

func mustRing(t testing.TB, alg string) *Ring {
	t.Helper()
	r, err := NewRing(alg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The last character of a base64url signature has bits that mean nothing. A
// lenient decoder takes several spellings of one token.
func TestOneSpelling(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for alg, ring := range rings(t) {
		i, v := pair(t, ring, config(&frozen{epoch}))
		tok := issue(t, i).Access
		accepted := 0
		for _, c := range alphabet {
			if _, err := v.Access(tok[:len(tok)-1] + string(c)); err == nil {
				accepted++
			}
		}
		if accepted != 1 {
			t.Errorf("%s: %d spellings of one token accepted", alg, accepted)
		}
	}
}

// ECDSA signatures come in twins; the verifier takes both. Revocation must not
// be keyed by the bytes of a token.
func TestTwin(t *testing.T) {
	for _, alg := range []string{"ES256", "ES384"} {
		i, v := pair(t, mustRing(t, alg), config(&frozen{epoch}))
		tok := issue(t, i).Access
		a, err := v.Access(tok)
		if err != nil {
			t.Fatal(err)
		}
		b, err := v.Access(twin(t, tok))
		if err != nil || a.ID != b.ID {
			t.Errorf("%s: twin: %v", alg, err)
		}
		if twin(t, tok) == tok || twin(t, twin(t, tok)) != tok {
			t.Errorf("%s: twin is not an involution", alg)
		}
	}
}

// twin replaces (r, s) by (r, n-s).
func twin(t testing.TB, token string) string {
	t.Helper()
	dot := strings.LastIndexByte(token, '.')
	sig, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	curve := map[int]elliptic.Curve{64: elliptic.P256(), 96: elliptic.P384()}[len(sig)]
	if err != nil || curve == nil {
		t.Fatalf("no signature of ES256 or ES384: %v", err)
	}
	half := sig[len(sig)/2:]
	new(big.Int).Sub(curve.Params().N, new(big.Int).SetBytes(half)).FillBytes(half)
	return token[:dot+1] + b64(sig)
}

func TestECPointAtZero(t *testing.T) {
	ring := mustRing(t, "ES256")
	_, v := pair(t, ring, config(&frozen{epoch}))
	h := b64([]byte(header("ES256", "at+jwt", ring.active().ID)))
	zero := h + "." + b64([]byte(payload(nil))) + "." + b64(make([]byte, 64))
	if _, err := v.Access(zero); !errors.Is(err, ErrSignature) {
		t.Errorf("r = s = 0: %v", err)
	}
	if _, ok := ring.active().public.(*ecdsa.PublicKey); !ok {
		t.Error("not an EC key")
	}
}

// FuzzAccess mutates tokens and whole inputs: the verifier never panics, and
// accepts nothing but what was issued.
func FuzzAccess(f *testing.F) {
	all := rings(f)
	type target struct {
		alg   string
		valid string
		twin  string
		v     *Verifier
	}
	var targets []target
	for _, alg := range Algorithms() {
		i, v := pair(f, all[alg], config(&frozen{epoch}))
		tg := target{alg: alg, valid: issue(f, i).Access, v: v}
		if alg == "ES256" || alg == "ES384" {
			tg.twin = twin(f, tg.valid)
		}
		targets = append(targets, tg)
	}
	f.Add("", 0, byte(0), 0)
	f.Add("a.b.c", 10, byte('A'), 1)
	f.Add("e30.e30.", 400, byte('.'), 2)
	f.Add(b64([]byte(`{"alg":"none"}`))+".bnVsbA.", 5, byte('='), 3)
	f.Fuzz(func(t *testing.T, raw string, at int, b byte, how int) {
		for _, tg := range targets {
			for _, tok := range []string{raw, mutate(tg.valid, at, b, how, raw)} {
				if _, err := tg.v.Access(tok); err == nil && tok != tg.valid && tok != tg.twin {
					t.Fatalf("%s accepted %q, issued was %q", tg.alg, tok, tg.valid)
				}
				if _, err := tg.v.Refresh(tok); err == nil {
					t.Fatalf("%s took %q for a refresh token", tg.alg, tok)
				}
			}
		}
	})
}

func mutate(tok string, at int, b byte, how int, insert string) string {
	i := int(uint(at) % uint(len(tok)))
	switch uint(how) % 4 {
	case 0:
		return tok[:i] + string([]byte{b}) + tok[i+1:] // replace
	case 1:
		return tok[:i] + string([]byte{b}) + tok[i:] // insert
	case 2:
		return tok[:i] + tok[i+1:] // drop
	default:
		return tok[:i] + insert // cut and continue
	}
}

func BenchmarkVerify(b *testing.B) {
	for alg, ring := range rings(b) {
		i, v := pair(b, ring, config(&frozen{epoch}))
		tok := issue(b, i).Access
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Access(tok); err != nil {
					b.Fatal(err)
				}
			}
		})
		key := ring.active()
		text := tok[:strings.LastIndexByte(tok, '.')]
		sig, err := decodeB64(tok[len(text)+1:])
		if err != nil {
			b.Fatal(err)
		}
		b.Run(alg+"/signature", func(b *testing.B) {
			for b.Loop() {
				if err := key.alg.method.Verify(text, sig, key.public); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerifier is the same token with each library.
func BenchmarkVerifier(b *testing.B) {
	ring := mustRing(b, "HS256")
	for _, library := range Verifiers() {
		cfg := config(&frozen{epoch})
		cfg.Verifier = library
		i, v := pair(b, ring, cfg)
		tok := issue(b, i).Access
		b.Run(library, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Access(tok); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIssue signs an access and a refresh token.
func BenchmarkIssue(b *testing.B) {
	for alg, ring := range rings(b) {
		i, _ := pair(b, ring, config(&frozen{epoch}))
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				issue(b, i)
			}
		})
	}
}
