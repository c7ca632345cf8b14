package jwt

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// algorithm is one row of what we can sign with. An entry in the table below is all
// that a new one needs.
type algorithm struct {
	name   string
	method jwt.SigningMethod
	// generate makes a private key. bits is the size of an RSA key, 0 the usual one.
	generate func(bits int) (private any, err error)
	public   func(private any) any // what a verifier needs
	encode   func(private any) ([]byte, error)
	decode   func([]byte) (private any, err error)
	keyType  string               // kty of RFC 7518 section 6.1, RFC 8037 section 2, RFC 9964
	jwk      func(public any) jwk // nil: the verifying key is secret and never published
	fromJWK  func(jwk) (public any, err error)
}

// algorithms is the table, the oldest first.
func algorithms() []*algorithm {
	return []*algorithm{
		hs256(),
		rsaAlgorithm("RS256", jwt.SigningMethodRS256),
		rsaAlgorithm("PS256", strictPS256()),
		ecAlgorithm("ES256", jwt.SigningMethodES256, p256()),
		ecAlgorithm("ES384", jwt.SigningMethodES384, p384()),
		edDSA(),
		mlDSA44(),
		mlDSA65(),
		mlDSA87(),
	}
}

// register has golang-jwt's parser know the algorithms that it does not come with. It
// finds methods by name in a table that is global to that package, and there is no
// other way to tell it of one: a name that is missing there ends the parsing. Nothing
// is decided by that table: which method verifies is the key's business (see
// Verifier.key). To register again changes nothing.
func register() {
	for _, a := range algorithms() {
		if jwt.GetSigningMethod(a.name) == nil {
			jwt.RegisterSigningMethod(a.name, func() jwt.SigningMethod { return a.method })
		}
	}
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
		b, _ = json.Marshal(a.jwk(public)) // strings only: cannot fail
	}
	return sha256.Sum256(append([]byte(a.name+":"), b...))
}

// hmacBytes is the least size of an HS256 key, that of the hash (RFC 7518 section 3.2),
// and of those that we make; maxHMACBytes is the largest that is read.
const (
	hmacBytes    = 32
	maxHMACBytes = 512
)

func hs256() *algorithm {
	return &algorithm{
		name: "HS256", method: jwt.SigningMethodHS256,
		generate: func(int) (any, error) {
			k := make([]byte, hmacBytes)
			rand.Read(k) // never fails
			return k, nil
		},
		public: func(k any) any { return k },
		encode: func(k any) ([]byte, error) { return k.([]byte), nil },
		decode: func(b []byte) (any, error) {
			if len(b) < hmacBytes || len(b) > maxHMACBytes {
				return nil, fmt.Errorf("%d bytes, want %d to %d", len(b), hmacBytes, maxHMACBytes)
			}
			return b, nil
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
