package main

import (
	"encoding/json"
	"io"
	"math"
	"time"

	"authbench/loadgen"
	"authbench/results"
)

// loadResult is what load --json writes: a public format. Durations that end in
// _ns are nanoseconds; a quantile that is null fell among what did not end ok,
// or nothing was recorded (count 0).
type loadResult struct {
	URL         string    `json:"url"`
	Mode        string    `json:"mode"` // rate, stages, saturate, search
	ClosedLoop  bool      `json:"closed_loop"`
	Engine      string    `json:"engine"`
	Seed        uint64    `json:"seed"`
	Arrivals    string    `json:"arrivals,omitempty"`
	Connections int       `json:"connections"`
	TimeoutNS   int64     `json:"timeout_ns"`
	Started     time.Time `json:"started"`
	DurationNS  int64     `json:"duration_ns"`
	DrainNS     int64     `json:"drain_ns"` // from then until the last answer
	Interrupted bool      `json:"interrupted"`
	results.Accounting
	Rate      loadRate          `json:"rate"`
	Latency   results.Quantiles `json:"latency_ns"` // done - due, every scheduled request ranked
	Service   results.Quantiles `json:"service_ns"` // done - sent, ok only
	Lag       results.Quantiles `json:"lag_ns"`     // sent - due where a connection was free
	Queued    results.Quantiles `json:"queued_ns"`  // waiting for a connection, all of them
	CPU       *loadCPU          `json:"cpu"`        // of the generator; null where it is not known
	Validity  results.Validity  `json:"validity"`
	Statuses  map[int]int64     `json:"statuses"`
	Problems  []string          `json:"problems"` // a sample of them, in words
	Bytes     loadBytes         `json:"bytes"`
	Conns     loadConns         `json:"connection_events"`
	Seconds   []loadSecond      `json:"seconds"`
	Asserts   []loadFinding     `json:"asserts"`
	Search    *loadSearch       `json:"search,omitempty"` // the rest is then of the best probe
	recording *loadgen.Recording
}

type loadRate struct {
	Offered  *float64 `json:"offered"`  // scheduled per second; null in a closed loop
	Achieved float64  `json:"achieved"` // ok per second
}

type loadCPU struct {
	UserNS       int64    `json:"user_ns"`
	SystemNS     int64    `json:"system_ns"`
	NSPerRequest *float64 `json:"ns_per_request"` // without spinning; null without an answer
	SpinNS       int64    `json:"spin_ns"`        // part of user and system, spent on waiting
}

type loadBytes struct {
	Out int64 `json:"out"`
	In  int64 `json:"in"`
}

type loadConns struct {
	Queued     int64 `json:"requests_queued"` // found no free connection when they were due
	Reconnects int64 `json:"reconnects"`
	Handshakes int64 `json:"churned"`
}

type loadSecond struct {
	StartNS  int64              `json:"start_ns"`
	LengthNS int64              `json:"length_ns"`
	Counts   results.Accounting `json:"counts"`
	P50      *int64             `json:"p50"`
	P99      *int64             `json:"p99"`
	Max      *int64             `json:"max"`
}

type loadFinding struct {
	Expression string   `json:"expression"`
	Status     string   `json:"status"`   // pass, fail, unknown
	Measured   *float64 `json:"measured"` // null among what did not end ok, or without a record
	Unit       string   `json:"unit"`     // ns, share, per_second
	Reason     string   `json:"reason"`
}

type loadSearch struct {
	Objective      string      `json:"objective"`
	Summary        string      `json:"summary"`
	HighestMet     *float64    `json:"highest_met"`
	LowestNotMet   *float64    `json:"lowest_not_met"`
	GeneratorLimit *float64    `json:"generator_limit"`
	Probes         []loadProbe `json:"probes"`
}

type loadProbe struct {
	Rate       float64          `json:"rate"`
	DurationNS int64            `json:"duration_ns"`
	Result     string           `json:"result"` // met, not_met, generator_limit, unknown
	Scheduled  int64            `json:"scheduled"`
	OK         int64            `json:"ok"`
	Achieved   float64          `json:"achieved"`
	P50        *int64           `json:"p50"`
	P99        *int64           `json:"p99"`
	Findings   []loadFinding    `json:"findings"`
	Validity   results.Validity `json:"validity"`
}

// result puts a recording into the public format.
func (j *loadJob) result(rec *loadgen.Recording, v loadgen.Validity, cpu cpuTime) *loadResult {
	r := &loadResult{
		URL: j.url, Mode: j.mode, ClosedLoop: rec.Closed, Engine: rec.Engine, Seed: j.phase.Seed,
		Connections: j.conns, TimeoutNS: j.phase.Timeout.Nanoseconds(),
		Started: rec.Start.UTC(), DurationNS: rec.Elapsed.Nanoseconds(), DrainNS: rec.Drain.Nanoseconds(),
		Accounting: rec.Accounting, Latency: rec.Latency, Service: rec.Service,
		Validity: validityOf(v), Statuses: rec.Statuses, Problems: append([]string{}, rec.Problems...),
		Bytes:   loadBytes{rec.BytesOut, rec.BytesIn},
		Conns:   loadConns{rec.QueuedCount, rec.Reconnects, rec.Handshakes},
		Seconds: []loadSecond{}, Asserts: []loadFinding{}, recording: rec,
	}
	r.Rate.Achieved = perSecond(rec.Accounting.OK, rec.Elapsed)
	if !rec.Closed { // a closed loop has no schedule: neither lag nor a queue
		offered := perSecond(rec.Accounting.Scheduled, rec.Elapsed)
		r.Rate.Offered, r.Arrivals, r.Lag, r.Queued = &offered, string(j.phase.Arrivals), rec.Lag, rec.Queued
	}
	if cpu.known {
		r.CPU = &loadCPU{UserNS: cpu.user.Nanoseconds(), SystemNS: cpu.system.Nanoseconds(), SpinNS: rec.Spin.Nanoseconds()}
		if rec.Answered > 0 {
			per := max(0, float64(cpu.total()-rec.Spin)/float64(rec.Answered))
			r.CPU.NSPerRequest = &per
		}
	}
	for _, s := range rec.Seconds {
		r.Seconds = append(r.Seconds, loadSecond{
			s.Start.Nanoseconds(), s.Length.Nanoseconds(), s.Accounting, s.Latency.P50, s.Latency.P99, s.Latency.Max,
		})
	}
	return r
}

// perSecond is 0 where nothing has been measured: JSON has no NaN.
func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

func validityOf(v loadgen.Validity) results.Validity {
	return results.Validity{Status: v.Status, Reasons: append([]string{}, v.Reasons...)}
}

func findingsOf(findings []loadgen.Finding) []loadFinding {
	out := []loadFinding{}
	for _, f := range findings {
		lf := loadFinding{Expression: f.Expression, Status: f.Status, Unit: f.Unit, Reason: f.Reason}
		if !math.IsInf(f.Measured, 0) && !math.IsNaN(f.Measured) {
			lf.Measured = &f.Measured
		}
		out = append(out, lf)
	}
	return out
}

// assert holds the recording to all objectives.
func (r *loadResult) assert(objectives []loadgen.Objective, rec *loadgen.Recording, v loadgen.Validity) {
	for _, o := range objectives {
		r.Asserts = append(r.Asserts, findingsOf(o.Check(rec, v))...)
	}
}

// assertWithout corrects the assertions of a search in which no probe met the
// objective: there is no rate that they could be about.
func (r *loadResult) assertWithout(b *loadgen.Bracket) {
	for i := range r.Asserts {
		f := &r.Asserts[i]
		f.Status, f.Reason = results.Unknown, "the search has found no rate: "+b.String()
		if b.Hi > 0 {
			f.Status = results.Fail
		}
	}
}

func searchOf(objective loadgen.Objective, b *loadgen.Bracket) *loadSearch {
	s := &loadSearch{
		Objective: objective.String(), Summary: b.String(),
		HighestMet: rateOrNull(b.Lo), LowestNotMet: rateOrNull(b.Hi), GeneratorLimit: rateOrNull(b.Limit),
		Probes: []loadProbe{},
	}
	for _, p := range b.Probes {
		rec := p.Recording
		s.Probes = append(s.Probes, loadProbe{
			Rate: p.Rate, DurationNS: p.Duration.Nanoseconds(), Result: string(p.Result),
			Scheduled: rec.Accounting.Scheduled, OK: rec.Accounting.OK, Achieved: perSecond(rec.Accounting.OK, rec.Elapsed),
			P50: rec.Latency.P50, P99: rec.Latency.P99,
			Findings: findingsOf(p.Findings), Validity: validityOf(p.Validity),
		})
	}
	return s
}

func rateOrNull(v float64) *float64 {
	if v == 0 {
		return nil
	}
	return &v
}

func (r *loadResult) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
