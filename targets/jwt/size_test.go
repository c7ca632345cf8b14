package jwt

import (
	"crypto/rsa"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestRSASizes: a ring keeps the size of its keys, through a rotation, a removal and the
// file, and makes no others.
func TestRSASizes(t *testing.T) {
	ring, err := NewRingOf("RS256", 3072)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "keys")
	if err := ring.Save(dir); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadRing(dir, "RS256")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loaded.Begin(epoch, Rotation{Algorithm: "PS256"}); err != nil {
		t.Fatal(err)
	}
	if ring.Bits() != 3072 || loaded.Bits() != 3072 || loaded.active().Algorithm != "PS256" {
		t.Errorf("%d, then %d bits of %s", ring.Bits(), loaded.Bits(), loaded.active().Algorithm)
	}
	if err := ring.Remove(epoch, ring.active().ID); err != nil || ring.Bits() != 3072 {
		t.Errorf("instead of a removed key one of %d bits: %v", ring.Bits(), err)
	}
	if n := mustRing(t, "RS256").Bits(); n != 2048 {
		t.Errorf("%d bits as usual", n)
	}
	for alg, bits := range map[string]int{"RS256": 1024, "PS256": 2047, "ES256": 2048, "HS256": 3072} {
		if _, err := NewRingOf(alg, bits); err == nil || !strings.Contains(err.Error(), "bits") {
			t.Errorf("%s of %d bits: %v", alg, bits, err)
		}
	}
}

// TestPSSSalt: a salt of another length is refused, which golang-jwt by itself takes.
func TestPSSSalt(t *testing.T) {
	ring := mustRing(t, "PS256")
	key := ring.active()
	_, v := pair(t, ring, config(&frozen{epoch}))
	for salt, ok := range map[int]bool{32: true, 20: false, 222: false} {
		method := &jwt.SigningMethodRSAPSS{
			SigningMethodRSA: jwt.SigningMethodPS256.SigningMethodRSA,
			Options:          &rsa.PSSOptions{SaltLength: salt},
		}
		token := forge(t, method, key.private, header("PS256", "at+jwt", key.ID), payload(nil))
		if _, err := v.Access(token); (err == nil) != ok {
			t.Errorf("a salt of %d bytes: %v", salt, err)
		}
	}
}

// TestROCA: ordinary moduli have not the mark, a product of marked primes has.
func TestROCA(t *testing.T) {
	if madeByROCA(mustRing(t, "RS256").active().public.(*rsa.PublicKey).N) {
		t.Error("an ordinary key is taken for a broken one")
	}
	power := new(big.Int).Exp(big.NewInt(65537), big.NewInt(150), nil) // as both primes are, modulo every small one
	if !madeByROCA(power) {
		t.Error("a power of 65537 has no mark")
	}
	if madeByROCA(new(big.Int).Mul(power, big.NewInt(2))) {
		t.Error("twice a power of 65537 has the mark")
	}
}

// TestMeasureCost: every figure is there, for every algorithm.
func TestMeasureCost(t *testing.T) {
	for alg, ring := range rings(t) {
		c, err := MeasureCost(t.Context(), ring, config(&frozen{epoch}), 10*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for name, x := range map[string][]float64{"issue": c.Issue, "access": c.Access, "sign": c.Sign, "verify": c.Verify} {
			if len(x) != costStretches {
				t.Errorf("%s: %d values of %s", alg, len(x), name)
			}
			for _, ns := range x {
				if ns <= 0 {
					t.Errorf("%s: %s takes %g ns", alg, name, ns)
				}
			}
		}
		if c.Algorithm != alg || c.Signature < 32 || c.Token < c.Signature || (c.JWKS < 50) != (alg == "HS256") {
			t.Errorf("%s: %+v", alg, c)
		}
	}
}
