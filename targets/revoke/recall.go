package revoke

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// RecallConfig says when a good check of before may stand for one of now.
type RecallConfig struct {
	// Every: the store is not asked again about a log-in for so long. It adds to
	// the revocation bound.
	Every time.Duration
	// Stale: while the store fails, a good check that is at most so old lets in.
	Stale time.Duration
	// Open: while the store fails, everybody with a good token is let in.
	Open bool
	// Entries is the most log-ins that are remembered; the least recently used
	// are forgotten first.
	Entries int
}

// Recall lets a strategy's good checks count for longer, on this node. An age
// counts from the instant at which the check was sent, on the monotonic clock. A
// refresh and a log-out are never recalled: they are the store's to answer.
type Recall struct {
	Strategy
	cfg  RecallConfig
	seen *LRU[string, sighting]

	hits, misses, stale, open atomic.Uint64
}

type sighting struct {
	subject string
	sent    time.Time
}

// NewRecall puts itself before s, which it then owns.
func NewRecall(s Strategy, cfg RecallConfig) *Recall {
	return &Recall{Strategy: s, cfg: cfg, seen: NewLRU[string, sighting](cfg.Entries)}
}

// Check is part of Strategy.
func (r *Recall) Check(ctx context.Context, t Token) error {
	last, known := r.seen.Get(t.Session)
	sent := time.Now()
	if known && sent.Sub(last.sent) < r.cfg.Every {
		r.hits.Add(1)
		return nil
	}
	r.misses.Add(1)
	err := r.Strategy.Check(ctx, t)
	switch {
	case err == nil:
		if r.cfg.Every > 0 || r.cfg.Stale > 0 {
			r.seen.Put(t.Session, sighting{t.Subject, sent})
		}
	case errors.Is(err, ErrRevoked):
		r.seen.Remove(t.Session)
	case r.cfg.Open:
		r.open.Add(1)
		return nil
	// The age is that of now: the store took its time to fail.
	case known && time.Since(last.sent) <= r.cfg.Stale:
		r.stale.Add(1)
		return nil
	}
	return err
}

// Revoke is part of Strategy. A check that is under way may be remembered after
// this: it was sent before the log-out was acknowledged, so the bound holds.
func (r *Recall) Revoke(ctx context.Context, t Token) error {
	err := r.Strategy.Revoke(ctx, t)
	if err == nil {
		r.seen.Remove(t.Session)
	}
	return err
}

// RevokeAll is part of Strategy.
func (r *Recall) RevokeAll(ctx context.Context, subject string) error {
	err := r.Strategy.RevokeAll(ctx, subject)
	if err == nil {
		r.seen.RemoveIf(func(s sighting) bool { return s.subject == subject })
	}
	return err
}
