package scenarios

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"
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
	case "RS256":
		f.key, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		err = fmt.Errorf("no key for %s is forged", alg)
	}
	return f, err
}

// sign is s under that kid, signed by the forger.
func (f *forger) sign(s signed, kid string) (string, error) {
	input := s.head(f.alg, kid) + "." + s.payload
	sum := sha256.Sum256([]byte(input))
	var sig []byte
	switch key := f.key.(type) {
	case *ecdsa.PrivateKey:
		r, v, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			return "", err
		}
		sig = append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...) // RFC 7518 section 3.4
	default:
		var err error
		if sig, err = key.Sign(rand.Reader, sum[:], crypto.SHA256); err != nil {
			return "", err
		}
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

// keySet publishes the forger's key under these kids (RFC 7517 section 5).
func (f *forger) keySet(kids ...string) []byte {
	b64 := base64.RawURLEncoding.EncodeToString
	key := map[string]string{"use": "sig", "alg": f.alg}
	switch public := f.key.Public().(type) {
	case *ecdsa.PublicKey:
		point, _ := public.Bytes() // of P-256: cannot fail
		key["kty"], key["crv"], key["x"], key["y"] = "EC", "P-256", b64(point[1:33]), b64(point[33:])
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
