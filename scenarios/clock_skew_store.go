package scenarios

import (
	"context"
	"fmt"
	"sync"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
)

// storeSkew sets a node's clock apart from its store's, which is right.
func (d *dials) storeSkew(ctx context.Context) error {
	if d.life.grain == time.Second {
		return d.forgotten(ctx)
	}
	return d.sharedStore(ctx)
}

// remembered is what became of revoked tokens on a node with that skew.
type remembered struct {
	skew            time.Duration
	uses, live      int // after the log-out; by the clock of the node not expired
	accepted, wrong int // wrong: within the largest skew that the arm declares
	from, to        time.Duration
}

// forgotten logs tokens out whose life a slow node takes to be longer than what the
// store remembers: lifetime + leeway + max_skew from the log-out, by its own clock. A
// node that is further behind than max_skew lets a revoked token live again.
func (d *dials) forgotten(ctx context.Context) error {
	declared := durationOf(d.c.Settings["max_skew"])
	skews := []time.Duration{0, -declared, -declared - 2*time.Second, -farSkew}
	n := max(1, d.t.Values.number("credentials")/2)
	watch := d.life.length + d.life.leeway + declared + 2500*time.Millisecond
	users, issued, acked, err := d.logInAndOut(ctx, n)
	if err != nil {
		return err
	}
	rows := make([]remembered, len(skews))
	for i, skew := range skews {
		rows[i].skew = skew
	}
	// Every node asks about one of them, and then about the next.
	for k := 0; time.Since(acked[n-1]) < watch; k = (k + 1) % n {
		for i, skew := range skews {
			if err := d.set(ctx, d.node(movedNode), skew); err != nil {
				return err
			}
			a, err := d.do(ctx, checker.Use, d.node(movedNode), &user{vars: users[k].vars}, false)
			if err != nil {
				return err
			}
			rows[i].add(d, issued[k], during(a), acked[k], answered(a.Outcome), declared)
		}
		if sleep(ctx, 20*time.Millisecond); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	d.tellForgotten(rows, declared)
	return nil
}

// logInAndOut gives n users a credential and ends it, on the right node.
func (d *dials) logInAndOut(ctx context.Context, n int) (users []*user, issued []span, acked []time.Time, err error) {
	for i := range n {
		u, when, err := d.issue(ctx, rightNode, i)
		if err != nil {
			return nil, nil, nil, err
		}
		a, err := d.do(ctx, checker.Revoke, rightNode, &user{vars: u.vars}, false)
		if err != nil {
			return nil, nil, nil, err
		}
		if a.Outcome != results.OK {
			return nil, nil, nil, fmt.Errorf("log %s out: %s", u.vars["username"], a.Problem)
		}
		users, issued, acked = append(users, u), append(issued, when), append(acked, a.Done)
	}
	return users, issued, acked, nil
}

func (r *remembered) add(d *dials, issued, used span, acked time.Time, got answer, declared time.Duration) {
	r.uses++
	if d.life.byNode(issued, used.add(r.skew)) == accept {
		r.live++
	}
	if got != accept {
		return
	}
	since := used.lo.Sub(acked.Round(0))
	if r.accepted == 0 {
		r.from = since
	}
	r.accepted, r.to = r.accepted+1, since
	if r.skew.Abs() <= declared {
		r.wrong++
	}
}

func (d *dials) tellForgotten(rows []remembered, declared time.Duration) {
	table := newTable("forgotten", "Tokens are logged out; a node that is behind asks the store about them for longer than it remembers: does one live again?",
		results.Column{Name: "node ahead by", Unit: "s"},
		results.Column{Name: "uses", Meaning: "of tokens after the acknowledged log-out"},
		results.Column{Name: "of them before expiry", Meaning: "by the clock of the node: only the store can have them refused"},
		results.Column{Name: "accepted"},
		results.Column{Name: "first", Unit: "s", Meaning: "after the log-out"}, results.Column{Name: "last", Unit: "s", Meaning: "after the log-out"})
	var wrong, live, beyond, asked int
	for _, r := range rows {
		first, last := none("never"), none("never")
		if r.accepted > 0 {
			first, last = figure(r.from.Seconds()), figure(r.to.Seconds())
		}
		addAt(table, r.skew.Seconds(), fmt.Sprintf("%+g s", r.skew.Seconds()), counted(r.uses), counted(r.live), counted(r.accepted), first, last)
		if r.skew.Abs() <= declared {
			wrong, live = wrong+r.wrong, live+r.live
		} else {
			beyond, asked = beyond+r.accepted, asked+r.live
		}
	}
	d.t.keep(table)
	why := "it remembers who is logged in, so that nothing can be forgotten"
	if beyond > 0 {
		why = "its store had forgotten the log-out before the node took the token to have expired"
	}
	d.tell("forgotten.beyond", "uses", float64(beyond),
		"On a node further behind than max_skew (%s) %d of %d uses of a token that was logged out were accepted: %s.", declared, beyond, asked, why)
	v := results.Verdict{
		Check: "max-skew", Status: results.Pass, Unit: "uses", Measured: number(float64(wrong)), Bound: number(0),
		Reason: fmt.Sprintf("on nodes off by no more than the declared %s, of %d uses of tokens that were logged out and by the clock of the node had not expired", declared, live),
	}
	switch {
	case wrong > 0:
		v.Status = results.Fail
	case live == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "no token was used between its log-out and its end"
	}
	d.t.judge(v)
}

// beside is what sessions on a right node suffer from another one whose clock is off.
type beside struct {
	label              string
	lost, own          int // sessions of the right node that it refuses
	refused, foreign   int // those that the other one made
	survived, loggedIn int // a log-out everywhere
	other              int // answers that say neither
}

// sharedStore has users with one session from a right node and one from a node that
// is off, and asks the right node about both. Whether it matters depends on whose
// clock the store ends sessions by.
func (d *dials) sharedStore(ctx context.Context) error {
	off := d.life.length + time.Second
	var rows []beside
	for _, c := range []struct {
		label string
		skew  time.Duration
	}{{"right", 0}, {fmt.Sprintf("%s ahead", off), off}, {fmt.Sprintf("%s behind", off), -off}} {
		row, err := d.beside(ctx, c.skew)
		if err != nil {
			return err
		}
		row.label = c.label
		rows = append(rows, row)
	}
	d.tellBeside(rows)
	return nil
}

// sweeping is how long a node that sweeps its store is given.
const sweeping = 600 * time.Millisecond

func (d *dials) beside(ctx context.Context, skew time.Duration) (beside, error) {
	var row beside
	n := max(1, d.t.Values.number("credentials")/2)
	var own, foreign []held
	right, off := d.node(rightNode), d.node(movedNode)
	if err := d.set(ctx, off, skew); err != nil {
		return row, err
	}
	for i := range n {
		u, when, err := d.issue(ctx, right, i)
		if err != nil {
			return row, err
		}
		o, later, err := d.issue(ctx, off, i)
		if err != nil {
			return row, err
		}
		own, foreign = append(own, held{u, when}), append(foreign, held{o, later})
	}
	sleep(ctx, sweeping)
	count := func(users []held, node int, what answer) (hit, all int) {
		got := d.each(ctx, users, node)
		row.other += got[either]
		return got[what], got[accept] + got[refuse]
	}
	row.lost, row.own = count(own, right, refuse)
	row.refused, row.foreign = count(foreign, right, refuse)
	if d.c.RevokeAll == nil {
		return row, context.Cause(ctx)
	}
	// Whoever is still in logs out everywhere, on the right node.
	for i := range n {
		for _, h := range []held{own[i], foreign[i]} {
			a, err := d.do(ctx, checker.RevokeAll, right, &user{vars: h.vars}, false)
			if err != nil {
				return row, err
			}
			if a.Outcome != results.OK {
				continue
			}
			for _, node := range []int{right, off} {
				hit, all := count([]held{own[i], foreign[i]}, node, accept)
				row.survived, row.loggedIn = row.survived+hit, row.loggedIn+all
			}
			break
		}
	}
	return row, context.Cause(ctx)
}

// held is a credential, and when it was issued.
type held struct {
	*user
	issued span
}

// each uses every credential once, several at a time. A refusal that its age may
// explain is no answer.
func (d *dials) each(ctx context.Context, users []held, node int) (got [3]int) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		slots = make(chan struct{}, loginWorkers)
	)
	for _, u := range users {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			a, err := d.do(ctx, checker.Use, node, &user{vars: u.vars}, false)
			mu.Lock()
			defer mu.Unlock()
			what := either
			if err == nil {
				what = answered(a.Outcome)
			}
			if what == refuse && d.life.byTruth(u.issued, during(a)) != accept {
				what = either
			}
			got[what]++
		})
	}
	wg.Wait()
	return got
}

func (d *dials) tellBeside(rows []beside) {
	table := newTable("beside", "Two nodes share a store and the clock of one is off: what does the other one, whose clock is right, answer?",
		results.Column{Name: "clock of the other node"},
		results.Column{Name: "own sessions lost", Meaning: "issued and asked by the right node, and alive"},
		results.Column{Name: "its sessions refused", Meaning: "issued by the other node a moment ago"},
		results.Column{Name: "alive after log-out everywhere", Meaning: "uses accepted, on either node"})
	var survived, asked, other int
	for _, r := range rows {
		addRow(table, r.label, part(r.lost, r.own), part(r.refused, r.foreign), part(r.survived, r.loggedIn))
		survived, asked, other = survived+r.survived, asked+r.loggedIn, other+r.other
		if r.lost > 0 {
			d.tell("beside.lost", "sessions", float64(r.lost),
				"A node whose clock was %s ended %d of %d live sessions of a node whose clock was right: what expired is removed from the store by the clocks of nodes.", r.label, r.lost, r.own)
		}
	}
	d.t.keep(table)
	v := results.Verdict{
		Check: "log-out-everywhere", Status: results.Pass, Unit: "uses", Measured: number(float64(survived)), Bound: number(0),
		Reason: fmt.Sprintf("of %d uses after a log-out everywhere, of sessions that nodes with different clocks had made", asked),
	}
	switch {
	case survived > 0:
		v.Status = results.Fail
	case asked == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, fmt.Sprintf("nobody was logged out everywhere; %d uses were not answered", other)
	}
	d.t.judge(v)
}
