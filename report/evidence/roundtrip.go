package evidence

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"authbench/report/number"
	"authbench/results/stat"
)

// BreakEven is the round trip to the store at which an arm that asks the store
// less takes as long as a session that asks it more. It is reckoned, not measured:
// every store operation of a request is taken to wait for one round trip more,
// one after the other, and nothing else to change. The stores of the run are a
// loopback away, so a round trip here is what comes on top of that.
//
//	round trip = (p50 of the token - p50 of the session) / (operations of the session - of the token)
type BreakEven struct {
	Token, Session *Arm
	Difference     stat.Estimate // p50 of the token less that of the session, paired by block, ns
	Blocks         int
	Ops            float64 // store operations a request that the session makes more, as the stores counted them

	// RoundTrip in nanoseconds, with the interval of the difference. Below 0 the token
	// is faster already.
	RoundTrip, Lo, Hi float64
	Status            string // EvenPast, EvenAt, EvenUnsettled, EvenUnknown
	Missing           string // why it is not reckoned; empty otherwise
}

// What may be said of a break-even.
const (
	EvenPast      = "past"      // at 0 they are past it: the whole interval is
	EvenAt        = "at"        // at RoundTrip they are level
	EvenUnsettled = "unsettled" // the interval is too wide for a round trip to be named
	EvenUnknown   = "unknown"   // not reckoned; Missing says why
)

// An interval is too wide where it is wider than both: the share of the estimate,
// and nanoseconds. A round trip within a data centre is some hundred microseconds.
const (
	tooWideShare = 0.25
	tooWideNS    = 20e3
)

// BreakEvens reckons every arm without a session against every session that asks
// a store more often. Sessions that stand in each other's way are not compared.
func (b *Board) BreakEvens() []BreakEven {
	var out []BreakEven
	for _, token := range b.Arms {
		if token.Mechanism == "session" || token.Duplicate || token == b.Control || token.StoreOps.Missing != "" {
			continue
		}
		for _, session := range b.Arms {
			if session.Mechanism != "session" || session.Duplicate || session.StoreOps.Missing != "" {
				continue
			}
			if more := session.StoreOps.Value - token.StoreOps.Value; more > sameOps {
				out = append(out, b.breakEven(token, session, more))
			}
		}
	}
	slices.SortStableFunc(out, func(x, y BreakEven) int {
		return cmp.Compare(slices.Index(b.Arms, x.Session), slices.Index(b.Arms, y.Session))
	})
	return out
}

// sameOps is the difference of operations a request that is none: what a store does
// for itself now and then, or the write of a last use once a minute.
const sameOps = 0.1

func (b *Board) breakEven(token, session *Arm, more float64) BreakEven {
	e := BreakEven{Token: token, Session: session, Ops: more, Status: EvenUnknown}
	p50 := stat.Metrics(b.Run.Profile)[0]
	c := stat.Compare(b.Run, token.Arm, session.Arm, p50)
	e.Difference, e.Blocks = c.Difference, c.Blocks
	switch {
	case c.Err != nil:
		e.Missing = c.Err.Error()
	case b.Red != "":
		e.Missing = "invalid: " + b.Red
	case token.StandIn || session.StandIn:
		e.Missing = "no verdict is drawn from a stand-in store"
	case b.Run.Profile == "quick":
		e.Missing = "a quick run names no winner"
	case c.Blocks < b.Needed || !c.Difference.Bounded:
		e.Missing = fmt.Sprintf("%s, and %d are needed", number.Count(c.Blocks, "block"), b.Needed)
	default:
		e.reckon()
	}
	return e
}

func (e *BreakEven) reckon() {
	e.RoundTrip, e.Lo, e.Hi = e.Difference.Value/e.Ops, e.Difference.Lo/e.Ops, e.Difference.Hi/e.Ops
	width := e.Hi - e.Lo
	switch {
	case e.Hi <= 0:
		e.Status = EvenPast
	case e.Lo < 0, width > tooWideNS && width > tooWideShare*math.Abs(e.RoundTrip):
		e.Status = EvenUnsettled
	default:
		e.Status = EvenAt
	}
}
