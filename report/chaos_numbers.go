package report

import (
	"slices"
	"strings"

	"authbench/report/number"
	"authbench/results"
)

// revoked is the revocation figures of one arm: counts added over blocks, times
// the longest of them.
type revoked struct {
	*tried
	results.Revocation        // counts, bound, curve of the first block
	P50                string // of the longest that a credential can have gone on; a span over blocks
	Longest            string // likewise, of all
	Accepted           string // the last accepted use after the acknowledgement
}

// revocations lists what was tried and revoked something: where that was the
// question, and where it went on beside an outage.
func (s *chaosSummary) revocations() (asked, beside []revoked) {
	for _, g := range s.Tried {
		r, ok := g.revoked()
		if !ok || r.Revocations == 0 && r.Unresolved == 0 {
			continue
		}
		if _, disturbed := g.outage(); disturbed {
			beside = append(beside, r)
		} else {
			asked = append(asked, r)
		}
	}
	return asked, beside
}

func (g *tried) revoked() (revoked, bool) {
	r := revoked{tried: g}
	var p50, longest, accepted spread
	blocks := 0
	for _, t := range g.trials {
		in := t.Chaos.Revocation
		if in == nil {
			continue
		}
		if blocks++; blocks == 1 {
			r.Bound, r.Curve, r.ResolutionNS = in.Bound, in.Curve, in.ResolutionNS
		}
		r.Revocations += in.Revocations
		r.Unresolved += in.Unresolved
		r.Uses += in.Uses
		r.Triggered += in.Triggered
		r.LetThrough += in.LetThrough
		r.BeyondBound += in.BeyondBound
		r.Unknown += in.Unknown
		r.ResolutionNS = max(r.ResolutionNS, in.ResolutionNS)
		p50.add(in.TimeToReject.Count, in.TimeToReject.P50)
		longest.add(in.TimeToReject.Count, in.TimeToReject.Max)
		accepted.add(in.LastAccept.Count, in.LastAccept.Max)
	}
	if r.BeyondBound == 0 && r.Revocations > 0 {
		r.RateUpper95 = min(1, 3/float64(r.Revocations))
	}
	r.P50, r.Longest, r.Accepted = p50.span(), longest.most(), accepted.most()
	return r, blocks > 0
}

// spread collects one quantile over blocks.
type spread struct {
	n      int // blocks
	known  bool
	lo, hi int64
	open   bool // one fell among those that were never rejected
}

func (s *spread) add(count int64, v *int64) {
	switch {
	case count == 0:
		return
	case v == nil:
		s.open = true
	case !s.known:
		s.lo, s.hi, s.known = *v, *v, true
	default:
		s.lo, s.hi = min(s.lo, *v), max(s.hi, *v)
	}
	s.n++
}

func (s *spread) most() string {
	switch {
	case s.n == 0:
		return "–"
	case s.open:
		return "never rejected"
	}
	return number.Lasted(s.hi)
}

func (s *spread) span() string {
	if s.n == 0 || s.open || number.Lasted(s.lo) == number.Lasted(s.hi) {
		return s.most()
	}
	return number.Lasted(s.lo) + " – " + number.Lasted(s.hi)
}

// Share is how sure a count of 0 is.
func (r revoked) Share() string {
	if r.RateUpper95 == 0 {
		return ""
	}
	return "< " + number.Percent(r.RateUpper95)
}

// node is the row of one node.
type node struct {
	Node         int
	LetThrough   int64
	P50, Longest string
}

// Nodes adds up each node over the blocks.
func (r revoked) Nodes() []node {
	var out []node
	var p50, longest []spread
	for _, t := range r.trials {
		if t.Chaos.Revocation == nil {
			continue
		}
		for _, n := range t.Chaos.Revocation.ByNode {
			i := slices.IndexFunc(out, func(o node) bool { return o.Node == n.Node })
			if i < 0 {
				i = len(out)
				out, p50, longest = append(out, node{Node: n.Node}), append(p50, spread{}), append(longest, spread{})
			}
			out[i].LetThrough += n.LetThrough
			p50[i].add(n.TimeToReject.Count, n.TimeToReject.P50)
			longest[i].add(n.TimeToReject.Count, n.TimeToReject.Max)
		}
	}
	for i := range out {
		out[i].P50, out[i].Longest = p50[i].span(), longest[i].most()
	}
	return out
}

// outage is what users saw of one arm under one fault. Counts are added over
// blocks, rates are over all of their time, instants are the latest.
type outage struct {
	*tried
	Stages                                     []stage
	Detect, Recover                            string
	LiveAsked, Lost, RevokedAsked, Resurrected int64
	LogoutsDuring, LoginsDuring                results.Tries
	Stampede                                   string
	detected, recovered                        spread
	before, during, after                      stage
}

// stage is one stretch of time.
type stage struct {
	results.Stage
	Blocks   int
	p50, p99 spread
}

// P50 and P99 are of the answers to live credentials, one that was not ok slower
// than every one that was; blocks are never averaged.
func (s stage) P50() string { return s.quantile(s.p50, 0.5) }

// P99 is P50 further out.
func (s stage) P99() string { return s.quantile(s.p99, 0.99) }

func (s stage) quantile(v spread, q float64) string {
	switch {
	case v.n == 0:
		return "–"
	case v.open:
		return "not ok"
	case s.Accounting.Scheduled/int64(s.Blocks) < SamplesFor(q):
		return "n/a"
	}
	return v.span()
}

// Outages lists what was tried and disturbed.
func (s *chaosSummary) Outages() []outage {
	var out []outage
	for _, g := range s.Tried {
		if o, ok := g.outage(); ok {
			out = append(out, o)
		}
	}
	return out
}

func (g *tried) outage() (outage, bool) {
	o := outage{tried: g, Stampede: "–"}
	blocks, stampede := 0, 0.0
	stages := map[string]*stage{"before": &o.before, "during": &o.during, "after": &o.after}
	for _, t := range g.trials {
		in := t.Chaos.Outage
		if in == nil {
			continue
		}
		blocks++
		o.detected.add(1, in.DetectNS)
		o.recovered.add(1, in.RecoverNS)
		o.LiveAsked += in.LiveAsked
		o.Lost += in.SessionsLost
		o.RevokedAsked += in.RevokedAsked
		o.Resurrected += in.Resurrected
		addTries(&o.LogoutsDuring, in.LogoutsDuring)
		addTries(&o.LoginsDuring, in.LoginsDuring)
		if in.Stampede != nil {
			stampede = max(stampede, *in.Stampede)
			o.Stampede = "×" + number.NBSP + number.Short(stampede)
		}
		for _, st := range in.Stages {
			if s := stages[st.Name]; s != nil {
				s.add(st)
			}
		}
	}
	for _, s := range []stage{o.before, o.during, o.after} {
		if s.Blocks > 0 {
			o.Stages = append(o.Stages, s)
		}
	}
	o.Detect, o.Recover = "–", "–"
	if len(g.Faults()) > 0 {
		o.Detect, o.Recover = seen(&o.detected), seen(&o.recovered)
	}
	return o, blocks > 0
}

// Free prints the goodput of the path that needs no store; "–" where none was asked.
func (o outage) Free(s stage) string {
	if !slices.ContainsFunc(o.Stages, func(s stage) bool { return s.FreeGoodput > 0 || s.FreeBad > 0 }) {
		return "–"
	}
	return number.Short(s.FreeGoodput)
}

// seen is an instant that may not have come.
func seen(s *spread) string {
	if s.open {
		return "not seen"
	}
	return s.most()
}

func addTries(to *results.Tries, t results.Tries) {
	to.OK += t.OK
	to.Failed += t.Failed
}

func (s *stage) add(in results.Stage) {
	total := s.DurationNS + in.DurationNS
	if total > 0 { // rates are over all of the time
		was, is := float64(s.DurationNS)/float64(total), float64(in.DurationNS)/float64(total)
		s.Goodput = was*s.Goodput + is*in.Goodput
		s.FreeGoodput = was*s.FreeGoodput + is*in.FreeGoodput
	}
	s.Name, s.DurationNS = in.Name, total
	s.Accounting.Merge(in.Accounting)
	s.FreeBad += in.FreeBad
	s.WronglyIn += in.WronglyIn
	s.WronglyOut += in.WronglyOut
	s.Unavailable += in.Unavailable
	s.Hung += in.Hung
	s.SlowestNS = max(s.SlowestNS, in.SlowestNS)
	s.RevokedAsked += in.RevokedAsked
	s.RevokedDenied += in.RevokedDenied
	s.p50.add(in.Latency.Count, in.Latency.P50)
	s.p99.add(in.Latency.Count, in.Latency.P99)
	s.Blocks++
}

// saw says in words what users met during the fault, the most first; "" where
// nobody noticed.
func (o outage) saw() string {
	d := o.during
	if d.Blocks == 0 {
		return "not measured"
	}
	type met struct {
		n    int64
		what string
	}
	list := []met{{d.WronglyIn, "wrongly in"}, {d.WronglyOut, "wrongly out"}, {d.Unavailable, "unavailable"}, {d.Hung, "hung"}}
	slices.SortStableFunc(list, func(a, b met) int { return int(b.n - a.n) })
	var parts []string
	for _, m := range list {
		if m.n > 0 {
			parts = append(parts, number.Integer(m.n)+" "+m.what)
		}
	}
	return orElse(strings.Join(parts, ", "), "nothing: "+number.Integer(d.Accounting.OK)+" of "+number.Integer(d.Accounting.Scheduled)+" ok")
}

// tries prints how many of those that were tried went through.
func tries(t results.Tries) string {
	if t.OK+t.Failed == 0 {
		return "–"
	}
	return number.Integer(t.OK) + " of " + number.Integer(t.OK+t.Failed)
}

// of prints a part and the whole.
func of(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return number.Integer(part) + " of " + number.Integer(whole)
}
