package jwt

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// rfcToken is an example of an RFC: a JWS that verifies, or one that has to be refused.
type rfcToken struct {
	name  string
	alg   string // ours that the key is for
	jwk   string // without alg and kid, which these examples do not have
	token string
	want  error
}

// TestRFCExamples: RFC 7515 appendix A.1 to A.5 and RFC 8037 appendix A.4. These tokens
// have no kid and no typ, which our rules for headers ask for: here the header is read
// and the arithmetic done, and TestStrict has the rules.
func TestRFCExamples(t *testing.T) {
	const claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	for _, c := range []rfcToken{
		{
			"A.1 HS256", "HS256", `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`,
			"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + claims + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", nil,
		},
		{
			"A.2 RS256", "RS256", `{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}`,
			"eyJhbGciOiJSUzI1NiJ9." + claims + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw", nil,
		},
		{
			"A.3 ES256", "ES256", `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
			"eyJhbGciOiJFUzI1NiJ9." + claims + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", nil,
		},
		{
			"A.4 ES512", "ES512", `{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4XUuuKtgtEQ0","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}`,
			"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn", ErrAlgorithm,
		},
		{"A.5 none", "HS256", `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`, "eyJhbGciOiJub25lIn0." + claims + ".", ErrAlgorithm},
		{
			"RFC 8037 A.4 EdDSA", "EdDSA", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := c.key(t)
			if err == nil {
				err = c.verify(key, c.token)
			}
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if c.want != nil {
				return
			}
			dot := strings.LastIndexByte(c.token, '.')
			for _, bad := range []string{c.token[:dot+1], c.token[:dot+1] + "A" + c.token[dot+2:], c.token[:dot-1] + "A" + c.token[dot:]} {
				if err := c.verify(key, bad); err == nil {
					t.Errorf("altered, and accepted: %s", bad)
				}
			}
		})
	}
}

func (c rfcToken) key(t *testing.T) (*Key, error) {
	t.Helper()
	var j jwk
	if err := json.Unmarshal([]byte(c.jwk), &j); err != nil {
		t.Fatal(err)
	}
	j.Algorithm, j.ID = c.alg, "rfc"
	if j.Type != "oct" {
		k, err := j.key()
		if err != nil && !strings.Contains(err.Error(), "unknown algorithm") {
			t.Fatal(err)
		}
		if err != nil {
			return nil, ErrAlgorithm
		}
		return k, nil
	}
	secret, err := decodeB64(j.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return newKey("rfc", hs256(), secret, secret), nil
}

func (c rfcToken) verify(key *Key, token string) error {
	if headerAlg(token) != key.Algorithm {
		return ErrAlgorithm
	}
	dot := strings.LastIndexByte(token, '.')
	sig, err := decodeB64(token[dot+1:])
	if err != nil {
		return err
	}
	return key.alg.method.Verify(token[:dot], sig, key.public)
}
