package jwt

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/golang-jwt/jwt/v5"
)

// vectorGroup is a key, or a set of keys, and tokens under it.
type vectorGroup struct {
	Comment         string
	Private, Public json.RawMessage
	Tests           []vector
}

type vector struct {
	ID           int `json:"tcId"`
	Comment, JWS string
	Result       string
	Flags        []string
}

func (v vector) valid() bool { return v.Result == "valid" }

// departures are vectors whose result we do not share, and why.
var departures = map[int]string{
	367: "its token is that of the valid vector 357",
	370: "its token is that of the valid vector 357",
	372: "a character outside the alphabet: RFC 4648 section 3.3 has it refused",
	373: "a character outside the alphabet: RFC 4648 section 3.3 has it refused",
}

// vectorTally counts what was tried.
type vectorTally struct {
	cases, accepted, refused, unsupported, departed int
	controls, vacuous, foreign                      int // groups
	transplants, redigested                         int
	wrong                                           []string
}

func (y *vectorTally) String() string {
	return fmt.Sprintf("%d cases: %d accepted, %d refused, %d valid ones of algorithms that we do not have refused, %d departures that are named; %d groups with a valid control, %d of algorithms that we do not have, %d vacuous; %d signatures transplanted into real tokens, %d with the digest of that token in their padding; wrong verdicts: %d",
		y.cases, y.accepted, y.refused, y.unsupported, y.departed, y.controls, y.foreign, y.vacuous, y.transplants, y.redigested, len(y.wrong))
}

func (y *vectorTally) err(format string, args ...any) {
	y.wrong = append(y.wrong, fmt.Sprintf(format, args...))
}

func vectors[T any](t testing.TB, file string) []T {
	t.Helper()
	b, err := fs.ReadFile(wycheproof.TestVectors, file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Tests  int `json:"numberOfTests"`
		Groups []T `json:"testGroups"`
	}
	if err := json.Unmarshal(b, &f); err != nil || f.Tests == 0 || len(f.Groups) == 0 {
		t.Fatalf("%s: %d tests, %v", file, f.Tests, err)
	}
	return f.Groups
}

// vectorKey is a JSON Web Key with all that vectors have.
type vectorKey struct {
	jwk
	D string `json:"d"`
}

// keysOf reads a key, or a set.
func keysOf(t *testing.T, raw json.RawMessage) []json.RawMessage {
	t.Helper()
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	if set.Keys == nil {
		return []json.RawMessage{raw}
	}
	return set.Keys
}

// ringFrom loads keys in the way that a node does: secrets as from its file, all others
// as a published set.
func ringFrom(t *testing.T, g vectorGroup) (*Ring, error) {
	t.Helper()
	raw := g.Public
	if raw == nil {
		raw = g.Private
	}
	keys := keysOf(t, raw)
	var first jwk
	if err := json.Unmarshal(keys[0], &first); err != nil {
		t.Fatal(err)
	}
	if first.Type != "oct" {
		set, err := json.Marshal(map[string]any{"keys": keys})
		if err != nil {
			t.Fatal(err)
		}
		usable, why, err := parseSet(set)
		if err != nil {
			return nil, errors.Join(err, why)
		}
		r := emptyRing(usable[0].alg)
		return r, r.replace(usable)
	}
	f := ringFile{Algorithm: first.Algorithm, Active: first.ID}
	for _, k := range keys {
		var j jwk
		if err := json.Unmarshal(k, &j); err != nil {
			t.Fatal(err)
		}
		one := keyFile{ID: j.ID, Private: unpadded(j.Secret)}
		if j.Algorithm != first.Algorithm {
			one.Algorithm = j.Algorithm
		}
		f.Keys = append(f.Keys, one)
	}
	alg, err := findAlgorithm(first.Algorithm)
	if err != nil {
		return nil, err
	}
	return f.ring(alg, "vectors")
}

// raw verifies a token whose payload is no JSON, with the rules for headers and the
// arithmetic of the verifier. The vectors have no typ.
func raw(ring *Ring, token string) error {
	if strings.ContainsAny(token, "\r\n") {
		return ErrMalformed
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ErrMalformed
	}
	var decoded [3][]byte
	for i, p := range parts {
		var err error
		if decoded[i], err = decodeB64(p); err != nil {
			return ErrMalformed
		}
	}
	var header map[string]any
	if err := json.Unmarshal(decoded[0], &header); err != nil {
		return ErrMalformed
	}
	h := head{typ: string(Access)}
	h.alg, _ = header["alg"].(string)
	h.kid, _ = header["kid"].(string)
	_, h.crit = header["crit"]
	k, err := (&Verifier{keys: ring, methods: ring.methods()}).key(h, Access)
	if err != nil {
		return err
	}
	return k.alg.method.Verify(parts[0]+"."+parts[1], decoded[2], k.public)
}

// headerAlg is the alg that a token names.
func headerAlg(token string) string {
	part, _, _ := strings.Cut(token, ".")
	b, _ := base64.RawURLEncoding.DecodeString(part)
	var h struct{ Alg string }
	_ = json.Unmarshal(b, &h) // what is no header names none
	return h.Alg
}

// TestWycheproofJWS: the tokens of the vectors, as they are, and their signatures in
// tokens that our own issuer could have made.
func TestWycheproofJWS(t *testing.T) {
	y := &vectorTally{}
	for _, g := range vectors[vectorGroup](t, "json_web_signature_test.json") {
		y.group(t, g, nil)
	}
	y.conclude(t, 401)
	if y.transplants < 300 || y.redigested < 100 {
		t.Error("too few signatures were transplanted")
	}
}

// TestWycheproofJWK: tokens that are good or bad for their key.
func TestWycheproofJWK(t *testing.T) {
	good := map[string]*Ring{} // by kid, of the other file: what the tokens would be good for
	for _, g := range vectors[vectorGroup](t, "json_web_signature_test.json") {
		if r, err := ringFrom(t, g); err == nil {
			keys, _ := r.Keys()
			good[keys[0].ID] = r
		}
	}
	y := &vectorTally{}
	for _, g := range vectors[vectorGroup](t, "json_web_key_test.json") {
		y.group(t, g, good)
	}
	y.conclude(t, 26)
}

func (y *vectorTally) conclude(t *testing.T, cases int) {
	t.Helper()
	t.Log(y)
	for _, w := range y.wrong {
		t.Error(w)
	}
	if y.cases < cases || y.vacuous > 0 {
		t.Errorf("%d cases, want %d at least; %d groups say nothing", y.cases, cases, y.vacuous)
	}
}

// group tries one group. A group in which nothing was ever accepted, and of which
// nothing shows that the keys alone are why, says nothing.
func (y *vectorTally) group(t *testing.T, g vectorGroup, good map[string]*Ring) {
	t.Helper()
	ring, rerr := ringFrom(t, g)
	controlled, foreign := false, false
	for _, v := range g.Tests {
		y.cases++
		err := rerr
		if err == nil {
			err = raw(ring, v.JWS)
		}
		switch _, departs := departures[v.ID]; {
		case departs && good == nil:
			y.departed++
			if (err == nil) == v.valid() {
				y.err("%d: a departure that is none", v.ID)
			}
		case v.valid() && err == nil:
			y.accepted++
			controlled = true
		case !v.valid() && err != nil:
			y.refused++
			controlled = controlled || soundWithout(t, g, v, good)
		case v.valid() && !supported(headerAlg(v.JWS), ring):
			y.unsupported++
			foreign = true // a refusal is all there is to see
		default:
			y.err("%s %d %s: %v, want %s", g.Comment, v.ID, v.Comment, err, v.Result)
		}
	}
	if rerr == nil {
		controlled = y.transplant(t, g, ring) || controlled
	}
	switch {
	case controlled:
		y.controls++
	case foreign:
		y.foreign++
	default:
		y.vacuous++
		t.Logf("vacuous: %s", g.Comment)
	}
}

// supported says whether a token with that alg could be verified at all, with a key that
// names it.
func supported(alg string, ring *Ring) bool {
	if ring == nil {
		return slices.Contains(Algorithms(), alg)
	}
	keys, _ := ring.Keys()
	return slices.ContainsFunc(keys, func(k KeyInfo) bool { return k.Algorithm == alg })
}

// soundWithout says that the token of a bad vector is sound, so that it is the keys that
// it was refused for: a good key of the same name verifies it, or arithmetic does.
func soundWithout(t *testing.T, g vectorGroup, v vector, good map[string]*Ring) bool {
	t.Helper()
	for _, r := range good {
		if raw(r, v.JWS) == nil {
			return true
		}
	}
	dot := strings.LastIndexByte(v.JWS, '.')
	if dot < 0 {
		return false
	}
	sig, err := decodeB64(v.JWS[dot+1:])
	if err != nil {
		return false
	}
	for _, k := range keysOf(t, g.Private) {
		var j jwk
		if json.Unmarshal(k, &j) == nil && j.arithmetic(v.JWS[:dot], sig, headerAlg(v.JWS)) {
			return true
		}
	}
	return false
}

// arithmetic verifies a signature whatever the key is said to be for, and however weak
// it is.
func (j jwk) arithmetic(text string, sig []byte, alg string) bool {
	sum := sha256.Sum256([]byte(text))
	switch j.Type {
	case "oct":
		hash, ok := map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}[alg]
		if !ok {
			return false
		}
		mac := hmac.New(hash, unpadded(j.Secret))
		mac.Write([]byte(text))
		return hmac.Equal(mac.Sum(nil), sig)
	case "RSA":
		number := func(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
		em := new(big.Int).Exp(number(sig), number(unpadded(j.E)), number(unpadded(j.N)))
		return bytes.HasSuffix(em.Bytes(), sum[:])
	case "EC":
		public, err := p256().fromJWK(j)
		return err == nil && jwt.SigningMethodES256.Verify(text, sig, public) == nil
	}
	return false
}

func unpadded(s string) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(s) // what is none is empty
	return b
}
