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
	Reasons []string // in words, one a finding; empty when valid
}

// The validity states beside results.Invalid.
const (
	Valid    = "valid"
	Degraded = "degraded"
)

// The bounds of Judge.
const (
	maxQueuedShare = 0.01             // of all arrivals
	maxLagP99      = time.Millisecond // the generator's own error
	maxBusy        = 0.9              // of the generator's cores
	minAchieved    = 0.99             // ok / scheduled
)

// Judge looks at an open loop's recording, the CPU time that the generator's
// process spent during it and the number of cores that it could use (cpu 0: not
// known, and said so). Of a closed loop it can only say whether it is complete.
func Judge(r *Recording, cpu time.Duration, cores int) Validity {
	v := Validity{Status: Valid}
	v.add(results.Invalid, incomplete(r))
	if !r.Closed {
		v.add(results.Invalid, saturated(r, cpu, cores))
		v.add(Degraded, unknownCPU(cpu, cores))
		v.add(Degraded, queueing(r))
		v.add(Degraded, lagging(r))
		v.add(Degraded, shortfall(r))
	}
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
		return err.Error()
	}
	if n := r.Accounting.Unfinished; n > 0 {
		return fmt.Sprintf("interrupted: %d arrivals were still open", n)
	}
	if r.Accounting.Scheduled == 0 {
		return "nothing was scheduled"
	}
	return ""
}

func saturated(r *Recording, cpu time.Duration, cores int) string {
	wall := (r.Elapsed + r.Drain) * time.Duration(cores)
	if wall <= 0 {
		return ""
	}
	if busy := float64(cpu-r.Spin) / float64(wall); busy > maxBusy {
		return fmt.Sprintf("generator saturated: %.0f %% of its CPU (%d cores) went into work, waiting not counted", 100*busy, cores)
	}
	return ""
}

func unknownCPU(cpu time.Duration, cores int) string {
	if cpu <= 0 || cores < 1 {
		return "the generator's CPU is not known: whether it was saturated cannot be told"
	}
	return ""
}

func queueing(r *Recording) string {
	if share := r.QueuedShare(); share > maxQueuedShare {
		return fmt.Sprintf("%.1f %% of the arrivals found no free connection: latency includes the wait for one", 100*share)
	}
	return ""
}

func lagging(r *Recording) string {
	if p := r.Lag.P99; p != nil && time.Duration(*p) > maxLagP99 {
		return fmt.Sprintf("schedule lag: 1 %% of the requests left more than %v late", time.Duration(*p).Round(time.Microsecond))
	}
	return ""
}

func shortfall(r *Recording) string {
	a := r.Accounting
	if a.Scheduled == 0 || float64(a.OK) >= minAchieved*float64(a.Scheduled) {
		return ""
	}
	return fmt.Sprintf("achieved / offered is %.3f: %d of %d arrivals ended ok (%d timeouts, %d shed)",
		float64(a.OK)/float64(a.Scheduled), a.OK, a.Scheduled, a.Timeout, a.Shed)
}

// QueuedShare is the share of all arrivals that found no free connection.
func (r *Recording) QueuedShare() float64 {
	if r.Accounting.Scheduled == 0 {
		return 0
	}
	return float64(r.QueuedCount) / float64(r.Accounting.Scheduled)
}
