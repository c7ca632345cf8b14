package checker

import (
	"strings"
	"testing"
	"time"

	"authbench/results"
)

// rotating is an arm with refresh tokens that rotate, and a login that handed out
// r1 with the credential a1.
func rotating() *tale {
	return strict().promise(func(p *Promises) {
		p.Refresh, p.Grace = "rotating", 2*time.Second
	}).login("a1", 0, hands("r1"))
}

func TestRefreshFamilies(t *testing.T) {
	const graceEnd = second + milli + 2*second // of a rotation in [1 s, 1.001 s]
	first := func() *tale { return rotating().refresh("r1", "r2", second) }
	lost := []change{ends(results.Timeout)}
	noGrace := func(p *Promises) { p.Grace = 0 }
	for _, c := range []struct {
		name string
		tale *tale
		want string
	}{
		{"a chain", first().refresh("r2", "r3", 2*second).refresh("r3", "r4", 3*second), "pass"},
		{"nothing refreshed", rotating(), "unknown"},
		{"not rotated", rotating().refresh("r1", "r1", second), "fail"},
		{"the current one refused", rotating().refresh("r1", "", second), "fail"},
		{"the current one refused, old enough to have expired", rotating().promise(func(p *Promises) { p.RefreshLifetime = 3 * time.Second }).refresh("r1", "", 2*second), "pass"},

		{"replay within grace, the same successor", first().refresh("r1", "r2", graceEnd), "pass"},
		{"replay within grace, another successor", first().refresh("r1", "r9", 2*second), "fail"},
		{"replay within grace, refused", first().refresh("r1", "", 2*second), "fail"},
		{"replay 1 ns later accepted", first().refresh("r1", "r2", graceEnd+1), "fail"},
		{"replay later refused", first().refresh("r1", "", graceEnd+1), "pass"},
		{"replay at the edge may go either way", first().refresh("r1", "", graceEnd-milli), "pass"},
		{"and takes the family with it", first().refresh("r1", "", graceEnd+1).refresh("r2", "", 4*second), "pass"},
		{"or does not", first().refresh("r1", "", graceEnd+1).refresh("r2", "r3", 4*second), "fail"},
		{"replay of an older one accepted", first().refresh("r2", "r3", second+500*milli).refresh("r1", "r3", 2*second), "fail"},
		{"replay of an older one revokes", first().refresh("r2", "r3", second+500*milli).refresh("r1", "", 2*second).refresh("r3", "", 3*second), "pass"},
		{"without grace a replay is refused", first().promise(noGrace).refresh("r1", "", 2*second).refresh("r2", "", 3*second), "pass"},
		{"without grace it is accepted", first().promise(noGrace).refresh("r1", "r2", 2*second), "fail"},

		{"at once, one lineage", rotating().refresh("r1", "r2", second).refresh("r1", "r2", second).refresh("r1", "r2", second), "pass"},
		{"at once, two lineages", rotating().refresh("r1", "r2", second).refresh("r1", "r3", second), "fail"},
		{"at once without grace, one wins", rotating().promise(noGrace).refresh("r1", "r2", second).refresh("r1", "", second), "pass"},
		{"at once without grace, both win", rotating().promise(noGrace).refresh("r1", "r2", second).refresh("r1", "r3", second), "fail"},

		{"the answer lost, the client repeats", rotating().refresh("r1", "", second, lost...).refresh("r1", "r2", 2*second).refresh("r2", "r3", 3*second), "pass"},
		{"the answer lost, nothing done, repeats later", rotating().refresh("r1", "", second, lost...).refresh("r1", "r2", 9*second), "pass"},
		{"the answer lost, a replay for the server", rotating().refresh("r1", "", second, lost...).refresh("r1", "", 9*second).refresh("r1", "", 10*second), "pass"},
		{"refused, though it had not been traded in", rotating().refresh("r1", "", second, ends(results.Forbidden)).refresh("r1", "", 2*second), "fail"},
		{"repeats twice, two successors", rotating().refresh("r1", "", second, lost...).refresh("r1", "r2", 2*second).refresh("r1", "r3", 3*second), "fail"},

		{"the answer lost, worked later, as a replay", rotating().refresh("r1", "", second, lost...).refresh("r1", "r2", 2*second).refresh("r2", "", 9*second), "pass"},
		{"the answer lost, and the grace is that of then", rotating().refresh("r1", "", second, lost...).refresh("r1", "r2", 2900*milli).refresh("r1", "", 3500*milli), "pass"},
		{"the recorder did not see the successor, a replay shows it", rotating().refresh("r1", "", second, ends(results.OK)).refresh("r1", "r2", 2*second).refresh("r2", "r3", 9*second), "pass"},
		{"the successor that it did not see was another", rotating().refresh("r1", "", second, ends(results.OK)).refresh("r1", "r2", 2*second).refresh("r1", "r3", 2*second), "fail"},
		{"a slow rotation, its grace may be over", rotating().refresh("r1", "r2", second, until(3*second)).refresh("r1", "", 3500*milli), "pass"},
		{"a slow rotation, its grace is not over", rotating().refresh("r1", "r2", second, until(3*second)).refresh("r1", "", 2900*milli), "fail"},

		{"after a log-out", first().kill(Revoke, "a1", 2*second).refresh("r2", "r3", 3*second), "fail"},
		{"after a log-out, refused", first().kill(Revoke, "a1", 2*second).refresh("r2", "", 3*second), "pass"},
		{"while logging out", first().kill(Revoke, "a1", 2*second).refresh("r2", "r3", 2*second+milli), "pass"},
		{"after a log-out that was not acknowledged", first().kill(Revoke, "a1", 2*second, lost...).refresh("r2", "r3", 3*second), "pass"},
		{"dead, then alive", first().kill(Revoke, "a1", 2*second, lost...).refresh("r2", "", 3*second).refresh("r2", "r3", 4*second), "fail"},
		{"after log-out everywhere", first().kill(RevokeAll, "a7", 2*second).refresh("r2", "r3", 3*second), "fail"},
		{"after another user's", first().kill(RevokeAll, "b1", 2*second).refresh("r2", "r3", 3*second), "pass"},
		{"after a change of password", first().kill(Password, "a7", 2*second, makes("a8"), hands("r8")).refresh("r2", "r3", 3*second), "fail"},
		{"the one that the change handed out", first().kill(Password, "a1", 2*second, makes("a8"), hands("r8")).refresh("r8", "r9", 3*second), "pass"},
		{"handed out while everything is revoked", rotating().login("a2", 5*second, hands("r5")).kill(RevokeAll, "a7", 5*second).refresh("r5", "r6", 6*second), "pass"},
		{"a step-up may leave it", first().kill(StepUp, "a1", 2*second, makes("a8")).refresh("r2", "r3", 3*second), "pass"},
		{"after a step-up either way", first().kill(StepUp, "a1", 2*second, makes("a8")).refresh("r2", "", 3*second), "pass"},
		{"after the data was lost", first().fault(loss(2*second, 2*second)).refresh("r2", "", 3*second), "unknown"},
		{"stateless", first().promise(func(p *Promises) { p.Refresh = "stateless" }).refresh("r1", "r3", 9*second), "not_applicable"},
		{"none", strict(), "not_applicable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.tale.check()
			f := finding(t, r, RefreshFamilies)
			if f.Status != c.want {
				t.Fatalf("%s, want %s: %s", f.Status, c.want, f.Reason)
			}
			for _, v := range r.Violations {
				if v.Check == RefreshFamilies && (len(v.Events) < 2 || len(v.Events) > 5 || !strings.HasPrefix(v.Summary, "Refresh token r")) {
					t.Errorf("%q with %d events", v.Summary, len(v.Events))
				}
			}
		})
	}
}

// TestFirstWrong: the story ends at the operation that cannot be explained, not at
// the end of the family.
func TestFirstWrong(t *testing.T) {
	x := rotating().refresh("r1", "r2", second).refresh("r1", "r9", 2*second).refresh("r2", "r3", 3*second).refresh("r3", "r4", 4*second)
	r := x.check()
	if len(r.Violations) != 1 || !strings.HasPrefix(r.Violations[0].Summary, "Refresh token r1 of a worked on node 0 at 2000 ms") {
		t.Errorf("%+v", r.Violations)
	}
}

// TestWrongIsWhatCompletesLast: as long as the first had not been answered, the
// second may have been the one that rotated.
func TestWrongIsWhatCompletesLast(t *testing.T) {
	r := rotating().refresh("r1", "r2", second, until(10*second)).refresh("r1", "r3", 2*second).check()
	if len(r.Violations) != 1 || !strings.HasPrefix(r.Violations[0].Summary, "Refresh token r1 of a worked on node 0 at 1000 ms") {
		t.Errorf("%+v", r.Violations)
	}
}

func TestReplaysAreCounted(t *testing.T) {
	x := rotating().promise(func(p *Promises) { p.Refresh = "stateless" }).
		refresh("r1", "r2", second).refresh("r1", "r3", second).refresh("r1", "r4", second+milli). // three at once
		refresh("r1", "r5", 3*second).refresh("r1", "", 4*second)
	want := map[string]float64{
		"refresh.replays-accepted": 1, "refresh.replays-refused": 1, "refresh.parallel": 3, "refresh.lineages": 3,
	}
	got := map[string]float64{}
	for _, f := range x.check().Facts {
		got[f.Name] = *f.Value
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s = %v, want %v", name, got[name], n)
		}
	}
}

// TestFamilyExcuses: a rejection of a credential whose family may be gone is no
// false one, and one from before is.
func TestFamilyExcuses(t *testing.T) {
	x := rotating().refresh("r1", "r2", second).refresh("r1", "", 9*second).use("a1", 10*second, results.Rejected)
	if f := finding(t, x.check(), FalseRejects); f.Status != results.Unknown {
		t.Errorf("after the replay: %+v", f)
	}
	y := rotating().refresh("r1", "r2", second, makes("a2")).kill(Revoke, "a1", 2*second).use("a2", 3*second, results.Rejected)
	if f := finding(t, y.check(), FalseRejects); f.Status != results.Unknown {
		t.Errorf("after another of the family was logged out: %+v", f)
	}
	x.use("a1", 8*second, results.Rejected)
	if f := finding(t, x.check(), FalseRejects); f.Status != results.Fail || *f.Measured != 1 {
		t.Errorf("before the replay: %+v", f)
	}
}
