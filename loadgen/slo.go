package loadgen

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"authbench/results"
)

// Objective is what a recording is held to: bounds that all have to hold.
//
//	p99<5ms                      a quantile of the response time
//	service.p99.9<=20ms          of the service time; lag.p99 of the schedule lag
//	max<1s, mean<2ms
//	errors<0.1%                  the share of the scheduled arrivals that did not end ok
//	rate>4990                    what ended ok, per second
//	within(5ms)>=99.9%           the share of the scheduled arrivals that ended ok within 5 ms
//
// Errors, rate and within are counts of what was offered, not inferences about
// more of it.
type Objective struct{ terms []term }

// term is one bound.
type term struct {
	text   string
	metric string
	series string        // of a quantile, max or mean: "", "service", "lag"
	q      float64       // of a quantile
	within time.Duration // of within
	op     string        // < <= > >=
	bound  float64       // ns, share or per second
}

// The units of what an objective measures.
const (
	UnitTime  = "ns"
	UnitShare = "share" // 0 to 1
	UnitRate  = "per_second"
)

// Finding is what became of one bound.
type Finding struct {
	Expression string
	Status     string  // results.Pass, results.Fail or results.Unknown
	Measured   float64 // in Unit; +Inf among what did not end ok, NaN where nothing was recorded
	Unit       string
	Reason     string // of anything but a plain pass or fail
}

// String is the objective as it was written, with one way of spacing.
func (o Objective) String() string {
	var parts []string
	for _, t := range o.terms {
		parts = append(parts, t.text)
	}
	return strings.Join(parts, ", ")
}

// Samples is how many scheduled arrivals the quantiles of the objective need at
// least; with fewer they are unknown.
func (o Objective) Samples() int64 {
	var n int64
	for _, t := range o.terms {
		n = max(n, samplesFor(t.q))
	}
	return n
}

// Check holds a recording to the objective, a finding a bound. Evidence that is
// not to be trusted (v), nothing at all, or a sample that does not support the
// quantile is unknown, never a pass. A quantile among what did not end ok is
// slower than every bound.
func (o Objective) Check(r *Recording, v Validity) []Finding {
	var out []Finding
	for _, t := range o.terms {
		f := Finding{Expression: t.text, Measured: t.measure(r), Unit: t.unit(), Status: results.Unknown}
		switch {
		case v.Status == results.Invalid:
			f.Reason = "the recording is invalid: " + strings.Join(v.Reasons, "; ")
		case r.Accounting.Scheduled == 0:
			f.Reason = "nothing was scheduled"
		case math.IsNaN(f.Measured):
			f.Reason = "nothing was recorded"
		default:
			f.Status, f.Reason = t.judge(r, f.Measured)
		}
		out = append(out, f)
	}
	return out
}

// Overall is the status of all of them: fail before unknown before pass, and
// unknown without any.
func Overall(findings []Finding) string {
	status := results.Unknown
	for i, f := range findings {
		switch {
		case f.Status == results.Fail:
			return results.Fail
		case i == 0 || f.Status == results.Unknown:
			status = f.Status
		}
	}
	return status
}

// excused says that a recording misses the objective by no more than the
// generator itself was late: had every request left that much earlier, the bounds
// would hold. A lag below what Judge finds fault with is no excuse.
func (o Objective) excused(r *Recording) bool {
	if lagging(r) == "" {
		return false
	}
	late := *r.Lag.P99
	for _, t := range o.terms {
		measured := t.measure(r)
		switch {
		case t.metric == "within":
			measured = r.Within(t.within + time.Duration(late))
		case t.unit() == UnitTime:
			measured -= float64(late)
		}
		if !t.holds(measured) {
			return false
		}
	}
	return true
}

func (t term) judge(r *Recording, measured float64) (status, reason string) {
	if n := t.quantiles(r).Count; n < samplesFor(t.q) {
		if lower := t.brokenBelow(r); lower != "" {
			return results.Fail, "already " + lower + " breaks the bound"
		}
		return results.Unknown, fmt.Sprintf("%d arrivals do not support %s: it takes %d", n, t.metric, samplesFor(t.q))
	}
	if math.IsInf(measured, 1) {
		reason = fmt.Sprintf("%s falls among the %d arrivals that did not end ok", t.metric, r.Accounting.NotOK())
	}
	if t.holds(measured) {
		return results.Pass, reason
	}
	return results.Fail, reason
}

// brokenBelow names a lower quantile that the sample supports and that breaks
// the upper bound: then the quantile asked for breaks it too.
func (t term) brokenBelow(r *Recording) string {
	if t.op[0] != '<' {
		return ""
	}
	for _, name := range [...]string{"p50", "p90", "p95", "p99", "p99.9"} {
		lower := t
		lower.metric, lower.q = name, quantileOf(name)
		if lower.q < t.q && t.quantiles(r).Count >= samplesFor(lower.q) && !t.holds(lower.measure(r)) {
			return name
		}
	}
	return ""
}

func (t term) holds(v float64) bool {
	switch t.op {
	case "<":
		return v < t.bound
	case "<=":
		return v <= t.bound
	case ">":
		return v > t.bound
	default:
		return v >= t.bound
	}
}

func (t term) measure(r *Recording) float64 {
	switch a := r.Accounting; t.metric {
	case "errors":
		return float64(a.NotOK()) / float64(a.Scheduled)
	case "rate":
		return float64(a.OK) / r.Elapsed.Seconds()
	case "within":
		return r.Within(t.within)
	case "mean":
		return t.mean(r)
	}
	q := t.quantiles(r)
	if q.Count == 0 {
		return math.NaN()
	}
	values := map[string]*int64{
		"p50": q.P50, "p90": q.P90, "p95": q.P95, "p99": q.P99, "p99.9": q.P999, "p99.99": q.P9999, "max": q.Max,
	}
	if v := values[t.metric]; v != nil {
		return float64(*v)
	}
	return math.Inf(1)
}

// mean of the response time is over what ended ok: with anything that did not,
// there is none, or a target could look fast by failing.
func (t term) mean(r *Recording) float64 {
	q := t.quantiles(r)
	switch {
	case q.Count == 0:
		return math.NaN()
	case t.series == "" && r.Accounting.NotOK() > 0:
		return math.Inf(1)
	}
	return q.Mean
}

func (t term) quantiles(r *Recording) results.Quantiles {
	switch t.series {
	case "service":
		return r.Service
	case "lag":
		return r.Lag
	}
	return r.Latency
}

func (t term) unit() string {
	switch t.metric {
	case "errors", "within":
		return UnitShare
	case "rate":
		return UnitRate
	}
	return UnitTime
}

// samplesFor is the least n for which a 95 % interval of quantile q has an upper
// end: q^n <= 0.025. It is 368 for p99, 3,688 for p99.9, 36,887 for p99.99.
func samplesFor(q float64) int64 {
	if q <= 0 {
		return 0
	}
	return int64(math.Ceil(math.Log(0.025) / math.Log(q)))
}

// quantileOf reads "p99.9"; 0 for what is not among the recorded quantiles.
func quantileOf(name string) float64 {
	switch name {
	case "p50", "p90", "p95", "p99", "p99.9", "p99.99":
		v, _ := strconv.ParseFloat(name[1:], 64)
		return v / 100
	}
	return 0
}
