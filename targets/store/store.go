// Package store keeps session records: in Redis, in MySQL/MariaDB, in MySQL with
// Redis as its cache, or in the node's memory. Store is the contract; storetest
// runs it against all of them.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Key is the SHA-256 of a session id. Stores never see the id itself: who
// reads the store cannot use what is in it.
type Key [32]byte

// Record is a session as stored. Times have millisecond resolution; what is
// finer is cut off. Of a stored record only LastSeen ever changes: whatever
// else does (roles, a fresh proof of identity) is a rotation to a new key.
type Record struct {
	Subject  string   // 1 to 255 bytes
	Roles    []string // at most 16 of 1 to 63 bytes, no spaces; not to be changed by readers
	Created  time.Time
	LastSeen time.Time // start of the idle timeout; written at most every touch interval
	AuthTime time.Time // when the user last proved who they are
	Until    time.Time // end of the absolute timeout: nothing keeps the record longer
	Data     string    // what an application keeps with a session; at most 16 KiB, mostly empty
}

// Limits of a record, so that each store can hold what any other can.
const (
	maxSubject = 255
	maxRoles   = 16
	maxRole    = 63
	maxData    = 16 << 10
)

var (
	// ErrClosed is what every method answers once the store is closed.
	ErrClosed = errors.New("store: closed")
	// ErrCorrupt marks a record that cannot be what was stored. It is a failure
	// of the store, never a missing session.
	ErrCorrupt = errors.New("store: corrupt record")
)

// Store is the contract of a session store. A missing session is found=false
// with a nil error; an error always means that the store failed, so that a
// caller can tell 401 from 503. No method blocks beyond the client's finite
// timeouts, and none repeats a statement that may have been carried out.
// Whether a session has expired is judged by Config.Now.
type Store interface {
	// Create stores rec under key until expires, and lists it under its subject.
	Create(ctx context.Context, key Key, rec Record, expires time.Time) error
	// Get returns the live record under key. One round trip.
	Get(ctx context.Context, key Key) (rec Record, found bool, err error)
	// Touch stores the LastSeen of rec, which is otherwise as Get returned it,
	// and moves the expiry. It never brings a deleted session back; found says
	// whether there was one. One round trip.
	Touch(ctx context.Context, key Key, rec Record, expires time.Time) (found bool, err error)
	// Rotate replaces old by new with rec, atomically: no instant at which both
	// or neither work. found is false, and nothing is created, if old is gone.
	// The subject stays the same.
	Rotate(ctx context.Context, oldKey, newKey Key, rec Record, expires time.Time) (found bool, err error)
	// Delete removes one session. Deleting a missing one is not an error.
	Delete(ctx context.Context, key Key, subject string) error
	// DeleteSubject removes every session of subject that exists when it is
	// called, also one that is rotated meanwhile. except, if not nil, is kept. It
	// says how many records it removed, which may include expired ones that had
	// not been swept.
	DeleteSubject(ctx context.Context, subject string, except *Key) (int, error)
	// Sweep removes records that expired before now, for stores that do not do so
	// by themselves, in batches that hold nobody up. It says how many.
	Sweep(ctx context.Context, now time.Time) (int, error)
	// Ping reports whether the store answers.
	Ping(ctx context.Context) error
	// Stats is what the client knows of itself; no store is asked.
	Stats() Stats
	// Close releases the connections. Every later call answers ErrClosed.
	Close() error
}

// check refuses what some store could not give back as it was.
func (r *Record) check() error {
	if n := len(r.Subject); n == 0 || n > maxSubject || !utf8.ValidString(r.Subject) {
		return fmt.Errorf("store: subject of %d bytes: want 1 to %d, valid UTF-8", n, maxSubject)
	}
	if len(r.Roles) > maxRoles {
		return fmt.Errorf("store: %d roles, at most %d", len(r.Roles), maxRoles)
	}
	for _, role := range r.Roles {
		if !validRole(role) {
			return fmt.Errorf("store: role %q: want 1 to %d visible ASCII characters", role, maxRole)
		}
	}
	if len(r.Data) > maxData {
		return fmt.Errorf("store: %d bytes of data, at most %d", len(r.Data), maxData)
	}
	for _, t := range [...]time.Time{r.Created, r.LastSeen, r.AuthTime, r.Until} {
		if t.IsZero() {
			return fmt.Errorf("store: record of %q lacks a time", r.Subject)
		}
	}
	return nil
}

// validRole: MySQL keeps the roles in one column, separated by spaces.
func validRole(role string) bool {
	for i := range len(role) {
		if role[i] <= ' ' || role[i] > '~' {
			return false
		}
	}
	return role != "" && len(role) <= maxRole
}
