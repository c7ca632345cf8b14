// Package loadgen offers requests to a target on a schedule and records what
// became of every one of them. It knows nothing of authentication: a scenario
// hands it a Plan (rendered bytes, what each status means, which subject a
// good answer has to name), a Phase (how many, how fast, for how long), and
// gets a Recording.
package loadgen

import (
	"sync/atomic"

	"authbench/results"
)

// Plan is what to send and how to read the answers. It is plain data.
type Plan struct {
	// Nodes are the addresses (host:port) of the target; connection i goes to
	// node i mod len(Nodes).
	Nodes []string
	// Routing says which node an arrival goes to: RoundRobin unless set.
	Routing Routing
	// TLS, when not nil, is how to speak TLS with every node.
	TLS *TLS
	// Requests are rendered ahead of time, one a virtual user. An arrival picks
	// one of them (see Phase.Popularity).
	Requests []Request
	// Outcomes maps a status code to its outcome. A status that is not listed is
	// a ProtocolError.
	Outcomes map[int]results.Outcome
}

// Routing is how arrivals are shared out among the nodes.
type Routing string

// The ways of routing. With one node they are the same.
const (
	// RoundRobin: arrival k goes to node k mod n.
	RoundRobin Routing = "round_robin"
	// Sticky: what is sent for user u goes to node u mod n, always.
	Sticky Routing = "sticky"
)

// node returns the node of an arrival.
func (p *Plan) node(a Arrival) int {
	if p.Routing == Sticky {
		return a.User % len(p.Nodes)
	}
	return int(a.Index % uint64(len(p.Nodes)))
}

// Away are the nodes that a balancer has taken out. It may change while a phase
// runs, and knows the first 64 nodes of a plan.
type Away struct{ nodes atomic.Uint64 } // a bit each

// Take takes a node out: arrivals that fall due from now on go to the next one that
// is there. What it was sent before, it still has to answer.
func (a *Away) Take(node int) { a.nodes.Or(1 << node) }

// Give puts a node back.
func (a *Away) Give(node int) { a.nodes.And(^(uint64(1) << node)) }

// instead is the first node from the given one on that is not away; of a plan whose
// nodes all are, the given one.
func (a *Away) instead(node, of int) int {
	out := a.nodes.Load()
	for i := range of {
		if n := (node + i) % of; out>>n&1 == 0 {
			return n
		}
	}
	return node
}

// TLS is how to speak TLS (RFC 8446, 1.2 at least). It is plain data.
type TLS struct {
	// ServerName is what certificates have to name; empty: the host of the node.
	ServerName string
	// RootsPEM replaces the system's roots when it is not empty.
	RootsPEM []byte
	// HTTP2 offers h2 before http/1.1 (RFC 9113).
	HTTP2 bool
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

// closedUser returns the user whose request a connection to that node sends in a
// closed loop, of the drawn one: with Sticky, the next one that belongs to the node.
func (p *Plan) closedUser(user, node int) int {
	if p.Routing != Sticky {
		return user
	}
	n := len(p.Nodes)
	user += (node - user%n + n) % n
	if user >= len(p.Requests) {
		user = node % len(p.Requests)
	}
	return user
}
