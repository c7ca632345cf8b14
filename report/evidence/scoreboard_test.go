package evidence

import (
	"math"
	"strings"
	"testing"

	"authbench/results"
)

func rowOf(t *testing.T, b *Board, arm string) Row {
	t.Helper()
	for _, r := range b.Scoreboard() {
		if r.Arm.Name == arm {
			return r
		}
	}
	t.Fatalf("no row of %s", arm)
	return Row{}
}

func TestScoreboardOfCosts(t *testing.T) {
	b := planted(t, 12, nil)
	rows := b.Scoreboard()
	if len(rows) != len(b.Arms) {
		t.Fatalf("%d rows of %d arms", len(rows), len(b.Arms))
	}
	r := rowOf(t, b, "jwt-hs256")
	if a := r.CPU.Against; a == nil || a.Ratio.Value > .6 || r.CPU.Status != Differs {
		t.Errorf("CPU %+v", r.CPU)
	}
	if p50 := r.Latency[0]; p50.Against == nil || math.Abs(p50.Against.Difference.Value+40e3) > 4e3 {
		t.Errorf("p50 %+v", p50)
	}
	if p999 := r.Latency[2]; p999.Against != nil || p999.Missing != "" {
		t.Errorf("p99.9 is compared, or missing: %+v", p999)
	}
	if base := rowOf(t, b, "session-redis"); base.CPU.Against != nil {
		t.Error("the baseline is compared with itself")
	}
	if r.Failed.K != 0 || r.Failed.N != 60_000 || r.Failed.Lo != 0 || math.Abs(r.Failed.Hi*60_000-3) > .01 {
		t.Errorf("none failed: %+v", r.Failed)
	}
	if f := rowOf(t, b, "jwt-es256").Failed; f.K != 36 || !(f.Lo < .0006 && .0006 < f.Hi) || f.Lo == 0 {
		t.Errorf("36 of 60,000 failed: %+v", f)
	}
	if r.Window != nil || !strings.Contains(r.NoWindow, "authbench run revocation") || r.Rate.Missing == "" {
		t.Errorf("what was not measured says %q, %q", r.NoWindow, r.Rate.Missing)
	}
	if r.NoOutage != NoStore {
		t.Errorf("a token without a store: %q", r.NoOutage)
	}
}

// TestScoreboardLeavesOutWhatIsInvalid: a trial that is not to be trusted feeds
// nothing, here as elsewhere.
func TestScoreboardLeavesOutWhatIsInvalid(t *testing.T) {
	bad := tried("revocation", "session-redis", "", revoked(0))
	bad.Validity.Status = results.ValidityInvalid
	b := Read(Source{Run: plantedRun(plantedArms(), 12)}, Source{Run: chaosRun(bad)})
	if r := rowOf(t, b, "session-redis"); r.Window != nil || r.NoWindow != "no trial is valid" {
		t.Errorf("%+v, %q", r.Window, r.NoWindow)
	}
}

func TestScoreboardOfPromises(t *testing.T) {
	everywhere := revoked(0)
	everywhere.Settings = map[string]string{"how": "everywhere"}
	b := Read(Source{Run: plantedRun(plantedArms(), 12)}, Source{Run: chaosRun(
		tried("revocation", "session-redis", "", revoked(0)),
		tried("revocation", "jwt-es256", "", revoked(19e8)),
		tried("revocation", "jwt-es256+push", "blackhole", revoked(5e8)),
		tried("revocation", "hybrid", "", everywhere),
		tried("redis-outage", "session-redis", "delay", out(0, 0)),
		tried("redis-outage", "session-redis", "blackhole", out(30, 0)),
		tried("redis-outage", "session-redis", "kill", out(299, 2)),
	)})
	redis := rowOf(t, b, "session-redis")
	if w := redis.Window; w == nil || w.LetThrough != 0 || w.Accepted.Hi != 0 {
		t.Errorf("window of session-redis: %+v", w)
	}
	if o := redis.Outage; o == nil || o.Fault != "kill" || o.During.Unavailable != 299 || o.Resurrected != 2 || redis.Outages != 3 {
		t.Errorf("the plainest of 3 outages is %+v", o)
	}
	es := rowOf(t, b, "jwt-es256")
	if w := es.Window; w == nil || w.Accepted.Hi != 19e8 || es.Otherwise != "lifetime 2s instead of 15m" {
		t.Errorf("window of jwt-es256 %+v, tried with %q", w, es.Otherwise)
	}
	push := rowOf(t, b, "jwt-es256+push")
	if push.Window != nil || !strings.HasPrefix(push.NoWindow, "not measured: ") {
		t.Errorf("a log-out under a fault is taken for a plain one: %+v", push.Window)
	}
	if push.CPU.Missing == "" || push.Latency[0].Missing == "" || push.Request.Missing == "" || push.Failed.Missing == "" {
		t.Error("an arm that was not benched has costs")
	}
	if h := rowOf(t, b, "hybrid"); h.Window != nil {
		t.Error("a log-out everywhere is taken for a plain one")
	}
}

func TestShareOf(t *testing.T) {
	// Wilson (1927): of 10, 1 is 1.79 % to 40.42 %; none of 300: 1 - 0.05^(1/300).
	for _, c := range []struct {
		k, n   int64
		lo, hi float64
	}{{1, 10, .0179, .4042}, {0, 300, 0, .00994}, {10, 10, .7225, 1}} {
		if s := ShareOf(c.k, c.n); math.Abs(s.Lo-c.lo) > 5e-5 || math.Abs(s.Hi-c.hi) > 5e-5 || s.Missing != "" {
			t.Errorf("%d of %d: %+v", c.k, c.n, s)
		}
	}
	if s := ShareOf(0, 0); s.Missing == "" {
		t.Error("a share of nothing")
	}
}
