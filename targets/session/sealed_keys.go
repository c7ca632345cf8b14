package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// SealKeys are the keys of sealed sessions. The first one seals, all of them open: a
// key that was rotated away goes on opening what it sealed, until it is dropped. Safe
// for concurrent use; a look-up takes no lock.
type SealKeys struct {
	mu   sync.Mutex // writers
	keys atomic.Pointer[[]sealKey]
}

const (
	sealKeyID    = 4  // bytes
	sealKeyBytes = 32 // AES-256
)

// sealKey is never changed once it is made.
type sealKey struct {
	id      [sealKeyID]byte
	created time.Time
	secret  []byte
	aead    cipher.AEAD
}

// SealKey is what may be told of a key.
type SealKey struct {
	ID      string
	Created time.Time
}

// NewSealKeys returns one fresh key.
func NewSealKeys() *SealKeys {
	k := &SealKeys{}
	k.keys.Store(&[]sealKey{})
	k.Rotate(time.Now())
	return k
}

// Rotate puts a fresh key first. It returns the new key's ID.
func (k *SealKeys) Rotate(now time.Time) string {
	var id [sealKeyID]byte
	secret := make([]byte, sealKeyBytes)
	_, _ = rand.Read(secret) // never fails: the program crashes instead (crypto/rand)
	for {
		_, _ = rand.Read(id[:])
		if k.find(id) == nil {
			break
		}
	}
	key, err := newSealKey(id, now.UTC().Truncate(time.Second), secret)
	if err != nil {
		panic(err) // a key of 32 bytes is one
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	all := append([]sealKey{key}, *k.keys.Load()...)
	k.keys.Store(&all)
	return key.name()
}

func newSealKey(id [sealKeyID]byte, created time.Time, secret []byte) (sealKey, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return sealKey{}, err
	}
	aead, err := cipher.NewGCM(block)
	return sealKey{id, created, secret, aead}, err
}

func (k *sealKey) name() string { return base64.RawURLEncoding.EncodeToString(k.id[:]) }

// List tells of the keys, the one that seals first.
func (k *SealKeys) List() []SealKey {
	var out []SealKey
	for _, key := range *k.keys.Load() {
		out = append(out, SealKey{key.name(), key.created})
	}
	return out
}

func (k *SealKeys) first() *sealKey { return &(*k.keys.Load())[0] }

func (k *SealKeys) find(id [sealKeyID]byte) *sealKey {
	keys := *k.keys.Load()
	if i := slices.IndexFunc(keys, func(key sealKey) bool { return key.id == id }); i >= 0 {
		return &keys[i]
	}
	return nil
}

// sealKeysFile is the form on disk.
type sealKeysFile struct {
	Keys []sealKeyFile `json:"keys"`
}

type sealKeyFile struct {
	ID      []byte    `json:"kid"` // base64
	Created time.Time `json:"created"`
	Secret  []byte    `json:"secret"` // base64
}

// MarshalJSON writes the keys, secrets included: for a file that only its owner can
// read.
func (k *SealKeys) MarshalJSON() ([]byte, error) {
	var f sealKeysFile
	for _, key := range *k.keys.Load() {
		f.Keys = append(f.Keys, sealKeyFile{key.id[:], key.created, key.secret})
	}
	return json.Marshal(f)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (k *SealKeys) UnmarshalJSON(b []byte) error {
	var f sealKeysFile
	if err := json.Unmarshal(b, &f); err != nil {
		return fmt.Errorf("not keys of sealed sessions: %w", err)
	}
	if len(f.Keys) == 0 {
		return errors.New("no key of sealed sessions")
	}
	var keys []sealKey
	for i, kf := range f.Keys {
		if len(kf.ID) != sealKeyID || len(kf.Secret) != sealKeyBytes {
			return fmt.Errorf("key %d: an ID of %d bytes and a secret of %d, want %d and %d", i, len(kf.ID), len(kf.Secret), sealKeyID, sealKeyBytes)
		}
		id := [sealKeyID]byte(kf.ID)
		if slices.ContainsFunc(keys, func(o sealKey) bool { return o.id == id }) {
			return fmt.Errorf("key %d: its ID is there twice", i)
		}
		key, err := newSealKey(id, kf.Created, kf.Secret)
		if err != nil {
			return fmt.Errorf("key %d: %w", i, err)
		}
		keys = append(keys, key)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys.Store(&keys)
	return nil
}
