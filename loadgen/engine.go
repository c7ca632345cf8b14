package loadgen

import (
	"context"
	"time"

	"authbench/results"
)

// Engines lists every engine that runs on this platform, the preferred first.
func Engines() []Engine {
	return []Engine{Portable{}}
}

// Default is the engine to use when none was asked for.
func Default() Engine { return Engines()[0] }

// Engine opens connections to a target. Engines differ in what they cost and in
// how exactly they keep the schedule, never in what they report.
type Engine interface {
	// Name is what run.json calls it: "portable".
	Name() string
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
	// Rate is arrivals per second. Zero selects the closed loop: every connection
	// sends its next request when the last one was answered, which measures
	// capacity and hides stalls; the recording is labelled so.
	Rate float64
	// Arrivals is Poisson unless set.
	Arrivals Arrivals
	// Seed fixes the schedule and the choice of users. All arms of a block use the same.
	Seed uint64
	// Popularity picks the users: Uniform unless set.
	Popularity Popularity
	// Timeout counts from the intended time. Default 5 s, at most 50 s (what can
	// be late has to fit the histograms).
	Timeout time.Duration
	// InFlight caps arrivals queued plus sent; beyond it they are shed. Default
	// max(1024, 5 s x rate).
	InFlight int
	// Conns limits a closed loop to the first n connections; 0 uses all.
	Conns int
	// Once sends every request of the plan exactly once, in order, closed loop
	// (to log a population in), and keeps the responses in Recording.Responses.
	Once bool
	// OnBegin is called right before the first arrival falls due and OnEnd right
	// after the last one was resolved, before anything is encoded: the caller reads
	// clocks and counters there, so that the generator's book-keeping is outside.
	// Either may be nil.
	OnBegin, OnEnd func()
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

	// Histograms are encoded, one an operation x outcome x second and metric. A
	// shed arrival is in its outcome's "latency" with how late it was dropped, so
	// that the counts of a second add up to what was scheduled in it.
	Histograms []results.Histogram
	// Statuses counts responses by status code.
	Statuses map[int]int64
	// Problems samples up to ten causes of connection and protocol errors, in words.
	Problems []string
	// Responses, with Phase.Once: Responses[i] answers Plan.Requests[i]; nil where
	// there was none.
	Responses []*Response
}

// Response is a complete response as read from the wire.
type Response struct {
	Status  int
	Header  []HeaderField // in order of arrival
	Body    []byte
	Latency time.Duration // done - intended
}
