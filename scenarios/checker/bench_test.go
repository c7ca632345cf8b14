package checker

import (
	"fmt"
	"testing"

	"authbench/results"
)

// crowd is a history of n operations: users who log in, use their credential on
// four nodes, log out, and have it refused.
func crowd(n int) *History {
	h := &History{Nodes: 4}
	for i := 0; len(h.Ops) < n; i++ {
		user, name := fmt.Sprintf("user-%d", i%1000), fmt.Sprintf("c%d", i)
		at := int64(i) * milli
		add := func(k Kind, how results.Outcome) {
			op := Op{Kind: k, Node: len(h.Ops) % 4, User: user, Credential: name, Invoke: at, Complete: at + milli/2, Outcome: how}
			if how == results.OK && k == Use {
				op.Subject = user
			}
			h.Ops = append(h.Ops, op)
			at += milli
		}
		add(Login, results.OK)
		for range 10 {
			add(Use, results.OK)
		}
		if i%10 == 0 {
			add(Revoke, results.OK)
			for range 4 {
				add(Use, results.Rejected)
			}
		}
	}
	return h
}

// BenchmarkCheck judges a million operations.
func BenchmarkCheck(b *testing.B) {
	h := crowd(1_000_000)
	h.Faults = []Fault{outage(400*second, 410*second), outage(500*second, 510*second)}
	p := Promises{BoundDeclared: true, OnStoreUnreachable: "503", OnDataLoss: "logged-out"}
	for b.Loop() {
		if r := Check(h, p); r.Findings[1].Status != results.Pass {
			b.Fatalf("%+v", r.Findings[1])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(h.Ops)), "ns/operation")
}

// TestOneUserWithAll: everything that is of one user costs no more than in order.
// A quadratic walk over this history would take minutes.
func TestOneUserWithAll(t *testing.T) {
	h := &History{Nodes: 1}
	for i := range 50_000 {
		at := int64(i) * 10 * milli
		name := fmt.Sprintf("c%d", i)
		h.Ops = append(h.Ops,
			Op{Kind: Login, User: "a", Credential: name, Invoke: at, Complete: at + milli},
			Op{Kind: Use, User: "a", Credential: name, Invoke: at + 2*milli, Complete: at + 3*milli, Subject: "a"},
			Op{Kind: RevokeAll, User: "a", Credential: name, Invoke: at + 4*milli, Complete: at + 5*milli, Outcome: results.Outcome(i % 2 * int(results.Timeout))},
			Op{Kind: Use, User: "a", Credential: name, Invoke: at + 6*milli, Complete: at + 7*milli, Outcome: results.Rejected})
	}
	r := Check(h, Promises{BoundDeclared: true, Refresh: "none"})
	if f := finding(t, r, BoundViolations); f.Status != results.Pass {
		t.Errorf("%+v", f)
	}
}
