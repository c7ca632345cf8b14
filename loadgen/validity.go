package loadgen

import (
	"fmt"
	"time"

	"authbench/results"
)

// Validity says whether a recording is fit to draw conclusions from, as far as
// the generator can accuse itself.
type Validity struct {
	Status  string   // Valid, Degraded or results.Invalid
	Reasons []string // cause and remedy in words, one a finding; empty when valid
}

// The validity states beside results.Invalid.
const (
	Valid    = "valid"
	Degraded = "degraded"
)

// The bounds of Judge. The others stand with the checks that use them.
const (
	maxQueuedShare = 0.01 // of all arrivals
	maxBusy        = 0.9  // of the generator's cores
	minAchieved    = 0.99 // ok / scheduled
)

// Judge looks at a recording, the CPU time that the generator's process spent
// during it and the number of cores that it could use (cpu 0: not known, and said
// so). Invalid is what cannot be trusted, degraded what can be with the finding
// in mind:
//
//	                              degraded             invalid
//	accounting                                         incomplete, interrupted, empty
//	the generator's CPU           not known            > 90 %, spinning not counted
//	lag (see lagging, behind)     p99 > 1 ms, shares   p50 > 1 ms
//	Little's law (see littlesLaw) never looked         the two sides differ
//	arrivals without connection   > 1 %
//	ok / scheduled                < 0.99
//	stationary (see unsteady)     it was not
//
// A closed loop has no schedule that it could miss: it is held to complete books
// and, for its throughput, to the last line.
func Judge(r *Recording, cpu time.Duration, cores int) Validity {
	v := Validity{Status: Valid}
	if broken := incomplete(r); broken != "" {
		v.add(results.Invalid, broken)
	} else if !r.Closed {
		v.add(results.Invalid, littlesLaw(r))
		v.add(Degraded, neverLooked(r))
	}
	if !r.Closed {
		v.add(results.Invalid, saturated(r, cpu, cores))
		v.add(Degraded, unknownCPU(cpu, cores))
		v.add(results.Invalid, behind(r))
		v.add(Degraded, lagging(r))
		v.add(Degraded, queueing(r))
		v.add(Degraded, shortfall(r))
	}
	v.add(Degraded, unsteady(r))
	return v
}

// add notes a finding, if there is one. The worst status stays.
func (v *Validity) add(status, reason string) {
	if reason == "" {
		return
	}
	v.Reasons = append(v.Reasons, reason)
	if v.Status != results.Invalid {
		v.Status = status
	}
}

func incomplete(r *Recording) string {
	if err := r.Accounting.Check(); err != nil {
		return err.Error() + ": this is a defect of the generator, report it"
	}
	if n := r.Accounting.Unfinished; n > 0 {
		return fmt.Sprintf("interrupted: %d arrivals were still open; let it run to its end", n)
	}
	if r.Accounting.Scheduled == 0 {
		return "nothing was scheduled: raise the rate or the duration"
	}
	return ""
}

func saturated(r *Recording, cpu time.Duration, cores int) string {
	if r.Busy > maxBusy {
		return fmt.Sprintf("generator saturated: an event loop worked %.0f %% of the time that arrivals fell due; lower the rate or use more loops", 100*r.Busy)
	}
	wall := (r.Elapsed + r.Drain) * time.Duration(cores)
	if wall <= 0 {
		return ""
	}
	if busy := float64(cpu-r.Spin) / float64(wall); busy > maxBusy {
		return fmt.Sprintf("generator saturated: %.0f %% of its CPU (cores: %d) went into work, waiting not counted; lower the rate or give the generator more cores", 100*busy, cores)
	}
	return ""
}

func unknownCPU(cpu time.Duration, cores int) string {
	if cpu <= 0 || cores < 1 {
		return "the generator's CPU is not known: whether it was saturated cannot be told; go by the schedule lag"
	}
	return ""
}

func queueing(r *Recording) string {
	if share := r.QueuedShare(); share > maxQueuedShare {
		return fmt.Sprintf("%.1f %% of the arrivals found no free connection: latency includes the wait for one; use more connections or a lower rate", 100*share)
	}
	return ""
}

func shortfall(r *Recording) string {
	a := r.Accounting
	if a.Scheduled == 0 || float64(a.OK) >= minAchieved*float64(a.Scheduled) {
		return ""
	}
	return fmt.Sprintf("achieved / offered is %.3f: %d of %d arrivals ended ok (%d timeouts, %d shed); lower the rate, or find out what the target refuses",
		float64(a.OK)/float64(a.Scheduled), a.OK, a.Scheduled, a.Timeout, a.Shed)
}

// QueuedShare is the share of all arrivals that found no free connection.
func (r *Recording) QueuedShare() float64 {
	if r.Accounting.Scheduled == 0 {
		return 0
	}
	return float64(r.QueuedCount) / float64(r.Accounting.Scheduled)
}
