package attack

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"strings"
)

// encrypted sends five segments: encrypted under nothing, under a number, and under the
// public key, which everybody can do. One asks for as many hashes as there are numbers.
func encrypted(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	inner := map[string][]byte{
		"its claims":     f.body,
		"a token":        []byte(f.u.Credential()),
		"an alg of none": []byte(b64([]byte(`{"alg":"none"}`)) + "." + f.parts[1] + "."),
	}
	key := make([]byte, 16)
	var all []variation
	for what, plain := range sorted(inner) {
		for alg, more := range sorted(map[string]string{
			"dir": "", "none": "", "A128KW": "", "ECDH-ES": `,"epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`,
			"PBES2-HS256+A128KW": `,"p2s":"AAAAAAAAAAA","p2c":2147483647`,
		}) {
			for _, zip := range []string{"", `,"zip":"DEF"`} {
				header := fmt.Sprintf(`{"alg":%q,"enc":"A128GCM","cty":"JWT","typ":%q,"kid":%q%s%s}`, alg, f.header.text("typ"), f.kid, more, zip)
				token, err := jwe(header, nil, key, plain)
				if err != nil {
					return err
				}
				all = append(all, variation{fmt.Sprintf("%s in %s%s", what, alg, zip), token})
			}
		}
		if public := f.rsaKey(); public != nil {
			for _, alg := range []string{"RSA-OAEP", "RSA-OAEP-256"} {
				header := fmt.Sprintf(`{"alg":%q,"enc":"A128GCM","cty":"JWT","typ":%q,"kid":%q}`, alg, f.header.text("typ"), f.kid)
				h := sha1.New()
				if alg == "RSA-OAEP-256" {
					h = sha256.New()
				}
				wrapped, err := rsa.EncryptOAEP(h, rand.Reader, public, key, nil)
				if err != nil {
					return err
				}
				token, err := jwe(header, wrapped, key, plain)
				if err != nil {
					return err
				}
				all = append(all, variation{fmt.Sprintf("%s in %s under the public key", what, alg), token})
			}
		}
	}
	all = append(all,
		variation{"the token and two segments more", f.u.Credential() + "." + f.parts[1] + "." + f.parts[2]},
		variation{"five empty segments", "...."}, variation{"a header and nothing", f.parts[0] + "...."})
	return f.refused(ctx, all, 400)
}

// jwe is a JWE in compact form (RFC 7516 section 7.1) with A128GCM.
func jwe(header string, wrapped, key, plain []byte) (string, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	protected := b64([]byte(header))
	iv := make([]byte, gcm.NonceSize())
	sealed := gcm.Seal(nil, iv, plain, []byte(protected))
	cut := len(sealed) - gcm.Overhead()
	return strings.Join([]string{protected, b64(wrapped), b64(iv), b64(bytes.Clone(sealed[:cut])), b64(sealed[cut:])}, "."), nil
}
