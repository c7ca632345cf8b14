package scenarios

import (
	"time"

	"authbench/targets/contract"
)

// span is an instant that is known to lie between two, inclusive, on the wall clock.
type span struct{ lo, hi time.Time }

// during is when an operation was done. Nodes run on the wall clock of this machine.
func during(a *contract.Answer) span { return span{a.Sent.Round(0), a.Done.Round(0)} }

func (s span) add(d time.Duration) span { return span{s.lo.Add(d), s.hi.Add(d)} }

// cut rounds both down, as a clock does that is read in those units.
func (s span) cut(unit time.Duration) span {
	down := func(t time.Time) time.Time { return time.Unix(0, t.UnixNano()-t.UnixNano()%int64(unit)) }
	return span{down(s.lo), down(s.hi)}
}

// life is what an arm promises of when its credentials end.
type life struct {
	grain  time.Duration // in which the time of issue is noted
	length time.Duration // of one that is used once: for sessions the idle timeout
	leeway time.Duration
	// notBefore: nothing is accepted before the time of issue, less the leeway.
	notBefore bool
	// stored: a store has the credential, and may end it by a clock of its own.
	stored bool
}

// lifeOf reads it from the contract. A token's times are whole seconds (RFC 7519
// section 2 allows fractions; nobody writes them), a session's are milliseconds.
func lifeOf(c *contract.Contract) life {
	p := promisesOf(c, false)
	if p.Lifetime > 0 {
		return life{grain: time.Second, length: p.Lifetime, leeway: p.Leeway, notBefore: c.Settings["nbf"] == "iat"}
	}
	l := life{grain: time.Millisecond, length: p.Idle, stored: len(storesOf(c)) > 0}
	if l.length == 0 || p.Absolute > 0 && p.Absolute < l.length {
		l.length = p.Absolute
	}
	return l
}

// end is when a credential that was issued then has to be refused, leeway included.
func (l life) end(issued span) span { return issued.cut(l.grain).add(l.length + l.leeway) }

// answer is what a use has to be answered.
type answer int

// The answers. either: both are right, or which one is cannot be told.
const (
	either answer = iota
	accept
	refuse
)

func (a answer) String() string { return [...]string{"either", "accepted", "refused"}[a] }

// byNode is what has to be answered by a node whose clock shows now, of a credential
// issued when the clock of its issuer showed issued: accepted iff now < end, and, with
// nbf, now >= nbf - leeway.
func (l life) byNode(issued, now span) answer {
	end, from := l.end(issued), issued.cut(l.grain).add(-l.leeway)
	switch {
	case !now.lo.Before(end.hi), l.notBefore && now.hi.Before(from.lo):
		return refuse
	case now.hi.Before(end.lo) && (!l.notBefore || !now.lo.Before(from.hi)):
		return accept
	}
	return either
}

// byTruth is what would have to be answered if all clocks were right: inside the
// leeway, which is there for clocks that are not, either will do.
func (l life) byTruth(issued, now span) answer {
	end := l.end(issued)
	switch {
	case !now.lo.Before(end.hi):
		return refuse
	case now.hi.Before(end.add(-l.leeway).lo):
		return accept
	}
	return either
}

// presented is one use of a credential: when it was issued and used, in true time and
// by the clock of the node that did it.
type presented struct {
	issued, used               span // true time
	issuedByClock, usedByClock span
	got                        answer // either: no answer that says
}

// skewTally is what became of the uses at one setting.
type skewTally struct {
	uses, unanswered, undecided int
	byStore                     int // refused because the store had ended them, by a clock that is right
	early                       int // refused because the node's clock showed a time before nbf
	live, ended                 int // by the clock of the node, decided
	nodeAccepts, nodeRefuses    int // wrong by the clock of the node
	trueLive, trueEnded         int // in true time
	trueAccepts, trueRefuses    int // wrong in true time
	// The latest accepted and the earliest refused use, from the credential's end in
	// true time, leeway included. Refusals before nbf are left out.
	last, first *time.Duration
}

// add judges one use.
func (t *skewTally) add(l life, p presented) {
	t.uses++
	if p.got == either {
		t.unanswered++
		return
	}
	want := l.byNode(p.issuedByClock, p.usedByClock)
	switch {
	case want == accept && p.got == refuse && l.stored && l.byTruth(p.issued, p.used) != accept:
		t.byStore++
	case want == either:
		t.undecided++
	default:
		count(want, p.got, &t.live, &t.ended, &t.nodeRefuses, &t.nodeAccepts)
	}
	count(l.byTruth(p.issued, p.used), p.got, &t.trueLive, &t.trueEnded, &t.trueRefuses, &t.trueAccepts)
	t.moved(l, p)
}

func count(want, got answer, live, ended, wrongRefuse, wrongAccept *int) {
	switch want {
	case accept:
		*live++
		if got == refuse {
			*wrongRefuse++
		}
	case refuse:
		*ended++
		if got == accept {
			*wrongAccept++
		}
	}
}

// moved notes how far from its true end a credential was still accepted, or already
// refused.
func (t *skewTally) moved(l life, p presented) {
	end := l.end(p.issued)
	if !end.lo.Equal(end.hi) && l.grain == time.Second {
		return // it is not known which second it was
	}
	early := l.notBefore && p.usedByClock.lo.Before(p.issuedByClock.hi)
	switch from, to := p.used.lo.Sub(end.hi), p.used.hi.Sub(end.lo); {
	case p.got == refuse && early:
		t.early++
	case p.got == accept && (t.last == nil || from > *t.last):
		t.last = &from
	case p.got == refuse && (t.first == nil || to < *t.first):
		t.first = &to
	}
}
