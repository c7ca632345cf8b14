package jwt

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
)

func TestSignRaw(t *testing.T) {
	for _, alg := range []string{"HS256", "RS256", "ES256"} {
		ring := mustRing(t, alg)
		_, v := pair(t, ring, config(&frozen{epoch}))
		key := ring.active()
		raw := Raw{Header: []byte(header(alg, "at+jwt", key.ID)), Payload: []byte(payload(nil))}
		token, err := ring.SignRaw(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Access(token); err != nil {
			t.Errorf("%s: what was signed as it should be is refused: %v", alg, err)
		}
		raw.KeyID, raw.Algorithm = key.ID, map[string]string{"HS256": "HS512", "RS256": "PS384", "ES256": "ES256"}[alg]
		if token, err = ring.SignRaw(raw); err != nil || strings.Count(token, ".") != 2 {
			t.Errorf("%s: %v", raw.Algorithm, err)
		}
		raw.Algorithm = "ES384"
		if _, err := ring.SignRaw(raw); err == nil {
			t.Errorf("%s: signed with ES384", alg)
		}
		raw.Algorithm = "none"
		if _, err := ring.SignRaw(raw); err == nil {
			t.Errorf("%s: signed with none", alg)
		}
		raw.KeyID = "other"
		if _, err := ring.SignRaw(raw); !errors.Is(err, ErrNotHere) {
			t.Errorf("%s: an unknown key: %v", alg, err)
		}
	}
}

// TestSignRawPadded makes an RS256 signature by hand.
func TestSignRawPadded(t *testing.T) {
	ring := mustRing(t, "RS256")
	_, v := pair(t, ring, config(&frozen{epoch}))
	h, p := header("RS256", "at+jwt", ring.active().ID), payload(nil)
	sum := sha256.Sum256([]byte(b64([]byte(h)) + "." + b64([]byte(p))))
	info := append([]byte("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"), sum[:]...)
	padded := append(append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 256-3-len(info))...), 0)
	token, err := ring.SignRaw(Raw{Header: []byte(h), Payload: []byte(p), Padded: append(padded, info...)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Access(token); err != nil {
		t.Error(err)
	}
	if _, err := ring.SignRaw(Raw{Padded: bytes.Repeat([]byte{0xff}, 256)}); err == nil {
		t.Error("a number beyond the modulus")
	}
	if _, err := mustRing(t, "ES256").SignRaw(Raw{Padded: []byte{1}}); err == nil {
		t.Error("an elliptic-curve key was applied to a number")
	}
}
