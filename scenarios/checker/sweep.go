package checker

import (
	"cmp"
	"math"
	"slices"

	"authbench/results"
)

// suspect is one answer that breaks a promise.
type suspect struct {
	check string
	life  int32 // -1: none
	op    int32
	kill  kill // the revoke that it defies; op -1: none
	since int64
	why   string // the last part of the sentence
}

// kept is how many violations of a check are told; all are counted.
const kept = 10

// suspects of one check: all counted, the earliest kept.
type suspects struct {
	count int64
	first []suspect
}

// sweep goes once over every credential's operations in the order of their
// invocation and sorts the answers.
type sweep struct {
	b     *book
	found map[string]*suspects

	// Of revoked credentials.
	revokes    []bool // by operation: it was acknowledged and ended at least one credential
	tested     []bool // and one of these was asked for when it had to be refused
	resolved   int64  // credentials known to be revoked
	unresolved int64
	uses       int64 // after the acknowledgement
	triggered  int64
	letThrough int64
	conclusive int64 // uses that had to be refused and got a yes or a no
	tolerated  int64 // accepted while the store was away, as declared
	livesAgain int64 // accepted after a loss of data, as declared
	byClock    int64 // accepted past the end under a fault of clock, key or program
	pairs      pairs // credential and node

	// Of credentials that were certainly live.
	live        int64 // uses accepted, or refused without an excuse
	explained   int64 // refused under a fault of clock, key or program
	lost        int64 // refused after a loss of data
	inFault     int64 // uses while the store was away
	unavailable int64 // of those: told so
	unprovoked  int64 // unavailable with no fault in sight
	clear       []clearUse
	stuck       []stuck
	families    []suspect

	afterLoss int64 // uses of what was there before a loss, answered yes or no
	named     int64 // accepted uses that said whose they are
	pastEnd   int64 // uses after the credential's own end, answered yes or no
}

// clearUse is a use of a certainly live credential at a moment without faults.
type clearUse struct {
	op               int32
	node             int
	invoke, complete int64
	ok               bool
}

func (b *book) sweep() *sweep {
	s := &sweep{
		b: b, found: map[string]*suspects{}, pairs: pairs{byNode: map[int]*nodePairs{}},
		revokes: make([]bool, len(b.h.Ops)), tested: make([]bool, len(b.h.Ops)),
	}
	for i := range b.lives {
		s.follow(int32(i))
	}
	return s
}

// suspect counts a broken promise and keeps the earliest.
func (s *sweep) suspect(one suspect) {
	f := s.found[one.check]
	if f == nil {
		f = &suspects{}
		s.found[one.check] = f
	}
	f.count++
	invoke := func(x suspect) int64 { return s.b.h.Ops[x.op].Invoke }
	if len(f.first) == kept && invoke(one) >= invoke(f.first[kept-1]) {
		return
	}
	at, _ := slices.BinarySearchFunc(f.first, one, func(x, y suspect) int {
		return cmp.Or(cmp.Compare(invoke(x), invoke(y)), cmp.Compare(x.op, y.op))
	})
	f.first = slices.Insert(f.first, at, one)
	f.first = f.first[:min(len(f.first), kept)]
}

// count of the suspects of a check.
func (s *sweep) count(check string) int64 {
	if f := s.found[check]; f != nil {
		return f.count
	}
	return 0
}

// course is where the sweep stands with one credential.
type course struct {
	*life
	index int32
	kill  kill // that ended it
	dead  bool
	end   int64 // from when it must not be accepted even without a revoke
	// touched is when it was last seen to be used, rejected when it was first
	// rejected after its revoke.
	touched, rejected int64
}

// follow goes through what was done with one credential.
func (s *sweep) follow(index int32) {
	c := &course{life: &s.b.lives[index], index: index, rejected: forever}
	c.kill, c.dead = s.b.dead(c.life, math.MinInt64)
	c.end, c.touched = s.b.latestEnd(c.life), c.born
	if c.dead {
		s.resolved++
		if c.kill.by < 0 {
			s.revokes[c.kill.op] = true
		}
		s.pairs.follow(s.b, c)
	} else if s.b.unresolved(c.life) {
		s.unresolved++
	}
	for _, i := range c.ops {
		op := &s.b.h.Ops[i]
		if op.Kind != Use {
			continue
		}
		s.use(c, i, op)
		switch op.Outcome {
		case results.OK:
			s.accepted(c, i, op)
			c.touched = op.Invoke
		case results.Rejected:
			if c.dead && op.Invoke >= c.kill.invoke {
				c.rejected = min(c.rejected, op.Complete)
			}
		}
	}
}

// use gathers what does not depend on the answer being yes, and judges a no.
func (s *sweep) use(c *course, i int32, op *Op) {
	w := s.b.climate.at(op.Node)
	yesOrNo := op.Outcome == results.OK || op.Outcome == results.Rejected
	if c.dead && op.Invoke > c.kill.acked {
		s.uses++
		if op.Triggered {
			s.triggered++
		}
		if yesOrNo && s.b.p.BoundDeclared && op.Invoke > s.b.deadline(c.life, c.kill) {
			s.conclusive++
			if c.kill.by < 0 {
				s.tested[c.kill.op] = true
			}
		}
	}
	if yesOrNo && op.Invoke > c.end {
		s.pastEnd++
	}
	if end, any := w.loss.reach(op.Complete); any && yesOrNo && c.born <= end {
		s.afterLoss++
	}
	s.whose(c, i, op)
	if s.b.live(c, op) {
		s.alive(c, i, op, w)
	}
}

// live says that the credential had to be accepted by everything that the client
// side of the history knows: handed out, not revoked, not ended by itself, its
// family of refresh tokens in order.
func (b *book) live(c *course, op *Op) bool {
	return c.maker >= 0 && op.Invoke > c.given && op.Complete < b.earliestEnd(c.life) &&
		op.Complete < c.disturbed && !b.idled(c.touched, op.Complete) && !b.mayBeDead(c.life, op.Complete)
}

// deadline is until when a use may still be invoked and accepted.
func (b *book) deadline(c *life, k kill) int64 {
	if b.p.ByExpiry {
		return b.latestEnd(c)
	}
	return later(k.acked, int64(b.p.Bound))
}

// whose judges the name in an answer. The engine calls an answer with another
// user's name a protocol error; it is looked at all the same.
func (s *sweep) whose(c *course, i int32, op *Op) {
	owner := s.b.users[c.user].name
	switch {
	case op.Outcome != results.OK && op.Outcome != results.ProtocolError:
		return
	case op.Outcome == results.OK && (c.maker < 0 || op.Complete < c.born):
		s.suspect(suspect{check: Identity, life: c.index, op: i, kill: kill{op: -1}, why: "though nobody had been given it"})
	case op.Subject == "":
	case op.Subject != owner:
		s.named++
		s.suspect(suspect{check: Identity, life: c.index, op: i, kill: kill{op: -1}, why: "as " + op.Subject})
	case op.Outcome == results.OK:
		s.named++
	}
}
