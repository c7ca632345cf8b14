package store

import (
	"sync"
	"sync/atomic"
	"time"
)

// cacheEntry is one session as a read found it.
type cacheEntry struct {
	rec     Record
	sent    int64          // when the read was sent, ns of the cache's age
	after   uint64         // revocations that had been numbered by then
	subject *atomic.Uint64 // number of the last one that hit all of the subject's sessions
}

// cacheShard is a part of the cache with a lock of its own: a map into a slice of
// entries, which are linked by index from the most to the least recently used.
// Nothing is allocated once the slice is full.
type cacheShard struct {
	mu      sync.Mutex
	index   map[Key]int32
	slots   []cacheSlot // slots[0] is no entry, but both ends of the list
	most    int         // entries
	revoked uint64      // number of the last revocation in this shard
	pending map[Key]int // calls under way that revoke this key

	hits, misses, stale atomic.Uint64

	_ [64]byte // a cache line each: the lock of one shard does not slow the next
}

type cacheSlot struct {
	key        Key
	entry      cacheEntry
	prev, next int32
}

func (sh *cacheShard) init(most int) {
	sh.most = most
	sh.index, sh.pending = map[Key]int32{}, map[Key]int{}
	sh.slots = make([]cacheSlot, 1)
}

func (sh *cacheShard) get(key Key) (cacheEntry, bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i, ok := sh.index[key]
	if !ok {
		return cacheEntry{}, false
	}
	if sh.slots[0].next != i {
		sh.unlink(i)
		sh.pushFront(i)
	}
	return sh.slots[i].entry, true
}

func (sh *cacheShard) entries() int {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return len(sh.index)
}

// holds says whether the entry that was got before is still there.
func (sh *cacheShard) holds(key Key, after uint64) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i, ok := sh.index[key]
	return ok && sh.slots[i].entry.after >= after
}

// put keeps e, unless the key is being revoked or anything in this shard was
// since the read was sent, or a later read is here already.
func (sh *cacheShard) put(key Key, e cacheEntry) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if e.after < sh.revoked || sh.pending[key] > 0 {
		return
	}
	i, ok := sh.index[key]
	switch {
	case ok && sh.slots[i].entry.sent > e.sent:
		return
	case ok:
		sh.unlink(i)
	case len(sh.slots) <= sh.most:
		i = int32(len(sh.slots))
		sh.slots = append(sh.slots, cacheSlot{})
	default:
		i = sh.slots[0].prev // the least recently used
		sh.unlink(i)
		delete(sh.index, sh.slots[i].key)
	}
	sh.slots[i].key, sh.slots[i].entry = key, e
	sh.index[key] = i
	sh.pushFront(i)
}

func (sh *cacheShard) touch(key Key, lastSeen time.Time) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if i, ok := sh.index[key]; ok {
		sh.slots[i].entry.rec.LastSeen = lastSeen
	}
}

// drop removes the entry, if there is one: asking for made-up keys must not stop
// the cache from being filled.
func (sh *cacheShard) drop(key Key, revokes *atomic.Uint64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if _, ok := sh.index[key]; ok {
		sh.remove(key, revokes)
	}
}

// begin removes the entry, and until end nothing is kept under key.
func (sh *cacheShard) begin(key Key, revokes *atomic.Uint64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.remove(key, revokes)
	sh.pending[key]++
}

func (sh *cacheShard) end(key Key, revokes *atomic.Uint64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.remove(key, revokes)
	if sh.pending[key]--; sh.pending[key] == 0 {
		delete(sh.pending, key)
	}
}

// remove wants the lock. It also keeps out reads that were sent before. The
// number is taken under the lock, so that revoked only grows.
func (sh *cacheShard) remove(key Key, revokes *atomic.Uint64) {
	sh.revoked = revokes.Add(1)
	i, ok := sh.index[key]
	if !ok {
		return
	}
	delete(sh.index, key)
	sh.unlink(i)
	// The last slot moves into the hole, so that there never is one.
	last := int32(len(sh.slots) - 1)
	if i != last {
		sh.slots[i] = sh.slots[last]
		sh.slots[sh.slots[i].prev].next, sh.slots[sh.slots[i].next].prev = i, i
		sh.index[sh.slots[i].key] = i
	}
	sh.slots[last] = cacheSlot{} // lets go of the strings
	sh.slots = sh.slots[:last]
}

func (sh *cacheShard) unlink(i int32) {
	s := &sh.slots[i]
	sh.slots[s.prev].next, sh.slots[s.next].prev = s.next, s.prev
}

func (sh *cacheShard) pushFront(i int32) {
	head := &sh.slots[0]
	sh.slots[i].prev, sh.slots[i].next = 0, head.next
	sh.slots[head.next].prev = i
	head.next = i
}
