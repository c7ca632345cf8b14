package jwt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// jwk is a key as RFC 7517 writes it. We write public ones only.
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	// What has no place in a published set: of a private key, of a shared secret.
	Private string `json:"d,omitempty"`
	Secret  string `json:"k,omitempty"`
}

func rsaJWK(public any) jwk {
	k := public.(*rsa.PublicKey)
	return jwk{Type: "RSA", N: b64(k.N.Bytes()), E: b64(big.NewInt(int64(k.E)).Bytes())}
}

func ecJWK(public any) jwk {
	// Uncompressed point: 4, X, Y (SEC 1 section 2.3.3). P-256 keys cannot fail here.
	p, err := public.(*ecdsa.PublicKey).Bytes()
	if err != nil || len(p) != 65 {
		return jwk{Type: "EC"}
	}
	return jwk{Type: "EC", Curve: "P-256", X: b64(p[1:33]), Y: b64(p[33:])}
}

// rsaFromJWK follows RFC 7518 section 6.3.1. A modulus beyond maxRSABits would make
// every verification slow.
func rsaFromJWK(j jwk) (any, error) {
	n, err := decodeB64(j.N)
	if err != nil {
		return nil, fmt.Errorf("n: %w", err)
	}
	e, err := decodeB64(j.E)
	if err != nil {
		return nil, fmt.Errorf("e: %w", err)
	}
	k := &rsa.PublicKey{N: new(big.Int).SetBytes(n)}
	exponent := new(big.Int).SetBytes(e)
	switch bits := k.N.BitLen(); {
	case bits < rsaBits || bits > maxRSABits:
		return nil, fmt.Errorf("n has %d bits, want %d to %d", bits, rsaBits, maxRSABits)
	case exponent.BitLen() > 31 || exponent.Bit(0) == 0 || exponent.Cmp(big.NewInt(3)) < 0:
		return nil, errors.New("e is not an odd number from 3 to 2^31-1")
	}
	k.E = int(exponent.Int64())
	return k, nil
}

const maxRSABits = 8192

// ecFromJWK follows RFC 7518 section 6.2.1: both coordinates in full, on the curve.
func ecFromJWK(j jwk) (any, error) {
	if j.Curve != "P-256" {
		return nil, fmt.Errorf("crv is %.20q, want P-256", j.Curve)
	}
	point := []byte{4}
	for _, c := range []string{j.X, j.Y} {
		b, err := decodeB64(c)
		if err != nil || len(b) != 32 {
			return nil, errors.New("a coordinate is not 32 bytes")
		}
		point = append(point, b...)
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}

// key is the public key that j describes. It has to say which algorithm it is for,
// since a key is bound to one (RFC 8725 section 3.1).
func (j jwk) key() (*Key, error) {
	alg, err := findAlgorithm(j.Algorithm)
	switch {
	case err != nil:
		return nil, err
	case alg.fromJWK == nil:
		return nil, fmt.Errorf("%s keys are secret, and are not taken from anybody", alg.name)
	case j.ID == "" || len(j.ID) > maxKeyID:
		return nil, fmt.Errorf("a kid of %d characters, want 1 to %d", len(j.ID), maxKeyID)
	case j.Private != "" || j.Secret != "":
		return nil, errors.New("its private part is published")
	case j.Use != "" && j.Use != "sig":
		return nil, fmt.Errorf("it is for %.20q, not for signatures", j.Use)
	case j.Type != alg.keyType:
		return nil, fmt.Errorf("kty is %.20q, %s wants %s", j.Type, alg.name, alg.keyType)
	}
	public, err := alg.fromJWK(j)
	if err != nil {
		return nil, err
	}
	return newKey(j.ID, alg, nil, public), nil
}

// Limits of a key set that is read.
const (
	maxKeyID   = 256 // characters
	maxSetKeys = 100
)

var (
	errNotASet  = errors.New("not a JWK set")
	errEmptySet = errors.New("no key in the set can be used")
)

// parseSet reads a JWK set (RFC 7517 section 5) for its signing keys. Keys that we
// cannot use are passed over, as that section asks; why says what was wrong with the
// first of them, or is nil. A set without one that we can use is an error.
func parseSet(b []byte) (keys []*Key, why error, err error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errNotASet, err)
	}
	switch {
	case set.Keys == nil:
		return nil, nil, fmt.Errorf(`%w: it has no "keys"`, errNotASet)
	case len(*set.Keys) > maxSetKeys:
		return nil, nil, fmt.Errorf("%w: it has %d keys, at most %d are read", errNotASet, len(*set.Keys), maxSetKeys)
	}
	for _, raw := range *set.Keys {
		var j jwk
		err := json.Unmarshal(raw, &j)
		if err == nil {
			var k *Key
			if k, err = j.key(); err == nil {
				keys = append(keys, k)
			}
		}
		if err != nil && why == nil {
			why = fmt.Errorf("key %.40q: %w", j.ID, err)
		}
	}
	if len(keys) == 0 {
		return nil, why, errEmptySet
	}
	return keys, why, nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decodeB64 is strict: one value has one spelling.
func decodeB64(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }
