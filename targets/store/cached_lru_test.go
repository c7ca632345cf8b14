package store

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

// TestCacheShardModel: a shard does what a plain list would do.
func TestCacheShardModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int{1, 2, 5, 40} {
		var sh cacheShard
		var revokes atomic.Uint64
		var model []Key // most recently used first
		sh.init(most)
		for step := range 5000 {
			key := Key{byte(rng.IntN(2 * most))}
			at := slices.Index(model, key)
			switch rng.IntN(4) {
			case 0, 1:
				e, ok := sh.get(key)
				if ok != (at >= 0) || ok && e.sent != int64(key[0]) {
					t.Fatalf("most %d, step %d: get = %v, %v, listed at %d", most, step, e.sent, ok, at)
				}
			case 2:
				sh.put(key, cacheEntry{sent: int64(key[0]), after: revokes.Load()})
				if at < 0 {
					model = append([]Key{key}, model...)[:min(most, len(model)+1)]
				}
			case 3:
				sh.drop(key, &revokes)
				if at >= 0 {
					model = slices.Delete(model, at, at+1)
					at = -1
				}
			}
			if at > 0 {
				model = slices.Insert(slices.Delete(model, at, at+1), 0, key)
			}
			if got := sh.order(); !slices.Equal(got, model) || len(sh.index) != len(model) || len(sh.slots) != len(model)+1 {
				t.Fatalf("most %d, step %d: %d keys, %d slots, order %v\nwant %v", most, step, len(sh.index), len(sh.slots), got, model)
			}
		}
	}
}

// order lists the keys from the most to the least recently used, and checks the
// way back.
func (sh *cacheShard) order() (keys []Key) {
	at := int32(0)
	for {
		next := sh.slots[at].next
		if sh.slots[next].prev != at {
			return nil
		}
		if next == 0 {
			return keys
		}
		keys, at = append(keys, sh.slots[next].key), next
	}
}
