package checker

import (
	"fmt"

	"authbench/results"
)

// The names of the checks, as they stand in verdicts[].
const (
	AcceptsAfterRevoke = "accepts-after-revoke" // uses let through after the acknowledgement; reported, never fails by itself
	BoundViolations    = "bound-violations"     // those invoked later than the bound allows
	TimeToReject       = "time-to-reject"       // the longest that a revoked credential can have gone on
	FalseRejects       = "false-rejects"        // live credentials refused for no reason
	Mislabelled        = "mislabelled"          // live credentials refused as bad because the store was away
	Resurrections      = "resurrections"        // revoked credentials that came back
	DataLoss           = "data-loss"            // what followed a loss, against the declaration
	Identity           = "identity"             // whose name an accepted use was answered with
	Recovery           = "recovery"             // after a fault uses are accepted again by themselves
	RefreshFamilies    = "refresh-families"     // rotation and replay of refresh tokens
	Expiry             = "expiry"               // uses accepted after the credential's own end; only where one was tried
)

// Finding is the judgement of one check.
type Finding struct {
	Check    string
	Status   string   // results.Pass, Fail, Unknown or NotApplicable
	Measured *float64 // nil: there was nothing to measure
	Bound    *float64 // what Measured is held to; nil: to nothing
	Unit     string   // of both
	Reason   string
}

// Report is the judgement of one history.
type Report struct {
	Findings   []Finding           // each check once, in a fixed order
	Violations []results.Violation // at most ten of each check, the earliest
	Facts      []results.Fact      // what is counted and not judged
	Revocation *results.Revocation // nil without revokes
}

// Check judges a history against promises. It changes neither. It takes time in
// the order of n log n for n operations, refresh families apart, and never
// panics: whatever a recorder may have written down, there is a judgement of it.
//
// Doubt is in favour of the target: where an operation, a fault or an expiry may
// explain an answer, the answer is no violation. Missing evidence is Unknown.
func Check(h *History, p Promises) Report {
	b := newBook(h, p)
	s := b.sweep()
	r := Report{Revocation: b.revocation(s)}
	r.Findings = append(r.Findings,
		s.afterRevoke(r.Revocation), s.boundViolations(r.Revocation), s.timeToReject(r.Revocation),
		s.falseRejects(), s.mislabelling(), s.comeBack(), s.lossFinding(), s.identity(), b.recovery(s))
	families, facts := b.families(s)
	r.Findings = append(r.Findings, families)
	if s.pastEnd > 0 {
		r.Findings = append(r.Findings, s.expiry())
	}
	r.Facts = append(s.facts(), facts...)
	r.Violations = b.stories(s)
	return r
}

// number is a figure of a finding.
func number[T int64 | float64 | int](n T) *float64 {
	f := float64(n)
	return &f
}

// counted is a finding that fails if anything was counted, and is unknown if
// there was no evidence.
func counted(check, unit string, bad, evidence int64, without, reason string) Finding {
	f := Finding{Check: check, Status: results.Pass, Measured: number(bad), Bound: number(0), Unit: unit, Reason: reason}
	switch {
	case bad > 0:
		f.Status = results.Fail
	case evidence == 0:
		f.Status, f.Measured, f.Reason = results.Unknown, nil, without
	}
	return f
}

// plural counts things in words.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
