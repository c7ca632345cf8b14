package checker

import "authbench/results"

// alive judges a use of a credential that was certainly live.
func (s *sweep) alive(c *course, i int32, op *Op, w *weather) {
	away := w.away.touch(op.Invoke, op.Complete)
	gone, lossy := w.loss.reach(op.Complete)
	lossy = lossy && c.born <= gone
	logsOut := s.b.p.OnDataLoss == "logged-out" || s.b.p.OnDataLoss == ""
	if !w.all.touch(op.Invoke, op.Complete) && !(lossy && logsOut) {
		s.clear = append(s.clear, clearUse{i, op.Node, op.Invoke, op.Complete, op.Outcome == results.OK})
	}
	if away {
		s.inFault++
	}
	switch op.Outcome {
	case results.OK:
		s.live++
	case results.Rejected:
		s.refused(c, i, op, w, lossy, logsOut)
	case results.Unavailable:
		switch {
		case away:
			s.unavailable++
			if s.b.p.OnStoreUnreachable == "unaffected" && w.down.cover(op.Invoke, op.Complete) {
				s.suspect(suspect{check: Mislabelled, life: c.index, op: i, kill: kill{op: -1}, why: "though the arm declares that its store does not matter"})
			}
		case !w.all.touch(op.Invoke, op.Complete):
			s.unprovoked++
		}
	}
}

// refused says what a refusal of a live credential is: a fault of clock, key or
// program, a store that was away and called the credential bad, data that is
// gone, or no reason at all.
func (s *sweep) refused(c *course, i int32, op *Op, w *weather, lossy, logsOut bool) {
	if w.excuses.touch(op.Invoke, op.Complete) || s.b.climate.at(s.b.h.Ops[c.maker].Node).excuses.touch(c.born, c.given) {
		s.explained++
		return
	}
	one := suspect{life: c.index, op: i, kill: kill{op: -1}}
	note := func(check, why string) {
		if one.check, one.why = check, why; check == FalseRejects {
			s.live++
		}
		s.suspect(one)
	}
	// A store that is down the whole time cannot have said that data is gone.
	down := w.down.cover(op.Invoke, op.Complete) && !w.lostBefore(c.born, op.Invoke, op.Complete)
	switch {
	case lossy && !down && logsOut:
		s.lost++
	case lossy && !down && !w.away.touch(op.Invoke, op.Complete):
		if s.b.p.OnDataLoss == "unaffected" {
			note(DataLoss, "after a loss of data that was to leave it unaffected")
		}
		note(FalseRejects, "though it was live")
	case w.away.touch(op.Invoke, op.Complete):
		note(Mislabelled, "while the store was away, though it was live")
	default:
		note(FalseRejects, "though it was live")
	}
}
