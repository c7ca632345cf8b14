package revoke

import (
	"hash/maphash"
	"sync"
)

// LRU is a bounded map from which the least recently used entry goes first. It
// is cut into shards, so that several cores rarely wait for each other; each
// shard forgets on its own. Safe for concurrent use.
type LRU[K comparable, V any] struct {
	seed   maphash.Seed
	shards []lruShard[K, V]
}

type lruShard[K comparable, V any] struct {
	mu    sync.Mutex
	max   int
	nodes map[K]*lruNode[K, V]
	ring  lruNode[K, V] // next is the most recently used, prev the least

	hits, misses uint64 // of Get: under a lock that is held anyway, they cost nothing
}

type lruNode[K comparable, V any] struct {
	prev, next *lruNode[K, V]
	key        K
	value      V
}

// lruShards is enough for the cores that a node has; lruShardSize keeps shards
// from being so small that chance fills one.
const (
	lruShards    = 16
	lruShardSize = 64
)

// NewLRU holds at most entries, and at least one.
func NewLRU[K comparable, V any](entries int) *LRU[K, V] {
	n := min(lruShards, max(1, entries/lruShardSize))
	l := &LRU[K, V]{seed: maphash.MakeSeed(), shards: make([]lruShard[K, V], n)}
	for i := range l.shards {
		s := &l.shards[i]
		s.max, s.nodes = max(1, entries/n), map[K]*lruNode[K, V]{}
		s.ring.prev, s.ring.next = &s.ring, &s.ring
	}
	return l
}

func (l *LRU[K, V]) shard(key K) *lruShard[K, V] {
	if len(l.shards) == 1 {
		return &l.shards[0]
	}
	return &l.shards[maphash.Comparable(l.seed, key)%uint64(len(l.shards))]
}

// Get returns what is kept under key, which counts as a use.
func (l *LRU[K, V]) Get(key K) (value V, ok bool) {
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.nodes[key]
	if !ok {
		s.misses++
		return value, false
	}
	s.hits++
	n.unlink()
	s.front(n)
	return n.value, true
}

// Put keeps value under key.
func (l *LRU[K, V]) Put(key K, value V) {
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.nodes[key]
	switch {
	case ok:
		n.unlink()
	case len(s.nodes) >= s.max: // the oldest makes room, and gives its memory
		n = s.ring.prev
		n.unlink()
		delete(s.nodes, n.key)
	default:
		n = new(lruNode[K, V])
	}
	n.key, n.value = key, value
	s.nodes[key] = n
	s.front(n)
}

// Remove forgets key.
func (l *LRU[K, V]) Remove(key K) {
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.nodes[key]; ok {
		n.unlink()
		delete(s.nodes, key)
	}
}

// RemoveIf forgets every entry that drop says so of. It looks at all of them.
func (l *LRU[K, V]) RemoveIf(drop func(V) bool) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		for key, n := range s.nodes {
			if drop(n.value) {
				n.unlink()
				delete(s.nodes, key)
			}
		}
		s.mu.Unlock()
	}
}

// Len is how many entries there are.
func (l *LRU[K, V]) Len() int {
	n := 0
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.nodes)
		s.mu.Unlock()
	}
	return n
}

// Counts is how often Get found something, and how often not.
func (l *LRU[K, V]) Counts() (hits, misses uint64) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		hits, misses = hits+s.hits, misses+s.misses
		s.mu.Unlock()
	}
	return hits, misses
}

func (n *lruNode[K, V]) unlink() { n.prev.next, n.next.prev = n.next, n.prev }

func (s *lruShard[K, V]) front(n *lruNode[K, V]) {
	n.prev, n.next = &s.ring, s.ring.next
	n.prev.next, n.next.prev = n, n
}
