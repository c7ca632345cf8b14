package results

import "fmt"

// Outcome says how one scheduled arrival ended. Every arrival ends in exactly
// one of them: scheduled = the sum of all, with no remainder (see
// Accounting.Check).
type Outcome uint8

// The outcomes. 401, 403, 5xx, timeouts and connection errors are never mixed:
// a rejected credential, a forbidden action and a dead store are three
// different answers to three different questions.
const (
	OK            Outcome = iota // the status the contract lists as accepted, with the expected subject
	Rejected                     // the credential was refused (401 by default)
	Forbidden                    // the credential is good, the action is not allowed (403 by default)
	Unavailable                  // the target said that it cannot answer now (503 by default)
	Timeout                      // no complete response within the timeout, counted from the intended time
	ConnectError                 // no connection, or it broke before a complete response
	ProtocolError                // malformed response, a status the contract does not list, or another user's subject
	Shed                         // not sent: the in-flight cap was reached
	Unfinished                   // still open when the run was interrupted
)

// Outcomes is the number of outcomes; they are 0..Outcomes-1.
const Outcomes = 9

// String returns the name used in run.json and in histogram tags.
func (o Outcome) String() string {
	switch o {
	case OK:
		return "ok"
	case Rejected:
		return "rejected"
	case Forbidden:
		return "forbidden"
	case Unavailable:
		return "unavailable"
	case Timeout:
		return "timeout"
	case ConnectError:
		return "connect_error"
	case ProtocolError:
		return "protocol_error"
	case Shed:
		return "shed"
	case Unfinished:
		return "unfinished"
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Accounting counts the arrivals of one phase by outcome.
type Accounting struct {
	Scheduled     int64 `json:"scheduled"`
	OK            int64 `json:"ok"`
	Rejected      int64 `json:"rejected"`
	Forbidden     int64 `json:"forbidden"`
	Unavailable   int64 `json:"unavailable"`
	Timeout       int64 `json:"timeout"`
	ConnectError  int64 `json:"connect_error"`
	ProtocolError int64 `json:"protocol_error"`
	Shed          int64 `json:"shed"`
	Unfinished    int64 `json:"unfinished"`
}

// Add counts n arrivals that ended in o. Scheduled is counted apart, when the
// arrival falls due, so that Check compares two independent counts.
func (a *Accounting) Add(o Outcome, n int64) {
	switch o {
	case OK:
		a.OK += n
	case Rejected:
		a.Rejected += n
	case Forbidden:
		a.Forbidden += n
	case Unavailable:
		a.Unavailable += n
	case Timeout:
		a.Timeout += n
	case ConnectError:
		a.ConnectError += n
	case ProtocolError:
		a.ProtocolError += n
	case Shed:
		a.Shed += n
	case Unfinished:
		a.Unfinished += n
	}
}

// of is how many arrivals ended in o.
func (a Accounting) of(o Outcome) int64 {
	return [Outcomes]int64{
		a.OK, a.Rejected, a.Forbidden, a.Unavailable, a.Timeout, a.ConnectError, a.ProtocolError, a.Shed, a.Unfinished,
	}[o]
}

// Merge adds the counts of b.
func (a *Accounting) Merge(b Accounting) {
	a.Scheduled += b.Scheduled
	a.OK += b.OK
	a.Rejected += b.Rejected
	a.Forbidden += b.Forbidden
	a.Unavailable += b.Unavailable
	a.Timeout += b.Timeout
	a.ConnectError += b.ConnectError
	a.ProtocolError += b.ProtocolError
	a.Shed += b.Shed
	a.Unfinished += b.Unfinished
}

// Resolved is the sum of all outcomes.
func (a Accounting) Resolved() int64 {
	return a.OK + a.Rejected + a.Forbidden + a.Unavailable + a.Timeout +
		a.ConnectError + a.ProtocolError + a.Shed + a.Unfinished
}

// NotOK is every scheduled arrival that did not end ok.
func (a Accounting) NotOK() int64 { return a.Scheduled - a.OK }

// Check returns an error unless scheduled = sum of outcomes, exactly.
func (a Accounting) Check() error {
	if r := a.Resolved(); r != a.Scheduled {
		return fmt.Errorf("accounting: %d arrivals scheduled, %d resolved (%+v)", a.Scheduled, r, a)
	}
	return nil
}
