package jwt

import (
	"fmt"
	"time"

	"authbench/targets/revoke"
	"authbench/targets/store"
)

// Memo verifies an access token's signature once and remembers the outcome under
// all the bytes of the token. What time, a rotated key or a log-out can change is
// looked at every time: exp and nbf and the key here, revocation by the caller.
// Only tokens that verify are remembered, so that nobody can fill it with
// rubbish. Safe for concurrent use.
type Memo struct {
	verifier *Verifier
	leeway   time.Duration
	now      func() time.Time
	verified *revoke.LRU[string, verified]
}

type verified struct {
	claims *Claims // shared; never changed
	key    *Key    // that signed it
}

// NewMemo remembers at most entries tokens before v; cfg is that of v.
func NewMemo(v *Verifier, cfg Config, entries int) *Memo {
	return &Memo{v, cfg.Leeway, cfg.now(), revoke.NewLRU[string, verified](entries)}
}

// Access is Verifier.Access. The claims are shared: do not change them.
func (m *Memo) Access(token string) (*Claims, error) {
	if known, ok := m.verified.Get(token); ok {
		// The very key: one that came back under an old kid is another one.
		if m.verifier.keys.known(known.key.ID) == known.key {
			if err := m.timely(known.claims); err != nil {
				return nil, err
			}
			return known.claims, nil
		}
		m.verified.Remove(token)
	}
	c, used, err := m.verifier.verify(token, Access)
	if err != nil {
		return nil, err
	}
	m.verified.Put(token, verified{c, used})
	return c, nil
}

// Stats says how often a signature was not checked again.
func (m *Memo) Stats() store.Cache {
	hits, misses := m.verified.Counts()
	return store.Cache{Name: "memo", Entries: m.verified.Len(), Hits: hits, Misses: misses}
}

// timely is what the verifier's parser checks of the time: now < exp + leeway and
// now >= nbf - leeway. It does not use the parser's getters, which write.
func (m *Memo) timely(c *Claims) error {
	now := m.now()
	if !now.Before(c.Expires().Add(m.leeway)) {
		return fmt.Errorf("%w: at %s", ErrExpired, c.Expires())
	}
	if c.NotBefore != nil && now.Before(time.Unix(*c.NotBefore, 0).Add(-m.leeway)) {
		return ErrNotYet
	}
	return nil
}
