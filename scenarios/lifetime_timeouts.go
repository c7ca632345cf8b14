package scenarios

import (
	"context"
	"fmt"
	"strings"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
)

// pattern is a way to use a credential, and when it has to end by what is promised.
type pattern struct {
	label string
	every time.Duration // between uses; 0: it is not used
	until time.Duration // after which it is used no more; 0: never
	want  time.Duration // after its issue
}

// patternsOf are those that tell a life that is fixed from one that is extended.
func patternsOf(p checker.Promises) []pattern {
	if p.Lifetime > 0 {
		end := p.Lifetime + p.Leeway
		return []pattern{
			{"not used", 0, 0, end},
			{"used 10 times in its life", end / 10, 0, end},
			{"used 100 times in its life", end / 100, 0, end},
		}
	}
	idle, absolute := p.Idle, p.Absolute
	switch {
	case idle == 0 || absolute > 0 && idle >= absolute:
		return []pattern{{"not used", 0, 0, absolute}, {"used 10 times in its life", absolute / 10, 0, absolute}}
	case absolute == 0 || absolute/idle > maxSteps:
		return []pattern{{"not used", 0, 0, idle}, {"used twice, then left", idle / 2, idle, 2 * idle}}
	}
	return []pattern{
		{"not used", 0, 0, idle},
		{"used twice, then left", idle / 2, idle, min(2*idle, absolute)},
		{"used twice in every idle timeout", idle / 2, 0, absolute},
		{"used 1 ms before the idle timeout, then left", idle - tick, idle - tick, min(2*idle-tick, absolute)},
		{"used once in every idle timeout", evenly(idle, absolute), 0, absolute},
	}
}

// before are the uses of a pattern that come before t.
func (p pattern) before(t time.Duration) (at []time.Duration) {
	for use := p.every; p.every > 0 && use < t && (p.until == 0 || use <= p.until); use += p.every {
		at = append(at, use)
	}
	return at
}

// timeouts finds, to the millisecond, when credentials end that are used in several
// ways, on a clock that stands still where it is set.
func (d *dials) timeouts(ctx context.Context) error {
	table := newTable("ends", "When does a credential end that is used, and one that is not? Clocks are set, and the end is searched for to the millisecond.",
		results.Column{Name: "how it is used"},
		results.Column{Name: "ended after", Unit: "s"}, results.Column{Name: "promised", Unit: "s"},
		results.Column{Name: "uses before", Meaning: "between its issue and its end"})
	var wrong []string
	patterns := patternsOf(promisesOf(d.c, false))
	for i, p := range patterns {
		node := d.node(i)
		end, err := d.endOf(ctx, p, node)
		if err != nil {
			return fmt.Errorf("%s: %w", p.label, err)
		}
		addRow(table, p.label, figure(end.Seconds()), figure(p.want.Seconds()), counted(len(p.before(end))))
		if end != p.want {
			wrong = append(wrong, fmt.Sprintf("%s it ended after %s and has to end after %s", p.label, end, p.want))
		}
	}
	d.t.keep(table)
	d.t.judge(timeoutVerdict(len(patterns), wrong))
	return nil
}

func timeoutVerdict(patterns int, wrong []string) results.Verdict {
	v := results.Verdict{
		Check: "timeouts", Status: results.Pass, Unit: "ways of use", Measured: number(float64(len(wrong))), Bound: number(0),
		Reason: fmt.Sprintf("in each of %d ways of use it ended in the millisecond that is promised", patterns),
	}
	if len(wrong) > 0 {
		v.Status, v.Reason = results.Fail, strings.Join(wrong, "; ")
	}
	return v
}

// endOf is the first millisecond after its issue at which a credential used like that
// is refused. One credential is asked once: asking would be a use.
func (d *dials) endOf(ctx context.Context, p pattern, node int) (time.Duration, error) {
	alive, dead := time.Duration(0), 2*p.want+time.Minute
	likely := []time.Duration{p.want - tick, p.want}
	for dead-alive > tick {
		at := (alive + (dead-alive)/2).Truncate(tick)
		for len(likely) > 0 && (likely[0] <= alive || likely[0] >= dead) {
			likely = likely[1:]
		}
		if len(likely) > 0 {
			at, likely = likely[0], likely[1:]
		}
		last, refused, err := d.walk(ctx, p, at, node)
		if err != nil {
			return 0, err
		}
		if alive = max(alive, last); refused > 0 {
			dead = min(dead, refused)
		}
		if alive >= dead {
			return 0, fmt.Errorf("it was accepted %s after its issue, and another one refused after %s", alive, dead)
		}
	}
	return dead, nil
}

// walk issues a credential and uses it as the pattern says up to the instant at, and
// then. It returns the last instant at which it was accepted, and the first at which it
// was refused, or 0.
func (d *dials) walk(ctx context.Context, p pattern, at time.Duration, node int) (last, refused time.Duration, err error) {
	zero := time.Now().Round(0).Truncate(time.Second)
	if err := d.freezeOne(ctx, node, zero); err != nil {
		return 0, 0, err
	}
	u, _, err := d.issue(ctx, node, 0)
	if err != nil {
		return 0, 0, err
	}
	for _, use := range append(p.before(at), at) {
		if err := d.freezeOne(ctx, node, zero.Add(use)); err != nil {
			return 0, 0, err
		}
		a, err := d.do(ctx, checker.Use, node, u, false)
		if err != nil {
			return 0, 0, err
		}
		switch answered(a.Outcome) {
		case accept:
			last = use
		case refuse:
			return last, use, nil
		default:
			return 0, 0, fmt.Errorf("a use %s after its issue was neither accepted nor refused: %s", use, a.Problem)
		}
	}
	return last, 0, context.Cause(ctx)
}
