package checker

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"authbench/results"
)

// Patience is how long a node may go on refusing or failing live credentials
// after a fault was seen to be over, before that is called not recovered.
// Without uses that late it is unknown.
const Patience = 5 * time.Second

// afterwards are the uses of one node, at moments without faults, by invoke.
type afterwards struct {
	uses []clearUse
	next []int // next[i]: the first accepted at i or later; len(uses): none
}

// stuck is a node that did not recover from a fault.
type stuck struct {
	fault, node int
	asked       int64 // how long after its end a use was still not accepted
}

// recovery judges whether, after every fault, every node that it had reached
// accepted live credentials again by itself. What it measures is the longest
// time from the end of a fault to the end of the first accepted use.
func (b *book) recovery(s *sweep) Finding {
	f := Finding{Check: Recovery, Status: results.NotApplicable, Unit: "ms", Reason: "there was no fault"}
	if len(b.h.Faults) == 0 {
		return f
	}
	byNode := after(s.clear)
	longest, open := int64(-1), ""
	for i := range b.h.Faults {
		fault := &b.h.Faults[i]
		if fault.Recovered <= 0 {
			open = fault.Name + " was not seen to be over"
			continue
		}
		nodes := fault.Nodes
		if nodes == nil {
			nodes = nodesOf(b.h)
		}
		for _, n := range nodes {
			took, asked := byNode[n].recovered(fault.Recovered)
			switch {
			case took >= 0:
				longest = max(longest, took)
			case asked >= int64(Patience):
				s.stuck = append(s.stuck, stuck{i, n, asked})
			default:
				open = fmt.Sprintf("after %s no live credential was used long enough on node %d", fault.Name, n)
			}
		}
	}
	f.Reason = fmt.Sprintf("longest from the end of a fault to the end of the next accepted use, over %s",
		plural(int64(len(b.h.Faults)), "fault", "faults"))
	if longest >= 0 {
		f.Measured = number(float64(longest) / 1e6)
	}
	switch {
	case len(s.stuck) > 0:
		f.Status = results.Fail
		f.Reason = fmt.Sprintf("%s accepted nothing for %s and more after the fault was over",
			plural(int64(len(s.stuck)), "node", "times a node"), Patience)
	case open != "":
		f.Status, f.Reason = results.Unknown, open
	case longest < 0:
		f.Status, f.Reason = results.Unknown, "no fault reached a node"
	default:
		f.Status = results.Pass
	}
	return f
}

// nodesOf lists the nodes of the history.
func nodesOf(h *History) []int {
	var out []int
	for n := range min(h.Nodes, 1<<12) {
		out = append(out, n)
	}
	return out
}

func after(uses []clearUse) map[int]*afterwards {
	out := map[int]*afterwards{}
	for _, u := range uses {
		if out[u.node] == nil {
			out[u.node] = &afterwards{}
		}
		out[u.node].uses = append(out[u.node].uses, u)
	}
	for _, a := range out {
		slices.SortFunc(a.uses, func(x, y clearUse) int { return cmp.Compare(x.invoke, y.invoke) })
		a.next = make([]int, len(a.uses))
		next := len(a.uses)
		for i := len(a.uses) - 1; i >= 0; i-- {
			if a.uses[i].ok {
				next = i
			}
			a.next[i] = next
		}
	}
	return out
}

// recovered is how long after end a use was accepted again; -1: none was. asked is
// how long after end the last use was invoked.
func (a *afterwards) recovered(end int64) (took, asked int64) {
	if a == nil {
		return -1, -1
	}
	from, _ := slices.BinarySearchFunc(a.uses, end, func(u clearUse, end int64) int {
		if u.invoke <= end {
			return -1
		}
		return 1
	})
	if from == len(a.uses) {
		return -1, -1
	}
	asked = a.uses[len(a.uses)-1].invoke - end
	if next := a.next[from]; next < len(a.uses) {
		return a.uses[next].complete - end, asked
	}
	return -1, asked
}
