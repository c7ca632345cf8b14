package scenarios

import (
	"context"
	"fmt"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

const (
	// followEvery is the longest distance of two uses while a credential is followed, and
	// followPast how long it is followed past the instant until which the role may be granted.
	followEvery = 100 * time.Millisecond
	followPast  = 500 * time.Millisecond
	// followMost is how long one is followed of which nothing is promised, or nothing that
	// ends soon.
	followMost = 10 * time.Second
)

// follow asks for what needs the role on one node, at once and then again and again,
// until it was refused and the role must not be granted any more.
func (s *stale) follow(ctx context.Context, g *roleGroup, h *holder, node int) error {
	end := h.changed.Add(followMost)
	if h.bounded && h.until.Add(followPast).Before(end) {
		end = h.until.Add(followPast)
	}
	began, refused := time.Now(), time.Duration(0)
	for ctx.Err() == nil {
		a, err := s.restricted(ctx, node, h.user)
		if err != nil {
			return err
		}
		s.note(g, h, a)
		if refused == 0 && (a.Outcome == results.Forbidden || a.Outcome == results.Rejected) {
			refused = a.Done.Sub(h.sent)
		}
		if time.Now().After(end) || refused > 0 && (!h.bounded || a.Sent.After(h.until)) {
			break
		}
		pause := min(pace(time.Since(began)), followEvery)
		if refused > 0 { // it should stay so: one more look, when it has to
			pause = max(pause, time.Until(h.until))
		}
		sleep(ctx, pause)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.refused = max(h.refused, refused)
	h.open = h.open || refused == 0
	return nil
}

// note counts one use of what needs the role, begun after the change.
func (s *stale) note(g *roleGroup, h *holder, a *contract.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.asked++
	past := h.bounded && a.Sent.After(h.until)
	switch a.Outcome {
	case results.OK:
		h.granted++
		h.last = max(h.last, a.Sent.Sub(h.changed))
		if past {
			h.beyond++
		}
	case results.Rejected:
		if !g.out && a.Done.Before(s.lives(h)) {
			s.misled++
		}
	case results.Forbidden:
	default:
		return // it says nothing
	}
	if past {
		h.late++
	}
}

// lives is until when a credential must not be answered as no good: the promised life,
// of which a token's iat may have used up to a second.
func (s *stale) lives(h *holder) time.Time {
	p := s.c.Promises
	life := durationOf(p.Lifetime) + durationOf(p.Leeway) - time.Second
	if p.Lifetime == "" {
		if life = durationOf(p.AbsoluteTimeout); durationOf(p.IdleTimeout) > 0 {
			life = min(life, durationOf(p.IdleTimeout))
		}
	}
	return h.issued.Add(life)
}

// renew replaces a credential after the change, each user in one of the ways there are,
// and sees whether the new one has the role. before is what the user held. dead says
// that it may be no good any more: a step-up ends what it replaces.
func (s *stale) renew(ctx context.Context, g *roleGroup, i int, before user) (dead bool, err error) {
	kinds := []checker.Kind{checker.Login}
	if s.c.Refresh != nil {
		kinds = append(kinds, checker.Refresh)
	}
	if s.c.StepUp != nil {
		kinds = append(kinds, checker.StepUp)
	}
	kind := kinds[i%len(kinds)]
	if kind == checker.Login {
		before.vars = s.c.User(g.first + i)
	}
	made := g.nodes[i%len(g.nodes)]
	a, err := s.do(ctx, kind, made, &before, false)
	dead = kind == checker.StepUp
	if err != nil || a.Outcome != results.OK {
		return dead, err
	}
	for _, n := range g.nodes {
		a, err := s.restricted(ctx, n, before)
		if err != nil {
			return dead, fmt.Errorf("after %s: %w", kind, err)
		}
		if a.Outcome != results.OK && a.Outcome != results.Forbidden && a.Outcome != results.Rejected {
			continue // it says nothing of roles
		}
		s.mu.Lock()
		s.kinds[kind.String()] = true
		s.renewed.count(a)
		s.mu.Unlock()
	}
	return dead, nil
}
