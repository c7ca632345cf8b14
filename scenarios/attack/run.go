package attack

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// Result is one case and what became of it.
type Result struct {
	ID        string `json:"id"`
	Class     string `json:"class"`  // "signature and key"
	Title     string `json:"title"`  // what the case is
	Status    string `json:"status"` // results.Pass, Fail, Unknown or NotApplicable
	Sent      string `json:"sent"`   // what was sent; of a failure, the first variation that was answered wrongly
	Got       string `json:"got"`
	Want      string `json:"want"`
	Reference string `json:"reference"`
	Reason    string `json:"reason"` // why it failed, is unknown, or does not apply; or what else there is to say
	Tried     int    `json:"tried"`  // variations
	Wrong     int    `json:"wrong"`  // of those, answered otherwise than they have to be
	TookNS    int64  `json:"took_ns"`
}

// Report is a probe of one target.
type Report struct {
	Contract string           `json:"contract"`
	Target   string           `json:"target"` // host:port
	Walk     *contract.Report `json:"walk,omitempty"`
	Cases    []Result         `json:"cases"`
	Sent     []Sent           `json:"requests"` // all that the cases sent
}

// Count is how many cases ended in status.
func (r *Report) Count(status string) int {
	n := 0
	for _, c := range r.Cases {
		if c.Status == status {
			n++
		}
	}
	return n
}

// ClassCount is how the cases of one class ended.
type ClassCount struct {
	Name                                   string // "A signature and key"
	Cases, Tried                           int
	Passed, Failed, Unknown, NotApplicable int
	Took                                   time.Duration
}

// Classes counts by class, in the order of the cases.
func (r *Report) Classes() []ClassCount {
	var out []ClassCount
	for _, c := range r.Cases {
		name := strings.TrimRight(c.ID, "0123456789") + " " + c.Class
		if len(out) == 0 || out[len(out)-1].Name != name {
			out = append(out, ClassCount{Name: name})
		}
		n := &out[len(out)-1]
		n.Cases++
		n.Tried += c.Tried
		n.Took += time.Duration(c.TookNS)
		switch c.Status {
		case results.Pass:
			n.Passed++
		case results.Fail:
			n.Failed++
		case results.NotApplicable:
			n.NotApplicable++
		default:
			n.Unknown++
		}
	}
	return out
}

// Options bound a probe.
type Options struct {
	// Classes are what is tried; see Select.
	Classes []Class
	// CaseTime bounds one case. Default 30 s.
	CaseTime time.Duration
	// Until is when the probe has to end: cases that are not done by then are unknown.
	// Zero: no end.
	Until time.Time
	// Each, when not nil, is called with every result as it is made.
	Each func(Result)
}

const caseTime = 30 * time.Second

// Run tries the cases one after the other. Before and after each a credential that no
// case touches has to be good; where it cannot be had, every case is unknown. An error
// is that of ctx; the report is what was done until then.
func Run(ctx context.Context, t *Target, o Options) (*Report, error) {
	report := &Report{Contract: t.Contract.Name, Target: t.Nodes[0].Host, Cases: []Result{}}
	defer func() { report.Sent = t.Sent() }()
	bird := &bird{User: User{canary, t.Contract.User(canary)}, gone: true}
	_ = bird.before(ctx, t) // what its credential is decides what applies; each case looks again
	for _, class := range o.Classes {
		for _, c := range class.Cases {
			began := time.Now()
			result := one(ctx, t, bird, c, o)
			if ctx.Err() != nil {
				return report, context.Cause(ctx) // an answer that was cut short says nothing
			}
			result.Class, result.TookNS = class.Title, time.Since(began).Nanoseconds()
			report.Cases = append(report.Cases, result)
			if o.Each != nil {
				o.Each(result)
			}
		}
	}
	return report, nil
}

// one tries a case between two looks at the canary.
func one(ctx context.Context, t *Target, bird *bird, c Case, o Options) Result {
	r := Result{ID: c.ID, Title: c.Title, Reference: c.Reference}
	if c.Applies != nil {
		if r.Reason = c.Applies(t); r.Reason != "" {
			r.Status = results.NotApplicable
			return r
		}
	}
	if c.Needs != nil {
		if r.Reason = c.Needs(t); r.Reason != "" {
			r.Status = results.Unknown
			return r
		}
	}
	limit := cmp.Or(o.CaseTime, caseTime)
	if !o.Until.IsZero() {
		limit = min(limit, time.Until(o.Until))
	}
	if limit <= 0 {
		r.Status, r.Reason = results.Unknown, "not tried: the time for the probe was over"
		return r
	}
	if why := bird.before(ctx, t); why != "" {
		r.Status, r.Reason = results.Unknown, "before it, "+why+": nothing can be told"
		return r
	}
	within, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the case was not done within %s", limit.Round(time.Second)))
	defer cancel()
	var y Tally
	if err := c.Try(within, t, &y); err != nil {
		y.Unknown("%v", err)
	}
	y.result(&r)
	if got, why := bird.after(ctx, t); why != "" && ctx.Err() == nil {
		r.Status, r.Got, r.Want, r.Reason = results.Fail, got, "200 for a credential that the case does not touch", why
	}
	return r
}
