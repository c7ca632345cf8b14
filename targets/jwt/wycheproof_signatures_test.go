package jwt

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"testing"

	"filippo.io/mldsa"
)

// signatureGroup is a public key, or a secret for each vector, and signatures.
type signatureGroup struct {
	KeySize, TagSize int
	PublicKeyDer     string
	PublicKey        any // of ML-DSA hex, of the others what PublicKeyDer has
	Tests            []struct {
		ID                 int `json:"tcId"`
		Comment, Result    string
		Key, Msg, Sig, Tag string
		Ctx                *string
	}
}

// TestWycheproofSignatures: the arithmetic below tokens, through the signing methods
// that verify them. A file whose parameters are not those of JOSE has to be refused
// throughout.
func TestWycheproofSignatures(t *testing.T) {
	for _, f := range []struct {
		file, alg string
		foreign   string // why all of it is to be refused
		but       string // what makes a vector one that JOSE has, after all
	}{
		{"hmac_sha256_test.json", "HS256", "", ""},
		{"rsa_signature_2048_sha256_test.json", "RS256", "", ""},
		{"rsa_signature_3072_sha256_test.json", "RS256", "", ""},
		{"rsa_pss_2048_sha256_mgf1_32_test.json", "PS256", "", ""},
		{"rsa_pss_3072_sha256_mgf1_32_test.json", "PS256", "", ""},
		{"rsa_pss_2048_sha256_mgf1_0_test.json", "PS256", "a salt of 0 bytes: RFC 7518 section 3.5 wants 32", "s_len changed to 32"},
		{"rsa_pss_2048_sha256_mgf1sha1_20_test.json", "PS256", "a mask made with SHA-1", ""},
		{"ecdsa_secp256r1_sha256_p1363_test.json", "ES256", "", ""},
		{"ecdsa_secp384r1_sha384_p1363_test.json", "ES384", "", ""},
		{"ed25519_test.json", "EdDSA", "", ""},
		{"mldsa_44_verify_test.json", "ML-DSA-44", "", ""},
		{"mldsa_65_verify_test.json", "ML-DSA-65", "", ""},
		{"mldsa_87_verify_test.json", "ML-DSA-87", "", ""},
	} {
		t.Run(f.file, func(t *testing.T) {
			alg, err := findAlgorithm(f.alg)
			if err != nil {
				t.Fatal(err)
			}
			groups := vectors[signatureGroup](t, f.file)
			var cases, accepted, refused, wrong, either, context, vacuous int
			for _, g := range groups {
				if g.TagSize > 0 && g.TagSize != 256 {
					continue // a truncated HMAC is none of RFC 7518
				}
				public, kerr := g.public(alg)
				before := accepted
				for _, v := range g.Tests {
					cases++
					key, sig := public, unhex(t, v.Sig)
					if f.alg == "HS256" {
						key, sig = unhex(t, v.Key), unhex(t, v.Tag)
					}
					err := kerr
					if err == nil {
						err = alg.method.Verify(string(unhex(t, v.Msg)), sig, key)
					}
					want := v.Result == "valid" && f.foreign == "" || f.but != "" && v.Comment == f.but
					if want && v.Ctx != nil && *v.Ctx != "" {
						context++
						want = false // RFC 9964: the context is empty
					}
					switch {
					case v.Result == "acceptable":
						either++
					case (err == nil) != want:
						wrong++
						t.Errorf("%d %s: %v, want %s", v.ID, v.Comment, err, v.Result)
					case err == nil:
						accepted++
					default:
						refused++
					}
				}
				if accepted == before {
					vacuous++
				}
			}
			t.Logf("%s: %d cases in %d groups (%d of them without a valid one): %d accepted, %d refused, %d of them valid in a context that JOSE has not, %d where either will do; wrong verdicts: %d",
				f.alg, cases, len(groups), vacuous, accepted, refused, context, either, wrong)
			if f.foreign != "" {
				t.Logf("valid ones are refused: %s", f.foreign)
			} else if accepted == 0 {
				t.Error("nothing was accepted")
			}
			if refused == 0 {
				t.Error("nothing was refused")
			}
		})
	}
}

func (g signatureGroup) public(alg *algorithm) (any, error) {
	if raw, ok := g.PublicKey.(string); ok && alg.keyType == "AKP" {
		b, err := hex.DecodeString(raw)
		if err != nil {
			return nil, err
		}
		return alg.fromJWK(jwk{Public: b64(b)})
	}
	if g.PublicKeyDer == "" {
		return nil, nil // a secret
	}
	der, err := hex.DecodeString(g.PublicKeyDer)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	// As a published key it has to come to the same.
	return alg.fromJWK(alg.jwk(k))
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWrongParameterSet: a key of one set verifies and signs nothing of another.
func TestWrongParameterSet(t *testing.T) {
	all := rings(t)
	names := []string{"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}
	for _, a := range names {
		key := all[a].active()
		sig, err := key.alg.method.Sign("text", key.private)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range names {
			method := all[b].active().alg.method
			if err := method.Verify("text", sig, key.public); (err == nil) != (a == b) {
				t.Errorf("a key of %s with %s: %v", a, b, err)
			}
			if _, err := method.Sign("text", key.private); (err == nil) != (a == b) {
				t.Errorf("a private key of %s with %s: %v", a, b, err)
			}
		}
		for _, wrong := range [][]byte{sig[:len(sig)-1], append(sig[:len(sig):len(sig)], 0), nil} {
			if err := key.alg.method.Verify("text", wrong, key.public); err == nil {
				t.Errorf("%s: a signature of %d bytes is accepted, it has %d", a, len(wrong), len(sig))
			}
		}
		pub := key.public.(*mldsa.PublicKey).Bytes()
		for _, wrong := range [][]byte{pub[1:], append(pub, 0)} {
			if _, err := key.alg.fromJWK(jwk{Public: b64(wrong)}); err == nil {
				t.Errorf("%s: a public key of %d bytes is taken", a, len(wrong))
			}
		}
	}
	if k, err := edDSA().fromJWK(jwk{Curve: "Ed448", X: b64(make([]byte, 57))}); err == nil {
		t.Errorf("Ed448: %T", k)
	}
	if n := len(all["EdDSA"].active().public.(ed25519.PublicKey)); n != 32 {
		t.Error(fmt.Sprint(n))
	}
}
