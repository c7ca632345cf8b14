package scenarios

import (
	"context"
	"fmt"
	"slices"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
)

// tellFailover says what became of whom, and judges what no promise about revocation
// covers.
func (r *rig) tellFailover(l *leavers, killed int64) {
	n := l.count()
	replicated := r.acceptedSince(l.replicated, killed)
	there := r.stillIn(l.newcomers)
	table := newTable("failover", "Who was let in after a replica was promoted that had been cut off from the primary.",
		results.Column{Name: "who"},
		results.Column{Name: "credentials", Meaning: "how many"},
		results.Column{Name: "accepted", Meaning: "of them, after the failover, on any node"})
	addRow(table, "logged out, replicated", counted(len(l.replicated)), counted(replicated))
	addRow(table, "logged out, acknowledged by the primary alone", counted(n.acked), counted(n.ackedBack))
	addRow(table, "logged out, not acknowledged", counted(n.unacked), counted(n.unackedBack))
	addRow(table, "logged in, acknowledged by the primary alone", counted(len(l.newcomers)), counted(there))
	r.t.keep(table)

	if n.acked > 0 {
		r.tell("failover.resurrected", "credentials", float64(n.ackedBack),
			"%d of %d credentials whose log-out the primary alone had acknowledged were accepted again after the failover.%s",
			n.ackedBack, n.acked, r.example(l, killed))
	}
	if n.unacked > 0 {
		r.tell("failover.refused", "log-outs", float64(n.unacked),
			"%d of %d log-outs under the cut were not acknowledged (%s), so that nobody was told what the failover undid; %d of the credentials were accepted after it, until their users repeated it.",
			n.unacked, len(l.leaving), firstAnswers(l.leaving), n.unackedBack)
	}
	if n.repeats401 > 0 {
		r.tell("failover.misleading", "log-outs", float64(n.repeats401),
			"%d repeated log-outs were answered 401 before the failover: the primary had done them, and a client may take that for an end which it was not.", n.repeats401)
	}
	if all := len(l.newcomers); all > 0 {
		r.tell("failover.logins-lost", "log-ins", float64(all-there), "%d of %d log-ins that were acknowledged under the cut were gone after the failover.", all-there, all)
	}
	if d := r.recovered(r.named(l.live), killed); d != nil {
		r.tell("failover.recovery", "ns", float64(*d), "From the death of the primary it took %s until uses were answered again and went on to be.", time.Duration(*d).Round(time.Millisecond))
	}
	r.judgeFailover(replicated, n, l)
}

// leaverCount says how it went for them.
type leaverCount struct{ acked, ackedBack, unacked, unackedBack, repeats401 int }

func (l *leavers) count() (n leaverCount) {
	for _, u := range l.leaving {
		all, back := &n.unacked, &n.unackedBack
		if u.acked {
			all, back = &n.acked, &n.ackedBack
		}
		*all++
		if u.back {
			*back++
		}
		if u.repeated == 401 {
			n.repeats401++
		}
	}
	return n
}

// stillIn is how many of the credentials are accepted.
func (r *rig) stillIn(users []user) (n int) {
	for i := range users {
		a, err := r.client(i%len(r.nodes)).Do(context.Background(), &r.c.Use, users[i].vars)
		if err == nil && a.Outcome == results.OK {
			n++
		}
	}
	return n
}

// example is the story of the credential that was first to come back, from the history.
func (r *rig) example(l *leavers, killed int64) string {
	mine := map[string]bool{}
	for _, u := range l.leaving {
		if name, _ := r.hist.holding(u.vars); u.acked {
			mine[name] = true
		}
	}
	var first checker.Op
	for _, op := range r.hist.ops {
		if mine[op.Credential] && op.Kind == checker.Use && op.Outcome == results.OK && op.Invoke > killed && (first.Complete == 0 || op.Invoke < first.Invoke) {
			first = op
		}
	}
	if first.Complete == 0 {
		return ""
	}
	var out, refused int64
	for _, op := range r.hist.ops {
		switch {
		case op.Credential != first.Credential || op.Invoke > killed:
		case op.Kind == checker.Revoke && op.Outcome == results.OK:
			out = op.Complete
		case op.Kind == checker.Use && op.Outcome == results.Rejected:
			refused = max(refused, op.Complete)
		}
	}
	at := func(ns int64) string { return fmt.Sprintf("%.3f s", float64(ns)/1e9) }
	return fmt.Sprintf(" %s: log-out acknowledged at %s, refused at %s, primary dead at %s, accepted at %s.",
		first.Credential, at(out), at(refused), at(killed), at(first.Complete))
}

// firstAnswers are the statuses that unacknowledged log-outs got: "503".
func firstAnswers(list []leaver) string {
	var all []int
	for _, l := range list {
		if !l.acked {
			all = append(all, l.told)
		}
	}
	slices.Sort(all)
	var text string
	for i, status := range slices.Compact(all) {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(status)
	}
	return text
}

// named are the names of users' credentials in the history.
func (r *rig) named(users []user) map[string]bool {
	names := map[string]bool{}
	for i := range users {
		name, _ := r.hist.holding(users[i].vars)
		names[name] = true
	}
	return names
}

// acceptedSince is how many of the credentials were accepted after that instant.
func (r *rig) acceptedSince(users []user, from int64) int {
	names, in := r.named(users), map[string]bool{}
	for _, op := range r.hist.ops {
		if op.Kind == checker.Use && op.Outcome == results.OK && op.Invoke >= from && names[op.Credential] {
			in[op.Credential] = true
		}
	}
	return len(in)
}

// judgeFailover adds what the checker leaves open: after a loss it excuses every
// accept of what was logged out before, also of what had been replicated.
func (r *rig) judgeFailover(replicated int, n leaverCount, l *leavers) {
	r.t.judge(noneOf("replicated-log-outs", "credentials", int64(replicated), int64(len(l.replicated)),
		fmt.Sprintf("accepted after the failover, of %d whose log-out the replicas had", len(l.replicated))))
	if r.t.Values["how"] == "wait" {
		r.t.judge(noneOf("unreplicated-log-outs", "log-outs", int64(n.acked), int64(len(l.leaving)),
			fmt.Sprintf("acknowledged although no replica had it, of %d; %d of them undone by the failover", len(l.leaving), n.ackedBack)))
	}
}
