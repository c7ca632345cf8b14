package attack

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
)

func TestParseJWS(t *testing.T) {
	token, err := Signer("HS256", "", []byte("k"))(t.Context(), Signing{Header: []byte(`{"alg":"HS256","kid":"a"}`), Payload: []byte(`{"sub":"b","exp":1.5}`)})
	if err != nil {
		t.Fatal(err)
	}
	j, err := parseJWS(token)
	if err != nil {
		t.Fatal(err)
	}
	if end, ok := j.claim.number("exp"); j.alg != "HS256" || j.kid != "a" || j.claim.text("sub") != "b" || end != 1 || !ok {
		t.Errorf("%+v", j)
	}
	if j.sealed(j.sig) != token || j.under(j.head) != token || j.saying(j.body) != token || compact(j.head, j.body, j.sig) != token {
		t.Error("put together again it is another token")
	}
	for _, none := range []string{"", "a.b", "....", "a.b.c", "e30.e30", "bnVsbA.e30.", "e30.bnVsbA.", "W10.e30.", "opaque"} {
		if _, err := parseJWS(none); err == nil {
			t.Errorf("%q is taken for a token", none)
		}
	}
}

func TestObject(t *testing.T) {
	o := object{"a": raw("1")}
	if got := string(o.with("b", raw("1e400")).bytes()); got != `{"a":1,"b":1e400}` {
		t.Error(got)
	}
	if got := string(o.before("a", raw("2"))); got != `{"a":2,"a":1}` {
		t.Error(got)
	}
	if got := string(o.after("a", raw("2"))); got != `{"a":1,"a":2}` {
		t.Error(got)
	}
	if len(o.without("a")) != 0 || len(o) != 1 {
		t.Error("without changes what it is given")
	}
}

// TestNones: every letter case of none is there, once.
func TestNones(t *testing.T) {
	cases := map[string]bool{}
	for _, o := range nones("ES256") {
		if s := o.text("alg"); strings.EqualFold(s, "none") {
			cases[s] = true
		}
	}
	if len(cases) != 16 {
		t.Errorf("%d spellings", len(cases))
	}
}

// TestForms: what is made of a public key is what programs hold it as.
func TestForms(t *testing.T) {
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ed, _, _ := ed25519.GenerateKey(rand.Reader)
	for _, public := range []crypto.PublicKey{&rs.PublicKey, &ec.PublicKey, ed} {
		jwk := jwkOf(public, "a", "x").bytes()
		keys, err := ParseKeys(jwk)
		if err != nil {
			t.Fatal(err)
		}
		same, ok := keys[0].Public.(interface{ Equal(x crypto.PublicKey) bool })
		if !ok || !same.Equal(public) || keys[0].ID != "a" {
			t.Errorf("%T does not survive a JWK: %s", public, jwk)
		}
		all := forms(keys[0])
		text := all["PKIX (PEM)"]
		block, _ := pem.Decode(text)
		if block == nil {
			t.Fatalf("%T: no PEM", public)
		}
		if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			t.Error(err)
		}
		if got := all["PKIX (PEM) without a newline at the end"]; !bytes.Equal(append(got, '\n'), text) {
			t.Errorf("%q", got)
		}
		if !bytes.Equal(all["the JWK"], append(jwk, '\n')) || len(all["the JWK's thumbprint"]) != 32 {
			t.Errorf("%q", all["the JWK"])
		}
	}
	if _, ok := forms(Key{Public: &rs.PublicKey})["PKCS #1 (PEM)"]; !ok {
		t.Error("no PKCS #1")
	}
	akp, err := ParseKeys([]byte(`{"keys":[{"kty":"AKP","alg":"ML-DSA-44","kid":"m","pub":"AQI"},{"kty":"EC","crv":"secp256k1","x":"AQ","y":"AQ"}]}`))
	if err != nil || len(akp) != 2 || !bytes.Equal(forms(akp[0])["its bytes"], []byte{1, 2}) || akp[1].Public != nil {
		t.Errorf("%+v, %v", akp, err)
	}
	for _, bad := range []string{"", "[]", `{"keys":[{"kty":"oct","k":"AQ"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]}`, `{"keys":[{"kty":"RSA","n":"=","e":"AQ"}]}`} {
		if _, err := ParseKeys([]byte(bad)); err == nil {
			t.Errorf("%s is taken for keys", bad)
		}
	}
	// The thumbprint of RFC 7638 section 3.1.
	least := thumbprinted([]byte(`{"kty":"RSA","n":"0vx","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`))
	if string(least) != `{"e":"AQAB","kty":"RSA","n":"0vx"}` {
		t.Errorf("%s", least)
	}
}

// TestPaddings: the right one verifies, and none of the others.
func TestPaddings(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := Signer("RS256", "", key)
	head, body := []byte(`{"alg":"RS256"}`), []byte(`{"sub":"a"}`)
	token, err := sign(t.Context(), Signing{Header: head, Payload: body})
	if err != nil {
		t.Fatal(err)
	}
	j, err := parseJWS(token)
	if err != nil {
		t.Fatal(err)
	}
	f := &forge{jws: j, t: &Target{Material: Material{Keys: []Key{{Public: &key.PublicKey}}}}}
	right := f.digestInfo()
	digest := right[len(right)-32:]
	verifies := func(em []byte) bool {
		token, err := sign(t.Context(), Signing{Header: head, Payload: body, Padded: em})
		if err != nil {
			t.Fatal(err)
		}
		made, err := parseJWS(token)
		if err != nil {
			t.Fatal(err)
		}
		return rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest, made.sig) == nil
	}
	if !verifies(encoded(256, 0, 1, 0xff, right)) {
		t.Error("the right padding does not verify")
	}
	wrong := f.wrongPaddings(256, crypto.SHA256, right, digest)
	if len(wrong) < 20 {
		t.Errorf("%d paddings", len(wrong))
	}
	for what, em := range wrong {
		if len(em) != 256 {
			t.Errorf("%s: %d bytes", what, len(em))
		} else if verifies(em) {
			t.Errorf("%s verifies", what)
		}
	}
	for _, v := range f.rsaNumbers(f.rsaKey()) {
		if made, err := parseJWS(v.credential); err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest, made.sig) == nil {
			t.Errorf("%s: %v, or it verifies", v.what, err)
		}
	}
}

// TestRootForged: with an exponent of 3 the forgery has the beginning that a careless
// verifier looks at.
func TestRootForged(t *testing.T) {
	n := new(big.Int).Lsh(big.NewInt(1), 2047) // any modulus larger than the cube will do
	f := &forge{jws: &jws{alg: "RS256", parts: [3]string{"e30", "e30", ""}}}
	all := f.rootForged(&rsa.PublicKey{N: n, E: 3})
	if len(all) == 0 {
		t.Fatal("nothing")
	}
	for _, v := range all {
		j, err := parseJWS(v.credential)
		if err != nil {
			t.Fatal(err)
		}
		s := new(big.Int).SetBytes(j.sig)
		em := new(big.Int).Exp(s, big.NewInt(3), nil).FillBytes(make([]byte, 256))
		at := bytes.Index(em, f.digestInfo())
		if at < 4 || !bytes.Equal(em[:2], []byte{0, 1}) || em[at-1] != 0 || slices.Contains(em[2:at-1], 0) {
			t.Errorf("%s: %x", v.what, em[:80])
		}
	}
}

func TestSigner(t *testing.T) {
	sign := Signer("HS256", "one", []byte("k"))
	for _, s := range []Signing{{KeyID: "two"}, {Algorithm: "none"}, {Algorithm: "x"}, {Algorithm: "RS256"}, {Padded: []byte{1}}} {
		if token, err := sign(t.Context(), s); err == nil {
			t.Errorf("%+v: %s", s, token)
		}
	}
	if _, err := sign(t.Context(), Signing{KeyID: "one", Algorithm: "HS512"}); err != nil {
		t.Error(err)
	}
}

// TestTokenCatalogue: ids are of their class, in order, once, and say where they are from.
func TestTokenCatalogue(t *testing.T) {
	for letter, cases := range map[string][]Case{"A": signatureCases(), "B": parserCases(), "C": claimCases()} {
		last := 0
		for _, c := range cases {
			var n int
			if err := json.Unmarshal([]byte(strings.TrimPrefix(c.ID, letter)), &n); err != nil || n <= last {
				t.Errorf("%s behind %s%d", c.ID, letter, last)
			}
			if last = n; c.Title == "" || c.Reference == "" || c.Applies == nil || c.Try == nil {
				t.Errorf("%s lacks something", c.ID)
			}
		}
	}
	want := strings.Fields("A1 A3 A4 A6 A8 A10 A11 A12 A14 A16 A18 A20 A22 A24 A25 A27 B1 B3 B5 B7 B8 B9 B11 B13 C1 C2 C4 C5 C6 C8 C9 C10 C11")
	have := slices.Concat(signatureCases(), parserCases(), claimCases())
	for _, id := range want {
		if !slices.ContainsFunc(have, func(c Case) bool { return c.ID == id }) {
			t.Errorf("no %s", id)
		}
	}
}
