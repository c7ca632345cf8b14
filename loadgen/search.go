package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"authbench/results"
)

// SearchOptions say how to look for the highest rate.
type SearchOptions struct {
	Start  float64       // the first rate, arrivals per second; default 500
	Max    float64       // the highest rate to try; default 10^6
	Probes int           // at most so many; default 10
	Ratio  float64       // narrow enough; default 1.05
	Rest   time.Duration // before the next probe, for the target to get over the last one
	// Judge says whether the recording of a probe is to be trusted.
	Judge func(*Recording) Validity
	// Tell, if not nil, is told of every probe when it is over.
	Tell func(Probe)
}

// searchStep is the factor between rates while nothing bounds them. A factor of
// four and ten probes find a capacity of 128,000/s, within 5 %, from 500/s; a
// factor of two reaches 16,000/s.
const searchStep = 4

// maxStretch is by how much a probe may be longer than it was asked to be, so
// that its sample supports the objective.
const maxStretch = 10

// ProbeResult is what a probe says about its rate.
type ProbeResult string

// The results of a probe.
const (
	Met            ProbeResult = "met"
	NotMet         ProbeResult = "not_met"
	GeneratorLimit ProbeResult = "generator_limit" // the generator's doing: says nothing of the target
	Undecided      ProbeResult = "unknown"
)

// Probe is one phase of a search.
type Probe struct {
	Rate      float64 // offered, arrivals per second
	Duration  time.Duration
	Result    ProbeResult
	Findings  []Finding
	Validity  Validity
	Recording *Recording
}

// Bracket is the result of a search. Lo < Hi and Lo < Limit, where they are set.
type Bracket struct {
	Lo     float64 // the highest rate that met the objective; 0: none did
	Hi     float64 // the lowest that did not; 0: none
	Limit  float64 // the lowest rate that was beyond the generator; 0: none
	Probes []Probe
}

// Search finds the highest rate, in arrivals per second, at which the phase
// meets the objective: exponentially from opts.Start, then by bisecting the
// logarithm of the rate. A probe whose recording is invalid, or which failed by
// no more than the generator itself was late, is the generator's limit and never
// counts against the target. Every probe lasts phase.Duration, or up to ten times
// as long if its sample has to; all use one seed, so that they differ in nothing
// but the rate.
//
// On an error (the end of ctx, say) the bracket is what was found until then.
func Search(ctx context.Context, s Session, phase Phase, objective Objective, opts SearchOptions) (Bracket, error) {
	opts.complete()
	var b Bracket
	if d := probeLength(phase, objective, opts.Start); d > maxStretch*phase.Duration {
		return b, fmt.Errorf("search: at %s/s it takes %v to sample %s: start at a higher rate or with longer probes",
			digits(opts.Start), d.Round(100*time.Millisecond), objective)
	}
	for rate := opts.Start; rate > 0 && len(b.Probes) < opts.Probes; rate = b.next(phase, objective, opts) {
		if len(b.Probes) > 0 {
			if err := pause(ctx, opts.Rest); err != nil {
				return b, err
			}
		}
		phase.Rate, phase.Stages = rate, nil
		p, err := probe(ctx, s, phase, objective, opts.Judge)
		if err != nil {
			if p.Recording != nil {
				b.Probes = append(b.Probes, p)
			}
			return b, err
		}
		b.add(p)
		if opts.Tell != nil {
			opts.Tell(p)
		}
		if p.Result == Undecided {
			break
		}
	}
	return b, nil
}

func (o *SearchOptions) complete() {
	if o.Start == 0 {
		o.Start = 500
	}
	if o.Max == 0 {
		o.Max = 1e6
	}
	if o.Probes == 0 {
		o.Probes = 10
	}
	if o.Ratio == 0 {
		o.Ratio = 1.05
	}
	o.Max = max(o.Max, o.Start)
}

// probe offers one rate. The recording may be there beside an error.
func probe(ctx context.Context, s Session, phase Phase, objective Objective, judge func(*Recording) Validity) (Probe, error) {
	phase.Duration = probeLength(phase, objective, phase.Rate)
	p := Probe{Rate: phase.Rate, Duration: phase.Duration, Result: Undecided}
	rec, err := s.Run(ctx, phase)
	if rec == nil {
		return p, errors.Join(err, ctx.Err())
	}
	p.Recording, p.Validity = rec, judge(rec)
	p.Findings = objective.Check(rec, p.Validity)
	if err != nil {
		return p, err
	}
	switch status := Overall(p.Findings); {
	case p.Validity.Status == results.Invalid:
		p.Result = GeneratorLimit
	case status == results.Pass:
		p.Result = Met
	case status == results.Fail && objective.excused(rec):
		p.Result = GeneratorLimit
	case status == results.Fail:
		p.Result = NotMet
	}
	return p, nil
}

// probeLength is the phase's, or what the objective's sample takes at the rate,
// with five standard deviations of a Poisson count to spare.
func probeLength(phase Phase, objective Objective, rate float64) time.Duration {
	n := float64(max(objective.Samples(), 30))
	n += 5 * math.Sqrt(n)
	return max(phase.Duration, time.Duration(n/rate*float64(time.Second)).Round(time.Millisecond))
}

// add narrows the bracket by a probe, which was within it: see next.
func (b *Bracket) add(p Probe) {
	b.Probes = append(b.Probes, p)
	switch p.Result {
	case Met:
		b.Lo = p.Rate
	case NotMet:
		b.Hi = p.Rate
	case GeneratorLimit:
		b.Limit = p.Rate
	}
}

// next is the rate to try, 0 when there is none.
func (b *Bracket) next(phase Phase, objective Objective, opts SearchOptions) float64 {
	ceiling := b.Hi
	if b.Hi == 0 || b.Limit > 0 && b.Limit < b.Hi {
		ceiling = b.Limit
	}
	var rate float64
	switch {
	case ceiling == 0 && b.Lo >= opts.Max:
		return 0
	case ceiling == 0:
		return min(b.Lo*searchStep, opts.Max)
	case b.Lo == 0:
		rate = ceiling / searchStep
	case ceiling/b.Lo <= opts.Ratio:
		return 0
	default:
		rate = math.Sqrt(b.Lo * ceiling)
	}
	if rate = round3(rate); probeLength(phase, objective, rate) > maxStretch*phase.Duration {
		return 0
	}
	return rate
}

// round3 keeps three significant digits: a rate that can be typed again.
func round3(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return v
	}
	return r
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// Best is the probe that speaks for the search: the highest that met the
// objective, without one the last. Nil without probes.
func (b *Bracket) Best() *Probe {
	var best *Probe
	for i := range b.Probes {
		if p := &b.Probes[i]; best == nil || p.Result == Met && p.Rate == b.Lo || best.Result != Met {
			best = p
		}
	}
	return best
}

// String is the bracket in words.
func (b *Bracket) String() string {
	lo, hi, limit := digits(b.Lo), digits(b.Hi), digits(b.Limit)
	switch met, missed, limited := b.Lo > 0, b.Hi > 0, b.Limit > 0 && (b.Hi == 0 || b.Limit < b.Hi); {
	case met && missed && limited:
		return fmt.Sprintf("between %s and %s/s: generator's limit at %s/s", lo, hi, limit)
	case met && missed:
		return fmt.Sprintf("between %s and %s/s", lo, hi)
	case met && limited:
		return fmt.Sprintf("at least %s/s: generator's limit at %s/s", lo, limit)
	case met:
		return fmt.Sprintf("at least %s/s: no higher rate was tried", lo)
	case missed && limited:
		return fmt.Sprintf("not met at %s/s: generator's limit at %s/s", hi, limit)
	case missed:
		return fmt.Sprintf("not met even at %s/s", hi)
	case limited:
		return fmt.Sprintf("unknown: generator's limit even at %s/s", limit)
	}
	return "unknown: no rate could be decided"
}

// digits prints a rate with a comma every three digits of its whole part.
func digits(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	whole := len(s)
	if dot := len(strconv.FormatFloat(math.Trunc(v), 'f', 0, 64)); dot < whole {
		whole = dot
	}
	for i := whole - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
