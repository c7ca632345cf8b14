// Package store keeps session records: in Redis, in MySQL/MariaDB, or in the
// node's memory. Store is the contract; storetest runs it against all three.
package store

import (
	"context"
	"time"
)

// Key is the SHA-256 of a session id. Stores never see the id itself: who
// reads the store cannot use what is in it.
type Key [32]byte

// Record is a session as stored. Times have millisecond resolution.
type Record struct {
	Subject  string
	Roles    []string
	Created  time.Time // start of the absolute timeout
	LastSeen time.Time // start of the idle timeout; written at most every touch interval
	AuthTime time.Time // when the user last proved who they are
}

// Store is the contract of a session store. A missing session is found=false
// with a nil error; an error always means that the store failed, so that a
// caller can tell 401 from 503. No method blocks beyond its context or the
// client's finite timeouts, and none retries.
type Store interface {
	// Create stores rec under key until expires, and lists it under its subject.
	Create(ctx context.Context, key Key, rec Record, expires time.Time) error
	// Get returns the live record under key. One round trip.
	Get(ctx context.Context, key Key) (rec Record, found bool, err error)
	// Touch moves LastSeen and the expiry of an existing session. It never brings
	// a deleted session back; found says whether there was one.
	Touch(ctx context.Context, key Key, lastSeen, expires time.Time) (found bool, err error)
	// Rotate replaces old by new with rec, atomically: no instant at which both
	// or neither work. found is false, and nothing is created, if old is gone.
	Rotate(ctx context.Context, oldKey, newKey Key, rec Record, expires time.Time) (found bool, err error)
	// Delete removes one session. Deleting a missing one is not an error.
	Delete(ctx context.Context, key Key, subject string) error
	// DeleteSubject removes every session of subject, and says how many there were.
	// except, if not nil, is kept.
	DeleteSubject(ctx context.Context, subject string, except *Key) (int, error)
	// Sweep removes expired records, for stores that do not do so by themselves.
	Sweep(ctx context.Context, now time.Time) (int, error)
	// Ping reports whether the store answers.
	Ping(ctx context.Context) error
	Close() error
}
