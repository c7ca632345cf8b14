package attack

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"

	"github.com/golang-jwt/jwt/v5"
)

// Signer signs as a target does whose key is known: a secret ([]byte), or a private key of
// RSA, ECDSA or Ed25519. It is a Material.Sign. algorithm is what it signs with when it is
// not told otherwise; a kid that is not keyID is an error, unless keyID is "".
func Signer(algorithm, keyID string, key any) func(context.Context, Signing) (string, error) {
	return func(_ context.Context, s Signing) (string, error) {
		if keyID != "" && s.KeyID != "" && s.KeyID != keyID {
			return "", fmt.Errorf("there is no key %.40q: the one that is known is %q", s.KeyID, keyID)
		}
		input := b64(s.Header) + "." + b64(s.Payload)
		if s.Padded != nil {
			sig, err := applyRSA(key, s.Padded)
			return input + "." + b64(sig), err
		}
		name := s.Algorithm
		if name == "" {
			name = algorithm
		}
		sig, err := signInput(name, key, input)
		return input + "." + b64(sig), err
	}
}

// signInput is the signature of input with that algorithm.
func signInput(algorithm string, key any, input string) ([]byte, error) {
	method := jwt.GetSigningMethod(algorithm)
	if method == nil {
		return nil, fmt.Errorf("nothing here signs with %.20q", algorithm)
	}
	sig, err := method.Sign(input, key)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", algorithm, err)
	}
	return sig, nil
}

// applyRSA applies an RSA private key to a number, as RSASP1 of RFC 8017 section 5.2.1:
// any padding can be signed. Neither blinded nor in constant time: for test keys.
func applyRSA(key any, number []byte) ([]byte, error) {
	k, ok := key.(*rsa.PrivateKey)
	m := new(big.Int).SetBytes(number)
	switch {
	case !ok:
		return nil, errors.New("only an RSA key is applied to a number")
	case m.Cmp(k.N) >= 0:
		return nil, errors.New("the number is not smaller than the modulus")
	}
	return m.Exp(m, k.D, k.N).FillBytes(make([]byte, k.Size())), nil
}
