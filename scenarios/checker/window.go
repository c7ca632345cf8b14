package checker

import (
	"fmt"
	"slices"

	"authbench/results"
)

// pair is one revoked credential on one node. With a the invocation of the last
// accepted use there and r the completion of the next rejection, the window is in
// [max(0, a - acknowledgement), r - invocation of the revoke].
type pair struct {
	node   int
	a, r   int64 // -1: there was none
	asked  bool  // answered yes or no to a use invoked after the acknowledgement
	before int64 // invocation of the use before; -1: none
}

// nodePairs are the windows of one node, in nanoseconds.
type nodePairs struct {
	letThrough int64
	longest    []int64 // upper ends
	endless    int64   // pairs that were never rejected again
}

// pairs are the windows of the history.
type pairs struct {
	byNode   map[int]*nodePairs // not nil
	lasts    []int64            // lower ends
	unasked  int64
	distance []int64 // between two uses of one pair, from the revoke on
}

// follow adds the windows of one revoked credential.
func (ps *pairs) follow(b *book, c *course) {
	var seen []pair
	for _, i := range c.ops {
		op := &b.h.Ops[i]
		if op.Kind != Use {
			continue
		}
		at := slices.IndexFunc(seen, func(p pair) bool { return p.node == op.Node })
		if at < 0 {
			at = len(seen)
			seen = append(seen, pair{node: op.Node, a: -1, r: -1, before: -1})
		}
		ps.use(&seen[at], c.kill, op)
	}
	asked := int64(0)
	for _, p := range seen {
		if !p.asked {
			continue
		}
		asked++
		n := ps.node(p.node)
		ps.lasts = append(ps.lasts, max(0, p.a-c.kill.acked))
		if p.r < 0 {
			n.endless++
		} else {
			n.longest = append(n.longest, p.r-c.kill.invoke)
		}
	}
	ps.unasked += max(0, int64(b.h.Nodes)-asked)
}

func (ps *pairs) node(n int) *nodePairs {
	if ps.byNode[n] == nil {
		ps.byNode[n] = &nodePairs{}
	}
	return ps.byNode[n]
}

func (ps *pairs) use(p *pair, k kill, op *Op) {
	if p.before >= 0 && op.Invoke >= k.invoke {
		ps.distance = append(ps.distance, op.Invoke-p.before)
	}
	p.before = op.Invoke
	switch op.Outcome {
	case results.OK:
		p.a, p.r = max(0, op.Invoke), -1
		if op.Invoke > k.acked {
			ps.node(op.Node).letThrough++
		}
	case results.Rejected:
		if p.r < 0 && op.Complete >= k.invoke {
			p.r = op.Complete
		}
	default:
		return
	}
	p.asked = p.asked || op.Invoke > k.acked
}

// revocation sums the windows up; nil without revokes.
func (b *book) revocation(s *sweep) *results.Revocation {
	if s.resolved+s.unresolved == 0 {
		return nil
	}
	r := &results.Revocation{
		Revocations: count(s.revokes), Unresolved: s.unresolved,
		Uses: s.uses, Triggered: s.triggered, LetThrough: s.letThrough, BeyondBound: s.count(BoundViolations),
		Bound: b.p.bound(), Unknown: s.pairs.unasked, ByNode: []results.NodeRevocation{},
	}
	if n := count(s.tested); n > 0 && r.BeyondBound == 0 {
		r.RateUpper95 = min(1, 3/float64(n))
	}
	var longest []int64
	endless := int64(0)
	for n := range min(b.h.Nodes, 1<<12) {
		of := s.pairs.node(n)
		r.ByNode = append(r.ByNode, results.NodeRevocation{
			Node: n, LetThrough: of.letThrough, TimeToReject: quantiles(of.longest, of.endless),
		})
		longest, endless = append(longest, of.longest...), endless+of.endless
	}
	r.TimeToReject = quantiles(longest, endless)
	r.LastAccept = quantiles(s.pairs.lasts, 0)
	r.Curve = curve(s.pairs.lasts)
	if n := len(s.pairs.distance); n > 0 {
		slices.Sort(s.pairs.distance)
		r.ResolutionNS = s.pairs.distance[(n-1)/2]
	}
	return r
}

func count(set []bool) (n int64) {
	for _, in := range set {
		if in {
			n++
		}
	}
	return n
}

// quantiles are the exact quantiles of values and of endless more that are longer
// than all of these: one that falls there is null. So is one that the sample
// cannot tell from the maximum, because less than one value is expected above it.
// Rank: the smallest r with r >= q n. It sorts values.
func quantiles(values []int64, endless int64) results.Quantiles {
	slices.Sort(values)
	n := int64(len(values)) + endless
	q := results.Quantiles{Count: n}
	if len(values) == 0 {
		return q
	}
	sum := 0.
	for _, v := range values {
		sum += float64(v)
	}
	q.Mean = sum / float64(len(values))
	for _, one := range []struct {
		tenThousandths int64
		value          **int64
	}{{5000, &q.P50}, {9000, &q.P90}, {9500, &q.P95}, {9900, &q.P99}, {9990, &q.P999}, {9999, &q.P9999}} {
		rank := (n*one.tenThousandths + 9999) / 10000
		if rank <= int64(len(values)) && n*(10000-one.tenThousandths) >= 10000 {
			v := values[rank-1]
			*one.value = &v
		}
	}
	if endless == 0 {
		v := values[len(values)-1]
		q.Max = &v
	}
	return q
}

// curve is the share of pairs whose last accepted use came later than each of the
// times 0, 0.1 ms, 0.2 ms, 0.5 ms, 1 ms ... after the acknowledgement, up to the
// first at which nothing was accepted any more. It wants lasts sorted.
func curve(lasts []int64) []results.CurvePoint {
	points := []results.CurvePoint{}
	if len(lasts) == 0 {
		return points
	}
	add := func(t int64) bool {
		at, _ := slices.BinarySearch(lasts, t+1)
		share := float64(len(lasts)-at) / float64(len(lasts))
		points = append(points, results.CurvePoint{AfterNS: t, Accepted: share})
		return share > 0
	}
	if !add(0) {
		return points
	}
	for decade := int64(100_000); decade < forever/10; decade *= 10 {
		for _, t := range []int64{decade, 2 * decade, 5 * decade} {
			if !add(t) {
				return points
			}
		}
	}
	return points
}

// bound says the bound in words, as contract.Bound does.
func (p Promises) bound() string {
	switch {
	case !p.BoundDeclared:
		return "nothing is promised"
	case p.ByExpiry && p.Leeway > 0:
		return fmt.Sprintf("until exp + leeway (%s + %s after it was issued)", p.Lifetime, p.Leeway)
	case p.ByExpiry:
		return fmt.Sprintf("until exp (%s after it was issued)", p.Lifetime)
	case p.Bound == 0:
		return "refused from the acknowledgement on"
	}
	return fmt.Sprintf("for %s after the acknowledgement", p.Bound)
}
