package jwt

import (
	"errors"
	"fmt"

	"filippo.io/mldsa"
	"github.com/golang-jwt/jwt/v5"
)

// ML-DSA (FIPS 204) signs tokens as RFC 9964 has it: the whole signing input, no hash
// before it and an empty context; a private key is its seed of 32 bytes; a key names
// its algorithm, since its type, AKP, does not tell the parameter sets apart.

func mlDSA44() *algorithm { return mlDSA(mldsa.MLDSA44()) }
func mlDSA65() *algorithm { return mlDSA(mldsa.MLDSA65()) }
func mlDSA87() *algorithm { return mlDSA(mldsa.MLDSA87()) }

func mlDSA(set mldsa.Parameters) *algorithm {
	return &algorithm{
		name: set.String(), method: mldsaMethod{set},
		generate: func(int) (any, error) { return mldsa.GenerateKey(set) },
		public:   func(k any) any { return k.(*mldsa.PrivateKey).PublicKey() },
		encode:   func(k any) ([]byte, error) { return k.(*mldsa.PrivateKey).Bytes(), nil },
		decode: func(seed []byte) (any, error) {
			if len(seed) != mldsa.PrivateKeySize {
				return nil, fmt.Errorf("%d bytes, want a seed of %d", len(seed), mldsa.PrivateKeySize)
			}
			return mldsa.NewPrivateKey(set, seed)
		},
		keyType: "AKP",
		jwk:     func(public any) jwk { return jwk{Type: "AKP", Public: b64(public.(*mldsa.PublicKey).Bytes())} },
		fromJWK: func(j jwk) (any, error) {
			b, err := decodeB64(j.Public)
			if err != nil || len(b) != set.PublicKeySize() {
				return nil, fmt.Errorf("pub is not %d bytes", set.PublicKeySize())
			}
			return mldsa.NewPublicKey(set, b)
		},
	}
}

// mldsaMethod is the signing method that golang-jwt does not come with.
type mldsaMethod struct{ set mldsa.Parameters }

var _ jwt.SigningMethod = mldsaMethod{}

var errMLDSA = errors.New("ML-DSA: verification error")

// Alg is the alg of RFC 9964: "ML-DSA-44".
func (m mldsaMethod) Alg() string { return m.set.String() }

// Verify wants an *mldsa.PublicKey of the same parameter set.
func (m mldsaMethod) Verify(signingString string, sig []byte, key any) error {
	k, ok := key.(*mldsa.PublicKey)
	if !ok || k.Parameters() != m.set {
		return fmt.Errorf("%w: %s wants a public key of its own", jwt.ErrInvalidKeyType, m.set)
	}
	if mldsa.Verify(k, []byte(signingString), sig, nil) != nil {
		return errMLDSA
	}
	return nil
}

// Sign wants an *mldsa.PrivateKey of the same parameter set. Signatures are randomised
// (FIPS 204 section 3.4): the same token signed twice has two.
func (m mldsaMethod) Sign(signingString string, key any) ([]byte, error) {
	k, ok := key.(*mldsa.PrivateKey)
	if !ok || k.PublicKey().Parameters() != m.set {
		return nil, fmt.Errorf("%w: %s wants a private key of its own", jwt.ErrInvalidKeyType, m.set)
	}
	return k.Sign(nil, []byte(signingString), nil)
}
