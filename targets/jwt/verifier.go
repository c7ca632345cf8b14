package jwt

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
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
	keys            Keys
	methods         []string
	access, refresh *jwt.Parser
	most            int // bytes of a token
}

// NewVerifier returns a verifier that follows RFC 8725: the algorithm is the key's and
// never the token's choice, typ and crit checked, strict base64, exp required, issuer
// and audience checked, keys found by kid only.
func NewVerifier(keys Keys, cfg Config) (*Verifier, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	methods := keys.methods()
	parser := func(audience string) *jwt.Parser {
		return jwt.NewParser(
			jwt.WithValidMethods(methods),
			jwt.WithStrictDecoding(),
			jwt.WithExpirationRequired(),
			jwt.WithIssuer(cfg.Issuer),
			jwt.WithAudience(audience),
			jwt.WithLeeway(cfg.Leeway),
			jwt.WithTimeFunc(cfg.now()),
		)
	}
	return &Verifier{keys: keys, methods: methods, access: parser(cfg.Audience), refresh: parser(cfg.Issuer), most: cmp.Or(cfg.MaxTokenBytes, MaxTokenBytes)}, nil
}

// Access verifies an access token. It is accepted iff now < exp + leeway and
// now >= nbf - leeway. An error wraps one of the reasons above.
func (v *Verifier) Access(token string) (*Claims, error) {
	return v.verify(v.access, token, v.accessKey)
}

// Refresh verifies a refresh token in the same way.
func (v *Verifier) Refresh(token string) (*Claims, error) {
	return v.verify(v.refresh, token, v.refreshKey)
}

func (v *Verifier) verify(p *jwt.Parser, token string, key jwt.Keyfunc) (*Claims, error) {
	if len(token) > v.most {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrMalformed, len(token), v.most)
	}
	// Subtle: encoding/base64 skips CR and LF even when strict, so that one token
	// would have many spellings.
	if strings.IndexByte(token, '\n') >= 0 || strings.IndexByte(token, '\r') >= 0 {
		return nil, fmt.Errorf("%w: line break inside", ErrMalformed)
	}
	c := new(Claims)
	if t, err := p.ParseWithClaims(token, c, key); err != nil {
		return nil, v.classify(t, err)
	}
	if c.Subject == "" || c.ID == "" {
		return nil, fmt.Errorf("%w: no sub or no jti", ErrClaims)
	}
	return c, nil
}

func (v *Verifier) accessKey(t *jwt.Token) (any, error)  { return public(v.key(t, Access)) }
func (v *Verifier) refreshKey(t *jwt.Token) (any, error) { return public(v.key(t, Refresh)) }

func public(k *Key, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return k.public, nil
}

// key checks the header and finds the key. It runs before the signature is verified,
// and after the parser has seen to it that the algorithm is one of those that keys may
// be for.
func (v *Verifier) key(t *jwt.Token, kind Kind) (*Key, error) {
	typ, _ := t.Header["typ"].(string)
	// RFC 7515 section 4.1.9: "application/" may be left out.
	if typ != string(kind) && typ != "application/"+string(kind) {
		return nil, ErrType
	}
	// RFC 7515 section 4.1.11: an extension that is not understood must be
	// refused. We understand none.
	if _, critical := t.Header["crit"]; critical {
		return nil, ErrCritical
	}
	kid, ok := t.Header["kid"].(string)
	if !ok {
		return nil, ErrKey
	}
	k, err := v.keys.find(kid)
	if err != nil {
		return nil, err
	}
	// RFC 8725 section 3.1: a key is for one algorithm.
	if t.Method.Alg() != k.Algorithm {
		return nil, ErrAlgorithm
	}
	return k, nil
}

// classify puts our reason in front of what golang-jwt says. t is as much of
// the token as was parsed, or nil.
func (v *Verifier) classify(t *jwt.Token, err error) error {
	// The parser calls an algorithm outside its list a bad signature.
	if t != nil && t.Method != nil && !slices.Contains(v.methods, t.Method.Alg()) {
		return fmt.Errorf("%w: %w", ErrAlgorithm, err)
	}
	for _, m := range []struct{ theirs, ours error }{
		{ErrType, ErrType},
		{ErrCritical, ErrCritical},
		{ErrKey, ErrKey},
		{ErrNoKeys, ErrNoKeys},
		{ErrAlgorithm, ErrAlgorithm},
		{jwt.ErrTokenMalformed, ErrMalformed},
		{jwt.ErrTokenUnverifiable, ErrAlgorithm}, // alg unknown or absent
		{jwt.ErrTokenSignatureInvalid, ErrSignature},
		{jwt.ErrTokenExpired, ErrExpired},
		{jwt.ErrTokenNotValidYet, ErrNotYet},
	} {
		if errors.Is(err, m.theirs) {
			return fmt.Errorf("%w: %w", m.ours, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrClaims, err)
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
