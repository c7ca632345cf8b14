package evidence

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"authbench/report/number"
	"authbench/results"
)

// Revoked is the revocation figures of one arm: counts added over blocks, times
// the longest of them.
type Revoked struct {
	*Tried
	results.Revocation        // counts, bound, curve of the first block
	P50                Spread // of the longest that a credential can have gone on
	Longest            Spread // likewise, of all
	Accepted           Spread // the last accepted use after the acknowledgement
}

// Revocations lists what was tried and revoked something: where that was the
// question, and where it went on beside an outage.
func (p *Promises) Revocations() (asked, beside []Revoked) {
	for _, g := range p.Tried {
		r, ok := g.Revoked()
		if !ok || r.Revocations == 0 && r.Unresolved == 0 {
			continue
		}
		if _, disturbed := g.Outage(); disturbed {
			beside = append(beside, r)
		} else {
			asked = append(asked, r)
		}
	}
	return asked, beside
}

func (g *Tried) Revoked() (Revoked, bool) {
	r := Revoked{Tried: g}
	blocks := 0
	for _, t := range g.Trials {
		in := t.Chaos.Revocation
		if in == nil {
			continue
		}
		if blocks++; blocks == 1 {
			r.Bound, r.Curve, r.ResolutionNS = in.Bound, in.Curve, in.ResolutionNS
		}
		r.Revocations += in.Revocations
		r.Unresolved += in.Unresolved
		r.Uses += in.Uses
		r.Triggered += in.Triggered
		r.LetThrough += in.LetThrough
		r.BeyondBound += in.BeyondBound
		r.Unknown += in.Unknown
		r.ResolutionNS = max(r.ResolutionNS, in.ResolutionNS)
		r.P50.add(in.TimeToReject.Count, in.TimeToReject.P50)
		r.Longest.add(in.TimeToReject.Count, in.TimeToReject.Max)
		r.Accepted.add(in.LastAccept.Count, in.LastAccept.Max)
	}
	if r.BeyondBound == 0 && r.Revocations > 0 {
		r.RateUpper95 = min(1, 3/float64(r.Revocations))
	}
	return r, blocks > 0
}

// Spread collects one length of time over blocks, in nanoseconds.
type Spread struct {
	N      int // blocks
	Lo, Hi int64
	Known  bool // Lo and Hi are: in at least one block it was seen to end
	Open   bool // in one it was not: it fell among those that were never rejected
}

func (s *Spread) add(count int64, v *int64) {
	switch {
	case count == 0:
		return
	case v == nil:
		s.Open = true
	case !s.Known:
		s.Lo, s.Hi, s.Known = *v, *v, true
	default:
		s.Lo, s.Hi = min(s.Lo, *v), max(s.Hi, *v)
	}
	s.N++
}

// Most prints the longest.
func (s Spread) Most() string {
	switch {
	case s.N == 0:
		return "–"
	case s.Open:
		return "never rejected"
	}
	return number.Lasted(s.Hi)
}

// Span prints the shortest and the longest.
func (s Spread) Span() string {
	if s.N == 0 || s.Open || number.Lasted(s.Lo) == number.Lasted(s.Hi) {
		return s.Most()
	}
	return number.Lasted(s.Lo) + " – " + number.Lasted(s.Hi)
}

// Share is how sure a count of 0 is.
func (r Revoked) Share() string {
	if r.RateUpper95 == 0 {
		return ""
	}
	return "< " + number.Percent(r.RateUpper95)
}

// Node is the row of one node.
type Node struct {
	Node         int
	LetThrough   int64
	P50, Longest Spread
}

// Nodes adds up each node over the blocks.
func (r Revoked) Nodes() []Node {
	var out []Node
	for _, t := range r.Trials {
		if t.Chaos.Revocation == nil {
			continue
		}
		for _, n := range t.Chaos.Revocation.ByNode {
			i := slices.IndexFunc(out, func(o Node) bool { return o.Node == n.Node })
			if i < 0 {
				i = len(out)
				out = append(out, Node{Node: n.Node})
			}
			out[i].LetThrough += n.LetThrough
			out[i].P50.add(n.TimeToReject.Count, n.TimeToReject.P50)
			out[i].Longest.add(n.TimeToReject.Count, n.TimeToReject.Max)
		}
	}
	return out
}

// BoundNS is the declared bound, where it is a length of time. A
// token that was revoked right after it was handed out has the whole of its life
// and the leeway before it.
func (r Revoked) BoundNS() (float64, bool) {
	sum, known := time.Duration(0), false
	for _, word := range strings.FieldsFunc(r.Bounded(), func(c rune) bool { return strings.ContainsRune(" ()+", c) }) {
		if d, err := time.ParseDuration(word); err == nil {
			sum, known = sum+d, true
		}
	}
	return float64(sum), known
}

// Bounded is the declared bound, shorter: "0s", "2s", "exp + leeway (5s + 1s)".
func (r Revoked) Bounded() string {
	return strings.NewReplacer(
		"refused from the acknowledgement on", "0s", "for ", "", " after the acknowledgement", "", "until ", "", " after it was issued", "",
	).Replace(cmp.Or(r.Bound, "–"))
}
