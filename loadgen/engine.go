package loadgen

import (
	"context"
	"fmt"
	"strings"
	"time"

	"authbench/results"
)

// Engines lists every engine that runs on this platform, the preferred first.
func Engines() []Engine {
	return append(platformEngines(), Portable{})
}

// For is the preferred engine that can carry out the plan.
func For(plan *Plan) Engine {
	for _, e := range Engines() {
		if e.Supports(plan) == nil {
			return e
		}
	}
	return Portable{}
}

// Named returns the engine of that name.
func Named(name string) (Engine, error) {
	var names []string
	for _, e := range Engines() {
		if e.Name() == name {
			return e, nil
		}
		names = append(names, e.Name())
	}
	return nil, fmt.Errorf("no engine %q on this platform; there is %s", name, strings.Join(names, ", "))
}

// Engine opens connections to a target. Engines differ in what they cost and in
// how exactly they keep the schedule, never in what they report.
type Engine interface {
	// Name is what run.json calls it: "epoll", "portable".
	Name() string
	// Supports returns nil, or why this engine cannot carry out such a plan: what
	// only Open can tell is left to Open.
	Supports(plan *Plan) error
	// Open connects to the plan's nodes; conns connections are shared out round
	// robin. It fails unless every node can be reached.
	Open(ctx context.Context, plan Plan, conns int) (Session, error)
}

// Session is a set of open connections. Phases run one after the other on the
// same connections, so that a warm-up warms what is measured.
type Session interface {
	// Run offers one phase and returns when every arrival has been resolved. When
	// ctx ends it stops scheduling, resolves what is open as Unfinished, and
	// returns the recording of what was done together with ctx's cause. It also
	// returns a recording beside an error when a value did not fit the histograms
	// (ErrClipped). While it runs, the garbage collector of the process is off.
	Run(ctx context.Context, phase Phase) (*Recording, error)
	// Close closes the connections.
	Close() error
}

// Phase is one stretch of load.
type Phase struct {
	// Operation is the tag of the recorded histograms: "use", "login".
	Operation string
	// Duration is how long arrivals are scheduled (open loop) or requests are
	// started (closed loop). Zero with Once set.
	Duration time.Duration
	// Rate is arrivals per second. Zero (without Stages) selects the closed loop:
	// every connection sends its next request when the last one was answered, which
	// measures capacity and hides stalls; the recording is labelled so.
	Rate float64
	// Stages replaces Rate by rates that change: one after the other, from the
	// start of the phase. Their lengths add up to Duration.
	Stages []Stage
	// Arrivals is Poisson unless set.
	Arrivals Arrivals
	// Seed fixes the schedule and the choice of users. All arms of a block use the same.
	Seed uint64
	// Popularity picks the users: Uniform unless set.
	Popularity Popularity
	// Timeout counts from the intended time. Default 5 s, at most 50 s (what can
	// be late has to fit the histograms).
	Timeout time.Duration
	// Away, if not nil, are the nodes that an open loop leaves out for now, as a
	// balancer does that knows of them.
	Away *Away
	// InFlight caps arrivals queued plus sent; beyond it they are shed. Default
	// max(1024, 5 s x rate).
	InFlight int
	// Interval is how long an interval of Recording.Histograms and Recording.Seconds is.
	// Default 1 s, at least 10 ms; phases of more than 3,600 of them get longer ones.
	Interval time.Duration
	// Churn is after how many requests a connection is replaced by a new one; 0:
	// never. The handshake belongs to the request that needs it: it is within its
	// response time and its service time.
	Churn int
	// Conns limits a closed loop to the first n connections; 0 uses all.
	Conns int
	// Once sends every request of the plan exactly once, in order, closed loop
	// (to log a population in), and keeps the responses in Recording.Responses.
	Once bool
	// Log keeps every exchange in Recording.Exchanges: 40 bytes each.
	Log bool
	// OnBegin is called right before the first arrival falls due and OnEnd right
	// after the last one was resolved, before anything is encoded: the caller reads
	// clocks and counters there, so that the generator's book-keeping is outside.
	// Either may be nil.
	OnBegin, OnEnd func()
	// Watch, if not nil, is told four times a second how the phase goes, by a
	// goroutine of its own.
	Watch func(Progress)
}

// Stage is one part of a schedule whose rate changes: Rate arrivals per second
// throughout, or, with To set, a ramp from Rate to To (a ramp to 0 is written
// as a To of 1e-6).
type Stage struct {
	Duration time.Duration
	Rate, To float64
}

// Progress is how a running phase has gone since Watch was told last.
type Progress struct {
	Elapsed   time.Duration // since the phase began
	Interval  time.Duration // that the rest covers
	Scheduled int64
	OK, NotOK int64
	P50, P99  float64 // latency in ns, +Inf where it falls among what was not ok, NaN without any
	LagP99    float64 // ns, NaN without any
}

// Arrivals is the shape of the schedule.
type Arrivals string

// The arrival processes.
const (
	Poisson  Arrivals = "poisson"
	Constant Arrivals = "constant"
)

// Popularity says which user the next arrival belongs to.
type Popularity string

// The popularity distributions. It decides what caches are worth.
const (
	Uniform Popularity = "uniform"
	Zipf    Popularity = "zipf"
)

// Recording is what became of one phase.
type Recording struct {
	Engine       string
	Closed       bool // closed loop: latencies hide stalls
	Start        time.Time
	Elapsed      time.Duration // the phase's Duration, or the time that Once took
	Drain        time.Duration // from the end of the schedule until the last arrival resolved
	Accounting   results.Accounting
	WrongSubject int64
	QueuedCount  int64 // arrivals that found no free connection at their intended time
	BytesOut     int64
	BytesIn      int64
	Sent         int64 // requests written
	Answered     int64 // complete responses read
	Reconnects   int64 // connections that broke and were dialled again, successfully
	Handshakes   int64 // connections that were replaced because of Phase.Churn

	// Involuntary counts the context switches that the engine's own threads did not
	// ask for; -1 where it cannot be told.
	Involuntary int64
	// Busy is the share of the open loop's schedule, without the drain, that the
	// busiest event loop spent working: its CPU time less what it spun. 0 where it
	// is not known.
	Busy float64
	// Occupancy is the number of arrivals in flight, seen at random instants of an
	// open loop; without a look in a closed one.
	Occupancy Occupancy

	// Spin is the CPU time that the engine burnt waiting for the next arrival: it
	// is part of the generator's CPU, and no sign of load.
	Spin time.Duration

	// Latency ranks every scheduled arrival (see results.Quantiles), Service those
	// that ended ok. Lag covers the arrivals for which a connection was free at
	// the intended time. Queued ranks every arrival: 0 for one that did not wait,
	// slower than all for one that never got a connection.
	Latency results.Quantiles
	Service results.Quantiles
	Lag     results.Quantiles
	Queued  results.Quantiles

	// Histograms are encoded, one an operation x outcome x interval and metric. A
	// shed arrival is in its outcome's "latency" with how late it was dropped, so
	// that the counts of an interval add up to what was scheduled in it.
	Histograms []results.Histogram
	// Seconds is what became of each interval's arrivals (a second, unless
	// Phase.Interval says otherwise), in order; one without any is left out.
	Seconds []Second
	// Statuses counts responses by status code.
	Statuses map[int]int64
	// Exchanges, with Phase.Log, lists the requests that were sent, in that order.
	Exchanges []Exchange
	// Problems samples up to ten causes of connection and protocol errors, in words.
	Problems []string
	// Responses, with Phase.Once: Responses[i] answers Plan.Requests[i]; nil where
	// there was none.
	Responses []*Response

	latency   *tally // of what ended ok
	resident  int64  // ns that all arrivals together were in flight before the end of the schedule
	shedLate  int64  // ns after their intended time at which arrivals were shed, all together
	stretches *stretches
}

// Response is a complete response as read from the wire.
type Response struct {
	Status  int
	Header  []HeaderField // in order of arrival
	Body    []byte
	Latency time.Duration // done - intended
}
