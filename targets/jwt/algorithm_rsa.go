package jwt

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"

	"github.com/golang-jwt/jwt/v5"
)

// Sizes of RSA keys. Below the least RFC 7518 section 3.3 allows none; beyond the
// largest every verification would be slow.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// RSABits are the sizes that a ring can be made with.
func RSABits() []int { return []int{2048, 3072, 4096} }

// IsRSA says whether keys for that algorithm have a size to choose.
func IsRSA(algorithm string) bool {
	a, err := findAlgorithm(algorithm)
	return err == nil && a.keyType == "RSA"
}

// rsaBits is the size of a key, private or public, 0 for one of another kind.
func rsaBits(key any) int {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k.N.BitLen()
	case *rsa.PublicKey:
		return k.N.BitLen()
	}
	return 0
}

func rsaAlgorithm(name string, method jwt.SigningMethod) *algorithm {
	return &algorithm{
		name: name, method: method,
		generate: func(bits int) (any, error) { return rsa.GenerateKey(rand.Reader, cmp.Or(bits, minRSABits)) },
		public:   func(k any) any { return &k.(*rsa.PrivateKey).PublicKey },
		encode:   x509.MarshalPKCS8PrivateKey,
		decode: decodePKCS8(func(k any) error {
			r, ok := k.(*rsa.PrivateKey)
			if !ok {
				return fmt.Errorf("a %T, want an RSA key", k)
			}
			return checkModulus(r.N)
		}),
		keyType: "RSA", jwk: rsaJWK, fromJWK: rsaFromJWK,
	}
}

// strictPS256 is PS256 with a salt as long as the hash and no other, as RFC 7518
// section 3.5 wants it: golang-jwt's own takes a salt of any length.
func strictPS256() jwt.SigningMethod {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: &jwt.SigningMethodRSA{Name: "PS256", Hash: crypto.SHA256},
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	}
}

func rsaJWK(public any) jwk {
	k := public.(*rsa.PublicKey)
	return jwk{Type: "RSA", N: b64(k.N.Bytes()), E: b64(big.NewInt(int64(k.E)).Bytes())}
}

// rsaFromJWK follows RFC 7518 section 6.3.1.
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
	if err := checkModulus(k.N); err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 || exponent.Bit(0) == 0 || exponent.Cmp(big.NewInt(3)) < 0 {
		return nil, errors.New("e is not an odd number from 3 to 2^31-1")
	}
	k.E = int(exponent.Int64())
	return k, nil
}

func checkModulus(n *big.Int) error {
	if bits := n.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("n has %d bits, want %d to %d", bits, minRSABits, maxRSABits)
	}
	if madeByROCA(n) {
		return errors.New("n can be factored: it was made by a library with CVE-2017-15361")
	}
	return nil
}

// madeByROCA says whether a modulus has the mark of a broken library: its primes were
// powers of 65537 modulo many small primes, and so is their product (Nemec and others,
// "The Return of Coppersmith's Attack", CCS 2017, section 2). By chance one modulus in
// some 2^27 has it, too.
func madeByROCA(n *big.Int) bool {
	const generator, smallest, largest = 65537, 3, 167
	for p := int64(smallest); p <= largest; p += 2 {
		prime := big.NewInt(p)
		if !prime.ProbablyPrime(0) { // exact for numbers below 2^64
			continue
		}
		rest := new(big.Int).Mod(n, prime).Int64()
		power := int64(1)
		for range p {
			if power == rest {
				break
			}
			power = power * generator % p
		}
		if power != rest {
			return false
		}
	}
	return true
}
