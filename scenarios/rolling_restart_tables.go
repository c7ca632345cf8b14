package scenarios

import (
	"fmt"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/checker"
)

// CheckDrain is about requests that a node had begun to read when it was told to end.
const CheckDrain = "drain"

// report writes what was measured into the trial.
func (rr *rolling) report(rec *loadgen.Recording) {
	cut := rr.cutOff(rec)
	rr.restarts(cut)
	rr.survival()
	rr.t.judge(rr.drainVerdict())
	rr.t.judge(rr.cutVerdict(cut))
}

// cutOffs are arrivals of the load that broken connections ended, or answers that are none.
type cutOffs struct {
	byNode  []int64 // while that node was away
	outside int64   // while every node was there
	total   int64   // arrivals
}

// cutOff sorts them by when they fell due, to an interval of the recording.
func (rr *rolling) cutOff(rec *loadgen.Recording) cutOffs {
	c := cutOffs{byNode: make([]int64, len(rr.replaced)), total: rec.Accounting.Scheduled}
	zero, slack := rr.hist.since(rec.Start), int64(chaosInterval)
	for _, s := range rec.Seconds {
		bad := s.Accounting.ConnectError + s.Accounting.ProtocolError
		from, to := zero+int64(s.Start), zero+int64(s.Start+s.Length)
		in := -1
		for i, p := range rr.replaced {
			if to >= p.out-slack && from <= max(p.back, p.ready+int64(trailTime)) {
				in = i
			}
		}
		if in < 0 {
			c.outside += bad
		} else {
			c.byNode[in] += bad
		}
	}
	return c
}

// restarts is the table of what happened to each node, and cold that of how it was
// when it was back.
func (rr *rolling) restarts(cut cutOffs) {
	t := newTable("restarts", "Each node was told to end, ended, and was started again at its address, while the load went on.",
		results.Column{Name: "node"},
		results.Column{Name: "under way", Meaning: "requests that it had begun to read when it was told to end"},
		results.Column{Name: "finished", Meaning: "of those"},
		results.Column{Name: "readiness", Meaning: "what it answered while it drained to the question whether it is ready"},
		results.Column{Name: "ended after", Unit: "s", Meaning: "from being told to the end of the process"},
		results.Column{Name: "away", Unit: "s", Meaning: "from being told until the next one was ready"},
		results.Column{Name: "cut off", Meaning: "uses of the load that met a broken connection, or none"},
	)
	cold := newTable("cold", "What a node was like when it was back, beside what it was before any ended: its connections to the stores are new, and what it knew is gone.",
		results.Column{Name: "node"},
		results.Column{Name: "first 200 after", Unit: "ms", Meaning: "from being ready until a credential of before was accepted"},
		results.Column{Name: "asked", Meaning: "credentials of its users"},
		results.Column{Name: "kept", Meaning: "of those"},
		results.Column{Name: "p50 before", Unit: "us", Meaning: "response time of uses on the node"},
		results.Column{Name: "p50 after", Unit: "us"},
		results.Column{Name: "store operations before", Meaning: "a use, all nodes together, as the stores counted them"},
		results.Column{Name: "store operations after"},
	)
	for i, p := range rr.replaced {
		label := fmt.Sprintf("node %d", i+1)
		addRow(t, label, counted(len(p.held)), counted(finished(p.held)), word("%s", p.readiness),
			figure(time.Duration(p.ended-p.told).Seconds()), figure(time.Duration(p.ready-p.told).Seconds()), counted(cut.byNode[i]))
		first := none("it accepted none")
		if p.first > 0 {
			first = inMillis(p.first)
		}
		addRow(cold, label, first, counted(p.kept.all), counted(p.kept.accepted),
			rr.median(i, p.before), rr.median(i, p.after), rr.opsPerUse(p.before), rr.opsPerUse(p.after))
	}
	rr.t.keep(t)
	rr.t.keep(cold)
}

func finished(hs []heldUse) int {
	n := 0
	for _, h := range hs {
		if h.outcome == results.OK {
			n++
		}
	}
	return n
}

// median of the response times of accepted uses on a node.
func (rr *rolling) median(node int, c coldness) results.Cell {
	var took []int64
	for _, op := range rr.hist.ops {
		if op.Kind == checker.Use && op.Node == node && op.Outcome == results.OK && op.Invoke >= c.from && op.Invoke < c.to {
			took = append(took, op.Complete-op.Invoke)
		}
	}
	q := quantilesOf(took, int64(len(took)))
	if q.P50 == nil {
		return none("it accepted none")
	}
	return figure(float64(*q.P50) / 1e3)
}

func (rr *rolling) opsPerUse(c coldness) results.Cell {
	uses := 0
	for _, op := range rr.hist.ops {
		if op.Kind == checker.Use && (op.Outcome == results.OK || op.Outcome == results.Rejected) && op.Invoke >= c.from && op.Invoke < c.to {
			uses++
		}
	}
	switch {
	case !c.counted:
		return none("a store does not count")
	case uses == 0:
		return none("nothing was answered")
	}
	return figure(float64(c.ops) / float64(uses))
}

// survival is the table of whose credentials went on working.
func (rr *rolling) survival() {
	t := newTable("survival", "Who has to log in again.", results.Column{Name: "after"},
		results.Column{Name: "asked", Meaning: "credentials"},
		results.Column{Name: "accepted", Meaning: "of those"},
		results.Column{Name: "share", Unit: "%"},
	)
	var kept survivors
	for _, p := range rr.replaced {
		kept.all, kept.accepted = kept.all+p.kept.all, kept.accepted+p.kept.accepted
	}
	add := func(label string, a survivors, why string) {
		if a.all == 0 {
			addRow(t, label, none(why), none(why), none(why))
			return
		}
		addRow(t, label, counted(a.all), counted(a.accepted), proportion(a.accepted, a.all))
	}
	add("restart of the node", kept, "nothing was asked")
	add("change of address", rr.moved, "the machine has no second address")
	rr.t.keep(t)
	if kept.all > 0 {
		rr.tell("restart.kept", "credentials", float64(kept.accepted),
			"When their node had been replaced, %d of %d credentials were accepted as before.", kept.accepted, kept.all)
	}
}

// drainVerdict: what a node has begun to read it has to finish, and then it has to end
// by itself.
func (rr *rolling) drainVerdict() results.Verdict {
	v := results.Verdict{Check: CheckDrain, Status: results.Pass, Unit: "requests", Bound: number(0)}
	all, bad, problem, slowest := 0, 0, "", int64(0)
	for _, p := range rr.replaced {
		all, bad = all+len(p.held), bad+len(p.held)-finished(p.held)
		for _, h := range p.held {
			if h.outcome != results.OK && problem == "" {
				problem = ": " + h.problem
			}
		}
		slowest = max(slowest, p.ended-p.told)
	}
	v.Measured = number(float64(bad))
	v.Reason = fmt.Sprintf("not finished, of %d that were under way when a node was told to end%s; the slowest node ended after %.1f s", all, problem, time.Duration(slowest).Seconds())
	switch {
	case all == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "no request was under way"
	case bad > 0:
		v.Status = results.Fail
	}
	return v
}

// cutVerdict: with every node there, or with a balancer that knows which are, nothing
// of the load may be cut off.
func (rr *rolling) cutVerdict(c cutOffs) results.Verdict {
	v := results.Verdict{Check: CheckCutOff, Status: results.Pass, Unit: "uses", Bound: number(0)}
	bad, where := c.outside, "outside the times in which a node was away"
	if rr.aware() {
		where = "at any time: the balancer knew which nodes were there"
		for _, n := range c.byNode {
			bad += n
		}
	}
	v.Measured = number(float64(bad))
	v.Reason = fmt.Sprintf("broken connections and answers that are none, of %d uses, %s, to %s", c.total, where, chaosInterval)
	switch {
	case c.total == 0 || len(rr.replaced) == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "no node was replaced under load"
	case bad > 0:
		v.Status = results.Fail
	}
	return v
}
