package jwt

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"
)

// jwx is github.com/lestrrat-go/jwx by its building blocks: it splits a token, reads its
// header and verifies its signature. Base64 is ours, since it takes several spellings of
// one token, and so are the claims, which are decoded when the signature is good.
type jwx struct {
	cfg    Config
	now    func() time.Time
	base64 *base64.Encoding
}

// newJWX is for HS256, where the library is most of what a verification costs; what it
// makes of other algorithms was not held against their test vectors.
func newJWX(cfg Config, methods []string) (*jwx, error) {
	if !slices.Equal(methods, []string{"HS256"}) {
		return nil, fmt.Errorf("jwt: verifier %s is for HS256, and keys are for %v", libraryJWX, methods)
	}
	return &jwx{cfg, cfg.now(), base64.RawURLEncoding.Strict()}, nil
}

func (x *jwx) verify(token string, kind Kind, c *Claims, find func(head) (*Key, error)) error {
	raw := []byte(token)
	protected, payload, signature, err := jwsbb.SplitCompact(raw)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	parts, err := x.decode(protected, payload, signature)
	if err != nil {
		return err
	}
	h, err := headIn(parts[0])
	if err != nil {
		return err
	}
	k, err := find(h)
	if err != nil {
		return err
	}
	if err := jwsbb.Verify(k.public, h.alg, raw[:len(protected)+1+len(payload)], parts[2]); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := json.Unmarshal(parts[1], c); err != nil {
		return fmt.Errorf("%w: claims: %w", ErrMalformed, err)
	}
	audience := x.cfg.Audience
	if kind == Refresh {
		audience = x.cfg.Issuer
	}
	return c.check(&x.cfg, audience, x.now())
}

// decode decodes the parts of a token strictly, in one piece of memory.
func (x *jwx) decode(parts ...[]byte) (out [3][]byte, err error) {
	size := 0
	for _, p := range parts {
		size += x.base64.DecodedLen(len(p))
	}
	buf := make([]byte, size)
	for i, p := range parts {
		n, err := x.base64.Decode(buf, p)
		if err != nil {
			return out, fmt.Errorf("%w: part %d: %w", ErrMalformed, i+1, err)
		}
		out[i], buf = buf[:n:n], buf[n:]
	}
	return out, nil
}

// headIn reads a header. What is missing, or is no string, is empty. The library's own
// parser takes more than JSON.
func headIn(b []byte) (h head, err error) {
	if !json.Valid(b) {
		return h, fmt.Errorf("%w: the header is no JSON", ErrMalformed)
	}
	parsed := jwsbb.HeaderParse(b)
	h.alg, _ = jwsbb.HeaderGetString(parsed, "alg")
	h.typ, _ = jwsbb.HeaderGetString(parsed, "typ")
	h.kid, _ = jwsbb.HeaderGetString(parsed, "kid")
	h.crit = jwsbb.HeaderHas(parsed, "crit")
	return h, nil
}
