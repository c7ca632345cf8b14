package scenarios

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"

	"filippo.io/mldsa"
)

// signed is a token in the compact form of RFC 7515, taken apart. Nobody checks
// anything here: it is what a client can read, and what a forger can write.
type signed struct {
	alg, kid  string
	end       time.Time // exp; zero: none
	header    map[string]any
	payload   string // as it stands in the token
	signature string
}

// takeApart reads a token; ok is false for what is none.
func takeApart(token string) (s signed, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return s, false
	}
	var claims struct {
		Exp *int64 `json:"exp"`
	}
	if !decodePart(parts[0], &s.header) || !decodePart(parts[1], &claims) {
		return s, false
	}
	s.alg, _ = s.header["alg"].(string)
	s.kid, _ = s.header["kid"].(string)
	if claims.Exp != nil {
		s.end = time.Unix(*claims.Exp, 0)
	}
	s.payload, s.signature = parts[1], parts[2]
	return s, true
}

func decodePart(part string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, into) == nil
}

// under is the same token with another header: the signature is not of it.
func (s signed) under(alg, kid string) string {
	return s.head(alg, kid) + "." + s.payload + "." + s.signature
}

func (s signed) head(alg, kid string) string {
	h := map[string]any{}
	for name, value := range s.header {
		h[name] = value
	}
	h["alg"], h["kid"] = alg, kid
	b, _ := json.Marshal(h) // strings: cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// forger signs with a key of its own.
type forger struct {
	alg string
	key crypto.Signer
}

func newForger(alg string) (*forger, error) {
	f := &forger{alg: alg}
	var err error
	switch alg {
	case "ES256":
		f.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		f.key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "RS256", "PS256":
		f.key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "EdDSA":
		_, f.key, err = ed25519.GenerateKey(rand.Reader)
	case "ML-DSA-44":
		f.key, err = mldsa.GenerateKey(mldsa.MLDSA44())
	case "ML-DSA-65":
		f.key, err = mldsa.GenerateKey(mldsa.MLDSA65())
	default:
		err = fmt.Errorf("no key for %s is forged", alg)
	}
	return f, err
}

// sign is s under that kid, signed by the forger.
func (f *forger) sign(s signed, kid string) (string, error) {
	input := s.head(f.alg, kid) + "." + s.payload
	sig, err := f.signature([]byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

func (f *forger) signature(input []byte) ([]byte, error) {
	sum := sha256.Sum256(input)
	switch key := f.key.(type) {
	case *ecdsa.PrivateKey:
		digest := sum[:]
		if f.alg == "ES384" {
			long := sha512.Sum384(input)
			digest = long[:]
		}
		r, v, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			return nil, err
		}
		size := key.Params().BitSize / 8
		return append(r.FillBytes(make([]byte, size)), v.FillBytes(make([]byte, size))...), nil // RFC 7518 section 3.4
	case *rsa.PrivateKey:
		var opts crypto.SignerOpts = crypto.SHA256
		if f.alg == "PS256" {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		}
		return key.Sign(rand.Reader, sum[:], opts)
	default: // Ed25519 and ML-DSA hash by themselves
		return key.Sign(rand.Reader, input, crypto.Hash(0))
	}
}

// keySet publishes the forger's key under these kids (RFC 7517 section 5).
func (f *forger) keySet(kids ...string) []byte {
	b64 := base64.RawURLEncoding.EncodeToString
	key := map[string]string{"use": "sig", "alg": f.alg}
	switch public := f.key.Public().(type) {
	case *ecdsa.PublicKey:
		point, _ := public.Bytes() // on its curve: cannot fail
		half := 1 + len(point)/2
		key["kty"], key["crv"], key["x"], key["y"] = "EC", public.Params().Name, b64(point[1:half]), b64(point[half:])
	case ed25519.PublicKey:
		key["kty"], key["crv"], key["x"] = "OKP", "Ed25519", b64(public)
	case *mldsa.PublicKey:
		key["kty"], key["pub"] = "AKP", b64(public.Bytes()) // RFC 9964
	case *rsa.PublicKey:
		key["kty"], key["n"], key["e"] = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	}
	var keys []map[string]string
	for _, kid := range kids {
		one := map[string]string{"kid": kid}
		for name, value := range key {
			one[name] = value
		}
		keys = append(keys, one)
	}
	b, _ := json.Marshal(map[string]any{"keys": keys}) // strings: cannot fail
	return b
}
