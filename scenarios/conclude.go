package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/fault"
	"authbench/targets/contract"
)

// conclude hands the history to the checker and writes what it says into the trial.
func (r *rig) conclude(rec *loadgen.Recording) error {
	if err := r.nodesAlive(); err != nil {
		return err
	}
	t := r.t
	chaos := r.chaos()
	h := &checker.History{Nodes: len(r.nodes), Ops: r.askedRightly(), End: r.hist.now(), Wall: r.hist.zero.UnixNano()}
	for _, f := range r.began {
		recorded := f.Record()
		chaos.Faults = append(chaos.Faults, recorded)
		h.Faults = append(h.Faults, faultOf(recorded, f.nodes))
	}
	for _, d := range r.own {
		if !d.hidden {
			chaos.Faults = append(chaos.Faults, d.Fault)
		}
		f := faultOf(d.Fault, d.nodes)
		f.Excuses = d.excuses
		h.Faults = append(h.Faults, f)
	}
	f, _ := fault.ByName(t.Fault())
	old := f.OldData || slices.ContainsFunc(r.own, func(d disturbance) bool { return d.old })
	report := checker.Check(h, promisesOf(r.c, old))
	chaos.Operations = int64(len(h.Ops))
	chaos.Revocation = report.Revocation
	if chaos.Revocation != nil {
		chaos.Revocation.Bound = r.c.Promises.Bound().String()
	}
	chaos.Violations = append(chaos.Violations, report.Violations...)
	chaos.Facts = append(chaos.Facts, report.Facts...)
	missing := notTried(h)
	for _, f := range report.Findings {
		if why, ok := missing[f.Check]; ok && f.Status == results.Unknown {
			f.Status, f.Reason = results.NotApplicable, why
		}
		t.judge(results.Verdict{
			Check: f.Check, Status: f.Status, Measured: f.Measured, Bound: f.Bound, Unit: f.Unit, Reason: f.Reason,
		})
	}
	if rec == nil {
		return nil
	}
	if err := rec.Accounting.Check(); err != nil {
		return err
	}
	t.Result.Measurement = measurementOf(rec)
	if t.Result.Timeline = r.spent; r.spent != nil {
		r.spent.Started, r.spent.ZeroNS = rec.Start.UTC(), r.hist.zero.Sub(rec.Start).Nanoseconds()
	}
	t.Histograms = append(t.Histograms, results.PhaseHistograms{Operation: "use", Started: rec.Start, Histograms: rec.Histograms})
	return nil
}

// askedRightly is the history without what a node refused because only another one
// knows it: nobody promises that sessions in the memory of a node are known to others.
func (r *rig) askedRightly() []checker.Op {
	if !keepsApart(r.c) || len(r.nodes) < 2 {
		return r.hist.ops
	}
	made := map[string]int{} // the node of each credential
	for _, op := range r.hist.ops {
		if op.Kind == checker.Login && op.Outcome == results.OK {
			made[op.Credential] = op.Node
		}
		if op.Made != "" {
			made[op.Made] = op.Node
		}
	}
	return slices.DeleteFunc(slices.Clone(r.hist.ops), func(op checker.Op) bool {
		home, known := made[op.Credential]
		return op.Kind == checker.Use && op.Outcome == results.Rejected && known && home != op.Node
	})
}

// notTried are the checks that a case has nothing to say to, because it does not
// do what they are about.
func notTried(h *checker.History) map[string]string {
	done := map[checker.Kind]bool{}
	for _, op := range h.Ops {
		done[op.Kind] = true
	}
	out := map[string]string{}
	if !done[checker.Revoke] && !done[checker.RevokeAll] && !done[checker.Password] && !done[checker.StepUp] {
		for _, check := range []string{checker.AcceptsAfterRevoke, checker.BoundViolations, checker.TimeToReject, checker.Resurrections} {
			out[check] = "nobody is logged out in this case"
		}
	}
	if !done[checker.Refresh] {
		out[checker.RefreshFamilies] = "nothing is refreshed in this case"
	}
	return out
}

// chaos is the trial's record.
func (r *rig) chaos() *results.Chaos {
	c := r.t.chaos()
	c.Nodes = max(c.Nodes, len(r.nodes))
	return c
}

// tell adds a sentence with its figure to the trial.
func (r *rig) tell(name, unit string, value float64, format string, args ...any) {
	r.t.tell(name, unit, value, format, args...)
}

// measurementOf is what a background load measured. Clocks and counters are not
// read around it: in a trial with faults they would tell of the faults.
func measurementOf(rec *loadgen.Recording) results.Measurement {
	m := results.Measurement{
		DurationNS: rec.Elapsed.Nanoseconds(), Accounting: rec.Accounting, WrongSubject: rec.WrongSubject,
		Achieved: ratio(float64(rec.Accounting.OK), rec.Elapsed.Seconds()),
		Offered:  ratio(float64(rec.Accounting.Scheduled), rec.Elapsed.Seconds()),
		Latency:  rec.Latency, Service: rec.Service, Lag: rec.Lag, Queued: rec.Queued, QueuedShare: rec.QueuedShare(),
	}
	m.Validity = results.Validity{Status: results.ValidityUnknown, Reasons: []string{}}
	return m
}

// inject begins a fault on the given nodes' links, or on the store, and keeps it
// to be undone.
func (r *rig) inject(ctx context.Context, name string, lasting time.Duration, nodes []int) (begun, error) {
	f, ok := fault.ByName(name)
	if !ok {
		return begun{}, fmt.Errorf("no fault is called %q", name)
	}
	params := map[string]string{}
	if slices.ContainsFunc(f.Params, func(p fault.Param) bool { return p.Name == "duration" }) {
		params["duration"] = lasting.String() // it ends by itself
	}
	a, err := fault.Begin(ctx, f, params, r.place(f, nodes))
	b := begun{a, nodes}
	if a != nil {
		r.began = append(r.began, b)
	}
	return b, err
}

// place is where a fault strikes: the first store that it is about.
func (r *rig) place(f fault.Fault, nodes []int) *fault.Place {
	p := &fault.Place{Zero: r.hist.zero, Seed: r.t.Seed, Old: r.old}
	if nodes != nil {
		p.On = fmt.Sprintf("link of node %d", nodes[0])
	}
	for _, kind := range storesOf(r.c) {
		if want := r.t.Values["store"]; want != "" && want != kind {
			continue
		}
		if !slices.Contains(f.Stores, kind) {
			continue
		}
		p.Store = r.t.Testbed.Store(kind)
		for i, links := range r.links {
			if l := links[kind]; l != nil && (nodes == nil || slices.Contains(nodes, i)) {
				p.Links = append(p.Links, l)
			}
		}
		break
	}
	return p
}

// faultOf is a recorded fault as the checker sees it.
func faultOf(f results.Fault, nodes []int) checker.Fault {
	at := func(p *int64) int64 { // 0: not reached
		if p == nil {
			return 0
		}
		return *p
	}
	kind, _ := fault.ByName(f.Name)
	return checker.Fault{
		Name: f.Name, Requested: f.RequestedNS, Confirmed: at(f.ConfirmedNS), Recover: at(f.RecoverNS), Recovered: at(f.RecoveredNS),
		Unreachable: f.Unreachable, Intermittent: kind.Intermittent, DataLoss: f.DataLoss, Nodes: nodes,
	}
}

// promisesOf is what an arm promises, in numbers. Where a store comes back with
// old data, what it promises of that stands in for what it promises of a loss.
func promisesOf(c *contract.Contract, oldData bool) checker.Promises {
	p, b := c.Promises, c.Promises.Bound()
	unreachable, stale := p.OnStoreUnreachable, time.Duration(0)
	if inner, ok := strings.CutPrefix(unreachable, "stale("); ok {
		unreachable, stale = "stale", durationOf(strings.TrimSuffix(inner, ")"))
	}
	onLoss := p.OnDataLoss
	if oldData {
		onLoss = p.OnOldData
	}
	return checker.Promises{
		BoundDeclared: b.Declared, ByExpiry: b.Expiry, Bound: b.Fixed,
		Lifetime: durationOf(p.Lifetime), Leeway: durationOf(p.Leeway),
		OnStoreUnreachable: unreachable, Stale: stale, OnDataLoss: onLoss,
		RevokesUser: p.RevokeScope == "user", Refresh: p.Refresh, Grace: durationOf(p.RefreshGrace),
		Idle: durationOf(p.IdleTimeout), Absolute: durationOf(p.AbsoluteTimeout),
	}
}

// durationOf reads a promise; one that is not made is 0.
func durationOf(s string) time.Duration {
	d, err := contract.ParseDuration(s)
	if err != nil {
		return 0
	}
	return d.D()
}
