package scenarios

import (
	"fmt"
	"slices"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/fault"
)

// hang is how long an answer may take before a user calls it a hang.
const hang = int64(time.Second)

// stages sorts the history into before, during and after the fault. What was sent
// while the fault came or went belongs to none of them.
func (r *rig) stages(f results.Fault, c cast, p *probes, o *results.Outage) {
	end := r.hist.now()
	confirmed, recover, recovered := end, end, end
	for _, at := range []struct {
		from *int64
		to   *int64
	}{{f.ConfirmedNS, &confirmed}, {f.RecoverNS, &recover}, {f.RecoveredNS, &recovered}} {
		if at.from != nil {
			*at.to = *at.from
		}
	}
	first := end
	for _, op := range r.hist.ops {
		if op.Kind == checker.Use {
			first = min(first, op.Invoke)
		}
	}
	live, revoked := r.byCredential(c)
	for _, span := range []struct {
		name     string
		from, to int64
	}{{"before", first, f.RequestedNS}, {"during", confirmed, recover}, {"after", recovered, end}} {
		s := r.stage(live, revoked, span.from, span.to)
		s.Name = span.name
		p.count(&s, span.from, span.to)
		o.Stages = append(o.Stages, s)
	}
	o.DetectNS = r.detected(live, confirmed, recover)
	o.RecoverNS = r.recovered(live, recovered)
}

// byCredential are the names of those that live throughout and of those that were
// logged out before the fault.
func (r *rig) byCredential(c cast) (live, revoked map[string]bool) {
	live, revoked = map[string]bool{}, map[string]bool{}
	for i := range c.live {
		name, _ := r.hist.holding(c.live[i].vars)
		live[name] = true
	}
	for i := range c.revoked {
		name, _ := r.hist.holding(c.revoked[i].vars)
		revoked[name] = true
	}
	return live, revoked
}

// stage sums up the uses that were sent in [from, to).
func (r *rig) stage(live, revoked map[string]bool, from, to int64) results.Stage {
	s := results.Stage{DurationNS: to - from}
	var took []int64
	for _, op := range r.hist.ops {
		if op.Kind != checker.Use || op.Invoke < from || op.Invoke >= to || op.Outcome == results.Unfinished {
			continue
		}
		switch {
		case revoked[op.Credential]:
			s.RevokedAsked++
			switch op.Outcome {
			case results.OK:
				s.WronglyIn++
			case results.Rejected:
				s.RevokedDenied++
			}
		case live[op.Credential]:
			s.Accounting.Scheduled++
			s.Accounting.Add(op.Outcome, 1)
			s.SlowestNS = max(s.SlowestNS, op.Complete-op.Invoke)
			if op.Complete-op.Invoke >= hang {
				s.Hung++
			}
			switch op.Outcome {
			case results.OK:
				took = append(took, op.Complete-op.Invoke)
			case results.Rejected:
				s.WronglyOut++
			case results.Unavailable:
				s.Unavailable++
			}
		}
	}
	s.Latency = quantilesOf(took, s.Accounting.Scheduled)
	s.Goodput = ratio(float64(s.Accounting.OK), time.Duration(s.DurationNS).Seconds())
	return s
}

// count adds what the path without a store answered in [from, to).
func (p *probes) count(s *results.Stage, from, to int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	good := 0
	for _, a := range p.free {
		switch {
		case a.at < from || a.at >= to:
		case a.ok:
			good++
		default:
			s.FreeBad++
		}
	}
	s.FreeGoodput = ratio(float64(good), time.Duration(to-from).Seconds())
}

// detected is from the confirmed fault to the first answer that says so; nil when
// none did.
func (r *rig) detected(live map[string]bool, confirmed, recover int64) *int64 {
	var first *int64
	for _, op := range r.hist.ops {
		if op.Kind == checker.Use && live[op.Credential] && op.Invoke >= confirmed && op.Invoke < recover && op.Outcome == results.Unavailable {
			if d := op.Complete - confirmed; first == nil || d < *first {
				first = &d
			}
		}
	}
	return first
}

// recovered is from the end of the fault until uses get an answer that is not an
// error, and go on to; nil when they did not within the trial. Being told to log
// in again is such an answer.
func (r *rig) recovered(live map[string]bool, recovered int64) *int64 {
	last, after := recovered, int64(0)
	for _, op := range r.hist.ops {
		if op.Kind != checker.Use || !live[op.Credential] || op.Invoke < recovered || op.Outcome == results.Unfinished {
			continue
		}
		if op.Outcome == results.OK || op.Outcome == results.Rejected {
			after = max(after, op.Invoke)
		} else {
			last = max(last, op.Complete)
		}
	}
	if after <= last {
		return nil
	}
	d := last - recovered
	return &d
}

// quantilesOf ranks what took how long among all that were asked: what did not end
// ok counts as slower than everything. A quantile that so few values cannot support
// is left out.
func quantilesOf(took []int64, all int64) results.Quantiles {
	slices.Sort(took)
	q := results.Quantiles{Count: all}
	for _, v := range took {
		q.Mean += float64(v) / float64(len(took))
	}
	at := func(p float64) *int64 {
		i := int(p * float64(all))
		if i >= len(took) {
			return nil
		}
		return &took[i]
	}
	q.P50, q.P90, q.P95, q.P99 = at(.5), at(.9), at(.95), at(.99)
	q.P999, q.P9999 = at(.999), at(.9999)
	if n := len(took); n > 0 && int64(n) == all {
		q.Max = &took[n-1]
	}
	return q
}

// outageFacts says in words what the outage came to.
func (r *rig) outageFacts(f fault.Fault, o *results.Outage) {
	during, after := o.Stages[1], o.Stages[2]
	if f.DataLoss && o.LiveAsked > 0 {
		if o.SessionsLost > 0 {
			r.tell("sessions.lost", "credentials", float64(o.SessionsLost),
				"Sessions fail closed: %d of %d live credentials were refused once the store had lost its data; their users log in again.", o.SessionsLost, o.LiveAsked)
		} else {
			r.tell("sessions.lost", "credentials", 0, "All %d live credentials survived the loss of the store's data.", o.LiveAsked)
		}
	}
	if f.DataLoss && o.RevokedAsked > 0 {
		what := "revocation"
		if r.c.Mechanism == "token" {
			what = "denylist"
		}
		if o.Resurrected > 0 {
			r.tell("revoked.resurrected", "credentials", float64(o.Resurrected),
				"The %s fails open: %d of %d credentials that had been logged out were accepted again once the store had lost its data.", what, o.Resurrected, o.RevokedAsked)
		} else {
			r.tell("revoked.resurrected", "credentials", 0, "None of %d logged-out credentials was accepted again.", o.RevokedAsked)
		}
	}
	outs, ins := o.LogoutsDuring, o.LoginsDuring
	if n := outs.OK + outs.Failed; n > 0 {
		r.tell("logout.during", "log-outs", float64(outs.OK), "During the fault %d of %d log-outs %s, %d of %d log-ins went through.",
			outs.OK, n, worked(r.c.Mechanism), ins.OK, ins.OK+ins.Failed)
	}
	if during.WronglyOut > 0 && !f.DataLoss {
		r.tell("live.refused", "uses", float64(during.WronglyOut), "%d uses of live credentials were refused as if they were no good.", during.WronglyOut)
	}
	if after.FreeBad+during.FreeBad > 0 {
		r.tell("storeless.failed", "requests", float64(after.FreeBad+during.FreeBad), "%d requests that need no store failed.", after.FreeBad+during.FreeBad)
	}
}

func worked(mechanism string) string {
	if mechanism == "token" {
		return "were acknowledged (denying a token is a write)"
	}
	return fmt.Sprintf("were acknowledged (ending a %s is a delete)", mechanism)
}
