package jwt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

// transplant puts every signature of the group on a token that is good in all else. It
// says whether such a token was accepted with its own signature.
func (y *vectorTally) transplant(t *testing.T, g vectorGroup, ring *Ring) bool {
	t.Helper()
	var k vectorKey
	if err := json.Unmarshal(keysOf(t, g.Private)[0], &k); err != nil {
		t.Fatal(err)
	}
	key := ring.known(k.ID)
	private := privateOf(t, key, k)
	text := b64([]byte(header(key.Algorithm, string(Access), key.ID))) + "." + b64([]byte(payload(nil)))
	own, err := key.alg.method.Sign(text, private)
	if err != nil {
		t.Fatal(err)
	}
	libraries := Verifiers()
	if key.Algorithm != "HS256" {
		libraries = libraries[:1]
	}
	for _, library := range libraries {
		cfg := config(&frozen{epoch})
		cfg.Verifier = library
		v, err := NewVerifier(ring, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Access(text + "." + b64(own)); err != nil {
			y.err("%s, %s: a good token is refused: %v", g.Comment, library, err)
			return false
		}
		for _, vec := range g.Tests {
			dot := strings.LastIndexByte(vec.JWS, '.')
			y.transplants++
			if _, err := v.Access(text + "." + vec.JWS[dot+1:]); err == nil {
				y.err("%s, %s: the signature of %d is good for another token", g.Comment, library, vec.ID)
			}
			sig, ok := redigest(private, vec.JWS, text)
			if !ok {
				continue
			}
			y.redigested++
			if _, err := v.Access(text + "." + b64(sig)); (err == nil) != vec.valid() {
				y.err("%s: the padding of %d (%s) in another token: %v, want %s", g.Comment, vec.ID, vec.Comment, err, vec.Result)
			}
		}
	}
	return true
}

// redigest signs text with the padding of a token's PKCS #1 signature, whatever that is,
// if there is a digest of the token in it to be exchanged.
func redigest(private any, token, text string) ([]byte, bool) {
	k, ok := private.(*rsa.PrivateKey)
	dot := strings.LastIndexByte(token, '.')
	if !ok || dot < 0 {
		return nil, false
	}
	sig, err := decodeB64(token[dot+1:])
	if err != nil || len(sig) != k.Size() {
		return nil, false
	}
	em := new(big.Int).Exp(new(big.Int).SetBytes(sig), big.NewInt(int64(k.E)), k.N).FillBytes(make([]byte, k.Size()))
	was, now := sha256.Sum256([]byte(token[:dot])), sha256.Sum256([]byte(text))
	if bytes.Count(em, was[:]) != 1 {
		return nil, false
	}
	em = bytes.Replace(em, was[:], now[:], 1)
	return new(big.Int).Exp(new(big.Int).SetBytes(em), k.D, k.N).FillBytes(make([]byte, k.Size())), true
}

func privateOf(t *testing.T, key *Key, k vectorKey) any {
	t.Helper()
	d := unpadded(k.D)
	switch public := key.public.(type) {
	case *rsa.PublicKey:
		p := &rsa.PrivateKey{PublicKey: *public, D: new(big.Int).SetBytes(d), Primes: []*big.Int{
			new(big.Int).SetBytes(unpadded(k.P)), new(big.Int).SetBytes(unpadded(k.Q)),
		}}
		p.Precompute()
		return p
	case *ecdsa.PublicKey:
		p, err := ecdsa.ParseRawPrivateKey(public.Curve, d)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	return key.public
}
