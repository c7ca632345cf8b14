package checker

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"authbench/results"
)

// unresolvedLimit is the share of revokes of which nobody may know whether they
// took effect, before a verdict on them is unknown.
const unresolvedLimit = 0.01

const (
	noRevokes = "nothing was revoked"
	noUses    = "no revoked credential was used after its revoke was acknowledged"
)

func (s *sweep) afterRevoke(r *results.Revocation) Finding {
	f := Finding{Check: AcceptsAfterRevoke, Status: results.Unknown, Unit: "uses", Reason: noRevokes}
	switch {
	case r == nil:
	case s.uses == 0:
		f.Reason = noUses
	default:
		f.Status, f.Measured = results.Pass, number(s.letThrough)
		f.Reason = fmt.Sprintf("%d of %s invoked after the acknowledgement were let through; reported, not judged",
			s.letThrough, plural(s.uses, "use", "uses"))
	}
	return f
}

func (s *sweep) boundViolations(r *results.Revocation) Finding {
	p := s.b.p
	if !p.BoundDeclared {
		return Finding{Check: BoundViolations, Status: results.NotApplicable, Unit: "uses", Reason: "no revocation bound is promised"}
	}
	if r == nil {
		return counted(BoundViolations, "uses", 0, 0, noRevokes, "")
	}
	n := count(s.tested)
	reason := fmt.Sprintf("%s after the bound, of %s", plural(s.conclusive, "use", "uses"), plural(n, "independent revocation", "independent revocations"))
	if n > 0 && r.BeyondBound == 0 {
		reason += fmt.Sprintf(", none accepted: at most %.3g%% of revocations fail (95%%, 3/n)", 100*r.RateUpper95)
	}
	if p.ByExpiry {
		slack := "up to 1 s and one round trip"
		if s.b.h.Wall > 0 {
			slack = fmt.Sprintf("one round trip and %s", time.Duration(2*clockSlack))
		}
		reason += "; slack of each expiry in favour of the target: " + slack
	}
	if s.tolerated > 0 {
		reason += fmt.Sprintf("; %s while the store was away, as declared", plural(s.tolerated, "accept", "accepts"))
	}
	if s.byClock > 0 {
		reason += fmt.Sprintf("; %s under a fault of clock, key or program", plural(s.byClock, "accept", "accepts"))
	}
	f := counted(BoundViolations, "uses", r.BeyondBound, n, "no revoked credential was used after the bound", reason)
	if all := s.resolved + s.unresolved; f.Status == results.Pass && float64(s.unresolved) > unresolvedLimit*float64(all) {
		f.Status = results.Unknown
		f.Reason = fmt.Sprintf("of %d of %d revoked credentials it is not known whether the revoke took effect", s.unresolved, all)
	}
	return f
}

func (s *sweep) timeToReject(r *results.Revocation) Finding {
	f := Finding{Check: TimeToReject, Status: results.Unknown, Unit: "ms", Reason: noRevokes}
	if s.b.p.BoundDeclared && !s.b.p.ByExpiry {
		f.Bound = number(s.b.p.Bound.Seconds() * 1e3)
	}
	switch {
	case r == nil:
		return f
	case len(s.pairs.lasts) == 0:
		f.Reason = noUses
		return f
	}
	longest, endless := int64(-1), int64(0)
	for _, n := range s.pairs.byNode {
		endless += n.endless
		for _, w := range n.longest {
			longest = max(longest, w)
		}
	}
	f.Reason = fmt.Sprintf("longest of %s of credential and node, from the revoke being sent to the rejection being read; %s after the acknowledgement is proven; typical distance of uses %s",
		plural(int64(len(s.pairs.lasts)), "pair", "pairs"), ms(s.pairs.lasts[len(s.pairs.lasts)-1]), ms(r.ResolutionNS))
	if endless > 0 {
		f.Reason += fmt.Sprintf("; %s not rejected while the recording went on", plural(endless, "pair was", "pairs were"))
	}
	if longest >= 0 {
		proven := s.pairs.lasts[len(s.pairs.lasts)-1]
		f.Status, f.Measured = results.Pass, number(float64(max(longest, proven))/1e6)
	}
	if r.BeyondBound > 0 {
		f.Status = results.Fail
	}
	return f
}

func (s *sweep) falseRejects() Finding {
	reason := fmt.Sprintf("of %s of live credentials", plural(s.live, "answered use", "answered uses"))
	if s.explained > 0 {
		reason += fmt.Sprintf("; %d more under a fault of clock, key or program", s.explained)
	}
	if s.lost > 0 {
		reason += fmt.Sprintf("; %d more after a loss of data", s.lost)
	}
	return counted(FalseRejects, "uses", s.count(FalseRejects), s.live, "no live credential was used", reason)
}

func (s *sweep) mislabelling() Finding {
	if !s.b.hasFault(func(f *Fault) bool { return f.Unreachable }) {
		return Finding{Check: Mislabelled, Status: results.NotApplicable, Unit: "uses", Reason: "no store was away"}
	}
	reason := fmt.Sprintf("of %s of live credentials while the store was away; %d were told that it cannot be known now",
		plural(s.inFault, "use", "uses"), s.unavailable)
	return counted(Mislabelled, "uses", s.count(Mislabelled), s.inFault, "no live credential was used while the store was away", reason)
}

func (s *sweep) comeBack() Finding {
	without := noUses
	if s.resolved+s.unresolved == 0 {
		without = noRevokes
	}
	reason := fmt.Sprintf("of %s of revoked credentials", plural(s.uses, "use", "uses"))
	if s.livesAgain > 0 {
		reason += fmt.Sprintf("; %s after a loss of data, which is not promised against", plural(s.livesAgain, "accept", "accepts"))
	}
	return counted(Resurrections, "uses", s.count(Resurrections), s.uses, without, reason)
}

func (s *sweep) lossFinding() Finding {
	f := Finding{Check: DataLoss, Status: results.NotApplicable, Unit: "uses", Reason: "no store lost data"}
	if !s.b.hasFault(func(f *Fault) bool { return f.DataLoss }) {
		return f
	}
	if s.b.p.OnDataLoss == "" {
		f.Reason = fmt.Sprintf("nothing is promised: after the loss %s refused, %s accepted",
			plural(s.lost, "use of a live credential was", "uses of live credentials were"),
			plural(s.livesAgain, "use of a revoked one was", "uses of revoked ones were"))
		return f
	}
	reason := fmt.Sprintf("declared %s; after the loss %s refused", s.b.p.OnDataLoss,
		plural(s.lost, "use of a live credential was", "uses of live credentials were"))
	if s.b.p.OnDataLoss == "revoked-lives-again" {
		reason += fmt.Sprintf(", %s accepted", plural(s.livesAgain, "use of a revoked one was", "uses of revoked ones were"))
	}
	return counted(DataLoss, "uses", s.count(DataLoss), s.afterLoss, "nothing of before the loss was used after it", reason)
}

func (s *sweep) identity() Finding {
	reason := fmt.Sprintf("%s named whose they were", plural(s.named, "accepted use", "accepted uses"))
	if s.named > 0 && s.count(Identity) == 0 {
		reason += fmt.Sprintf(": at most %.3g%% are another's (95%%, 3/n)", min(100, 300/float64(s.named)))
	}
	return counted(Identity, "uses", s.count(Identity), s.named, "no accepted use said whose it was", reason)
}

func (s *sweep) expiry() Finding {
	return counted(Expiry, "uses", s.count(Expiry), s.pastEnd, "",
		fmt.Sprintf("of %s after the credential's own end", plural(s.pastEnd, "use", "uses")))
}

// facts are what was counted and is not judged.
func (s *sweep) facts() []results.Fact {
	facts := []results.Fact{}
	add := func(name, unit string, n int64, text string) {
		if n > 0 {
			facts = append(facts, results.Fact{Name: name, Unit: unit, Value: number(n), Text: strings.Replace(text, "#", fmt.Sprint(n), 1)})
		}
	}
	add("accepts.declared", "uses", s.tolerated, "# uses of revoked credentials were let in while the store was away, as declared.")
	add("accepts.after-loss", "uses", s.livesAgain, "# uses of revoked credentials were let in after a loss of data.")
	add("rejects.after-loss", "uses", s.lost, "# uses of live credentials were refused after a loss of data.")
	add("rejects.explained", "uses", s.explained, "# uses of live credentials were refused under a fault of clock, key or program.")
	add("unavailable.in-fault", "uses", s.unavailable, "# uses of live credentials were told that the store was away, while it was.")
	add("unavailable.without-fault", "uses", s.unprovoked, "# uses of live credentials were told that it cannot be known now, with no fault active.")
	return facts
}

// hasFault says whether the history has a fault like that.
func (b *book) hasFault(like func(*Fault) bool) bool {
	for i := range b.h.Faults {
		if like(&b.h.Faults[i]) {
			return true
		}
	}
	return false
}

// ms prints a stretch of time, a long one to the microsecond.
func ms(ns int64) string {
	if ns > int64(time.Millisecond) || ns < -int64(time.Millisecond) {
		ns -= ns % int64(time.Microsecond)
	}
	return strconv.FormatFloat(float64(ns)/1e6, 'f', -1, 64) + " ms"
}
