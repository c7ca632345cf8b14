package session

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Why a sealed session was refused, for errors.Is. The words are those of the
// event log.
var (
	ErrSealMalformed = errors.New("malformed")
	ErrSealKey       = errors.New("unknown-key")
	ErrSealBroken    = errors.New("bad-signature") // made with another key, or altered
	ErrSealExpired   = errors.New("expired")
)

// SealConfig says what goes into a sealed session.
type SealConfig struct {
	Keys *SealKeys
	// Lifetime is how long one works after the log-in, in whole seconds. Nothing else
	// ends it: there is no record that could be deleted.
	Lifetime time.Duration
	// CSRFKey is the 32-byte HMAC key of CSRF tokens, the same on all nodes.
	CSRFKey []byte
	// Data is what is kept beside the subject; nil for nothing.
	Data func(subject string) string
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Sealer keeps users logged in without a store: the session itself is in the cookie,
// encrypted and authenticated, so that its holder can neither read nor alter it. Any
// node that has the keys can open it, and none can end it before its time.
//
// On the wire it is base64url, without padding, of
//
//	version       1 byte, 1
//	key           4 bytes, which key sealed it
//	nonce         12 bytes, random
//	ciphertext    AES-256-GCM of the record; version and key are authenticated with it
//	tag           16 bytes
//
// A random nonce of 96 bits bounds a key to 2^32 sealings (NIST SP 800-38D, section
// 8.3): keys have to be rotated, see SealKeys.
type Sealer struct {
	cfg      SealConfig
	encoding *base64.Encoding
}

const (
	sealVersion = 1
	sealHead    = 1 + sealKeyID // version, key
	sealNonce   = 12
	sealTag     = 16
	sealedID    = 16 // bytes of the random number that a CSRF token is bound to
)

// Sealed is what an opened cookie says. Times are whole seconds.
type Sealed struct {
	Subject  string
	Roles    []string
	Issued   time.Time
	Expires  time.Time // works while now < Expires
	AuthTime time.Time // when the user last proved who they are
	ID       string    // for CheckCSRF; of this cookie alone
	Data     string
}

// NewSealer checks cfg.
func NewSealer(cfg SealConfig) (*Sealer, error) {
	switch {
	case cfg.Keys == nil:
		return nil, errors.New("session: no keys to seal with")
	case cfg.Lifetime < time.Second || cfg.Lifetime%time.Second != 0:
		return nil, fmt.Errorf("session: lifetime %s is not a positive number of whole seconds", cfg.Lifetime)
	case len(cfg.CSRFKey) != 32:
		return nil, fmt.Errorf("session: CSRF key of %d bytes: want 32", len(cfg.CSRFKey))
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	// Strict: with other bits in the unused ones of the last character one session
	// would have many spellings.
	return &Sealer{cfg: cfg, encoding: base64.RawURLEncoding.Strict()}, nil
}

// Keys are the keys in use.
func (s *Sealer) Keys() *SealKeys { return s.cfg.Keys }

// Seal makes the cookie of a new session. Its ID is new as well, and with it the CSRF
// token: what was known before a log-in or a step-up fits no longer.
func (s *Sealer) Seal(subject string, roles []string) (Credential, error) {
	now := time.Unix(s.cfg.Now().Unix(), 0)
	rec := Sealed{Subject: subject, Roles: roles, Issued: now, AuthTime: now, Expires: now.Add(s.cfg.Lifetime)}
	var id [sealedID]byte
	_, _ = rand.Read(id[:]) // never fails: the program crashes instead (crypto/rand)
	rec.ID = string(id[:])
	if s.cfg.Data != nil {
		rec.Data = s.cfg.Data(subject)
	}
	if err := rec.check(); err != nil {
		return Credential{}, err
	}
	key := s.cfg.Keys.first()
	b := make([]byte, sealHead+sealNonce, sealHead+sealNonce+rec.size()+sealTag)
	b[0] = sealVersion
	copy(b[1:], key.id[:])
	nonce := b[sealHead : sealHead+sealNonce]
	_, _ = rand.Read(nonce)
	b = key.aead.Seal(b, nonce, rec.append(nil), b[:sealHead])
	return Credential{ID: s.encoding.EncodeToString(b), CSRF: s.csrf(rec.ID)}, nil
}

// Open returns the session in a cookie. An error wraps one of the reasons above.
func (s *Sealer) Open(cookie string) (Sealed, error) {
	// Subtle: encoding/base64 skips CR and LF even when strict.
	if strings.ContainsAny(cookie, "\r\n") {
		return Sealed{}, fmt.Errorf("%w: line break inside", ErrSealMalformed)
	}
	b, err := s.encoding.DecodeString(cookie)
	switch {
	case err != nil:
		return Sealed{}, fmt.Errorf("%w: %w", ErrSealMalformed, err)
	case len(b) < sealHead+sealNonce+sealTag || b[0] != sealVersion:
		return Sealed{}, fmt.Errorf("%w: %d bytes", ErrSealMalformed, len(b))
	}
	key := s.cfg.Keys.find([sealKeyID]byte(b[1:sealHead]))
	if key == nil {
		return Sealed{}, ErrSealKey
	}
	nonce, box := b[sealHead:sealHead+sealNonce], b[sealHead+sealNonce:]
	plain, err := key.aead.Open(box[:0], nonce, box, b[:sealHead])
	if err != nil {
		return Sealed{}, ErrSealBroken
	}
	rec, err := decodeSealed(plain)
	if err != nil {
		return Sealed{}, err
	}
	if !s.cfg.Now().Before(rec.Expires) {
		return Sealed{}, ErrSealExpired
	}
	return rec, nil
}

// csrf is base64url(HMAC-SHA256(CSRFKey, id)), as for other sessions.
func (s *Sealer) csrf(id string) string {
	return s.encoding.EncodeToString(csrfSum(s.cfg.CSRFKey, id))
}

// CheckCSRF tells, in constant time, whether token was issued with the session of
// that ID.
func (s *Sealer) CheckCSRF(id, token string) bool {
	return hmac.Equal([]byte(s.csrf(id)), []byte(token))
}

// SealReason is the one word for why err refused a cookie.
func SealReason(err error) string {
	for _, r := range []error{ErrSealMalformed, ErrSealKey, ErrSealBroken, ErrSealExpired} {
		if errors.Is(err, r) {
			return r.Error()
		}
	}
	return "other"
}
