package attack

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// ParseKeys reads the keys of a JWK set (RFC 7517 section 5), or one JWK. A key of a kind
// that is not known here has no Public, but its JWK. A set of secrets is an error: it is
// public then, and that is worse than anything that a probe could find.
func ParseKeys(set []byte) ([]Key, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
		Type string            `json:"kty"`
	}
	if err := json.Unmarshal(set, &doc); err != nil {
		return nil, fmt.Errorf("no JWK set: %w", err)
	}
	if doc.Keys == nil && doc.Type != "" {
		doc.Keys = []json.RawMessage{set}
	}
	var out []Key
	for i, text := range doc.Keys {
		k, err := parseKey(text)
		if err != nil {
			return nil, fmt.Errorf("key %d of the JWK set: %w", i, err)
		}
		out = append(out, k)
	}
	return out, nil
}

// parseKey reads a key: RSA and EC of RFC 7518 section 6, OKP of RFC 8037, AKP of RFC 9964
// (the bytes of pub).
func parseKey(text json.RawMessage) (Key, error) {
	var j struct {
		Type      string `json:"kty"`
		ID        string `json:"kid"`
		Algorithm string `json:"alg"`
		Curve     string `json:"crv"`
		N, E      string
		X, Y      string
		Public    string `json:"pub"`
		Secret    string `json:"k"`
		Private   string `json:"d"`
	}
	if err := json.Unmarshal(text, &j); err != nil {
		return Key{}, err
	}
	if j.Secret != "" || j.Private != "" {
		return Key{}, errors.New("its private part is published")
	}
	parts := map[string][]byte{}
	for name, value := range map[string]string{"n": j.N, "e": j.E, "x": j.X, "y": j.Y, "pub": j.Public} {
		b, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil {
			return Key{}, fmt.Errorf("%s: %w", name, err)
		}
		parts[name] = b
	}
	k := Key{ID: j.ID, Algorithm: j.Algorithm, JWK: text}
	switch j.Type {
	case "RSA":
		e := new(big.Int).SetBytes(parts["e"])
		if !e.IsInt64() || e.Int64() > 1<<31-1 {
			return Key{}, errors.New("its exponent is too large")
		}
		k.Public = &rsa.PublicKey{N: new(big.Int).SetBytes(parts["n"]), E: int(e.Int64())}
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[j.Curve]
		if curve == nil {
			return k, nil
		}
		public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, parts["x"]...), parts["y"]...))
		if err != nil {
			return Key{}, err
		}
		k.Public = public
	case "OKP":
		if j.Curve == "Ed25519" && len(parts["x"]) == ed25519.PublicKeySize {
			k.Public = ed25519.PublicKey(parts["x"])
		}
	case "AKP":
		k.Public = crypto.PublicKey(parts["pub"])
	}
	return k, nil
}
