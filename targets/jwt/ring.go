package jwt

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Key is one key of a ring.
type Key struct {
	ID      string
	Created time.Time

	private, public any
}

// Ring is the keys of one algorithm, found by kid. One of them is active: it
// signs; the others only verify. Safe for concurrent use; a look-up takes no
// lock.
type Ring struct {
	alg   *algorithm
	mu    sync.Mutex // writers
	state atomic.Pointer[ringState]
}

// ringState is never changed once it is stored.
type ringState struct {
	byID   map[string]*Key
	order  []*Key // oldest first
	active *Key
	jwks   []byte
}

// NewRing returns a ring with one fresh key.
func NewRing(algorithm string) (*Ring, error) {
	alg, err := findAlgorithm(algorithm)
	if err != nil {
		return nil, err
	}
	r := &Ring{alg: alg}
	if _, err := r.Rotate(time.Now()); err != nil {
		return nil, err
	}
	return r, nil
}

// Algorithm is the name of the ring's one algorithm.
func (r *Ring) Algorithm() string { return r.alg.name }

// Rotate adds a fresh key and makes it the active one. Older keys go on
// verifying, so that tokens that are out live their life.
func (r *Ring) Rotate(now time.Time) (Key, error) {
	private, err := r.alg.generate()
	if err != nil {
		return Key{}, fmt.Errorf("jwt: generate a key for %s: %w", r.alg.name, err)
	}
	k := &Key{ID: newKeyID(), Created: now.UTC().Truncate(time.Second), private: private, public: r.alg.public(private)}
	r.mu.Lock()
	defer r.mu.Unlock()
	var keys []*Key
	if s := r.state.Load(); s != nil {
		keys = append(keys, s.order...)
	}
	r.set(append(keys, k), k)
	return *k, nil
}

// set publishes a new state. The caller holds mu or is alone.
func (r *Ring) set(order []*Key, active *Key) {
	s := &ringState{byID: make(map[string]*Key, len(order)), order: order, active: active}
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, k := range order {
		s.byID[k.ID] = k
		if r.alg.jwk != nil {
			j := r.alg.jwk(k.public)
			j.Use, j.Algorithm, j.ID = "sig", r.alg.name, k.ID
			set.Keys = append(set.Keys, j)
		}
	}
	s.jwks, _ = json.Marshal(set) // strings only: cannot fail
	r.state.Store(s)
}

func (r *Ring) find(kid string) *Key { return r.state.Load().byID[kid] }
func (r *Ring) active() *Key         { return r.state.Load().active }

// Keys returns the keys, oldest first, and the ID of the active one.
func (r *Ring) Keys() (keys []Key, active string) {
	s := r.state.Load()
	for _, k := range s.order {
		keys = append(keys, *k)
	}
	return keys, s.active.ID
}

// JWKS is the JSON Web Key Set (RFC 7517 section 5) of the public keys. With
// HS256 it is empty: who can verify can also sign. The bytes are shared; do not
// change them.
func (r *Ring) JWKS() []byte { return r.state.Load().jwks }

// newKeyID is 64 random bits: enough to never meet another key's, and short,
// because every token carries it.
func newKeyID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return b64(b[:])
}
