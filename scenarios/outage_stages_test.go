package scenarios

import (
	"testing"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

// useAt is a use sent at that millisecond and answered so many later.
func useAt(credential string, at, took int64, o results.Outcome) checker.Op {
	const ms = int64(time.Millisecond)
	return checker.Op{Kind: checker.Use, Credential: credential, Invoke: at * ms, Complete: (at + took) * ms, Outcome: o}
}

// TestStages: a fault from 100 to 200 ms, seen to be over at 250. What was sent
// while it came (100 to 110) or went (200 to 250) belongs to no stage.
func TestStages(t *testing.T) {
	r := &rig{hist: newHistory(), t: &Trial{Values: Values{}}}
	live, gone := user{contract.Vars{"subject": "a", "credential": "1"}}, user{contract.Vars{"subject": "b", "credential": "2"}}
	l, _ := r.hist.holding(live.vars)
	g, _ := r.hist.holding(gone.vars)
	r.hist.ops = []checker.Op{
		useAt(l, 10, 1, results.OK), useAt(l, 20, 3, results.OK), useAt(g, 30, 1, results.Rejected),
		useAt(l, 105, 1, results.Rejected), // in between
		useAt(l, 120, 5, results.Unavailable), useAt(l, 130, 1500, results.Timeout), useAt(g, 140, 1, results.OK),
		useAt(l, 210, 1, results.Rejected), // in between
		useAt(l, 260, 10, results.Unavailable), useAt(l, 280, 1, results.OK), useAt(l, 290, 1, results.Rejected),
		useAt("somebody's", 291, 1, results.Rejected),
	}
	ms := func(n int64) *int64 { n *= int64(time.Millisecond); return &n }
	f := results.Fault{RequestedNS: *ms(100), ConfirmedNS: ms(110), RecoverNS: ms(200), RecoveredNS: ms(250)}
	time.Sleep(300 * time.Millisecond) // the history goes on to now
	var o results.Outage
	r.stages(f, cast{live: []user{live}, revoked: []user{gone}}, &probes{free: []freeAnswer{{*ms(20), true}, {*ms(150), false}}}, &o)
	before, during, after := o.Stages[0], o.Stages[1], o.Stages[2]
	if before.Accounting != (results.Accounting{Scheduled: 2, OK: 2}) || before.RevokedDenied != 1 || before.FreeGoodput == 0 || *before.Latency.P50 != *ms(3) {
		t.Errorf("before: %+v", before)
	}
	if during.Accounting != (results.Accounting{Scheduled: 2, Unavailable: 1, Timeout: 1}) || during.Hung != 1 || during.WronglyIn != 1 || during.Unavailable != 1 || during.FreeBad != 1 || during.Latency.P50 != nil {
		t.Errorf("during: %+v", during)
	}
	if after.Accounting != (results.Accounting{Scheduled: 3, OK: 1, Rejected: 1, Unavailable: 1}) || after.WronglyOut != 1 || after.SlowestNS != *ms(10) {
		t.Errorf("after: %+v", after)
	}
	if o.DetectNS == nil || *o.DetectNS != *ms(15) {
		t.Errorf("detected after %v", o.DetectNS)
	}
	if o.RecoverNS == nil || *o.RecoverNS != *ms(20) {
		t.Errorf("recovered after %v", o.RecoverNS)
	}
}

// TestVictims: the same seed, the same users at the same time.
func TestVictims(t *testing.T) {
	draw := func(seed uint64) []victim {
		r := &rig{hist: newHistory(), t: &Trial{Seed: seed, Values: Values{"over": "4s"}}}
		for n := range 40 {
			name := "user-" + string(rune('A'+n))
			for device := range 2 {
				r.users = append(r.users, user{contract.Vars{"subject": name, "credential": name + string(rune('0'+device))}})
			}
		}
		return r.victims(10)
	}
	a, b, other := draw(7), draw(7), draw(8)
	if len(a) != 10 {
		t.Fatalf("%d victims", len(a))
	}
	differs := false
	for i := range a {
		if len(a[i].held) != 2 || a[i].at < 0 || a[i].at > 4*time.Second {
			t.Errorf("%+v", a[i])
		}
		if a[i].at != b[i].at || a[i].held[0].vars["credential"] != b[i].held[0].vars["credential"] {
			t.Errorf("victim %d differs with the same seed", i)
		}
		differs = differs || a[i].at != other[i].at
	}
	if !differs {
		t.Error("another seed draws the same")
	}
}
