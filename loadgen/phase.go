package loadgen

import (
	"errors"
	"fmt"
	"time"
)

// Defaults and limits of a Phase.
const (
	defaultTimeout  = 5 * time.Second
	maxTimeout      = 50 * time.Second
	minInFlight     = 1024
	defaultInterval = time.Second
	minInterval     = 10 * time.Millisecond
)

// closed says that the phase is a closed loop.
func (p *Phase) closed() bool { return p.Rate == 0 && len(p.Stages) == 0 }

// complete fills in the defaults for conns connections, and checks the rest.
func (p *Phase) complete(conns int) error {
	if p.Timeout == 0 {
		p.Timeout = defaultTimeout
	}
	if p.Interval == 0 {
		p.Interval = defaultInterval
	}
	if p.InFlight == 0 {
		p.InFlight = max(minInFlight, int(5*p.highestRate()))
	}
	if p.Conns == 0 {
		p.Conns = conns
	}
	if p.Duration == 0 {
		for _, s := range p.Stages {
			p.Duration += s.Duration
		}
	}
	switch {
	case p.Timeout < 0 || p.Timeout > maxTimeout:
		return fmt.Errorf("phase: timeout %v is outside 0 to %v", p.Timeout, maxTimeout)
	case p.Interval < minInterval:
		return fmt.Errorf("phase: an interval of %v is shorter than %v", p.Interval, minInterval)
	case p.InFlight < 0:
		return fmt.Errorf("phase: in-flight cap %d is negative", p.InFlight)
	case p.Conns < 0 || p.Conns > conns:
		return fmt.Errorf("phase: %d connections of %d", p.Conns, conns)
	case p.Churn < 0:
		return fmt.Errorf("phase: churn after %d requests", p.Churn)
	case p.Once && !p.closed():
		return errors.New("phase: Once is a closed loop, it has no rate")
	case p.Rate != 0 && len(p.Stages) > 0:
		return errors.New("phase: both a rate and stages")
	case !p.Once && p.Duration <= 0:
		return fmt.Errorf("phase: duration %v is not positive", p.Duration)
	}
	return nil
}

// node is where an arrival of the phase goes.
func (p *Phase) node(plan *Plan, a Arrival) int {
	node := plan.node(a)
	if p.Away == nil {
		return node
	}
	return p.Away.instead(node, len(plan.Nodes))
}

func (p *Phase) highestRate() float64 {
	r := p.Rate
	for _, s := range p.Stages {
		r = max(r, s.Rate, s.To)
	}
	return r
}

// setTimes notes how long a phase took: last is when the last arrival was
// resolved, ended when the phase was broken off (both nanoseconds since it began).
func (r *Recording) setTimes(p Phase, last, ended int64, interrupted bool) {
	r.Elapsed = p.Duration
	switch {
	case p.Once:
		r.Elapsed = time.Duration(last)
	case interrupted:
		r.Elapsed = max(0, min(r.Elapsed, time.Duration(ended)))
	}
	r.Drain = max(0, time.Duration(last)-r.Elapsed)
}
