package checker

import (
	"testing"
	"time"

	"authbench/results"
)

// Every tale is a history with one thing in it, beside its near misses: want is
// what the named check has to say.
func TestPlanted(t *testing.T) {
	const ok, no, away, lostAnswer = results.OK, results.Rejected, results.Unavailable, results.Timeout
	cached := func(p *Promises) { p.Bound = 5 * time.Second }
	token := func(p *Promises) {
		*p = Promises{
			BoundDeclared: true, ByExpiry: true, Lifetime: 5 * time.Second, Leeway: 2 * time.Second,
			OnStoreUnreachable: "unaffected", OnDataLoss: "unaffected",
		}
	}
	open := func(p *Promises) { p.OnStoreUnreachable, p.OnDataLoss = "open", "revoked-lives-again" }
	stale := func(p *Promises) { p.OnStoreUnreachable, p.Stale = "stale", 3*time.Second }
	revoked := func() *tale { return strict().login("a1", 0).kill(Revoke, "a1", second) } // acknowledged at 1.001 s
	const acked = second + milli

	for _, c := range []struct {
		name  string
		tale  *tale
		check string
		want  string
		bad   int
	}{
		// The bound.
		{"accepted 1 ns after the acknowledgement", revoked().use("a1", acked+1, ok), BoundViolations, "fail", 1},
		{"accepted at the acknowledgement", revoked().use("a1", acked, ok), BoundViolations, "unknown", 0},
		{"sent before the acknowledgement", revoked().use("a1", second+10, ok, until(3*second)).use("a1", 4*second, no), BoundViolations, "pass", 0},
		{"at the bound", revoked().promise(cached).use("a1", acked+5*second, ok).use("a1", 9*second, no), BoundViolations, "pass", 0},
		{"1 ns past the bound", revoked().promise(cached).use("a1", acked+5*second+1, ok), BoundViolations, "fail", 1},
		{"tried within the bound only", revoked().promise(cached).use("a1", 3*second, no), BoundViolations, "unknown", 0},
		{"no bound declared", revoked().promise(func(p *Promises) { p.BoundDeclared = false }).use("a1", 2*second, ok), BoundViolations, "not_applicable", 0},
		{"no revokes", strict().login("a1", 0).use("a1", second, ok), BoundViolations, "unknown", 0},
		{"no uses", revoked(), BoundViolations, "unknown", 0},
		{"on another node", revoked().use("a1", 2*second, ok, on(1)), BoundViolations, "fail", 1},
		{"the twin of a token bears its name", revoked().use("a1", 2*second, no).use("a1", 3*second, ok), BoundViolations, "fail", 1},
		{"counted, not judged", revoked().use("a1", 2*second, ok), AcceptsAfterRevoke, "pass", 0},

		// The bound of a token is its own end: 1 ms + 5 s + 2 s.
		{"token within its life", revoked().promise(token).use("a1", milli+7*second, ok).use("a1", 8*second, no), BoundViolations, "pass", 0},
		{"token 1 ns after it", revoked().promise(token).use("a1", milli+7*second+1, ok), BoundViolations, "fail", 1},
		{"token 1 ns after it, not revoked", strict().promise(token).login("a1", 0).use("a1", milli+7*second+1, ok), Expiry, "fail", 1},
		{"token refused in its last second", strict().promise(token).login("a1", 0).use("a1", 4*second-milli, no), FalseRejects, "unknown", 0},
		{"token refused before", strict().promise(token).login("a1", 0).use("a1", 4*second-milli-1, no), FalseRejects, "fail", 1},
		{"under a clock fault", revoked().promise(token).fault(Fault{Requested: second, Confirmed: second, Excuses: true}).use("a1", 8*second, ok), BoundViolations, "fail", 0},

		{"issued by a node whose clock was off", strict().promise(token).login("a1", second, on(1)).fault(Fault{Requested: second, Confirmed: second, Recovered: 2 * second, Excuses: true, Nodes: []int{1}}).
			use("a1", 9*second, ok), Expiry, "fail", 0},

		// Revokes nobody acknowledged.
		{"timed out, never resolved", strict().login("a1", 0).kill(Revoke, "a1", second, ends(lostAnswer)).use("a1", 3*second, ok), BoundViolations, "unknown", 0},
		{"timed out, had not worked, repeated", strict().login("a1", 0).kill(Revoke, "a1", second, ends(lostAnswer)).use("a1", 3*second, ok).
			kill(Revoke, "a1", 4*second).use("a1", 5*second, no), BoundViolations, "pass", 0},
		{"timed out, refused, accepted", strict().login("a1", 0).kill(Revoke, "a1", second, ends(lostAnswer)).use("a1", 3*second, no).use("a1", 4*second, ok), BoundViolations, "fail", 1},
		{"the same is a resurrection", strict().login("a1", 0).kill(Revoke, "a1", second, ends(away)).use("a1", 3*second, no).use("a1", 4*second, ok), Resurrections, "fail", 1},
		{"repeat answered 401 proves it", strict().login("a1", 0).kill(Revoke, "a1", second, ends(lostAnswer)).kill(Revoke, "a1", 2*second, ends(no)).use("a1", 4*second, ok), BoundViolations, "fail", 1},
		{"refused under a loss of data proves nothing", strict().login("a1", 0).kill(Revoke, "a1", second, ends(lostAnswer)).fault(loss(2*second, 2*second)).
			use("a1", 3*second, no).use("a1", 4*second, ok), BoundViolations, "unknown", 0},
		{"refused under a key fault proves nothing", strict().login("a1", 0).kill(Revoke, "a1", second, ends(lostAnswer)).
			fault(Fault{Requested: 2 * second, Confirmed: 2 * second, Recovered: 3*second + milli, Excuses: true}).
			use("a1", 3*second, no).use("a1", 4*second, ok), BoundViolations, "unknown", 0},
		{"refused in its last second proves nothing", strict().promise(func(p *Promises) { p.Lifetime, p.Leeway = 5*time.Second, 5*time.Second }).login("a1", 0).
			kill(Revoke, "a1", second, ends(lostAnswer)).use("a1", 4*second, no).use("a1", 5*second, ok), BoundViolations, "unknown", 0},
		{"refused when it was idle proves nothing", strict().promise(func(p *Promises) { p.Idle = 6 * time.Second }).login("a1", 0).
			kill(Revoke, "a1", second, ends(lostAnswer)).use("a1", 4*second, no).use("a1", 5*second, ok), BoundViolations, "unknown", 0},
		{"a refused revoke is none", strict().login("a1", 0).kill(Revoke, "a1", second, ends(results.Forbidden)).use("a1", 2*second, ok), FalseRejects, "pass", 0},
		{"shed is never sent", strict().login("a1", 0).kill(Revoke, "a1", second, ends(results.Shed)).use("a1", 2*second, no), FalseRejects, "fail", 1},

		// What a revoke of everything ends.
		{"log-out everywhere ends the others", strict().login("a1", 0).login("a2", 0).kill(RevokeAll, "a1", second).use("a2", 2*second, ok), BoundViolations, "fail", 1},
		{"not another user's", strict().login("a1", 0).login("b1", 0).kill(RevokeAll, "a1", second).use("b1", 2*second, ok).use("a1", 2*second, no), BoundViolations, "pass", 0},
		{"handed out meanwhile, lives", strict().login("a1", 0).login("a2", second-milli).kill(RevokeAll, "a1", second).use("a2", 2*second, ok).use("a1", 2*second, no), BoundViolations, "pass", 0},
		{"handed out meanwhile, dies", strict().login("a1", 0).login("a2", second+milli).kill(RevokeAll, "a1", second).use("a2", 3*second, no), FalseRejects, "unknown", 0},
		{"handed out 1 ns before has to die", strict().login("a1", 0).login("a2", second-milli-1).kill(RevokeAll, "a1", second).use("a2", 2*second, ok), BoundViolations, "fail", 1},
		{"handed out 1 ns after has to live", strict().login("a1", 0).kill(RevokeAll, "a1", second).login("a2", acked+1).use("a2", 2*second, no), FalseRejects, "fail", 1},
		{"password ends the old one", strict().login("a1", 0).kill(Password, "a1", second, makes("a3")).use("a1", 2*second, ok), BoundViolations, "fail", 1},
		{"password ends the others", strict().login("a1", 0).login("a2", 0).kill(Password, "a1", second, makes("a3")).use("a2", 2*second, ok), BoundViolations, "fail", 1},
		{"password hands out one that lives", strict().login("a1", 0).kill(Password, "a1", second, makes("a3")).use("a3", 2*second, no), FalseRejects, "fail", 1},
		{"step-up ends the old one", strict().login("a1", 0).kill(StepUp, "a1", second, makes("a3")).use("a1", 2*second, ok), BoundViolations, "fail", 1},
		{"step-up leaves the others", strict().login("a1", 0).login("a2", 0).kill(StepUp, "a1", second, makes("a3")).use("a2", 2*second, no), FalseRejects, "fail", 1},
		{"log-out leaves the others", strict().login("a1", 0).login("a2", 0).kill(Revoke, "a1", second).use("a2", 2*second, no), FalseRejects, "fail", 1},
		{"or ends them, where that is declared", strict().promise(func(p *Promises) { p.RevokesUser = true }).login("a1", 0).login("a2", 0).
			kill(Revoke, "a1", second).use("a2", 2*second, ok), BoundViolations, "fail", 1},

		// Refused for no reason.
		{"refused", strict().login("a1", 0).use("a1", second, no), FalseRejects, "fail", 1},
		{"forbidden is not refused", strict().login("a1", 0).use("a1", second, results.Forbidden).use("a1", second, ok), FalseRejects, "pass", 0},
		{"refused before it was handed out", strict().login("a1", 0).use("a1", milli, no).use("a1", second, ok), FalseRejects, "pass", 0},
		{"refused while the revoke is under way", revoked().use("a1", second-milli, no).use("a1", second/2, ok), FalseRejects, "pass", 0},
		{"refused 1 ns before the revoke", revoked().use("a1", second-milli-1, no), FalseRejects, "fail", 1},
		{"refused after a key fault", strict().login("a1", 0).fault(Fault{Requested: second, Excuses: true}).use("a1", second, no), FalseRejects, "unknown", 0},
		{"idle for half its time", strict().promise(func(p *Promises) { p.Idle = 2 * time.Second }).login("a1", 0).use("a1", second, no), FalseRejects, "unknown", 0},

		{"handed out twice, the first answer late", strict().login("a0", 0).kill(Refresh, "", second, makes("a1"), until(5*second), of("a")).
			kill(Refresh, "", second, makes("a1"), of("a")).use("a1", 2*second, no), FalseRejects, "fail", 1},

		// The store away.
		{"401 while the store is away", strict().login("a1", 0).fault(outage(second, 3*second)).use("a1", 2*second, no), Mislabelled, "fail", 1},
		{"the same is no false reject", strict().login("a1", 0).fault(outage(second, 3*second)).use("a1", 2*second, no), FalseRejects, "unknown", 0},
		{"401 1 ns before it goes", strict().login("a1", 0).fault(outage(second, 3*second)).use("a1", second-milli-1, no).use("a1", 2*second, away), Mislabelled, "pass", 0},
		{"503 while the store is away", strict().login("a1", 0).fault(outage(second, 3*second)).use("a1", 2*second, away), Mislabelled, "pass", 0},
		{"503 without a fault", strict().login("a1", 0).use("a1", 2*second, away), Mislabelled, "not_applicable", 0},
		{"nobody asked meanwhile", strict().login("a1", 0).fault(outage(second, 3*second)).use("a1", 4*second, ok), Mislabelled, "unknown", 0},
		{"503 of an arm that needs no store", strict().promise(token).login("a1", 0).fault(outage(second, 3*second)).use("a1", 2*second, away), Mislabelled, "fail", 1},
		{"401 although the data is gone, too", strict().login("a1", 0).fault(Fault{Requested: second, Confirmed: second, Recover: 3 * second, Recovered: 4 * second, Unreachable: true, DataLoss: true}).
			use("a1", 2*second, no), Mislabelled, "fail", 1},
		{"401 while it comes back empty", strict().login("a1", 0).fault(Fault{Requested: second, Confirmed: second, Recover: 3 * second, Recovered: 4 * second, Unreachable: true, DataLoss: true}).
			use("a1", 3*second, no), Mislabelled, "pass", 0},
		{"401 at the last instant", strict().login("a1", 0).fault(outage(second, 3*second)).use("a1", 3*second, no), Mislabelled, "fail", 1},
		{"401 after the last instant", strict().login("a1", 0).fault(outage(second, 3*second)).use("a1", 3*second+1, no), Mislabelled, "unknown", 0},
		{"401 at the first instant", strict().login("a1", 0).fault(outage(second, 3*second)).use("a1", second-milli, no), Mislabelled, "fail", 1},
		{"401 in the longer of two outages", strict().login("a1", 0).fault(outage(second, 9*second)).fault(outage(2*second, 3*second)).use("a1", 5*second, no), Mislabelled, "fail", 1},
		{"401 while the store is away, and data had been lost", strict().login("a1", 0).fault(loss(second, second)).fault(outage(2*second, 4*second)).use("a1", 3*second, no), Mislabelled, "pass", 0},
		{"401 while an empty store comes and goes", strict().login("a1", 0).fault(Fault{Requested: second, Confirmed: second, Recover: 3 * second, Recovered: 4 * second, Unreachable: true, Intermittent: true, DataLoss: true}).
			use("a1", 2*second, no), Mislabelled, "pass", 0},
		{"fault on another node", strict().login("a1", 0).fault(Fault{Requested: second, Confirmed: second, Recover: 3 * second, Recovered: 3 * second, Unreachable: true, Nodes: []int{1}}).
			use("a1", 2*second, no), FalseRejects, "fail", 1},
		{"open lets in", revoked().promise(open).fault(outage(2*second, 4*second)).use("a1", 3*second, ok).use("a1", 5*second, no), BoundViolations, "pass", 0},
		{"open lets in too long", revoked().promise(open).fault(outage(2*second, 4*second)).use("a1", 4*second+1, ok), BoundViolations, "fail", 1},
		{"503 does not let in", revoked().fault(outage(2*second, 4*second)).use("a1", 3*second, ok), BoundViolations, "fail", 1},
		{"stale for its time", revoked().promise(stale).fault(outage(second/2, 9*second)).use("a1", second/2+3*second, ok).use("a1", 10*second, no), BoundViolations, "pass", 0},
		{"stale for longer", revoked().promise(stale).fault(outage(second/2, 9*second)).use("a1", second/2+3*second+1, ok), BoundViolations, "fail", 1},
		{"stale since the revoke", revoked().promise(stale).fault(outage(2*second, 9*second)).use("a1", acked+3*second, ok).use("a1", 10*second, no), BoundViolations, "pass", 0},
		{"stale since it was last reached, now and then", revoked().promise(stale).fault(Fault{Requested: second / 2, Confirmed: second / 2, Unreachable: true, Intermittent: true}).use("a1", acked+3*second, ok), BoundViolations, "fail", 0},
		{"staler than the revoke", revoked().promise(stale).fault(outage(2*second, 9*second)).use("a1", acked+3*second+1, ok), BoundViolations, "fail", 1},

		// Data lost.
		{"session lost", strict().login("a1", 0).fault(loss(second, second)).use("a1", 2*second, no), FalseRejects, "unknown", 0},
		{"session lost, as declared", strict().login("a1", 0).fault(loss(second, second)).use("a1", 2*second, no), DataLoss, "pass", 0},
		{"newer session refused", strict().fault(loss(second, second)).login("a1", 2*second).use("a1", 3*second, no), FalseRejects, "fail", 1},
		{"old data: the revoked lives again", revoked().fault(loss(2*second, 2*second)).use("a1", 3*second, ok), DataLoss, "fail", 1},
		{"and was resurrected", revoked().fault(loss(2*second, 2*second)).use("a1", 3*second, ok), Resurrections, "fail", 1},
		{"beyond the declared durability", revoked().fault(loss(2*second, 2*second)).use("a1", 3*second, ok), BoundViolations, "fail", 0},
		{"a denylist may forget", revoked().promise(open).fault(loss(2*second, 2*second)).use("a1", 3*second, ok), DataLoss, "pass", 0},
		{"but not what came later", strict().promise(open).login("a1", 0).fault(loss(second, second)).kill(Revoke, "a1", 2*second).use("a1", 3*second, ok), BoundViolations, "fail", 1},
		{"before the loss it has to hold", revoked().promise(open).fault(loss(2*second, 2*second)).use("a1", 2*second-milli-1, ok), BoundViolations, "fail", 1},
		{"unaffected, and refused", strict().promise(token).login("a1", 0).fault(loss(second, second)).use("a1", 2*second, no), DataLoss, "fail", 1},
		{"nothing of before was asked for", strict().login("a1", 0).fault(loss(second, second)).login("a2", 2*second).use("a2", 3*second, ok), DataLoss, "unknown", 0},
		{"no loss", revoked(), DataLoss, "not_applicable", 0},

		// Resurrections.
		{"refused, then accepted", revoked().use("a1", 2*second, no).use("a1", 3*second, ok, on(1)), Resurrections, "fail", 1},
		{"accepted within the bound after a no elsewhere", revoked().promise(cached).use("a1", 2*second, no).use("a1", 3*second, ok, on(1)), Resurrections, "pass", 0},
		{"refused before its revoke, then accepted", revoked().use("a1", second/2, no).use("a1", 2*second, ok), Resurrections, "pass", 0},
		{"refused for good", revoked().use("a1", 2*second, no), Resurrections, "pass", 0},

		// Whose.
		{"another's name", strict().login("a1", 0).use("a1", second, ok, says("b")), Identity, "fail", 1},
		{"another's name, as the engine has it", strict().login("a1", 0).use("a1", second, results.ProtocolError, says("b")), Identity, "fail", 1},
		{"never handed out", strict().use("a1", second, ok), Identity, "fail", 1},
		{"accepted before it was handed out", strict().use("a1", second, ok).login("a1", 2*second), Identity, "fail", 1},
		{"never handed out, refused", strict().use("a1", second, no), Identity, "unknown", 0},
		{"its own name", strict().login("a1", 0).use("a1", second, ok), Identity, "pass", 0},
		{"no name", strict().login("a1", 0).use("a1", second, ok, says("")), Identity, "unknown", 0},

		// Recovery.
		{"accepted again", strict().login("a1", 0).fault(outage(second, 2*second)).use("a1", 3*second, ok), Recovery, "pass", 0},
		{"not asked", strict().login("a1", 0).fault(outage(second, 2*second)), Recovery, "unknown", 0},
		{"not for long", strict().login("a1", 0).fault(outage(second, 2*second)).use("a1", 7*second-1, away), Recovery, "unknown", 0},
		{"not for too long", strict().login("a1", 0).fault(outage(second, 2*second)).use("a1", 7*second, away), Recovery, "fail", 1},
		{"session lost is no evidence", strict().login("a1", 0).fault(loss(second, 2*second)).use("a1", 9*second, no), Recovery, "unknown", 0},
		{"not seen to be over", strict().login("a1", 0).fault(outage(second, 0)).use("a1", 9*second, ok), Recovery, "unknown", 0},
		{"not seen to be over, accepted before", strict().login("a1", 0).use("a1", second/2, ok).fault(outage(second, 0)), Recovery, "unknown", 0},
		{"no fault", revoked(), Recovery, "not_applicable", 0},
		{"another node is not asked", func() *tale {
			x := strict().login("a1", 0).fault(outage(second, 2*second)).use("a1", 3*second, ok)
			x.Nodes = 2
			return x
		}(), Recovery, "unknown", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.tale.check()
			f := finding(t, r, c.check)
			if c.want == "fail" && c.bad == 0 { // excused: the check has no evidence left, or passes
				c.want = ""
				if f.Status == "fail" {
					t.Errorf("%s fails: %s", c.check, f.Reason)
				}
			}
			if c.want != "" && f.Status != c.want {
				t.Errorf("%s is %s, want %s: %s", c.check, f.Status, c.want, f.Reason)
			}
			told := 0
			for _, v := range r.Violations {
				if v.Check == c.check {
					told++
				}
				if len(v.Events) == 0 || len(v.Events) > 5 || v.Summary == "" {
					t.Errorf("a violation with %d events: %q", len(v.Events), v.Summary)
				}
			}
			if told != c.bad {
				t.Errorf("%d violations of %s are told, want %d", told, c.check, c.bad)
			}
			if c.want != "fail" && told == 0 && f.Status == "pass" && f.Measured == nil {
				t.Error("a pass without a measurement")
			}
		})
	}
}
