package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
)

// judgeTrust says what the ways came to, one verdict a question over all of them, and
// keeps their log-outs as a table.
func (t *Trial) judgeTrust(list []*shapeTrust) {
	var forged, passed, down, untrue int64
	var as, told []string
	c := t.chaos()
	table := newTable("log-out", "A log-out at the edge, and how long the credential still worked at the edge and in the services that take it",
		results.Column{Name: "who checks"},
		results.Column{Name: "bound", Unit: "s", Meaning: "how long after the acknowledgement it may still work, as declared"},
		results.Column{Name: "log-outs"},
		results.Column{Name: "let through", Meaning: "uses that were invoked after the acknowledgement and accepted"},
		results.Column{Name: "last accepted", Unit: "s", Meaning: "after the acknowledgement, the longest of all"},
		results.Column{Name: "beyond the bound"})
	for _, s := range list {
		forged, passed, down, untrue = forged+s.forged, passed+s.passed, down+s.down, untrue+s.untrue
		for _, what := range s.passedAs {
			as = append(as, s.shape.label+", "+what)
		}
		for _, what := range slices.Compact(slices.Clone(s.untrueAs)) {
			told = append(told, s.shape.label+": "+cmp.Or(what, "accepted"))
		}
		c.Violations = append(c.Violations, s.violations...)
		c.Operations += s.operations
		if r := s.revocation; r != nil {
			last := none("never accepted again")
			if m := r.LastAccept.Max; m != nil {
				last = figure(time.Duration(*m).Seconds())
			}
			addRow(table, s.shape.label, s.boundCell(), counted(r.Revocations), counted(r.LetThrough), last, counted(r.BeyondBound))
		}
	}
	if len(table.Rows) > 0 {
		t.keep(table)
	}
	t.judge(worstOf(list))
	t.judge(noneOf("round-the-edge", "requests accepted", passed, forged,
		cmp.Or(strings.Join(as, "; "), fmt.Sprintf("of %d requests that did not come through the edge", forged))))
	t.judge(noneOf("service-down", "uses", untrue, down,
		cmp.Or(strings.Join(told, "; "), fmt.Sprintf("of %d uses while a service that they need was down; all were told that it is unavailable", down))))
}

// boundCell is the bound in seconds.
func (s *shapeTrust) boundCell() results.Cell {
	switch b := s.bound; {
	case !b.Declared:
		return none("none is promised")
	case b.Expiry:
		c := figure((b.Lifetime + b.Leeway).Seconds())
		c.Text = "at most: until its own end"
		return c
	default:
		return figure(b.Fixed.Seconds())
	}
}

// worstOf is the verdict on log-outs in all ways: the worst of them.
func worstOf(list []*shapeTrust) results.Verdict {
	order := []string{results.NotApplicable, results.Pass, results.Unknown, results.Invalid, results.Fail}
	v := results.Verdict{Check: checker.BoundViolations, Status: results.NotApplicable, Unit: "uses", Bound: number(0)}
	var reasons []string
	var beyond float64
	for _, s := range list {
		f := s.revoked
		if slices.Index(order, f.Status) > slices.Index(order, v.Status) {
			v.Status = f.Status
		}
		if f.Measured != nil {
			beyond += *f.Measured
			v.Measured = number(beyond)
		}
		reasons = append(reasons, fmt.Sprintf("%s: %s", s.shape.label, f.Reason))
	}
	v.Reason = strings.Join(reasons, "; ")
	return v
}
