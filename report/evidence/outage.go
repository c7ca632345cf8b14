package evidence

import (
	"cmp"
	"slices"
	"strings"

	"authbench/report/number"
	"authbench/results"
)

// Outage is what users saw of one arm under one fault. Counts are added over
// blocks, rates are over all of their time, instants are the latest.
type Outage struct {
	*Tried
	Stages                                     []Stage
	Detect, Recover                            string
	LiveAsked, Lost, RevokedAsked, Resurrected int64
	LogoutsDuring, LoginsDuring                results.Tries
	Stampede                                   string
	Detected, Recovered                        Spread
	Before, During, After                      Stage
}

// Stage is one stretch of time.
type Stage struct {
	results.Stage
	Blocks   int
	p50, p99 Spread
}

// P50 and P99 are of the answers to live credentials, one that was not ok slower
// than every one that was; blocks are never averaged.
func (s Stage) P50() string { return s.quantile(s.p50, 0.5) }

// P99 is P50 further out.
func (s Stage) P99() string { return s.quantile(s.p99, 0.99) }

func (s Stage) quantile(v Spread, q float64) string {
	switch {
	case v.N == 0:
		return "–"
	case v.Open:
		return "not ok"
	case s.Accounting.Scheduled/int64(s.Blocks) < SamplesFor(q):
		return "n/a"
	}
	return v.Span()
}

// Outages lists what was tried and disturbed.
func (p *Promises) Outages() []Outage {
	var out []Outage
	for _, g := range p.Tried {
		if o, ok := g.Outage(); ok {
			out = append(out, o)
		}
	}
	return out
}

func (g *Tried) Outage() (Outage, bool) {
	o := Outage{Tried: g, Stampede: "–"}
	blocks, stampede := 0, 0.0
	stages := map[string]*Stage{"before": &o.Before, "during": &o.During, "after": &o.After}
	for _, t := range g.Trials {
		in := t.Chaos.Outage
		if in == nil {
			continue
		}
		blocks++
		o.Detected.add(1, in.DetectNS)
		o.Recovered.add(1, in.RecoverNS)
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
	for _, s := range []Stage{o.Before, o.During, o.After} {
		if s.Blocks > 0 {
			o.Stages = append(o.Stages, s)
		}
	}
	o.Detect, o.Recover = "–", "–"
	if len(g.Faults()) > 0 {
		o.Detect, o.Recover = seen(&o.Detected), seen(&o.Recovered)
	}
	return o, blocks > 0
}

// Free prints the goodput of the path that needs no store; "–" where none was asked.
func (o Outage) Free(s Stage) string {
	if !slices.ContainsFunc(o.Stages, func(s Stage) bool { return s.FreeGoodput > 0 || s.FreeBad > 0 }) {
		return "–"
	}
	return number.Short(s.FreeGoodput)
}

// seen is an instant that may not have come.
func seen(s *Spread) string {
	if s.Open {
		return "not seen"
	}
	return s.Most()
}

func addTries(to *results.Tries, t results.Tries) {
	to.OK += t.OK
	to.Failed += t.Failed
}

func (s *Stage) add(in results.Stage) {
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

// Saw says in words what users met during the fault, the most first; "" where
// nobody noticed.
func (o Outage) Saw() string {
	d := o.During
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
	return cmp.Or(strings.Join(parts, ", "), "nothing: "+number.Integer(d.Accounting.OK)+" of "+number.Integer(d.Accounting.Scheduled)+" ok")
}
