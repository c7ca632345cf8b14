// Package loadgen offers requests to a target on a schedule and records what
// became of every one of them. It knows nothing of authentication: a scenario
// hands it a Plan (rendered bytes, what each status means, which subject a
// good answer has to name), a Phase (how many, how fast, for how long), and
// gets a Recording.
package loadgen

import "authbench/results"

// Plan is what to send and how to read the answers. It is plain data.
type Plan struct {
	// Nodes are the addresses (host:port) of the target; connection i goes to
	// node i mod len(Nodes).
	Nodes []string
	// Requests are rendered ahead of time, one a virtual user. An arrival picks
	// one of them (see Phase.Popularity).
	Requests []Request
	// Outcomes maps a status code to its outcome. A status that is not listed is
	// a ProtocolError.
	Outcomes map[int]results.Outcome
}

// Request is one virtual user's rendered request.
type Request struct {
	// Bytes is a complete HTTP/1.1 request, head and body.
	Bytes []byte
	// Head says that the method is HEAD: the response has no body.
	Head bool
	// Expect has to occur in the body of an accepted response, else the answer
	// was somebody else's: a ProtocolError counted in Recording.WrongSubject.
	// Contracts compile the expected subject to its JSON string, quotes included.
	// Empty: no check.
	Expect []byte
}
