package server

import "authbench/targets/store"

// poolFamilies are of the connections between node and store, as the client's
// library counts them.
func poolFamilies() []family {
	each := func(name, help string, count func(store.Pool) float64) family {
		kind := gauge
		if name[len(name)-len("_total"):] == "_total" {
			kind = counter
		}
		return family{"store_pool_" + name, help, kind, []string{"pool"}, func(r *reading, emit emit) {
			for _, p := range r.pools {
				emit(count(p), p.Name)
			}
		}}
	}
	return []family{
		{
			"store_pool_connections", "Connections to the store.", gauge,
			[]string{"pool", "state"},
			func(r *reading, emit emit) {
				for _, p := range r.pools {
					emit(float64(max(0, p.Open-p.Idle)), p.Name, "in_use")
					emit(float64(p.Idle), p.Name, "idle")
				}
			},
		},
		each("max_connections", "Connections that the pool may have.", func(p store.Pool) float64 { return float64(p.Size) }),
		each("waiting", "Calls that wait for a connection now.", func(p store.Pool) float64 { return float64(p.Waiting) }),
		each("waits_total", "Calls that got a connection after a wait.", func(p store.Pool) float64 { return float64(p.Waits) }),
		each("wait_seconds_total", "Time that those waited.", func(p store.Pool) float64 { return p.Waited.Seconds() }),
		each("timeouts_total", "Calls that gave up waiting for a connection.", func(p store.Pool) float64 { return float64(p.Timeouts) }),
	}
}

// cacheFamilies are of what answers in place of the store or of a signature check.
func cacheFamilies() []family {
	each := func(f family, count func(store.Cache) float64) family {
		f.labels = []string{"cache"}
		f.read = func(r *reading, emit emit) {
			for _, c := range r.caches {
				emit(count(c), c.Name)
			}
		}
		return f
	}
	return []family{
		each(family{name: "cache_entries", help: "Entries on this node.", kind: gauge}, func(c store.Cache) float64 { return float64(c.Entries) }),
		each(family{name: "cache_hits_total", help: "Questions answered by the cache.", kind: counter}, func(c store.Cache) float64 { return float64(c.Hits) }),
		each(family{name: "cache_misses_total", help: "Questions that went on to what is behind the cache.", kind: counter}, func(c store.Cache) float64 { return float64(c.Misses) }),
		{
			"store_fallbacks_total", "Uses answered in spite of a store that failed: from a copy of before (stale), without any check (open), past a cache that failed (past).",
			counter,
			[]string{"cache", "how"},
			func(r *reading, emit emit) {
				for _, c := range r.caches {
					emit(float64(c.Stale), c.Name, "stale")
					emit(float64(c.Open), c.Name, "open")
					emit(float64(c.Past), c.Name, "past")
				}
			},
		},
	}
}

// copyFamilies are of a node's copy of what was revoked (epoch-local, push).
func copyFamilies() []family {
	return []family{
		{
			"revocation_copy_age_seconds", "Age of the node's copy of what was revoked.", gauge, nil,
			func(r *reading, emit emit) {
				if r.copied != nil {
					emit(r.copied.Age.Seconds())
				}
			},
		},
		{
			"revocation_copy_max_age_seconds", "Age from which the copy is not used: every use is 503 then.", gauge, nil,
			func(r *reading, emit emit) {
				if r.copied != nil {
					emit(r.copied.Bound.Seconds())
				}
			},
		},
		{
			"revocation_copy_entries", "Revocations in the copy.", gauge, nil,
			func(r *reading, emit emit) {
				if r.copied != nil {
					emit(float64(r.copied.Entries))
				}
			},
		},
	}
}
