package checker

import (
	"fmt"
	"testing"

	"authbench/results"
)

// TestSoundRaisesNothing: whatever happens to a target that keeps its promises, no
// check fails; and the checks are not silent for want of evidence.
func TestSoundRaisesNothing(t *testing.T) {
	t.Parallel()
	seeds := uint64(1000)
	if testing.Short() {
		seeds = 200
	}
	passed := map[string]int{}
	for seed := range seeds {
		s := newSim(seed, mechanism(seed%uint64(mechanisms)), sound)
		s.disturb(int(seed / 5 % 4))
		h := s.run(1 + int(seed%4))
		r := Check(h, s.p)
		for _, f := range r.Findings {
			if f.Status == results.Pass {
				passed[f.Check]++
			}
			if f.Status == results.Fail {
				t.Errorf("seed %d, %d operations, %+v: %s fails: %s", seed, len(h.Ops), s.p, f.Check, f.Reason)
			}
		}
		for _, v := range r.Violations {
			t.Errorf("seed %d: %s%s", seed, v.Summary, lines(v))
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Log(passed)
	for _, check := range []string{
		AcceptsAfterRevoke, BoundViolations, TimeToReject, FalseRejects, Mislabelled,
		Resurrections, DataLoss, Identity, Recovery, RefreshFamilies, Expiry,
	} {
		if passed[check] < int(seeds)/20 {
			t.Errorf("%s passed in %d of %d histories only", check, passed[check], seeds)
		}
	}
}

func lines(v results.Violation) string {
	out := ""
	for _, e := range v.Events {
		out += fmt.Sprintf("\n\t%+v", e)
	}
	return out
}

// TestDefectsAreCaught: a history in which a defect broke a promise for certain is
// found wanting by the check that is there for it, every time.
func TestDefectsAreCaught(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		kind   mechanism
		defect defect
		check  string
		faults bool
		actors int
	}{
		{"a node ignores one revoke in 100", session, deafNode, BoundViolations, false, 12},
		{"a node ignores one revoke in 100, copies", cached, deafNode, BoundViolations, false, 30},
		{"a touch revives a deleted session", session, revivedTouch, Resurrections, false, 8},
		{"401 when the store is away", session, storeIs401, Mislabelled, true, 4},
		{"one second more leeway", token, longLeeway, Expiry, false, 8},
		{"one second more leeway, revoked", token, longLeeway, BoundViolations, false, 8},
		{"a subject bled", session, bleed, Identity, false, 120},
		{"a denylist of bytes", denylist, byBytes, BoundViolations, false, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			fired := 0
			for seed := range uint64(20) {
				s := newSim(seed, c.kind, c.defect)
				if c.faults {
					s.outages()
				}
				h := s.run(c.actors)
				r := Check(h, s.p)
				n := s.fired
				if c.check != Mislabelled && c.check != Identity && c.check != Expiry {
					n = s.firedDead
				}
				if n == 0 {
					continue
				}
				fired++
				if f := finding(t, r, c.check); f.Status != results.Fail {
					t.Errorf("seed %d: fired %d times in %d operations, and %s is %s: %s", seed, n, len(h.Ops), c.check, f.Status, f.Reason)
				}
			}
			if fired < 15 {
				t.Errorf("it fired in %d of 20 histories only", fired)
			}
		})
	}
}
