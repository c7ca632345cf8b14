package checker

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
)

// TestRevocation follows two credentials on two nodes by hand.
func TestRevocation(t *testing.T) {
	const ok, no = results.OK, results.Rejected
	x := strict().promise(func(p *Promises) { p.Bound = 50 * time.Millisecond })
	x.Nodes = 2
	at := func(n int64) int64 { return second + n*milli }
	x.login("a1", 0).login("b1", 0).
		kill(Revoke, "a1", at(0), until(at(10))). // acknowledged at 10 ms
		use("a1", at(5), ok).                     // sent before
		use("a1", at(12), ok).use("a1", at(32), ok).use("a1", at(52), no).
		use("a1", at(72), results.Unavailable).
		use("a1", at(11), no, on(1), func(o *Op) { o.Triggered = true }).
		kill(Revoke, "b1", at(0), until(at(10))).
		use("a1", at(40), results.Shed).             // not sent
		use("b1", at(10), ok).                       // at the acknowledgement is not after it
		use("b1", at(20), ok).use("b1", at(59), ok). // and never refused
		use("b1", at(5), no, on(1))                  // refused before the acknowledgement, not asked after

	r := x.check().Revocation
	if r.Revocations != 2 || r.Uses != 7 || r.Triggered != 1 || r.LetThrough != 4 || r.BeyondBound != 0 || r.Unknown != 1 || r.Unresolved != 0 {
		t.Errorf("%+v", r)
	}
	if r.RateUpper95 != 0 { // none was asked for after the bound
		t.Errorf("rate %v", r.RateUpper95)
	}
	// Windows: a1 on node 0 in [22, 53] ms, on node 1 in [0, 12], b1 on node 0 at least 49.
	if q := r.TimeToReject; q.Count != 3 || q.Max != nil || *q.P50 != 53*milli || q.P90 != nil {
		t.Errorf("time to reject %+v", q)
	}
	if q := r.LastAccept; q.Count != 3 || *q.Max != 49*milli || *q.P50 != 22*milli {
		t.Errorf("last accept %+v", q)
	}
	if n := r.ByNode; len(n) != 2 || n[0].LetThrough != 4 || n[0].TimeToReject.Count != 2 || n[1].LetThrough != 0 || *n[1].TimeToReject.Max != 12*milli {
		t.Errorf("by node %+v", n)
	}
	third := 1. / 3
	for _, want := range []results.CurvePoint{
		{AfterNS: 0, Accepted: 2 * third},
		{AfterNS: 20 * milli, Accepted: 2 * third},
		{AfterNS: 50 * milli, Accepted: 0},
	} {
		if !slices.Contains(r.Curve, want) {
			t.Errorf("the curve lacks %+v: %+v", want, r.Curve)
		}
	}
	if last := r.Curve[len(r.Curve)-1]; last.AfterNS != 50*milli {
		t.Errorf("the curve goes on to %+v", last)
	}
	if r.ResolutionNS != 20*milli {
		t.Errorf("resolution %d", r.ResolutionNS)
	}
}

// TestRevocationsAreIndependent: a log-out everywhere is one revocation, however
// many credentials it ends and however often they are used.
func TestRevocationsAreIndependent(t *testing.T) {
	x := strict()
	for _, c := range []string{"a1", "a2", "a3"} {
		x.login(c, 0).use(c, 2*second, results.Rejected).use(c, 3*second, results.Rejected)
	}
	r := x.kill(RevokeAll, "a1", second).check()
	if r.Revocation.Revocations != 1 || r.Revocation.RateUpper95 != 1 {
		t.Errorf("%+v", r.Revocation)
	}
	if f := finding(t, r, BoundViolations); !strings.Contains(f.Reason, "6 uses after the bound, of 1 independent revocation,") {
		t.Error(f.Reason)
	}
}

// TestWindowEndsAtTheNextRejection: not at one before the last accepted use, nor at
// one before the revoke.
func TestWindowEndsAtTheNextRejection(t *testing.T) {
	const ok, no = results.OK, results.Rejected
	x := strict().login("a1", 0).kill(Revoke, "a1", second).
		use("a1", second/2, no).use("a1", 2*second, ok).use("a1", 3*second, no).use("a1", 4*second, ok).use("a1", 5*second, no).
		login("b1", 0).use("b1", second/2, no).kill(Revoke, "b1", second).use("b1", 2*second, no)
	q := x.check().Revocation.TimeToReject
	if *q.Max != 4*second+milli || *q.P50 != second+milli {
		t.Errorf("max %d, p50 %d", *q.Max, *q.P50)
	}
}

// TestProvedIsNotAcknowledged: a revoke that only a rejection proves is judged, and
// not counted as acknowledged.
func TestProvedIsNotAcknowledged(t *testing.T) {
	x := strict().login("a1", 0).kill(Revoke, "a1", second, ends(results.Timeout)).use("a1", 2*second, results.Rejected).use("a1", 3*second, results.Rejected)
	r := x.check()
	if r.Revocation.Revocations != 0 || r.Revocation.Unresolved != 0 || r.Revocation.Uses != 1 {
		t.Errorf("%+v", r.Revocation)
	}
	if r.Revocation.RateUpper95 != 0 {
		t.Errorf("rate %v of nothing", r.Revocation.RateUpper95)
	}
}

// TestFacts counts what is not judged.
func TestFacts(t *testing.T) {
	x := strict().promise(func(p *Promises) { p.OnStoreUnreachable, p.OnDataLoss = "open", "revoked-lives-again" }).
		login("a1", 0).login("b1", 0).use("b1", second/2, results.Unavailable).kill(Revoke, "a1", second).
		fault(outage(2*second, 4*second)).use("a1", 3*second, results.OK).use("b1", 3*second, results.Unavailable).
		fault(Fault{Requested: 5 * second, Recovered: 6 * second, Excuses: true}).use("b1", 5*second, results.Unavailable).use("b1", 5*second, results.Rejected).
		fault(loss(7*second, 7*second)).use("a1", 8*second, results.OK)
	got := map[string]float64{}
	for _, f := range x.check().Facts {
		got[f.Name] = *f.Value
	}
	want := map[string]float64{
		"accepts.declared": 1, "accepts.after-loss": 1, "unavailable.in-fault": 1, "unavailable.without-fault": 1, "rejects.explained": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestUnresolved: more than 1 % of revokes of which nobody knows anything.
func TestUnresolved(t *testing.T) {
	for _, c := range []struct {
		lost int
		want string
	}{{1, results.Pass}, {2, results.Unknown}} {
		x := strict()
		for i := range 100 {
			name := "a" + string(rune('A'+i))
			x.login(name, 0)
			if i < c.lost {
				x.kill(Revoke, name, second, ends(results.Timeout))
			} else {
				x.kill(Revoke, name, second).use(name, 2*second, results.Rejected)
			}
		}
		r := x.check()
		if f := finding(t, r, BoundViolations); f.Status != c.want || r.Revocation.Unresolved != int64(c.lost) {
			t.Errorf("%d of 100: %s, %s", c.lost, f.Status, f.Reason)
		}
	}
}

// TestWholeSeconds: where the wall clock is known the second of the iat is, too,
// and an expiry is judged to a tenth of a second or two.
func TestWholeSeconds(t *testing.T) {
	// The login is answered 1 ms after zero, which is 0.799 s into a second of the
	// wall: the iat was 0.799 s before zero, give or take the slack.
	const wall = 100*second + 799*milli
	for _, c := range []struct {
		wall, at int64
		bad      bool
	}{
		{0, 5001 * milli, false},
		{0, 5001*milli + 1, true},
		{wall, 5000*milli - 799*milli + clockSlack, false},
		{wall, 5000*milli - 799*milli + clockSlack + 1, true},
		{wall + 150*milli, 5001 * milli, false}, // so near the next second that it may be the next
		{wall + 150*milli, 5001*milli + 1, true},
	} {
		x := strict().promise(func(p *Promises) { p.ByExpiry, p.Lifetime = true, 5*time.Second })
		x.Wall = c.wall
		x.login("a1", 0).use("a1", c.at, results.OK)
		bad := slices.ContainsFunc(x.check().Violations, func(v results.Violation) bool { return v.Check == Expiry })
		if bad != c.bad {
			t.Errorf("%+v: violation %t", c, bad)
		}
	}
}

// TestViolationsAreFew: all are counted, the earliest ten are told.
func TestViolationsAreFew(t *testing.T) {
	x := strict().login("a1", 0).kill(Revoke, "a1", second)
	for i := int64(40); i > 0; i-- {
		x.use("a1", 2*second+i*milli, results.OK)
	}
	x.login("a2", second).kill(Revoke, "a2", 2*second-10*milli).use("a2", 2*second, results.OK)
	r := x.check()
	if f := finding(t, r, BoundViolations); *f.Measured != 41 {
		t.Errorf("%+v", f)
	}
	if len(r.Violations) != kept {
		t.Fatalf("%d are told", len(r.Violations))
	}
	if at := r.Violations[0].Events[2].AtNS; at != 2*second {
		t.Errorf("the earliest told is at %d", at)
	}
	first := r.Violations[1]
	if want := "Credential a1 of a was accepted on node 0 at 2001 ms later than the bound allows, 1000 ms after its log-out was acknowledged."; first.Summary != want {
		t.Errorf("%q\nwant %q", first.Summary, want)
	}
	var told []string
	for _, e := range first.Events {
		told = append(told, e.What)
	}
	if !slices.Equal(told, []string{"login", "revoke", "use", "use"}) {
		t.Errorf("%v", told)
	}
}

func TestQuantiles(t *testing.T) {
	var values []int64
	for i := range int64(100) {
		values = append(values, 100-i)
	}
	if q := quantiles(values, 0); *q.P50 != 50 || *q.P90 != 90 || *q.P99 != 99 || q.P999 != nil || *q.Max != 100 || q.Mean != 50.5 || q.Count != 100 {
		t.Errorf("%+v", q)
	}
	if q := quantiles(values, 12); q.Count != 112 || *q.P50 != 56 || q.P90 != nil || q.Max != nil {
		t.Errorf("%+v", q)
	}
	if q := quantiles(nil, 3); q.Count != 3 || q.P50 != nil || q.Max != nil {
		t.Errorf("%+v", q)
	}
}
