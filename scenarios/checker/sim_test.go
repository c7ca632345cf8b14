package checker

import (
	"cmp"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"

	"authbench/results"
)

// sim is a target and its clients in made-up time. An operation takes effect at
// one instant between its invocation and its completion; one whose answer is lost
// takes effect later than that, or not at all.
type sim struct {
	target
	h     History
	queue events
	clock int64
	stop  int64
	calm  bool // no operation is lost

	handed []string // credentials that a client has
	tokens []string // refresh tokens that a client has
	names  int
}

type event struct {
	at  int64
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newSim(seed uint64, kind mechanism, d defect) *sim {
	s := &sim{target: newTarget(kind, d, rand.New(rand.NewPCG(seed, 1))), stop: 25 * second}
	s.h.Nodes, s.h.Wall = 1+s.rng.IntN(3), s.wall
	return s
}

func (s *sim) at(t int64, do func()) {
	s.names++
	heap.Push(&s.queue, event{t, s.names, do})
}

func (s *sim) chance(p float64) bool { return s.rng.Float64() < p }

// upTo is a stretch of time, mostly much shorter than the longest.
func (s *sim) upTo(most int64) int64 {
	f := s.rng.Float64()
	return 1 + int64(float64(most)*f*f*f)
}

// run plays that many actors until the time is over.
func (s *sim) run(actors int) *History {
	for range actors {
		s.at(s.rng.Int64N(second), s.act)
	}
	for s.queue.Len() > 0 {
		e := heap.Pop(&s.queue).(event)
		s.clock = e.at
		e.do()
	}
	s.h.End = s.clock
	// A recorder writes in the order of completion.
	slices.SortStableFunc(s.h.Ops, func(a, b Op) int { return cmp.Compare(a.Complete, b.Complete) })
	return &s.h
}

// act is one thing that an actor does; it goes on with the next one.
func (s *sim) act() {
	if s.clock > s.stop {
		return
	}
	next := func(*Op) { s.at(s.clock+s.upTo(300*milli), s.act) }
	op := Op{Node: s.rng.IntN(s.h.Nodes), Kind: Login, User: fmt.Sprintf("user-%d", s.rng.IntN(8))}
	dice := s.rng.Float64()
	if len(s.handed) > 0 && dice > .12 {
		op.Kind, op.Credential = Use, s.some(s.handed)
		op.User = s.records[op.Credential].user
		switch {
		case dice < .20:
			op.Kind = Revoke
		case dice < .22:
			op.Kind = RevokeAll
		case dice < .24:
			op.Kind = Password
		case dice < .26:
			op.Kind = StepUp
		}
	}
	if dice > .9 && s.p.Refresh == "rotating" && len(s.tokens) > 0 {
		op.Kind, op.Credential = Refresh, ""
		op.Presented = s.some(s.tokens)
		op.User = s.families[op.Presented].user
	}
	if op.Kind == Revoke && s.chance(.5) {
		s.send(Op{Kind: Use, Node: op.Node, User: op.User, Credential: op.Credential}, nil)
	}
	s.send(op, next)
}

// some is one of the names, often a late one.
func (s *sim) some(names []string) string {
	back := int(s.upTo(int64(min(len(names), 40))))
	if s.chance(.5) {
		back = 1 + s.rng.IntN(min(len(names), 200))
	}
	return names[len(names)-back]
}

// send does one operation, and then what comes after it.
func (s *sim) send(op Op, then func(*Op)) {
	op.Invoke = s.clock
	took := s.upTo(5 * milli)
	if s.chance(.05) {
		took = s.upTo(400 * milli)
	}
	effect := op.Invoke + s.rng.Int64N(took)
	lost := !s.calm && s.chance(.03)
	if lost {
		took, effect = 300*milli, op.Invoke+s.upTo(1500*milli)
	}
	s.sent(&op)
	answer := op
	if !lost || s.chance(.7) {
		s.at(effect, func() {
			s.serve(&answer, effect)
			s.touch(&answer, effect)
		})
	}
	s.at(op.Invoke+took, func() {
		if lost {
			answer = op // as it was sent
			answer.Outcome = []results.Outcome{results.Timeout, results.ConnectError}[s.rng.IntN(2)]
		}
		answer.Complete = op.Invoke + took
		s.h.Ops = append(s.h.Ops, answer)
		s.answered(&answer)
		s.received(answer)
		if then != nil {
			then(&answer)
		}
	})
}

// touch writes back, a little later, that a session was used: with the defect also
// when it was deleted meanwhile.
func (s *sim) touch(op *Op, effect int64) {
	if s.defect != revivedTouch || op.Kind != Use || op.Outcome != results.OK {
		return
	}
	s.at(effect+s.upTo(10*milli), func() { s.records[op.Credential].gone = false })
}

// received is what clients do with an answer: remember what was handed out, repeat
// a revoke until it is acknowledged, and use the credential on every node then.
func (s *sim) received(op Op) {
	if op.Outcome == results.OK {
		if made := op.hands(); made != "" {
			s.handed = append(s.handed, made)
		}
		if op.Handed != "" {
			s.tokens = append(s.tokens, op.Handed)
		}
	}
	if op.Kind != Revoke && op.Kind != RevokeAll {
		return
	}
	if unknown(op.Outcome) && s.clock < s.stop+5*second {
		again := Op{Kind: op.Kind, Node: op.Node, User: op.User, Credential: op.Credential}
		s.at(s.clock+50*milli, func() { s.send(again, nil) })
	}
	if op.Outcome == results.OK {
		for n := range s.h.Nodes {
			s.at(s.clock+s.rng.Int64N(milli), func() {
				s.send(Op{Kind: Use, Node: n, User: op.User, Credential: op.Credential, Triggered: true}, nil)
			})
		}
	}
}

// disturb plans faults: when each is really active is known to the target only.
func (s *sim) disturb(n int) {
	for range n {
		f := Fault{Requested: s.rng.Int64N(s.stop)}
		begin := f.Requested + s.upTo(100*milli)
		f.Confirmed = begin + s.upTo(100*milli)
		f.Recover = f.Confirmed + s.upTo(4*second)
		over := f.Recover + s.upTo(100*milli)
		f.Recovered = over + s.upTo(100*milli)
		if s.chance(.3) {
			f.Nodes = []int{s.rng.IntN(s.h.Nodes)}
		}
		switch s.rng.IntN(5) {
		case 0:
			f.Name, f.Unreachable = "outage", true
		case 1:
			f.Name, f.Unreachable, f.Intermittent = "flap", true, true
		case 2:
			f.Name, f.Unreachable, f.DataLoss, f.Nodes = "kill", true, true, nil
		case 3:
			f.Name, f.DataLoss, f.Nodes = "flush", true, nil
		case 4:
			f.Name, f.Excuses = "clock", true
		}
		s.h.Faults = append(s.h.Faults, f)
		s.truth = append(s.truth, actual{begin, over, f})
		if f.DataLoss {
			s.at(begin, s.lose)
		}
	}
}

// outages plans faults that take the store away for a while, and nothing else.
func (s *sim) outages() {
	for from := second; from < s.stop; from += 5 * second {
		f := outage(from, from+second)
		s.h.Faults = append(s.h.Faults, f)
		s.truth = append(s.truth, actual{from, from + second, f})
	}
}
