package checker

// What is done to a family of refresh tokens, and what came of it.
type (
	what    uint8
	verdict uint8
)

const (
	trade what = iota // a token is presented for the next one
	end               // the family is revoked
)

const (
	accepted verdict = iota
	refused
	uncertain // nobody knows whether it took effect
)

// step is one operation on a family. Tokens are numbered from 1; handed is 0
// where the recorder did not see it.
type step struct {
	what              what
	outcome           verdict
	presented, handed int
	call, ret         int64 // ret is forever if uncertain
	op                int32
}

// unseen is a token that was made and that nobody has shown yet.
const unseen = -1

// lineage is the state of a family: the token that works, the one before it, and
// between which instants the one replaced the other.
type lineage struct {
	current, previous int
	from, to          int64
	ended             bool
}

// rotation are the rules of a rotating family (RFC 9700 section 4.14.2): a token
// works once, a replay revokes the family; but within grace of the rotation the
// token before the current one gets the current one again, because a client whose
// answer was lost has nothing else to show.
type rotation struct {
	grace int64
	ends  int64 // from when on any token may have expired
}

// after are the states that a family may be in after the step; none: the rules do
// not allow it.
func (r rotation) after(l lineage, s step) []any {
	if s.what == end {
		dead := l
		dead.ended = true
		if s.outcome == uncertain && !l.ended {
			return []any{l, dead}
		}
		return []any{dead}
	}
	switch s.outcome {
	case accepted:
		return r.accept(l, s)
	case refused:
		return r.refuse(l, s)
	}
	s.handed = unseen
	states := append([]any{l}, r.accept(l, s)...)
	return append(states, r.refuse(l, s)...)
}

func (r rotation) accept(l lineage, s step) []any {
	handed := s.handed
	if handed == 0 {
		handed = unseen
	}
	switch {
	case l.ended:
		return nil
	case s.presented == l.current:
		if handed == s.presented {
			return nil // it was not rotated
		}
		return []any{lineage{current: handed, previous: s.presented, from: s.call, to: s.ret}}
	case s.presented == l.previous && r.maybeWithin(l, s):
		if l.current == unseen {
			l.current = handed
			return []any{l}
		}
		if handed == unseen || handed == l.current {
			return []any{l}
		}
	}
	return nil
}

func (r rotation) refuse(l lineage, s step) []any {
	dead := l
	dead.ended = true
	switch {
	case l.ended, r.ends < forever && s.ret >= r.ends:
		return []any{dead}
	case s.presented == l.current:
		return nil
	case s.presented == l.previous && r.surelyWithin(l, s):
		return nil
	}
	return []any{dead}
}

// maybeWithin: the step may have been within grace of the rotation.
func (r rotation) maybeWithin(l lineage, s step) bool {
	return r.grace > 0 && (l.to == forever || s.call <= later(l.to, r.grace))
}

// surelyWithin: it was, whenever in their intervals the two took effect.
func (r rotation) surelyWithin(l lineage, s step) bool {
	return r.grace > 0 && s.ret != forever && s.ret < later(l.from, r.grace)
}
