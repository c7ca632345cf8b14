package loadgen

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"syscall"
	"time"

	"authbench/loadgen/http1"
	"authbench/results"
)

// verdict is what an answer amounts to.
type verdict struct {
	outcome      results.Outcome
	complete     bool // a whole response was read
	usable       bool // the socket can take another request
	wrongSubject bool
	problem      error
}

var (
	errLeftOver = errors.New("bytes after the end of the response")
	errUnasked  = errors.New("bytes that no request asked for")
	errSubject  = errors.New("the body does not name the expected subject")
)

// judge maps a response, or the error in its place, to an outcome.
func judge(p *http1.Parser, table *outcomeTable, req *Request, err error, leftOver int) verdict {
	if err != nil {
		if errors.Is(err, http1.ErrMalformed) {
			return verdict{outcome: results.ProtocolError, problem: err}
		}
		return verdict{outcome: results.ConnectError, problem: err}
	}
	v := verdict{complete: true, usable: !p.Close, outcome: table[p.Status]}
	switch {
	case leftOver > 0:
		v.outcome, v.usable, v.problem = results.ProtocolError, false, errLeftOver
	case v.outcome == unlisted:
		v.outcome, v.problem = results.ProtocolError, statusError(p.Status)
	case v.outcome == results.OK && len(req.Expect) > 0 && !bytes.Contains(p.Body(), req.Expect):
		v.outcome, v.wrongSubject, v.problem = results.ProtocolError, true, errSubject
	}
	return v
}

// statusError says that the plan does not list the status. An integer, so that
// it costs nothing until somebody reads it.
type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("status %d, which the contract does not list", int(e))
}

// response copies what was read, for Phase.Once. Header is the parser's: its
// Reset starts a new slice.
func response(p *http1.Parser, latency int64) *Response {
	return &Response{
		Status:  p.Status,
		Header:  p.Header(),
		Body:    bytes.Clone(p.Body()),
		Latency: time.Duration(latency),
	}
}

// cause names an error without the addresses and ports in it, so that the same
// cause reads the same on every connection.
func cause(err error) string {
	var errno syscall.Errno
	var op *net.OpError
	var handshake *handshakeError
	switch {
	case errors.As(err, &handshake):
		return "TLS handshake: " + cause(handshake.err)
	case errors.As(err, &errno) && errors.As(err, &op):
		return op.Op + ": " + errno.Error()
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// outcomeTable is Plan.Outcomes by status.
type outcomeTable [600]results.Outcome

// unlisted marks a status that the plan does not list.
const unlisted = results.Outcome(255)

func newOutcomeTable(m map[int]results.Outcome) (*outcomeTable, error) {
	var t outcomeTable
	for i := range t {
		t[i] = unlisted
	}
	for _, status := range slices.Sorted(maps.Keys(m)) {
		o := m[status]
		if status < 200 || status > 599 {
			return nil, fmt.Errorf("plan: status %d is not a final status", status)
		}
		if o > results.Unavailable && o != results.ProtocolError {
			return nil, fmt.Errorf("plan: status %d cannot mean %s", status, o)
		}
		t[status] = o
	}
	return &t, nil
}
