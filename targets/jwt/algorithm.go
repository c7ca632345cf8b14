package jwt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// algorithm is one row of what we can sign with. An entry here is all that a
// new one needs.
type algorithm struct {
	name     string
	method   jwt.SigningMethod
	generate func() (private any, err error)
	public   func(private any) any // what a verifier needs
	encode   func(private any) ([]byte, error)
	decode   func([]byte) (private any, err error)
	keyType  string               // kty of RFC 7518 section 6.1
	jwk      func(public any) jwk // nil: the verifying key is secret and never published
	fromJWK  func(jwk) (public any, err error)
}

// shared says that who can verify can also sign.
func (a *algorithm) shared() bool { return a.jwk == nil }

// methods are the algorithms that a ring with keys for a may have keys for: those
// whose verifying key is public, or a alone. A secret and public keys are never in
// one ring, so that no public key can be taken for a secret (RFC 8725 section 2.1).
func (a *algorithm) methods() []string {
	if a.shared() {
		return []string{a.name}
	}
	var names []string
	for _, b := range algorithms() {
		if !b.shared() {
			names = append(names, b.name)
		}
	}
	return names
}

// print tells a verifying key from all others.
func (a *algorithm) print(public any) [sha256.Size]byte {
	b, secret := public.([]byte)
	if !secret {
		b, _ = x509.MarshalPKIXPublicKey(public) // RSA and P-256: cannot fail
	}
	return sha256.Sum256(append([]byte(a.name+":"), b...))
}

// hmacBytes is the size of an HS256 key: that of the hash (RFC 7518 section 3.2).
const hmacBytes = 32

// rsaBits is the smallest size that RFC 7518 section 3.3 allows.
const rsaBits = 2048

func algorithms() []*algorithm {
	return []*algorithm{
		{
			name: "HS256", method: jwt.SigningMethodHS256,
			generate: func() (any, error) {
				k := make([]byte, hmacBytes)
				rand.Read(k) // never fails
				return k, nil
			},
			public: func(k any) any { return k },
			encode: func(k any) ([]byte, error) { return k.([]byte), nil },
			decode: func(b []byte) (any, error) {
				if len(b) != hmacBytes {
					return nil, fmt.Errorf("%d bytes, want %d", len(b), hmacBytes)
				}
				return b, nil
			},
		},
		{
			name: "RS256", method: jwt.SigningMethodRS256,
			generate: func() (any, error) { return rsa.GenerateKey(rand.Reader, rsaBits) },
			public:   func(k any) any { return &k.(*rsa.PrivateKey).PublicKey },
			encode:   x509.MarshalPKCS8PrivateKey,
			decode: decodePKCS8(func(k any) error {
				r, ok := k.(*rsa.PrivateKey)
				if !ok {
					return fmt.Errorf("a %T, want an RSA key", k)
				}
				if bits := r.N.BitLen(); bits < rsaBits {
					return fmt.Errorf("%d bits, want at least %d", bits, rsaBits)
				}
				return nil
			}),
			keyType: "RSA", jwk: rsaJWK, fromJWK: rsaFromJWK,
		},
		{
			name: "ES256", method: jwt.SigningMethodES256,
			generate: func() (any, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
			public:   func(k any) any { return &k.(*ecdsa.PrivateKey).PublicKey },
			encode:   x509.MarshalPKCS8PrivateKey,
			decode: decodePKCS8(func(k any) error {
				e, ok := k.(*ecdsa.PrivateKey)
				if !ok || e.Curve != elliptic.P256() {
					return errors.New("not a P-256 key")
				}
				return nil
			}),
			keyType: "EC", jwk: ecJWK, fromJWK: ecFromJWK,
		},
	}
}

// Algorithms are the names that a ring can be made for.
func Algorithms() []string {
	var names []string
	for _, a := range algorithms() {
		names = append(names, a.name)
	}
	return names
}

func findAlgorithm(name string) (*algorithm, error) {
	for _, a := range algorithms() {
		if a.name == name {
			return a, nil
		}
	}
	return nil, fmt.Errorf("jwt: unknown algorithm %q, want one of %v", name, Algorithms())
}

func decodePKCS8(check func(any) error) func([]byte) (any, error) {
	return func(der []byte) (any, error) {
		k, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, err
		}
		return k, check(k)
	}
}
