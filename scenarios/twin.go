package scenarios

import (
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
)

// twin is another spelling of the same token: an ECDSA signature (r, s) verifies
// as (r, n - s) just as well (SEC 1, section 4.1.4), so anybody can make one. Who
// remembers revoked tokens by their bytes lets it in. ok is false for what is not
// an ES256 token in the compact form of RFC 7515.
func twin(credential string) (other string, ok bool) {
	parts := strings.Split(credential, ".")
	if len(parts) != 3 {
		return "", false
	}
	var header struct{ Alg string }
	if h, err := base64.RawURLEncoding.DecodeString(parts[0]); err != nil || json.Unmarshal(h, &header) != nil || header.Alg != "ES256" {
		return "", false
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(sig) != 64 { // RFC 7518 section 3.4: two numbers of 32 bytes
		return "", false
	}
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(sig[32:])
	return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(sig), true
}
