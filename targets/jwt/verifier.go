package jwt

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Why a token was refused, for errors.Is and for Reason. The words are those of
// the event log.
var (
	ErrMalformed = errors.New("malformed")
	ErrType      = errors.New("wrong-type")
	ErrCritical  = errors.New("crit-header")
	ErrAlgorithm = errors.New("wrong-algorithm")
	ErrKey       = errors.New("unknown-key")
	ErrSignature = errors.New("bad-signature")
	ErrExpired   = errors.New("expired")
	ErrNotYet    = errors.New("not-yet-valid")
	ErrClaims    = errors.New("wrong-claims") // iss, aud, sub, jti, or a required claim missing
)

// ErrNoKeys says that a token could not be judged: no key set was ever fetched. It is
// no reason to refuse a token, but one to answer that nobody knows.
var ErrNoKeys = errors.New("no keys are known yet")

// Keys is where a verifier finds keys: a Ring, or a Remote.
type Keys interface {
	// find is the key of that name, ErrKey or ErrNoKeys. It may take the time of a fetch.
	find(kid string) (*Key, error)
	// known is the key of that name as far as is known here, or nil.
	known(kid string) *Key
	// methods are the algorithms that keys may be for.
	methods() []string
}

// Verifier accepts tokens that its keys signed. Safe for concurrent use.
type Verifier struct {
	keys    Keys
	methods []string
	library library
	most    int // bytes of a token
}

// library is whoever takes a token apart and does the arithmetic. What is accepted is
// not its business: it asks find for the key that a header may be verified with.
type library interface {
	// verify decodes the payload into c and checks signature and claims, as those of a
	// token of that kind. An error wraps one of the reasons above.
	verify(token string, kind Kind, c *Claims, find func(head) (*Key, error)) error
}

// Libraries that can be chosen.
const (
	libraryGolangJWT = "golang-jwt"
	libraryJWX       = "jwx"
)

// Verifiers are the names of the libraries that tokens can be verified with, the usual
// one first.
func Verifiers() []string { return []string{libraryGolangJWT, libraryJWX} }

// NewVerifier returns a verifier that follows RFC 8725: the algorithm is the key's and
// never the token's choice, typ and crit checked, strict base64, exp required, issuer
// and audience checked, keys found by kid only.
func NewVerifier(keys Keys, cfg Config) (*Verifier, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	v := &Verifier{keys: keys, methods: keys.methods(), most: cmp.Or(cfg.MaxTokenBytes, MaxTokenBytes)}
	if cfg.Verifier == libraryJWX {
		x, err := newJWX(cfg, v.methods)
		if err != nil {
			return nil, err
		}
		v.library = x
		return v, nil
	}
	v.library = newGolangJWT(cfg, v.methods)
	return v, nil
}

// Access verifies an access token. It is accepted iff now < exp + leeway and
// now >= nbf - leeway. An error wraps one of the reasons above.
func (v *Verifier) Access(token string) (*Claims, error) {
	c, _, err := v.verify(token, Access)
	return c, err
}

// Refresh verifies a refresh token in the same way.
func (v *Verifier) Refresh(token string) (*Claims, error) {
	c, _, err := v.verify(token, Refresh)
	return c, err
}

// verify also says which key it was.
func (v *Verifier) verify(token string, kind Kind) (*Claims, *Key, error) {
	if len(token) > v.most {
		return nil, nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrMalformed, len(token), v.most)
	}
	// Subtle: encoding/base64 skips CR and LF even when strict, so that one token
	// would have many spellings.
	if strings.IndexByte(token, '\n') >= 0 || strings.IndexByte(token, '\r') >= 0 {
		return nil, nil, fmt.Errorf("%w: line break inside", ErrMalformed)
	}
	var used *Key
	c := new(Claims)
	err := v.library.verify(token, kind, c, func(h head) (*Key, error) {
		k, err := v.key(h, kind)
		used = k
		return k, err
	})
	if err == nil {
		err = unambiguous(token)
	}
	switch {
	case err != nil:
		return nil, nil, err
	case c.Subject == "" || c.ID == "":
		return nil, nil, fmt.Errorf("%w: no sub or no jti", ErrClaims)
	}
	return c, used, nil
}

// head is what is looked at of a header (RFC 7515 section 4.1). A value that is no
// string is as good as none.
type head struct {
	alg, typ, kid string
	crit          bool // there is one, whatever it says
}

// key checks the header and finds the key. It runs before the signature is verified.
func (v *Verifier) key(h head, kind Kind) (*Key, error) {
	if !slices.Contains(v.methods, h.alg) {
		return nil, ErrAlgorithm
	}
	// RFC 7515 section 4.1.9: "application/" may be left out.
	if h.typ != string(kind) && h.typ != "application/"+string(kind) {
		return nil, ErrType
	}
	// RFC 7515 section 4.1.11: an extension that is not understood must be
	// refused. We understand none.
	if h.crit {
		return nil, ErrCritical
	}
	if h.kid == "" {
		return nil, ErrKey
	}
	k, err := v.keys.find(h.kid)
	if err != nil {
		return nil, err
	}
	// RFC 8725 section 3.1: a key is for one algorithm.
	if h.alg != k.Algorithm {
		return nil, ErrAlgorithm
	}
	return k, nil
}

// Reason is the one word for why err refused a token; "" for nil.
func Reason(err error) string {
	if err == nil {
		return ""
	}
	for _, r := range []error{ErrMalformed, ErrType, ErrCritical, ErrAlgorithm, ErrKey, ErrSignature, ErrExpired, ErrNotYet} {
		if errors.Is(err, r) {
			return r.Error()
		}
	}
	return ErrClaims.Error()
}
