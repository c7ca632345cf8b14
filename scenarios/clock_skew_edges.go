package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

// edge is one instant, with all clocks standing still at it, and what a credential
// then has to be answered. Instants are from the whole second of its issue.
type edge struct {
	class  string // of one verdict
	label  string
	issuer int             // role of the node that issues it
	before []time.Duration // uses that come first, each accepted
	at     time.Duration
	kind   checker.Kind // Use or Refresh
	want   answer       // either: whatever is answered is told, not judged
}

// issuedAt is how far into a second credentials are issued whose times are whole
// seconds: that part is cut off.
const issuedAt = 700 * time.Millisecond

// edgesOf are the edges of an arm, on either side of each.
func edgesOf(c *contract.Contract) []edge {
	if p := promisesOf(c, false); p.Lifetime == 0 {
		return sessionEdges(p, durationOf(c.Settings["touch_every"]))
	}
	return tokenEdges(c)
}

// tick is by how much an edge is missed: what clocks of sessions count in.
const tick = time.Millisecond

// tokenEdges: golang-jwt v5 accepts iff now < exp + leeway and now >= nbf - leeway.
// Every token is used before, once, so that what a node remembers of it is tried too.
func tokenEdges(c *contract.Contract) []edge {
	l := lifeOf(c)
	end, early := l.length+l.leeway, -l.leeway
	good := []time.Duration{0}
	var list []edge
	if l.leeway > 0 { // else there is one edge
		list = append(list,
			edge{"expiry", "exp - 1 ms", rightNode, good, l.length - tick, checker.Use, accept},
			edge{"expiry", "exp", rightNode, good, l.length, checker.Use, accept})
	}
	list = append(list,
		edge{"expiry", "exp + leeway - 1 ms", rightNode, good, end - tick, checker.Use, accept},
		edge{"expiry", "exp + leeway", rightNode, good, end, checker.Use, refuse},
		edge{"expiry", "exp + leeway + 1 s", rightNode, good, end + time.Second, checker.Use, refuse})
	if l.notBefore {
		list = append(list,
			edge{"not-before", "nbf - leeway - 1 ms", rightNode, good, early - tick, checker.Use, refuse},
			edge{"not-before", "nbf - leeway", rightNode, good, early, checker.Use, accept},
			edge{"no-nbf", "an hour before iat, without nbf", movedNode, good, -time.Hour, checker.Use, either})
	}
	if refreshes := durationOf(c.Settings["refresh_lifetime"]); c.Refresh != nil && refreshes > 0 && c.Promises.Refresh == "stateless" {
		list = append(list,
			edge{"refresh", "exp of the refresh token + leeway - 1 ms", rightNode, nil, refreshes + l.leeway - tick, checker.Refresh, accept},
			edge{"refresh", "exp of the refresh token + leeway", rightNode, nil, refreshes + l.leeway, checker.Refresh, refuse})
	}
	return list
}

// maxSteps is how many uses a session is kept alive with, at most, on its way to the
// absolute timeout.
const maxSteps = 400

// sessionEdges: alive iff now < last seen + idle and now < created + absolute. A use
// moves last seen only if that is at least touchEvery old.
func sessionEdges(p checker.Promises, touchEvery time.Duration) []edge {
	var list []edge
	pair := func(class, label string, before []time.Duration, end time.Duration) {
		list = append(list,
			edge{class, label + " - 1 ms", rightNode, before, end - tick, checker.Use, accept},
			edge{class, label, rightNode, before, end, checker.Use, refuse})
	}
	idles := p.Idle > 0 && (p.Absolute == 0 || p.Idle < p.Absolute)
	if idles {
		pair("idle", "issue + idle", nil, p.Idle)
	}
	if idles && touchEvery > 0 && touchEvery+p.Idle < p.Absolute {
		pair("sliding", "a use that is noted + idle", []time.Duration{touchEvery}, touchEvery+p.Idle)
		pair("sliding", "issue + idle, a use between too soon to be noted", []time.Duration{touchEvery - tick}, p.Idle)
	}
	if p.Absolute > 0 {
		if steps := inUse(p.Idle, p.Absolute); len(steps) <= maxSteps {
			pair("absolute", "issue + absolute, in use all the time", steps, p.Absolute)
		}
	}
	return list
}

// inUse are uses that keep a session alive for all of the absolute timeout, at even
// distances of less than idle. The last is not close to the end: a store that is told
// then how long to keep the session counts that down by a clock that does not stand
// still.
func inUse(idle, absolute time.Duration) []time.Duration {
	if idle <= tick || absolute <= idle {
		return nil
	}
	every := evenly(idle, absolute)
	var at []time.Duration
	for t := every; t <= absolute-every && len(at) <= maxSteps; t += every {
		at = append(at, t)
	}
	return at
}

// evenly is the largest distance of uses that divides absolute and is less than idle.
func evenly(idle, absolute time.Duration) time.Duration {
	return (absolute / (absolute/(idle-tick) + 1)).Truncate(tick)
}

// edgeCredentials are tried at each edge, on the nodes in turn.
const edgeCredentials = 4

// tried is what became of an edge.
type tried struct {
	edge
	got   [3]int // by answer
	early int    // refused at a use before
}

func (t tried) uses() int { return t.got[accept] + t.got[refuse] + t.got[either] }

// wrong counts answers that are not those wanted.
func (t tried) wrong() int {
	switch t.want {
	case accept:
		return t.got[refuse]
	case refuse:
		return t.got[accept] + t.early
	}
	return 0
}

func (t tried) says() string {
	var parts []string
	for _, a := range []answer{accept, refuse} {
		if n := t.got[a]; n == t.uses() && n > 0 {
			return a.String()
		} else if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, a))
		}
	}
	if n := t.got[either]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d unanswered", n))
	}
	return strings.Join(parts, ", ")
}

// edges freezes all clocks a millisecond on either side of every end.
func (d *dials) edges(ctx context.Context) error {
	var all []tried
	for _, e := range edgesOf(d.c) {
		t, err := d.try(ctx, e)
		if err != nil {
			return fmt.Errorf("edge %s: %w", e.label, err)
		}
		all = append(all, t)
	}
	table := newTable("edges", "All clocks stand still a millisecond on either side of every end: what is answered?",
		results.Column{Name: "the clock stands at"},
		results.Column{Name: "has to be"}, results.Column{Name: "was"},
		results.Column{Name: "uses", Meaning: "each of another credential, on the nodes in turn"}, results.Column{Name: "wrong"})
	for _, t := range all {
		want := word("%s", t.want)
		if t.want == either {
			want = word("not promised")
		}
		addRow(table, t.label, want, word("%s", t.says()), counted(t.uses()), counted(t.wrong()))
	}
	d.t.keep(table)
	for _, v := range edgeVerdicts(all) {
		d.t.judge(v)
	}
	if i := slices.IndexFunc(all, func(t tried) bool { return t.class == "no-nbf" }); i >= 0 {
		d.tell("edges.no-nbf", "uses", float64(all[i].got[accept]),
			"Without nbf a node whose clock stood an hour before iat accepted %d of %d tokens: iat is not looked at, and an issuer that is ahead is noticed by nobody.",
			all[i].got[accept], all[i].uses())
	}
	return nil
}

// try issues credentials, uses them up to the edge, and there.
func (d *dials) try(ctx context.Context, e edge) (tried, error) {
	t := tried{edge: e}
	began := time.Now()
	zero := began.Round(0).Truncate(time.Second)
	begin := zero
	if d.life.grain == time.Second {
		begin = zero.Add(issuedAt)
	}
	if err := d.freeze(ctx, begin); err != nil {
		return t, err
	}
	users := make([]*user, edgeCredentials)
	for i := range users {
		var err error
		if users[i], _, err = d.issue(ctx, d.node(e.issuer), i); err != nil {
			return t, err
		}
	}
	for step, at := range append(slices.Clone(e.before), e.at) {
		if err := d.freeze(ctx, zero.Add(at)); err != nil {
			return t, err
		}
		last, kind := step == len(e.before), checker.Use
		if last {
			kind = e.kind
		}
		for i, u := range users {
			a, err := d.do(ctx, kind, d.node(i), u, false)
			if err != nil {
				return t, err
			}
			got := answered(a.Outcome)
			// A store counts a life down by a clock that does not stand still.
			if got == refuse && d.life.stored && time.Since(began) > d.life.length/2 {
				got = either
			}
			switch {
			case last:
				t.got[got]++
			case got == refuse:
				t.early++
			}
		}
	}
	return t, context.Cause(ctx)
}

// edgeVerdicts are one a class.
func edgeVerdicts(all []tried) []results.Verdict {
	var vs []results.Verdict
	for i, t := range all {
		if t.want == either || i > 0 && all[i-1].class == t.class {
			continue
		}
		vs = append(vs, edgeVerdict(t.class, slices.DeleteFunc(slices.Clone(all), func(o tried) bool { return o.class != t.class })))
	}
	return vs
}

func edgeVerdict(class string, of []tried) results.Verdict {
	wrong, uses, unanswered := 0, 0, 0
	var where []string
	for _, t := range of {
		uses, unanswered = uses+t.uses(), unanswered+t.got[either]
		if n := t.wrong(); n > 0 {
			wrong += n
			where = append(where, fmt.Sprintf("at %s it was %s, and has to be %s", t.label, t.says(), t.want))
		}
	}
	v := results.Verdict{
		Check: "edge-" + class, Status: results.Pass, Unit: "wrong answers", Measured: number(float64(wrong)), Bound: number(0),
		Reason: fmt.Sprintf("of %d uses at %d edges, to the millisecond", uses, len(of)),
	}
	switch {
	case wrong > 0:
		v.Status, v.Reason = results.Fail, strings.Join(where, "; ")
	case unanswered > 0 || uses == 0:
		v.Status, v.Reason = results.Unknown, fmt.Sprintf("%d of %d uses were neither accepted nor refused", unanswered, uses)
	}
	return v
}
