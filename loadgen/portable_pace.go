package loadgen

import (
	"context"
	"time"
)

const (
	// spinAhead is how long before an arrival the pacer stops sleeping. A Go
	// timer rounds a sleep below 1 ms up to 1.1 ms.
	spinAhead = 2 * time.Millisecond
	// spinTurn is the longest turn of an undisturbed spin: in a longer one some
	// other thread had the core, and had use for it.
	spinTurn = 2 * time.Microsecond
	// lead is how far ahead of its first arrival a schedule begins.
	lead = time.Millisecond
)

// pacer waits for intended times, on behalf of a run.
type pacer struct {
	s        *session
	r        *run
	ctx      context.Context
	every    int64 // between looks for timeouts and the end of ctx
	nextLook int64 // since session.base
	spin     int64
}

func newPacer(ctx context.Context, s *session, r *run) *pacer {
	every := min(max(r.timeout/64, int64(time.Millisecond)), int64(20*time.Millisecond))
	return &pacer{s: s, r: r, ctx: ctx, every: every, nextLook: s.now() + every}
}

// pace runs an open loop and returns when every arrival is resolved or ctx ends.
func (s *session) pace(ctx context.Context, r *run) {
	p := newPacer(ctx, s, r)
	for a, ok := r.schedule.Next(); ok; a, ok = r.schedule.Next() {
		if !p.until(a.At) {
			break
		}
		s.offer(a)
	}
	if p.until(r.end) {
		p.drain()
	}
	r.rec.rec.Spin, r.rec.rec.Occupancy = time.Duration(p.spin), r.occupancy.Occupancy
}

// until waits for an intended time. It returns false when ctx has ended.
func (p *pacer) until(at int64) bool {
	due := p.r.start + at
	now := p.s.now()
	for {
		if now >= p.nextLook {
			if p.ctx.Err() != nil {
				return false
			}
			p.look()
			now = p.s.now()
		}
		p.occupied(now)
		if now >= due {
			return true
		}
		if nap := min(due-int64(spinAhead), p.nextLook) - now; nap > int64(time.Millisecond) {
			time.Sleep(time.Duration(nap))
			now = p.s.now()
			continue
		}
		yield()
		then := now
		now = p.s.now()
		if turn := now - then; turn < int64(spinTurn) {
			p.spin += turn
		}
	}
}

// look ends what has timed out and keeps the recorder's books.
func (p *pacer) look() {
	p.s.expire()
	now := p.s.now()
	p.s.mu.Lock()
	p.r.rec.seal(now - p.r.start)
	p.r.rec.publish(now - p.r.start)
	p.s.mu.Unlock()
	p.nextLook = now + p.every
}

// occupied looks at how many arrivals are in flight, at random instants.
func (p *pacer) occupied(now int64) {
	if now-p.r.start > p.r.occupancy.at {
		p.s.mu.Lock()
		p.r.occupancy.look(now-p.r.start, p.r.end, p.r.inFlight)
		p.s.mu.Unlock()
	}
}

// drain waits until nothing is in flight or ctx ends. Every arrival resolves
// within its timeout; were one lost, the phase would end all the same, with an
// accounting that does not add up.
func (p *pacer) drain() {
	for giveUp := p.s.now() + 3*p.r.timeout + int64(time.Second); ; {
		p.s.mu.Lock()
		n := p.r.inFlight
		p.s.mu.Unlock()
		if n == 0 || p.ctx.Err() != nil || p.s.now() > giveUp {
			return
		}
		if p.s.now() >= p.nextLook {
			p.look()
		}
		time.Sleep(time.Millisecond)
	}
}

// watch runs a closed loop, in which the connections keep themselves busy: it
// looks for timeouts and for the end.
func (s *session) watch(ctx context.Context, r *run) {
	p := newPacer(ctx, s, r)
	for ctx.Err() == nil {
		s.mu.Lock()
		over := s.now()-r.start >= r.end
		if r.once {
			over = r.left == 0
		}
		s.mu.Unlock()
		if over {
			p.drain()
			return
		}
		if s.now() >= p.nextLook {
			p.look()
		}
		time.Sleep(time.Millisecond)
	}
}
