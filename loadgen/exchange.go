package loadgen

import (
	"cmp"
	"slices"
	"time"

	"authbench/results"
)

// Exchange is one request that was sent and what came back, for whoever has to
// judge a history rather than a distribution. Instants are since the phase began
// (Recording.Start): Sent is right before the first byte was written, Done right
// after the last was read, or when the request was given up.
type Exchange struct {
	Due          time.Duration // when the schedule said
	Sent, Done   time.Duration
	User         int32 // index into Plan.Requests
	Node         int16 // index into Plan.Nodes
	Status       int16 // 0: no complete answer
	Outcome      results.Outcome
	WrongSubject bool // an accepted answer that does not name the expected subject
}

// exchanged keeps an exchange, if they are asked for.
func (r *recorder) exchanged(e Exchange) {
	if r.log != nil {
		r.log = append(r.log, e)
	}
}

// logFor makes room for what a phase is expected to exchange: the log should not
// grow, which copies it, while requests are waiting.
func logFor(p *Phase) []Exchange {
	if !p.Log {
		return nil
	}
	return make([]Exchange, 0, int(p.highestRate()*p.Duration.Seconds()*1.1)+1024)
}

// exchanges are those of all recorders, in the order in which they were sent.
func exchanges(parts []*recorder) []Exchange {
	var all []Exchange
	for _, p := range parts {
		all = append(all, p.log...)
	}
	slices.SortFunc(all, func(a, b Exchange) int { return cmp.Compare(a.Sent, b.Sent) })
	return all
}
