package jwt

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"

	"github.com/golang-jwt/jwt/v5"
)

// Raw is a token to be signed as no issuer would.
type Raw struct {
	KeyID           string // which key of the ring; "": the active one
	Algorithm       string // what is done with the key; "": its own
	Header, Payload []byte // go into the token as they are, whatever they say
	// Padded, when not nil, is what an RSA key is applied to instead (RSASP1 of RFC 8017
	// section 5.2.1): any padding can be signed.
	Padded []byte
}

// SignRaw signs anything with a key of the ring, for whoever tries forgeries on a verifier:
// nothing that a client reaches may call it. An algorithm that the key is not for is an
// error only where it cannot be done with it. ErrNotHere and ErrCannotSign name a key that
// is not here, or somebody else's.
func (r *Ring) SignRaw(t Raw) (string, error) {
	key := r.active()
	if t.KeyID != "" {
		if key = r.known(t.KeyID); key == nil {
			return "", fmt.Errorf("%w: %.40q", ErrNotHere, t.KeyID)
		}
	}
	if key == nil || key.private == nil {
		return "", ErrCannotSign
	}
	input := b64(t.Header) + "." + b64(t.Payload)
	sig, err := key.signRaw(t, input)
	if err != nil {
		return "", fmt.Errorf("jwt: sign with key %s: %w", key.ID, err)
	}
	return input + "." + b64(sig), nil
}

func (k *Key) signRaw(t Raw, input string) ([]byte, error) {
	if t.Padded != nil {
		return applyRSA(k.private, t.Padded)
	}
	method := k.alg.method
	if t.Algorithm != "" && t.Algorithm != k.Algorithm {
		if method = jwt.GetSigningMethod(t.Algorithm); method == nil {
			return nil, fmt.Errorf("unknown algorithm %.20q", t.Algorithm)
		}
	}
	return method.Sign(input, k.private)
}

// applyRSA is neither blinded nor in constant time: it is for the keys of a test.
func applyRSA(private any, number []byte) ([]byte, error) {
	k, ok := private.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("only an RSA key is applied to a number")
	}
	m := new(big.Int).SetBytes(number)
	if m.Cmp(k.N) >= 0 {
		return nil, errors.New("the number is not smaller than the modulus")
	}
	return m.Exp(m, k.D, k.N).FillBytes(make([]byte, k.Size())), nil
}
