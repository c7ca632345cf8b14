package jwt

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Ring is keys, found by kid. One of them is active: it signs; the others only
// verify. Its keys may be of several algorithms, but not of HS256 and another. A ring
// whose keys are somebody else's has no active one, and signs nothing. Safe for
// concurrent use; a look-up takes no lock.
type Ring struct {
	alg   *algorithm // of new keys, unless they say otherwise
	mu    sync.Mutex // writers
	state atomic.Pointer[ringState]

	prints    map[string][32]byte // by kid: of every key that was here, under mu
	order     []string            // kids in prints, oldest first
	conflicts atomic.Uint64
	bits      int // of the first RSA key; 0: as usual
}

// ringState is never changed once it is stored.
type ringState struct {
	byID    map[string]*Key
	members []*member // oldest first
	active  *Key      // nil: the keys are somebody else's
	jwks    []byte
}

// ErrKeyReused is a kid that came back with another key. A kid names one key, for
// ever: the first that came under it stays, the other is refused and counted.
var ErrKeyReused = errors.New("the kid was another key's before")

// ErrFamily is a shared secret in a ring of public keys, or the other way round.
var ErrFamily = errors.New("a shared secret and public keys do not go together")

// ErrNotHere is a key that is not in the ring.
var ErrNotHere = errors.New("there is no such key")

// NewRing returns a ring with one fresh key of the usual size.
func NewRing(algorithm string) (*Ring, error) { return NewRingOf(algorithm, 0) }

// NewRingOf returns a ring with one fresh key. bits is the size of RSA keys, one of
// RSABits; 0, and all others, is the usual one. Keys that come later are as large as
// the one that signs then.
func NewRingOf(algorithm string, bits int) (*Ring, error) {
	alg, err := findAlgorithm(algorithm)
	if err != nil {
		return nil, err
	}
	if bits != 0 && (alg.keyType != "RSA" || !slices.Contains(RSABits(), bits)) {
		return nil, fmt.Errorf("jwt: no %s keys of %d bits are made: the sizes of RSA keys are %v", algorithm, bits, RSABits())
	}
	r := emptyRing(alg)
	r.bits = bits
	if _, err := r.Rotate(time.Now()); err != nil {
		return nil, err
	}
	return r, nil
}

// Bits is the size of the RSA key that signs, 0 of any other.
func (r *Ring) Bits() int {
	if k := r.active(); k != nil {
		return rsaBits(k.public)
	}
	return 0
}

// like is the size of a new RSA key: that of the one that signs, if it is one.
func (r *Ring) like() int { return cmp.Or(r.Bits(), r.bits) }

func emptyRing(alg *algorithm) *Ring {
	r := &Ring{alg: alg, prints: map[string][32]byte{}}
	r.set(nil, nil)
	return r
}

// Algorithm is the name of the algorithm that the ring was made for.
func (r *Ring) Algorithm() string { return r.alg.name }

// Rotation is how a new key comes into use.
type Rotation struct {
	Algorithm string // of the key; empty: that of the ring
	// Publish is how long the key is published before it signs: as long as a verifier
	// may go without asking for keys. 0: it signs at once.
	Publish time.Duration
	// Overlap is how long the predecessor goes on verifying once the new key signs: as
	// long as a token lives. 0: without end.
	Overlap time.Duration
}

// Rotate adds a fresh key and makes it the active one. Older keys go on
// verifying, so that tokens that are out live their life.
func (r *Ring) Rotate(now time.Time) (Key, error) { return r.Begin(now, Rotation{}) }

// Begin adds a fresh key, which signs when it has been published for long enough: see
// Step.
func (r *Ring) Begin(now time.Time, how Rotation) (Key, error) {
	alg := r.alg
	if how.Algorithm != "" {
		var err error
		if alg, err = findAlgorithm(how.Algorithm); err != nil {
			return Key{}, err
		}
		if !slices.Contains(r.alg.methods(), alg.name) {
			return Key{}, fmt.Errorf("%w: a ring for %s takes no key for %s", ErrFamily, r.alg.name, alg.name)
		}
	}
	k, err := generateKey(alg, r.like(), now)
	if err != nil {
		return Key{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.vet(k); err != nil {
		return Key{}, err
	}
	s := r.state.Load()
	m := &member{Key: k, signs: now.Add(how.Publish), overlap: how.Overlap}
	r.set(append(slices.Clone(s.members), m), s.active)
	r.step(now)
	return *k, nil
}

// Step does what has fallen due: a published key becomes the active one and its
// predecessor retires, a retired key goes. It says whether anything changed, and when
// the next thing falls due; zero is never.
func (r *Ring) Step(now time.Time) (changed bool, next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.step(now)
}

func (r *Ring) step(now time.Time) (changed bool, next time.Time) {
	s := r.state.Load()
	members, active := slices.Clone(s.members), s.active
	for i, m := range members {
		if m.signs.IsZero() || m.signs.After(now) || m.private == nil {
			continue
		}
		for j, old := range members {
			if old.Key == active && m.overlap > 0 {
				members[j] = &member{Key: old.Key, ends: m.signs.Add(m.overlap)}
			}
		}
		members[i] = &member{Key: m.Key, overlap: m.overlap}
		active, changed = m.Key, true
	}
	members = slices.DeleteFunc(members, func(m *member) bool {
		gone := !m.ends.IsZero() && !m.ends.After(now) && m.Key != active
		changed = changed || gone
		return gone
	})
	if changed {
		r.set(members, active)
	}
	for _, m := range members {
		for _, t := range []time.Time{m.signs, m.ends} {
			if t.After(now) && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
	}
	return changed, next
}

// Remove takes a key out at once, whatever was signed with it: what to do when it has
// leaked. Instead of the active one a published key signs, or else a fresh one.
func (r *Ring) Remove(now time.Time, kid string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state.Load()
	k := s.byID[kid]
	if k == nil {
		return fmt.Errorf("%w: %.40q", ErrNotHere, kid)
	}
	members := slices.DeleteFunc(slices.Clone(s.members), func(m *member) bool { return m.Key == k })
	active := s.active
	if k == active {
		i := slices.IndexFunc(members, func(m *member) bool { return !m.signs.IsZero() })
		if i < 0 {
			fresh, err := generateKey(k.alg, rsaBits(k.public), now)
			if err != nil {
				return err
			}
			if err := r.vet(fresh); err != nil {
				return err
			}
			members, i = append(members, &member{Key: fresh}), len(members)
		}
		members[i] = &member{Key: members[i].Key, overlap: members[i].overlap}
		active = members[i].Key
	}
	r.set(members, active)
	return nil
}

// Adopt takes over what another node has written: keys, their stages, and which of
// them signs. A kid with another key refuses all of it.
func (r *Ring) Adopt(other *Ring) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := other.state.Load()
	var (
		members []*member
		active  *Key
	)
	for _, m := range s.members {
		k, err := r.own(m.Key)
		if err != nil {
			return err
		}
		members = append(members, &member{Key: k, signs: m.signs, ends: m.ends, overlap: m.overlap})
		if m.Key == s.active {
			active = k
		}
	}
	r.set(members, active)
	return nil
}

// replace takes over a published set. A kid with another key is refused and named by
// the error; the key that it stood for stays, if it is here. A set of which nothing is
// left changes nothing.
func (r *Ring) replace(keys []*Key) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var (
		members []*member
		first   error
		taken   = map[string]bool{}
	)
	for _, k := range keys {
		own, err := r.own(k)
		if err != nil {
			if first == nil {
				first = err
			}
			own = r.known(k.ID)
		}
		if own == nil || taken[own.ID] {
			continue
		}
		taken[own.ID] = true
		members = append(members, &member{Key: own})
	}
	if len(members) == 0 {
		return errors.Join(errEmptySet, first)
	}
	r.set(members, nil)
	return first
}

// own is the ring's own pointer to that key: one key has one. The caller holds mu.
func (r *Ring) own(k *Key) (*Key, error) {
	if err := r.vet(k); err != nil {
		return nil, err
	}
	if here := r.known(k.ID); here != nil {
		return here, nil
	}
	return k, nil
}

// set publishes a new state. The caller holds mu or is alone.
func (r *Ring) set(members []*member, active *Key) {
	s := &ringState{byID: make(map[string]*Key, len(members)), members: members, active: active}
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, m := range members {
		s.byID[m.ID] = m.Key
		if !m.alg.shared() {
			j := m.alg.jwk(m.public)
			j.Use, j.Algorithm, j.ID = "sig", m.Algorithm, m.ID
			set.Keys = append(set.Keys, j)
		}
	}
	s.jwks, _ = json.Marshal(set) // strings only: cannot fail
	r.state.Store(s)
}

// remembered is how many kids a ring knows the keys of, present ones included.
const remembered = 4096

// vet notes which key a kid stands for, and refuses one that stood for another. The
// caller holds mu.
func (r *Ring) vet(k *Key) error {
	was, known := r.prints[k.ID]
	if known && was != k.print {
		r.conflicts.Add(1)
		return fmt.Errorf("jwt: key %.40q: %w", k.ID, ErrKeyReused)
	}
	if known {
		return nil
	}
	if len(r.order) == remembered {
		delete(r.prints, r.order[0])
		r.order = r.order[1:]
	}
	r.prints[k.ID] = k.print
	r.order = append(r.order, k.ID)
	return nil
}

// Conflicts counts the kids that came back with another key.
func (r *Ring) Conflicts() uint64 { return r.conflicts.Load() }

func (r *Ring) known(kid string) *Key { return r.state.Load().byID[kid] }
func (r *Ring) active() *Key          { return r.state.Load().active }
func (r *Ring) methods() []string     { return r.alg.methods() }

func (r *Ring) find(kid string) (*Key, error) {
	if k := r.known(kid); k != nil {
		return k, nil
	}
	return nil, ErrKey
}

// Keys returns the keys, oldest first, and the ID of the active one; "" if the ring
// cannot sign.
func (r *Ring) Keys() (keys []KeyInfo, active string) {
	s := r.state.Load()
	for _, m := range s.members {
		keys = append(keys, KeyInfo{
			ID: m.ID, Algorithm: m.Algorithm, Created: m.Created, Stage: m.stage(s.active),
			Private: m.private != nil, Signs: m.signs, Ends: m.ends,
		})
	}
	if s.active != nil {
		active = s.active.ID
	}
	return keys, active
}

// JWKS is the JSON Web Key Set (RFC 7517 section 5) of the public keys. With
// HS256 it is empty: who can verify can also sign. The bytes are shared; do not
// change them.
func (r *Ring) JWKS() []byte { return r.state.Load().jwks }
