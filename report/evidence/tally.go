package evidence

import "authbench/results"

// Tally counts verdicts.
type Tally struct {
	Pass, Fail, Unknown, Invalid, NotApplicable int
}

// Add counts a verdict of the given status.
func (t *Tally) Add(status string) {
	switch status {
	case results.Pass:
		t.Pass++
	case results.Fail:
		t.Fail++
	case results.Invalid:
		t.Invalid++
	case results.NotApplicable:
		t.NotApplicable++
	default: // a status that we do not know is no evidence
		t.Unknown++
	}
}

// Judged are the checks that could be made or should have been.
func (t Tally) Judged() int { return t.Pass + t.Fail + t.Unknown + t.Invalid }

// All are all of them.
func (t Tally) All() int { return t.Judged() + t.NotApplicable }

// Worst is the status of the whole: what is broken before what is not to be
// trusted before what is not known.
func (t Tally) Worst() string {
	switch {
	case t.Fail > 0:
		return results.Fail
	case t.Invalid > 0:
		return results.Invalid
	case t.Unknown > 0:
		return results.Unknown
	case t.Pass > 0:
		return results.Pass
	case t.NotApplicable > 0:
		return results.NotApplicable
	}
	return ""
}
