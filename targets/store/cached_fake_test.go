package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authbench/targets/store"
)

// slow is a store whose calls a test can hold up, fail and count.
type slow struct {
	store.Store
	gets   atomic.Int64
	before func()              // runs before a rotation
	after  func(method string) // runs when the store below has answered
	mu     sync.Mutex
	err    error
}

func (s *slow) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *slow) done(method string) error {
	if s.after != nil {
		s.after(method)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *slow) Get(ctx context.Context, key store.Key) (store.Record, bool, error) {
	s.gets.Add(1)
	rec, found, err := s.Store.Get(ctx, key)
	if err := s.done("Get"); err != nil {
		return store.Record{}, false, err
	}
	return rec, found, err
}

func (s *slow) Delete(ctx context.Context, key store.Key, subject string) error {
	return errors.Join(s.Store.Delete(ctx, key, subject), s.done("Delete"))
}

func (s *slow) DeleteSubject(ctx context.Context, subject string, except *store.Key) (int, error) {
	n, err := s.Store.DeleteSubject(ctx, subject, except)
	return n, errors.Join(err, s.done("DeleteSubject"))
}

func (s *slow) Rotate(ctx context.Context, oldKey, newKey store.Key, rec store.Record, expires time.Time) (bool, error) {
	if s.before != nil {
		s.before()
	}
	found, err := s.Store.Rotate(ctx, oldKey, newKey, rec, expires)
	return found, errors.Join(err, s.done("Rotate"))
}

// fakeClock is monotonic time that passes when told to.
type fakeClock struct {
	start time.Time
	past  atomic.Int64
}

func newFakeClock() *fakeClock               { return &fakeClock{start: time.Now()} }
func (c *fakeClock) Now() time.Time          { return c.start.Add(time.Duration(c.past.Load())) }
func (c *fakeClock) Advance(d time.Duration) { c.past.Add(int64(d)) }
func cachedOver(t *testing.T, cfg store.CacheConfig) (store.Store, *slow) {
	inner := &slow{Store: open(t, store.Config{Kind: "memory"})}
	return store.NewCached(inner, cfg), inner
}
