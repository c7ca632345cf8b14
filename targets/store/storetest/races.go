package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authbench/targets/store"
)

const rounds = 25 // of each race; the rare interleavings of a store need some

func touchRacesDelete(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	for round := range rounds {
		rec, key := NewRecord(time.Now()), NewKey()
		mustCreate(t, s, key, rec)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range 5 {
					if _, err := s.Touch(t.Context(), key, rec, later(rec)); err != nil {
						t.Errorf("%s: Touch: %v", label(round), err)
					}
				}
			})
		}
		wg.Go(func() {
			if err := s.Delete(t.Context(), key, rec.Subject); err != nil {
				t.Errorf("%s: Delete: %v", label(round), err)
			}
		})
		wg.Wait()
		mustMiss(t, s, key)
	}
}

// rotateOneWinner: of many rotations of one session one succeeds, and there is
// one session afterwards.
func rotateOneWinner(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	for round := range rounds {
		rec, old := NewRecord(time.Now()), NewKey()
		mustCreate(t, s, old, rec)
		keys := make([]store.Key, 6)
		won := make([]bool, len(keys))
		var wg sync.WaitGroup
		for i := range keys {
			keys[i] = NewKey()
			wg.Go(func() {
				found, err := s.Rotate(t.Context(), old, keys[i], rec, later(rec))
				if err != nil {
					t.Errorf("%s: Rotate: %v", label(round), err)
				}
				won[i] = found
			})
		}
		wg.Wait()
		winners := 0
		for i, key := range keys {
			if won[i] {
				winners++
				mustFind(t, s, key, rec)
			} else {
				mustMiss(t, s, key)
			}
		}
		if winners != 1 {
			t.Fatalf("%s: %d rotations succeeded, want 1", label(round), winners)
		}
		mustMiss(t, s, old)
		if n, err := s.DeleteSubject(t.Context(), rec.Subject, nil); n != 1 || err != nil {
			t.Fatalf("%s: DeleteSubject = %d, %v, want 1", label(round), n, err)
		}
	}
}

// rotateAtomic: who finds the old key gone finds the new one, and who finds the
// new one finds the old key gone.
func rotateAtomic(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	get := func(key store.Key) bool {
		_, found, err := s.Get(t.Context(), key)
		if err != nil {
			t.Errorf("Get: %v", err)
		}
		return found
	}
	for round := range rounds {
		rec, old, key := NewRecord(time.Now()), NewKey(), NewKey()
		mustCreate(t, s, old, rec)
		var done atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			for last := false; !last; {
				last = done.Load()
				if !get(old) && !get(key) {
					t.Errorf("%s: neither key works", label(round))
				}
			}
		})
		wg.Go(func() {
			for last := false; !last; {
				last = done.Load()
				if get(key) && get(old) && !fx.Steps {
					t.Errorf("%s: both keys work", label(round))
				}
			}
		})
		if found, err := s.Rotate(t.Context(), old, key, rec, later(rec)); err != nil || !found {
			t.Errorf("%s: Rotate = %v, %v", label(round), found, err)
		}
		done.Store(true)
		wg.Wait()
	}
}

// removeSubjectRacesRotate: a thief who rotates a stolen session as fast as he
// can does not slip through log-out-everywhere.
func removeSubjectRacesRotate(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	for round := range rounds {
		rec := NewRecord(time.Now())
		var loggedOut atomic.Bool
		var atSpeed, wg sync.WaitGroup
		for range 3 {
			key := NewKey()
			mustCreate(t, s, key, rec)
			atSpeed.Add(1)
			wg.Go(func() {
				if thief(t, s, key, rec, &atSpeed, &loggedOut) {
					t.Errorf("%s: a session lives on", label(round))
				}
			})
		}
		atSpeed.Wait()
		if n, err := s.DeleteSubject(t.Context(), rec.Subject, nil); err != nil || n < 1 {
			t.Errorf("%s: DeleteSubject = %d, %v", label(round), n, err)
		}
		loggedOut.Store(true)
		wg.Wait()
	}
}

// thief rotates a session until it is gone. survived: it could still be rotated
// once everything was logged out.
func thief(t *testing.T, s store.Store, key store.Key, rec store.Record, atSpeed *sync.WaitGroup, loggedOut *atomic.Bool) (survived bool) {
	started := sync.OnceFunc(atSpeed.Done)
	defer started()
	for n := 0; ; n++ {
		over, next := loggedOut.Load(), NewKey()
		found, err := s.Rotate(t.Context(), key, next, rec, later(rec))
		if err != nil {
			t.Errorf("Rotate: %v", err)
		}
		if !found || over {
			return found
		}
		if n == 1 {
			started()
		}
		key = next
	}
}

// concurrent has many users at once do what users do; run it with -race.
func concurrent(t *testing.T, fx Fixture) {
	s := fx.Open(t, time.Now)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range rounds {
				oneUser(t, s)
			}
		})
	}
	wg.Wait()
}

func oneUser(t *testing.T, s store.Store) {
	ctx := t.Context()
	rec, a, b, c := NewRecord(time.Now()), NewKey(), NewKey(), NewKey()
	ok := func(step string, good bool, err error) {
		if err != nil || !good {
			t.Errorf("%s: %v, %v", step, good, err)
		}
	}
	ok("Create a", true, s.Create(ctx, a, rec, later(rec)))
	ok("Create c", true, s.Create(ctx, c, rec, later(rec)))
	got, found, err := s.Get(ctx, a)
	ok("Get", found && Equal(got, rec), err)
	found, err = s.Touch(ctx, a, rec, later(rec))
	ok("Touch", found, err)
	found, err = s.Rotate(ctx, a, b, rec, later(rec))
	ok("Rotate", found, err)
	ok("Delete", true, s.Delete(ctx, b, rec.Subject))
	n, err := s.DeleteSubject(ctx, rec.Subject, nil)
	ok("DeleteSubject", n == 1, err)
	_, found, err = s.Get(ctx, c)
	ok("Get of a deleted one", !found, err)
}
