package scenarios

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
)

// beat is one thing to be done at its time, by a node whose clock is set for it: a
// credential is issued, or used.
type beat struct {
	at         time.Duration
	node       int
	clock      time.Duration // of the node, ahead of the true one
	credential int
	use        bool
	row        int // of the table, of a use
}

// roles of the two nodes.
const (
	rightNode = 0
	movedNode = 1
)

// ages spreads n credentials over the ages [0, watch), two of five of them over the
// life, and their issue over a second, so that every fraction of one is among them (an
// iat is cut down to it).
func ages(n int, length, watch time.Duration) (issue, age []time.Duration) {
	const golden = 0.6180339887498949 // successive multiples of it never come close, modulo 1
	young := (2*n + 4) / 5
	within := func(i, n int, d time.Duration) time.Duration { return d * time.Duration(2*i+1) / time.Duration(2*n) }
	for i := range n {
		f := float64(i) * golden
		issue = append(issue, time.Duration((f-float64(int(f)))*float64(time.Second)))
		if i < young {
			age = append(age, within(i, young, length))
		} else {
			age = append(age, length+within(i-young, n-young, watch-length))
		}
	}
	return issue, age
}

// sweepPlan issues and uses credentials under every skew, of the node that issues or
// of the one that checks. All skews are tried at the same time.
func sweepPlan(l life, skews []time.Duration, n int, ofIssuer bool) []beat {
	var plan []beat
	issue, age := ages(n, l.length, watchFor(l, skews))
	for row, skew := range skews {
		for i := range n {
			made := beat{at: issue[i], node: rightNode, credential: row*n + i}
			used := beat{at: issue[i] + age[i], node: movedNode, clock: skew, credential: row*n + i, use: true, row: row}
			if ofIssuer {
				made.node, made.clock, used.node, used.clock = movedNode, skew, rightNode, 0
			}
			plan = append(plan, made, used)
		}
	}
	return inOrder(plan)
}

func inOrder(plan []beat) []beat {
	slices.SortStableFunc(plan, func(a, b beat) int { return cmp.Compare(a.at, b.at) })
	return plan
}

// skewsOf are the skews of a sweep: on either side of what is forgiven, and far
// beyond any life.
func skewsOf(l life) []time.Duration {
	var all []time.Duration
	for _, s := range []time.Duration{0, time.Second, l.leeway, l.leeway + time.Second, l.length + time.Second, farSkew} {
		all = append(all, s, -s)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

const farSkew = 10 * time.Minute

// watchFor is how long after their issue credentials are used: until those of the
// largest near skew have ended, and a second.
func watchFor(l life, skews []time.Duration) time.Duration {
	var far time.Duration
	for _, s := range skews {
		if s < farSkew {
			far = max(far, s)
		}
	}
	return l.length + l.leeway + far + time.Second
}

// phase is a stretch of a run during which the clock of one node is what label says.
type phase struct {
	label string
	until time.Duration
	clock func(since time.Duration) time.Duration // of the moved node, since the phase began
}

// stepPhases sets a clock ahead in the middle of things, right, behind, and right again.
func stepPhases(over, skew time.Duration) []phase {
	at := func(d time.Duration) func(time.Duration) time.Duration {
		return func(time.Duration) time.Duration { return d }
	}
	fifth := over / 5
	return []phase{
		{"all right", fifth, at(0)},
		{fmt.Sprintf("%s ahead", skew), 2 * fifth, at(skew)},
		{"right again", 3 * fifth, at(0)},
		{fmt.Sprintf("%s behind", skew), 4 * fifth, at(-skew)},
		{"right at last", over, at(0)},
	}
}

// driftPhases has a clock run away, and then jump forth and back (a strobe).
func driftPhases(over, skew time.Duration) []phase {
	third := over / 3
	steady := func(from, to time.Duration) func(time.Duration) time.Duration {
		return func(since time.Duration) time.Duration {
			return from + time.Duration(float64(to-from)*min(1, float64(since)/float64(third)))
		}
	}
	const strobe = 200 * time.Millisecond
	return []phase{
		{fmt.Sprintf("drifting to %s ahead", skew/2), third, steady(0, skew/2)},
		{fmt.Sprintf("drifting to %s ahead", skew), 2 * third, steady(skew/2, skew)},
		{fmt.Sprintf("strobe, %s ahead and behind", skew), over, func(since time.Duration) time.Duration {
			if since/strobe%2 == 0 {
				return skew
			}
			return -skew
		}},
	}
}

// phasePlan uses a credential every so often, of any age that there can be by then, on
// both nodes and issued by both in turn, while the clock of one is moved. Rows are two a
// phase: uses on the moved node, and on the right one.
func phasePlan(phases []phase, l life, every time.Duration) []beat {
	over := phases[len(phases)-1].until
	clockAt := func(at time.Duration) (row int, clock time.Duration) {
		row = slices.IndexFunc(phases, func(p phase) bool { return at < p.until })
		if row < 0 {
			row = len(phases) - 1
		}
		p, began := phases[row], time.Duration(0)
		if row > 0 {
			began = phases[row-1].until
		}
		return row, p.clock(at - began)
	}
	n := int(over / every)
	_, age := ages(n, l.length, l.length+l.leeway+time.Second)
	step := goldenStep(n)
	var plan []beat
	for i := range n {
		used := beat{at: time.Duration(i) * every, node: i / 2 % 2, credential: i, use: true}
		made := beat{at: max(0, used.at-age[i*step%n]), node: i % 2, credential: i}
		row, clock := clockAt(used.at)
		if used.row = 2*row + 1; used.node == movedNode {
			used.row, used.clock = 2*row, clock
		}
		if made.node == movedNode {
			_, made.clock = clockAt(made.at)
		}
		plan = append(plan, made, used)
	}
	return inOrder(plan)
}

// goldenStep is a step that visits all of n places, far apart one after the other.
func goldenStep(n int) int {
	step := max(1, int(0.618*float64(n)))
	for gcd(step, n) != 1 {
		step++
	}
	return step
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// play does a plan, one beat after the other, and tallies the uses by row. A late
// beat is done late: what it should be answered goes by when it was done.
func (d *dials) play(ctx context.Context, plan []beat, rows int) ([]skewTally, error) {
	tallies := make([]skewTally, rows)
	users, made := map[int]*user{}, map[int]presented{}
	began := time.Now()
	for _, b := range plan {
		sleep(ctx, time.Until(began.Add(b.at)))
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		node := d.node(b.node)
		if err := d.set(ctx, node, b.clock); err != nil {
			return nil, err
		}
		if !b.use {
			u, when, err := d.issue(ctx, node, b.credential)
			if err != nil {
				return nil, err
			}
			users[b.credential] = u
			made[b.credential] = presented{issued: when, issuedByClock: d.shows(node, when)}
			continue
		}
		a, err := d.do(ctx, checker.Use, node, users[b.credential], false)
		if err != nil {
			return nil, err
		}
		p := made[b.credential]
		p.used, p.usedByClock, p.got = during(a), d.shows(node, during(a)), answered(a.Outcome)
		tallies[b.row].add(d.life, p)
	}
	return tallies, nil
}

// issue logs the i-th user in; what nobody was given cannot be judged.
func (d *dials) issue(ctx context.Context, node, i int) (*user, span, error) {
	if known := d.c.Users.Count; known > 0 {
		i %= known
	}
	u := &user{vars: d.c.User(i + 1)}
	for pass := 1; ; pass++ {
		a, err := d.do(ctx, checker.Login, node, u, false)
		switch {
		case err != nil:
			return nil, span{}, err
		case a.Outcome == results.OK:
			return u, during(a), nil
		case pass == loginPasses:
			return nil, span{}, fmt.Errorf("log in %s on node %d, whose clock shows %s: %s", u.vars["username"], node, d.shows(node, during(a)).lo.Format(time.RFC3339Nano), a.Problem)
		}
	}
}

// answered is what an outcome says of the credential.
func answered(o results.Outcome) answer {
	switch o {
	case results.OK:
		return accept
	case results.Rejected:
		return refuse
	}
	return either
}
