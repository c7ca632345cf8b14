package revoke

import (
	"time"

	"authbench/targets/store"
)

// Stats is what a node knows of how it revokes.
type Stats struct {
	store.Stats
	Copy *Copy // nil: the node has no copy of a list
}

// Copy is a node's copy of what was revoked.
type Copy struct {
	Age     time.Duration // since the last poll that succeeded was sent; since the start without one
	Bound   time.Duration // from that age on it is not used
	Entries int
}

// Stats is part of Strategy.
func (d *db) Stats() Stats {
	return Stats{Stats: store.Stats{Pools: []store.Pool{d.Pool("redis")}}}
}

// Stats is part of Strategy.
func (l *local) Stats() Stats {
	s := l.db.Stats()
	s.Copy = l.mirror.stats()
	return s
}

// Stats is part of Strategy. The feed has a pool of its own.
func (p *push) Stats() Stats {
	s := p.db.Stats()
	s.Pools = append(s.Pools, p.feed.Pool("redis-feed"))
	s.Copy = p.mirror.stats()
	return s
}

func (m *mirror) stats() *Copy {
	m.mu.RLock()
	defer m.mu.RUnlock()
	since := m.asOf
	if since.IsZero() {
		since = m.made
	}
	return &Copy{Age: time.Since(since), Bound: m.bound, Entries: len(m.entries)}
}

// Stats is that of the strategy, and what was recalled.
func (r *Recall) Stats() Stats {
	s := r.Strategy.Stats()
	s.Caches = append(s.Caches, store.Cache{
		Name: "checks", Entries: r.seen.Len(),
		Hits: r.hits.Load(), Misses: r.misses.Load(), Stale: r.stale.Load(), Open: r.open.Load(),
	})
	return s
}
