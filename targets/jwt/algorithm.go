package jwt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
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
	jwk      func(public any) jwk // nil: the verifying key is secret and never published
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
			jwk: rsaJWK,
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
			jwk: ecJWK,
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

// jwk is a public key as RFC 7517 writes it.
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
}

func rsaJWK(public any) jwk {
	k := public.(*rsa.PublicKey)
	e := []byte{byte(k.E >> 24), byte(k.E >> 16), byte(k.E >> 8), byte(k.E)}
	for len(e) > 1 && e[0] == 0 {
		e = e[1:]
	}
	return jwk{Type: "RSA", N: b64(k.N.Bytes()), E: b64(e)}
}

func ecJWK(public any) jwk {
	// Uncompressed point: 4, X, Y (SEC 1 section 2.3.3). P-256 keys cannot fail here.
	p, err := public.(*ecdsa.PublicKey).Bytes()
	if err != nil || len(p) != 65 {
		return jwk{Type: "EC"}
	}
	return jwk{Type: "EC", Curve: "P-256", X: b64(p[1:33]), Y: b64(p[33:])}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
