package scenarios

import (
	"context"
	"fmt"
	"sync"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
)

// graceSlack is how near the end of the grace a replay is not judged: the store counts
// milliseconds.
const graceSlack = 2 * time.Millisecond

// replayed is what became of refresh tokens that were presented again, on a node whose
// clock was set to something.
type replayed struct {
	label    string
	clock    dial
	families []chain

	inside, same, other, refusedIn    int // of replays certainly inside the grace
	outside, acceptedOut, dead, alive int // of replays certainly outside, and of their families after it
	unclear                           int
}

// chain is one family: a refresh token, its successor, and when it was traded.
type chain struct {
	first, second user
	traded        span
}

// races plays refresh tokens again, inside and outside of their grace, on nodes whose
// clocks are right, wrong and standing still; and lets tabs of one browser share one.
func (d *dials) races(ctx context.Context) error {
	grace, n := durationOf(d.c.Promises.RefreshGrace), max(1, d.t.Values.number("users"))
	wait := grace
	if wait == 0 {
		wait = time.Second
	}
	rows := []replayed{
		{label: "right"},
		{label: "an hour ahead", clock: dial{offset: time.Hour}},
		{label: "an hour behind", clock: dial{offset: -time.Hour}},
		{label: "standing still", clock: dial{frozen: time.Now().Round(0)}},
	}
	tabs := []shared{{label: "all at once"}, {label: "one comes when the grace is over", late: true}}
	for i := range rows {
		for k := range n {
			c, err := d.trade(ctx, i*n+k)
			if err != nil {
				return err
			}
			rows[i].families = append(rows[i].families, c)
		}
	}
	began := time.Now()
	for _, part := range []float64{0.3, 0.7} {
		sleep(ctx, time.Until(began.Add(time.Duration(part*float64(wait)))))
		if err := d.replay(ctx, rows, grace, false); err != nil {
			return err
		}
	}
	if err := d.openTabs(ctx, tabs, n, len(rows)*n); err != nil {
		return err
	}
	sleep(ctx, wait+50*time.Millisecond)
	if err := d.replay(ctx, rows, grace, true); err != nil {
		return err
	}
	if err := d.lateTabs(ctx, tabs); err != nil {
		return err
	}
	d.tellReplays(rows, grace, wait)
	d.tellTabs(tabs)
	return nil
}

// trade logs a user in and uses its refresh token once, on the right node.
func (d *dials) trade(ctx context.Context, i int) (chain, error) {
	u, _, err := d.issue(ctx, d.node(rightNode), i)
	if err != nil {
		return chain{}, err
	}
	c := chain{first: user{vars: u.vars}, second: user{vars: u.vars}}
	a, err := d.do(ctx, checker.Refresh, d.node(rightNode), &c.second, false)
	if err != nil {
		return c, err
	}
	c.traded = during(a)
	return c, unanswered("refresh", a)
}

// turn sets a node's clock to what a row says.
func (d *dials) turn(ctx context.Context, node int, to dial) error {
	if !to.frozen.IsZero() {
		return d.freezeOne(ctx, node, to.frozen)
	}
	return d.set(ctx, node, to.offset)
}

// replay presents every traded token again, and, where the grace should be over, sees
// what became of its family.
func (d *dials) replay(ctx context.Context, rows []replayed, grace time.Duration, over bool) error {
	node := d.node(movedNode)
	for i := range rows {
		if err := d.turn(ctx, node, rows[i].clock); err != nil {
			return err
		}
		for _, c := range rows[i].families {
			again := user{vars: c.first.vars}
			a, err := d.do(ctx, checker.Refresh, node, &again, false)
			if err != nil {
				return err
			}
			rows[i].add(c, again, during(a), answered(a.Outcome), grace)
			if !over {
				continue
			}
			next := user{vars: c.second.vars}
			if a, err = d.do(ctx, checker.Refresh, node, &next, false); err != nil {
				return err
			}
			switch answered(a.Outcome) {
			case accept:
				rows[i].alive++
			case refuse:
				rows[i].dead++
			}
		}
	}
	return d.set(ctx, node, 0)
}

// add judges one replay by the time since the token was traded, in true time.
func (r *replayed) add(c chain, again user, at span, got answer, grace time.Duration) {
	inside, outside := at.hi.Sub(c.traded.lo) < grace-graceSlack, at.lo.Sub(c.traded.hi) > grace+graceSlack
	switch {
	case got == either || !inside && !outside:
		r.unclear++
	case inside:
		r.inside++
		switch {
		case got == refuse:
			r.refusedIn++
		case again.vars["refresh_token"] == c.second.vars["refresh_token"]:
			r.same++
		default:
			r.other++
		}
	default:
		r.outside++
		if got == accept {
			r.acceptedOut++
		}
	}
}

func (d *dials) tellReplays(rows []replayed, grace, wait time.Duration) {
	table := newTable("grace", fmt.Sprintf("A refresh token that was traded is presented again before and after %s: is there a grace, and by whose clock does it end?", wait),
		results.Column{Name: "clock of the node that is asked"},
		results.Column{Name: "same successor", Meaning: "of replays inside the grace"},
		results.Column{Name: "another successor", Meaning: "inside the grace"},
		results.Column{Name: "refused inside"},
		results.Column{Name: "accepted outside", Meaning: "of replays when the grace was over"},
		results.Column{Name: "families ended", Meaning: "by the replay outside: who holds the newest token cannot refresh either"})
	var inside, outside, accepted, wrong int
	for _, r := range rows {
		accepted += r.same + r.other + r.acceptedOut
		addRow(table, r.label, part(r.same, r.inside), counted(r.other), counted(r.refusedIn), part(r.acceptedOut, r.outside), part(r.dead, r.dead+r.alive))
		inside, outside = inside+r.inside, outside+r.outside
		wrong += r.inside - r.same + r.acceptedOut + r.alive
	}
	d.t.keep(table)
	rotates := d.c.Promises.Refresh == "rotating"
	if rotates {
		d.tell("grace.clock", "", 0, "%s", graceClock(rows))
	} else {
		d.tell("grace.none", "replays", float64(accepted), "A refresh token that was traded is good for another trade: %d of %d replays were accepted, %s later and before.", accepted, inside+outside, wait)
	}
	v := results.Verdict{
		Check: "grace", Status: results.Pass, Unit: "answers", Measured: number(float64(wrong)), Bound: number(0),
		Reason: fmt.Sprintf("of %d replays inside the grace (the same successor again) and %d outside it (refused, and the family ended), to within the time that an answer took", inside, outside),
	}
	switch {
	case !rotates:
		v.Status, v.Measured, v.Bound, v.Reason = results.NotApplicable, nil, nil, "its refresh tokens do not rotate: "+d.c.Promises.Refresh
	case wrong > 0:
		v.Status = results.Fail
	case outside == 0 || inside == 0 && grace > 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, fmt.Sprintf("%d replays were inside the grace and %d outside it: both are needed", inside, outside)
	}
	d.t.judge(v)
}

// graceClock says by whose clock the grace ran. A node an hour off that keeps true time
// of it does not use its own.
func graceClock(rows []replayed) string {
	var byNode, byTruth int
	for _, r := range rows {
		if r.clock == (dial{}) {
			continue
		}
		byTruth += r.same + r.outside - r.acceptedOut
		byNode += r.refusedIn + r.acceptedOut
	}
	switch {
	case byTruth > 0 && byNode == 0:
		return "Nodes whose clocks were an hour off or stood still kept the grace in true time: it ends by the clock of the store, not by theirs."
	case byNode > 0 && byTruth == 0:
		return "Nodes whose clocks were off did not keep the grace in true time: it ends by the clock of the node that is asked."
	}
	return fmt.Sprintf("On nodes whose clocks were off %d replays were answered by true time and %d were not.", byTruth, byNode)
}

// tabsOfOne share a refresh token, as those of one browser do.
const tabsOfOne = 8

// shared is what tabs got for a refresh token that they share.
type shared struct {
	label                   string
	late                    bool // one of them comes when the grace is over
	browsers                []browser
	refused, most, goOn, of int
}

type browser struct {
	held user
	tabs []user // what each got
}

// openTabs has the tabs of every browser refresh at the same time, on both nodes.
func (d *dials) openTabs(ctx context.Context, rows []shared, n, from int) error {
	for i := range rows {
		for k := range n {
			u, _, err := d.issue(ctx, d.node(rightNode), from+i*n+k)
			if err != nil {
				return err
			}
			b := browser{held: user{vars: u.vars}}
			at := tabsOfOne
			if rows[i].late {
				at--
			}
			got := make([]user, at)
			ok := make([]bool, at)
			var wg sync.WaitGroup
			for tab := range at {
				wg.Go(func() {
					got[tab] = user{vars: b.held.vars}
					a, err := d.do(ctx, checker.Refresh, d.node(tab), &got[tab], false)
					ok[tab] = err == nil && a.Outcome == results.OK
				})
			}
			wg.Wait()
			different := map[string]bool{}
			for tab := range at {
				if !ok[tab] {
					rows[i].refused++
					continue
				}
				different[got[tab].vars["refresh_token"]] = true
				b.tabs = append(b.tabs, got[tab])
			}
			rows[i].most = max(rows[i].most, len(different))
			rows[i].browsers = append(rows[i].browsers, b)
		}
	}
	return context.Cause(ctx)
}

// lateTabs has the last tab come, where there is one, and then one of the others go on.
func (d *dials) lateTabs(ctx context.Context, rows []shared) error {
	for i := range rows {
		for _, b := range rows[i].browsers {
			if rows[i].late {
				late := user{vars: b.held.vars}
				a, err := d.do(ctx, checker.Refresh, d.node(rightNode), &late, false)
				if err != nil {
					return err
				}
				if a.Outcome != results.OK {
					rows[i].refused++
				}
			}
			if len(b.tabs) == 0 {
				continue
			}
			rows[i].of++
			next := user{vars: b.tabs[0].vars}
			a, err := d.do(ctx, checker.Refresh, d.node(rightNode), &next, false)
			if err != nil {
				return err
			}
			if a.Outcome == results.OK {
				rows[i].goOn++
			}
		}
	}
	return context.Cause(ctx)
}

func (d *dials) tellTabs(rows []shared) {
	table := newTable("tabs", fmt.Sprintf("%d tabs share one refresh token and all refresh: who is let in, and does the user stay in?", tabsOfOne),
		results.Column{Name: "the tabs come"},
		results.Column{Name: "tabs refused"},
		results.Column{Name: "lineages at most", Meaning: "different refresh tokens out of one: a thief and the owner could both go on"},
		results.Column{Name: "users still in", Meaning: "who could refresh once more afterwards"})
	for _, r := range rows {
		addRow(table, r.label, part(r.refused, tabsOfOne*len(r.browsers)), counted(r.most), part(r.goOn, r.of))
	}
	d.t.keep(table)
	late := rows[len(rows)-1]
	d.tell("tabs.late", "users", float64(late.of-late.goOn),
		"A tab that refreshed with the shared token when the grace was over logged %d of %d users out in all their tabs.", late.of-late.goOn, late.of)
	at := rows[0]
	v := results.Verdict{
		Check: "tabs-at-once", Status: results.Pass, Unit: "tabs refused or users out", Bound: number(0),
		Measured: number(float64(at.refused + at.of - at.goOn)),
		Reason:   fmt.Sprintf("%d tabs refreshing at once with one token, %d times", tabsOfOne, len(at.browsers)),
	}
	switch {
	case at.of == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "no tab was let in"
	case *v.Measured > 0:
		v.Status = results.Fail
	}
	d.t.judge(v)
}

// part is a count of so many.
func part(n, all int) results.Cell {
	c := counted(n)
	c.Text = fmt.Sprintf("of %d", all)
	return c
}
