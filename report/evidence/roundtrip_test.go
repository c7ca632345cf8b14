package evidence

import (
	"math"
	"testing"

	"authbench/results"
)

func evenOf(t *testing.T, b *Board, token string) BreakEven {
	t.Helper()
	for _, e := range b.BreakEvens() {
		if e.Token.Name == token && e.Session.Name == "session-redis" {
			return e
		}
	}
	t.Fatalf("nothing of %s", token)
	return BreakEven{}
}

func TestBreakEven(t *testing.T) {
	with := func(edit func(a *plantedArm)) *Board {
		return planted(t, 12, func(arms []plantedArm, _ *results.Run) {
			for i := range arms {
				if arms[i].Name == "jwt-es256" {
					edit(&arms[i])
				}
			}
		})
	}
	e := evenOf(t, with(func(*plantedArm) {}), "jwt-es256")
	if e.Status != EvenAt || math.Abs(e.RoundTrip-50e3) > 4e3 || e.Lo > 51e3 || e.Hi < 49e3 || e.Ops != 1 {
		t.Errorf("50 us were planted, one operation: %+v", e)
	}
	// Twice the operations halve the round trip.
	b := planted(t, 12, func(arms []plantedArm, _ *results.Run) {
		for i := range arms {
			arms[i].ops *= 2
		}
	})
	if twice := evenOf(t, b, "jwt-es256"); math.Abs(2*twice.RoundTrip-e.RoundTrip) > 1 {
		t.Errorf("%v with one operation, %v with two", e.RoundTrip, twice.RoundTrip)
	}
	if past := evenOf(t, b, "jwt-hs256"); past.Status != EvenPast || past.Hi > 0 {
		t.Errorf("40 us less were planted: %+v", past)
	}
	if wide := evenOf(t, with(func(a *plantedArm) { a.jitter = 90 }), "jwt-es256"); wide.Status != EvenUnsettled {
		t.Errorf("90 us of noise settle it: %+v", wide)
	}
	if level := evenOf(t, with(func(a *plantedArm) { a.p50, a.jitter = 150, 4 }), "jwt-es256"); level.Status != EvenUnsettled {
		t.Errorf("no difference was planted: %+v", level)
	}
	for _, e := range with(func(a *plantedArm) { a.ops = 1 }).BreakEvens() {
		if e.Token.Name == "jwt-es256" {
			t.Errorf("both ask the store as often: %+v", e)
		}
	}
}

// TestBreakEvenClaimsNothing: without the evidence there is no round trip.
func TestBreakEvenClaimsNothing(t *testing.T) {
	for name, b := range map[string]*Board{
		"few":   planted(t, 6, nil),
		"quick": planted(t, 12, func(_ []plantedArm, run *results.Run) { quick(run) }),
		"red": planted(t, 12, func(arms []plantedArm, _ *results.Run) {
			for i := range arms {
				if arms[i].Duplicate {
					arms[i].target *= 2
				}
			}
		}),
	} {
		list := b.BreakEvens()
		if len(list) == 0 {
			t.Errorf("%s: nothing is said", name)
		}
		for _, e := range list {
			if e.Status != EvenUnknown || e.Missing == "" || e.RoundTrip != 0 {
				t.Errorf("%s: %+v", name, e)
			}
		}
	}
}

func quick(run *results.Run) {
	if run != nil {
		run.Profile = "quick"
	}
}

func TestParts(t *testing.T) {
	b := planted(t, 12, nil)
	of := map[string]Parts{}
	for _, p := range b.Parts() {
		of[p.Arm.Name] = p
	}
	if _, ok := of["control"]; ok || len(of) != len(b.Arms)-1 {
		t.Errorf("%d entries", len(of))
	}
	es := of["jwt-es256"]
	if math.Abs(es.Verify.Value-87e3) > 2e3 || math.Abs(es.Sign.Value-174e3) > 4e3 || es.LookUp.Missing != NoStore || es.Verify.Blocks != 12 {
		t.Errorf("87 us to verify and 174 to sign were planted: %+v", es)
	}
	if m := of["session-memory"].Session; math.Abs(m.Value-2000) > 20 || m.Missing != "" {
		t.Errorf("2,000 bytes a session were planted: %+v", m)
	}
	for _, name := range []string{"session-redis", "jwt-es256"} {
		if of[name].Session.Missing == "" {
			t.Errorf("%s has memory of its own sessions", name)
		}
	}
	none := planted(t, 12, func(arms []plantedArm, _ *results.Run) {
		if len(arms) > 0 {
			arms[0].Name, arms[0].Mechanism = "something", "token"
		}
	})
	if none.Parts() != nil {
		t.Error("parts without a control")
	}
}
