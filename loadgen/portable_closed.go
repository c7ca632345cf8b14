package loadgen

import "fmt"

// prepareClosed sets up a closed loop.
func (s *session) prepareClosed(r *run) error {
	nodes := len(s.plan.Nodes)
	if s.plan.Routing == Sticky && r.conns < nodes {
		return fmt.Errorf("phase: %d connections for %d nodes: with sticky routing some users would have none", r.conns, nodes)
	}
	if !r.once {
		return nil
	}
	r.left = len(s.plan.Requests)
	r.rec.rec.Responses = make([]*Response, r.left)
	r.nextOf = make([]int, nodes)
	for node := range r.nextOf {
		r.nextOf[node] = node
	}
	return nil
}

// nextClosed returns the next arrival of a closed loop for a connection to that
// node: it is due now.
func (s *session) nextClosed(node int, now int64) (Arrival, bool) {
	r := s.run
	a := Arrival{At: now - r.start}
	switch {
	case r.once:
		user, ok := r.nextOnce(&s.plan, node)
		if !ok {
			return Arrival{}, false
		}
		a.Index, a.User = uint64(user), user
	case a.At >= r.end:
		return Arrival{}, false
	default:
		a.Index = r.next
		a.User = s.plan.closedUser(r.users.At(r.next), node)
		r.next++
	}
	r.rec.rec.Accounting.Scheduled++
	r.inFlight++
	return a, true
}

// nextOnce returns the next request that a connection to that node is to send:
// the next of all, or, with Sticky, of the node's, which are i = node (mod n).
func (r *run) nextOnce(plan *Plan, node int) (user int, ok bool) {
	step := len(plan.Nodes)
	if plan.Routing != Sticky {
		node, step = 0, 1
	}
	user = r.nextOf[node]
	if user >= len(plan.Requests) {
		return 0, false
	}
	r.nextOf[node] += step
	r.left--
	return user, true
}
