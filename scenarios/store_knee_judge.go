package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"authbench/results"
	"authbench/scenarios/testbed"
)

// fullness is what had no room left at a rate that was missed.
type fullness string

const (
	fullStore     fullness = "store"
	fullNode      fullness = "node"
	fullBoth      fullness = "node and store" // one core that they share, in much the same parts
	fullGenerator fullness = "generator"      // the rate was not offered as it should have been
	fullNobody    fullness = "nobody"         // that could be seen
)

// From where on a side is called full. That a limited store was stopped in most of its
// periods says the same as its CPU: what it could not use in one period is lost to it.
// Node and store on one core of a virtual machine share it with the kernel's work for
// the network and with what the host takes.
const (
	fullShare     = .95 // of the store's share of a core
	fullThrottled = .5  // of the periods in which it wanted to run
	fullCore      = .9  // of the cores of node and store
	fullMore      = .55 // of what both take together, that one of them does
)

// kneeStep is one rate that was offered.
type kneeStep struct {
	fraction  float64 // of what was predicted
	offered   float64 // uses a second
	m         results.Measurement
	wall      time.Duration // until the last use was resolved
	status    string        // of the objective: Pass, Fail, Unknown
	full      fullness
	throttled testbed.Throttling
	waits     float64 // for a connection to the store, those given up included
	pooled    bool    // the node counts them
}

// ofShare is the CPU of the store as a part of what it may use.
func (s *kneeStep) ofShare(share kneeShare) float64 {
	return ratio(float64(s.m.Usage.Store.CPUNS), share.of*float64(s.wall))
}

// ofCores is the CPU of the node, and of node and store, as a part of the cores that
// they have between them.
func (s *kneeStep) ofCores(cores int) (node, both float64) {
	u, all := s.m.Usage, float64(cores)*float64(s.wall)
	return ratio(float64(u.Target.CPUNS), all), ratio(float64(u.Target.CPUNS+u.Store.CPUNS), all)
}

// stopped is the part of the periods in which the limit stopped the store.
func (s *kneeStep) stopped() float64 {
	return ratio(float64(s.throttled.Throttled), float64(s.throttled.Periods))
}

// fullest says who had no room left. Where node and store share a core that is full, it
// is the one that takes clearly more of it: with a core each it would be the first as
// well.
func (s *kneeStep) fullest(share kneeShare, cores int) fullness {
	node, both := s.ofCores(cores)
	switch {
	case s.m.Validity.Status == results.ValidityInvalid:
		return fullGenerator
	case s.ofShare(share) >= fullShare, share.limited && s.stopped() > fullThrottled && s.ofShare(share) > .5:
		return fullStore
	case both < fullCore:
		return fullNobody
	case node > fullMore*both:
		return fullNode
	case both-node > fullMore*both:
		return fullStore
	}
	return fullBoth
}

// The search beyond the steps that were asked for: how many more, and by what factors.
const (
	kneeFurther = 7
	kneeUp      = 1.2
	kneeDown    = .6
)

// nextFraction is what to offer after what was done: 0 when the knee lies between two of
// the rates, or is not to be found.
func nextFraction(steps []float64, done []kneeStep) float64 {
	met, missed := kneeOfSteps(done)
	switch {
	case met != nil && missed != nil, len(done) >= len(steps)+kneeFurther:
		return 0
	case missed != nil:
		return missed.fraction * kneeDown
	case len(done) < len(steps):
		return steps[len(done)]
	}
	return met.fraction * kneeUp
}

// kneeOfSteps are the highest rate that was met and the lowest that was not; nil where
// there is none.
func kneeOfSteps(done []kneeStep) (met, missed *kneeStep) {
	for i := range done {
		s := &done[i]
		switch {
		case s.status == results.Pass && (met == nil || s.fraction > met.fraction):
			met = s
		case s.status != results.Pass && (missed == nil || s.fraction < missed.fraction):
			missed = s
		}
	}
	return met, missed
}

// foundAt is who was full at the knee, fullNobody where none was found.
func (k *kneeRamp) foundAt() fullness {
	if met, missed := kneeOfSteps(k.steps); met != nil && missed != nil {
		return missed.full
	}
	return fullNobody
}

// The checks of store-knee.
const (
	CheckKneeRejects   = "false-rejects"
	CheckKneeAccepts   = "unauthorized-accepts"
	CheckKneeSubjects  = "wrong-answers"
	CheckKneeRecovers  = "recovers"
	CheckKneeAttribute = "attribution"
	CheckKneeLimited   = "limited"
	CheckKneeAside     = "asks-no-store"
)

// verdicts judge what users got, at every rate up to and beyond the knee, and whether it
// is known who was full. No rate is judged.
func (x *kneeRun) verdicts() {
	var asked, rejected, wrong int64
	for _, s := range x.all() {
		a := s.m.Accounting
		asked += a.Scheduled
		rejected += a.Rejected + a.Forbidden
		wrong += a.ProtocolError + s.m.WrongSubject
	}
	t := x.t
	t.judge(noneOf(CheckKneeRejects, "uses refused", rejected, asked,
		fmt.Sprintf("of %d uses of good credentials; where the store is full the answer is 503, or none in time", asked)))
	t.judge(noneOf(CheckKneeSubjects, "answers", wrong, asked, "answers for somebody else, and answers that are none"))
	accepts := noneOf(CheckKneeAccepts, "uses accepted", x.strangers.accepted, x.strangers.asked,
		fmt.Sprintf("of %d uses of a credential that nobody holds, during all rates", x.strangers.asked))
	if t.Arm.Contract.Mechanism == "none" {
		accepts = results.Verdict{Check: CheckKneeAccepts, Status: results.NotApplicable, Reason: "it lets everybody in"}
	}
	t.judge(accepts)
	t.judge(x.recovers())
	t.judge(x.limits())
	if x.own {
		t.judge(x.attribution())
	} else {
		t.judge(x.aside())
	}
}

func (x *kneeRun) all() []*kneeStep {
	var out []*kneeStep
	for _, k := range x.ramps {
		for i := range k.steps {
			out = append(out, &k.steps[i])
		}
	}
	return out
}

func (x *kneeRun) recovers() results.Verdict {
	v := results.Verdict{Check: CheckKneeRecovers, Status: results.Pass, Measured: number(0), Bound: number(recoverWithin.Seconds()), Unit: "s"}
	var worst time.Duration
	for _, k := range x.ramps {
		if k.recovered == nil {
			v.Status, v.Measured = results.Fail, nil
			v.Reason = fmt.Sprintf("%s: no use was accepted within %s of the last rate", k.share.label, recoverWithin)
			return v
		}
		worst = max(worst, *k.recovered)
	}
	v.Measured, v.Reason = number(worst.Seconds()), "longest time from the end of the last rate until a use was accepted, with the store still limited"
	return v
}

// limits: a store that is full at its share was stopped by the limit.
func (x *kneeRun) limits() results.Verdict {
	v := results.Verdict{Check: CheckKneeLimited, Status: results.Pass, Unit: "shares without effect", Bound: number(0)}
	var tried, without int
	for _, k := range x.ramps {
		_, missed := kneeOfSteps(k.steps)
		if !k.share.limited || !x.own || missed == nil || missed.full != fullStore {
			continue
		}
		tried++
		if missed.throttled.Throttled == 0 {
			without++
		}
	}
	switch {
	case x.unlimited != nil:
		v.Status, v.Reason = results.NotApplicable, reasonOf(x.unlimited)
	case !x.own:
		v.Status, v.Reason = results.NotApplicable, "it asks no store"
	case !slices.ContainsFunc(x.shares, func(s kneeShare) bool { return s.limited }):
		v.Status, v.Reason = results.NotApplicable, "no share was asked for"
	case tried == 0:
		v.Status, v.Reason = results.Unknown, "no limited store was full"
	default:
		v.Measured, v.Reason = number(float64(without)), fmt.Sprintf("in %d ramps the store was full at its share, and stopped by it", tried)
		if without > 0 {
			v.Status, v.Reason = results.Fail, "a store was full at its share and never stopped by the limit"
		}
	}
	return v
}

// reasonOf is the reason alone, without where it happened.
func reasonOf(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}

// attribution: of every ramp it has to be known who was full. A generator that was is no
// answer; where it always was, nothing here is to be trusted.
func (x *kneeRun) attribution() results.Verdict {
	v := results.Verdict{Check: CheckKneeAttribute, Status: results.Pass, Bound: number(0), Unit: "ramps without an answer"}
	var open []string
	byGenerator := 0
	for _, k := range x.ramps {
		full := k.foundAt()
		if full == fullStore || full == fullNode || full == fullBoth {
			continue
		}
		if full == fullGenerator {
			byGenerator++
		}
		met, missed := kneeOfSteps(k.steps)
		why := fmt.Sprintf("%s was full", full)
		switch {
		case missed == nil:
			why = "no rate was missed"
		case met == nil:
			why = "no rate was met"
		}
		open = append(open, fmt.Sprintf("%s, block %d: %s", k.share.label, k.block, why))
	}
	v.Measured, v.Reason = number(float64(len(open))), fmt.Sprintf("in %d ramps the store or the node was full", len(x.ramps)-len(open))
	switch {
	case len(x.ramps) > 0 && byGenerator == len(x.ramps):
		v.Status, v.Reason = results.Invalid, "the generator was full in every ramp"
	case len(open) > 0:
		v.Status, v.Reason = results.Unknown, strings.Join(open[:min(3, len(open))], "; ")
	}
	return v
}

// aside: an arm without a store is not held up by one that is slow, as it never asks.
func (x *kneeRun) aside() results.Verdict {
	v := results.Verdict{Check: CheckKneeAside, Status: results.Pass, Bound: number(0), Unit: "store operations"}
	ops, uses := int64(0), int64(0)
	for _, k := range x.ramps {
		for _, s := range k.steps {
			if k.share.limited && s.m.StoreOpsKnown {
				ops, uses = ops+s.m.StoreOps, uses+s.m.Accounting.Scheduled
			}
		}
	}
	switch {
	case uses == 0 && x.unlimited != nil:
		v.Status, v.Reason = results.NotApplicable, reasonOf(x.unlimited)
	case uses == 0:
		v.Status, v.Reason = results.NotApplicable, "no store was limited beside it"
	default:
		v.Measured, v.Reason = number(float64(ops)), fmt.Sprintf("during %d uses beside a store with %s of a core", uses, x.shares[0].label)
		// A sweep of expired sessions, once a minute, is no operation of a use.
		if float64(ops) > .01*float64(uses) {
			v.Status = results.Fail
		}
	}
	return v
}
