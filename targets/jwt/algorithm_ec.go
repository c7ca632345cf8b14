package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// curve is one of RFC 7518 section 6.2.1.1.
type curve struct {
	name  string
	curve elliptic.Curve
	bytes int // of a coordinate
}

func p256() curve { return curve{"P-256", elliptic.P256(), 32} }
func p384() curve { return curve{"P-384", elliptic.P384(), 48} }

func ecAlgorithm(name string, method jwt.SigningMethod, c curve) *algorithm {
	return &algorithm{
		name: name, method: method,
		generate: func(int) (any, error) { return ecdsa.GenerateKey(c.curve, rand.Reader) },
		public:   func(k any) any { return &k.(*ecdsa.PrivateKey).PublicKey },
		encode:   x509.MarshalPKCS8PrivateKey,
		decode: decodePKCS8(func(k any) error {
			e, ok := k.(*ecdsa.PrivateKey)
			if !ok || e.Curve != c.curve {
				return fmt.Errorf("not a %s key", c.name)
			}
			return nil
		}),
		keyType: "EC", jwk: c.jwk, fromJWK: c.fromJWK,
	}
}

func (c curve) jwk(public any) jwk {
	// Uncompressed point: 4, X, Y (SEC 1 section 2.3.3). Keys on the curve cannot fail here.
	p, err := public.(*ecdsa.PublicKey).Bytes()
	if err != nil || len(p) != 1+2*c.bytes {
		return jwk{Type: "EC"}
	}
	return jwk{Type: "EC", Curve: c.name, X: b64(p[1 : 1+c.bytes]), Y: b64(p[1+c.bytes:])}
}

// fromJWK follows RFC 7518 section 6.2.1: both coordinates in full, on the curve.
func (c curve) fromJWK(j jwk) (any, error) {
	if j.Curve != c.name {
		return nil, fmt.Errorf("crv is %.20q, want %s", j.Curve, c.name)
	}
	point := []byte{4}
	for _, coordinate := range []string{j.X, j.Y} {
		b, err := decodeB64(coordinate)
		if err != nil || len(b) != c.bytes {
			return nil, fmt.Errorf("a coordinate is not %d bytes", c.bytes)
		}
		point = append(point, b...)
	}
	return ecdsa.ParseUncompressedPublicKey(c.curve, point)
}

// edDSA is EdDSA with Ed25519 and nothing else (RFC 8037). The name is the one that
// libraries still write; RFC 9864 calls the same Ed25519.
func edDSA() *algorithm {
	return &algorithm{
		name: "EdDSA", method: jwt.SigningMethodEdDSA,
		generate: func(int) (any, error) {
			_, k, err := ed25519.GenerateKey(rand.Reader)
			return k, err
		},
		public: func(k any) any { return k.(ed25519.PrivateKey).Public() },
		encode: x509.MarshalPKCS8PrivateKey,
		decode: decodePKCS8(func(k any) error {
			if _, ok := k.(ed25519.PrivateKey); !ok {
				return errors.New("not an Ed25519 key")
			}
			return nil
		}),
		keyType: "OKP",
		jwk: func(public any) jwk {
			return jwk{Type: "OKP", Curve: "Ed25519", X: b64(public.(ed25519.PublicKey))}
		},
		fromJWK: func(j jwk) (any, error) {
			if j.Curve != "Ed25519" {
				return nil, fmt.Errorf("crv is %.20q, want Ed25519", j.Curve)
			}
			b, err := decodeB64(j.X)
			if err != nil || len(b) != ed25519.PublicKeySize {
				return nil, fmt.Errorf("x is not %d bytes", ed25519.PublicKeySize)
			}
			return ed25519.PublicKey(b), nil
		},
	}
}
