package jwt

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"
)

// Key is one key, bound to one algorithm for all its life: a token that names
// another algorithm is refused, whoever signed it (RFC 8725 section 3.1). It does not
// change once it is made, so that a pointer stands for the key.
type Key struct {
	ID        string
	Algorithm string
	Created   time.Time // zero for a key of somebody else

	alg             *algorithm
	private, public any // private is nil for a key of somebody else
	print           [sha256.Size]byte
}

func newKey(id string, alg *algorithm, private, public any) *Key {
	return &Key{ID: id, Algorithm: alg.name, alg: alg, private: private, public: public, print: alg.print(public)}
}

// generateKey makes a key with a kid that no other has. bits is the size of an RSA key,
// 0 the usual one.
func generateKey(alg *algorithm, bits int, now time.Time) (*Key, error) {
	private, err := alg.generate(bits)
	if err != nil {
		return nil, fmt.Errorf("jwt: generate a key for %s: %w", alg.name, err)
	}
	k := newKey(newKeyID(), alg, private, alg.public(private))
	k.Created = now.UTC().Truncate(time.Second)
	return k, nil
}

// newKeyID is 64 random bits: enough to never meet another key's, and short,
// because every token carries it.
func newKeyID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return b64(b[:])
}

// Stage is how far a key has come in its life.
type Stage string

// The stages. A key that is removed is in no ring.
const (
	Published Stage = "published" // verifies, and signs from an instant on
	Active    Stage = "active"    // signs and verifies
	Retired   Stage = "retired"   // verifies what it has signed
)

// KeyInfo tells about a key of a ring.
type KeyInfo struct {
	ID        string
	Algorithm string
	Created   time.Time
	Stage     Stage
	Private   bool      // the ring can sign with it
	Signs     time.Time // of a published key: from when on; else zero
	Ends      time.Time // when it is removed; zero: not by itself
}

// member is a key's place in a ring. It does not change once it is stored.
type member struct {
	*Key
	signs   time.Time     // from when on it is to sign; zero: it does, or did
	ends    time.Time     // when it goes; zero: not by itself
	overlap time.Duration // how long its predecessor verifies beside it; 0: without end
}

func (m *member) stage(active *Key) Stage {
	switch {
	case m.Key == active:
		return Active
	case !m.signs.IsZero() || active == nil: // of somebody else's keys no more is known
		return Published
	}
	return Retired
}
