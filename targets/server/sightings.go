package server

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"authbench/targets/store"
)

// sightings remembers, roughly, which sessions this node has accepted and until when
// they were to live, so that a session whose record is gone before its time can be
// told from an id that never was one, or whose time was over. Of 401 "unknown-session"
// alone nobody can tell whether Redis is evicting.
//
// It cannot tell an eviction from a log-out on another node: that takes the figures
// of all nodes (docs/metrics.md). And it is a table of a fixed size in which a later
// session takes the place of an earlier one: it misses some, and makes up none.
//
// A slot is 40 bits of a hash and 24 bits of seconds since the start. A use costs the
// hash of the id and one atomic load, and a store where the slot has to change: some
// 25 ns (BenchmarkSightings).
type sightings struct {
	seed     maphash.Seed
	idle     time.Duration
	now      func() time.Time
	start    time.Time
	slots    []atomic.Uint64
	vanished atomic.Uint64
}

// sightingSlots take 256 KiB: of 10,000 sessions in use one in seven shares its slot.
const sightingSlots = 1 << 15

func newSightings(idle time.Duration, now func() time.Time) *sightings {
	return &sightings{
		seed: maphash.MakeSeed(), idle: idle, now: now, start: now(), slots: make([]atomic.Uint64, sightingSlots),
	}
}

const secondBits = 24

// slot is where an id is noted, and the bits that tell it from others there.
func (s *sightings) slot(id string) (*atomic.Uint64, uint64) {
	h := maphash.String(s.seed, id)
	return &s.slots[h%sightingSlots], h >> secondBits << secondBits
}

// second is how many whole seconds after the start t is, as far as 24 bits go.
func (s *sightings) second(t time.Time) uint64 {
	return uint64(min(max(0, t.Sub(s.start)/time.Second), 1<<secondBits-1))
}

// saw notes a session that was accepted.
func (s *sightings) saw(id string, rec *store.Record) {
	until := rec.LastSeen.Add(s.idle)
	if rec.Until.Before(until) {
		until = rec.Until
	}
	slot, tag := s.slot(id)
	if note := tag | s.second(until); slot.Load() != note {
		slot.Store(note)
	}
}

// ended forgets a session that ends here.
func (s *sightings) ended(id string) {
	slot, tag := s.slot(id)
	if note := slot.Load(); note>>secondBits == tag>>secondBits {
		slot.CompareAndSwap(note, 0)
	}
}

// missed looks whether a session that is not there should be; it counts each once.
func (s *sightings) missed(id string) {
	slot, tag := s.slot(id)
	note := slot.Load()
	if note == 0 || note>>secondBits != tag>>secondBits {
		return
	}
	if slot.CompareAndSwap(note, 0) && note&(1<<secondBits-1) > s.second(s.now()) {
		s.vanished.Add(1)
	}
}
