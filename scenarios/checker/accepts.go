package checker

// accepted judges a use that was let in.
func (s *sweep) accepted(c *course, i int32, op *Op) {
	w := s.b.climate.at(op.Node)
	if op.Invoke > c.end {
		if s.clockDisturbed(c, op) {
			s.byClock++
		} else {
			s.suspect(suspect{check: Expiry, life: c.index, op: i, kill: kill{op: -1}, since: c.end, why: "after its own end"})
		}
	}
	if !c.dead || op.Invoke <= c.kill.acked {
		return
	}
	s.letThrough++
	if !s.b.p.BoundDeclared || op.Invoke <= s.b.deadline(c.life, c.kill) {
		return
	}
	if s.b.p.ByExpiry && s.clockDisturbed(c, op) {
		return // counted above
	}
	k, wiped := s.surviving(c, op, w)
	if s.declared(w, op, s.b.deadline(c.life, k)) {
		s.tolerated++
		return
	}
	if wiped {
		s.outlived(c, i, op, k)
		return
	}
	s.suspect(suspect{check: BoundViolations, life: c.index, op: i, kill: k, since: s.b.deadline(c.life, k), why: "later than the bound allows"})
	if c.rejected < op.Invoke {
		s.suspect(suspect{check: Resurrections, life: c.index, op: i, kill: k, since: c.rejected, why: "though it had been refused before"})
	}
}

// clockDisturbed says whether a fault of clock, key or program may explain that a
// credential outlived its end: of the node that was asked, or of the one that
// handed it out.
func (s *sweep) clockDisturbed(c *course, op *Op) bool {
	if s.b.climate.at(op.Node).excuses.touch(c.born, op.Complete) {
		return true
	}
	return c.maker >= 0 && s.b.climate.at(s.b.h.Ops[c.maker].Node).excuses.touch(c.born, c.given)
}

// surviving is the revoke by which the use had to be refused. wiped: there is
// none that a loss of data cannot have undone.
func (s *sweep) surviving(c *course, op *Op, w *weather) (k kill, wiped bool) {
	gone, lossy := w.loss.reach(op.Complete)
	if !lossy || s.b.p.ByExpiry {
		return c.kill, false
	}
	k, ok := s.b.dead(c.life, gone)
	if !ok || op.Invoke <= s.b.deadline(c.life, k) {
		return c.kill, true
	}
	return k, false
}

// declared says whether the arm declared to let revoked credentials in while its
// store is away, and this may be such a moment.
func (s *sweep) declared(w *weather, op *Op, deadline int64) bool {
	if !w.away.touch(op.Invoke, op.Complete) {
		return false
	}
	switch s.b.p.OnStoreUnreachable {
	case "open":
		return true
	case "stale":
		// What a node knows is as old as its last check. One that was made after
		// the deadline would have been a no.
		checked := min(deadline, w.lastCheck(op.Invoke, op.Complete))
		return op.Invoke <= later(checked, int64(s.b.p.Stale))
	}
	return false
}

// outlived judges a revoked credential that was let in after a loss of data.
func (s *sweep) outlived(c *course, i int32, op *Op, k kill) {
	one := suspect{life: c.index, op: i, kill: k, since: k.acked, why: "after a loss of data"}
	note := func(check string) {
		one.check = check
		s.suspect(one)
	}
	switch s.b.p.OnDataLoss {
	case "logged-out":
		note(DataLoss)
		note(Resurrections)
	case "unaffected":
		note(DataLoss)
		note(Resurrections)
		note(BoundViolations)
	default:
		s.livesAgain++
	}
}
