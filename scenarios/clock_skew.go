package scenarios

import (
	"context"
	"errors"
	"time"

	"authbench/targets/contract"
)

// ClockSkew sets the clocks of nodes and holds what they answer against two clocks:
// the node's own, by which every answer has to be right, and the true one, by which
// answers go wrong as far as clocks differ.
func ClockSkew() Scenario {
	return Scenario{
		Name:    "clock-skew",
		Summary: "clocks ahead, behind, set, drifting, or frozen at an edge: what is wrongly accepted or refused",
		Params: []Param{
			{Key: "how", Default: "edges", Words: []string{"edges", "sweep", "issuer", "step", "drift", "store"}, Meaning: "edges: frozen a millisecond on either side of every end; sweep, issuer: the node that checks, or the one that logs in, is off; step, drift: a clock is moved while it is relied on; store: a node is off, its store is not"},
			{Key: "credentials", Default: "40", Meaning: "credentials at each skew, every one used once, at another age"},
			{Key: "skew", Default: "10s", Meaning: "step and drift: how far the clock is moved"},
			{Key: "over", Default: "10s", Meaning: "step and drift: in what time"},
		},
		Applies:  clockSkewApplies,
		Settings: clockSkewSettings,
		Run:      runClockSkew,
	}
}

func clockSkewApplies(c *contract.Contract, v Values) string {
	if why := needsClock(c); why != "" || v["how"] != "store" {
		return why
	}
	_, declares := c.Settings["max_skew"]
	switch {
	case len(storesOf(c)) == 0:
		return "it has no store whose clock could differ from a node's"
	case c.Mechanism != "session" && !declares:
		return "nothing that it keeps in its store ends what a node accepts (it has no setting max_skew)"
	}
	return ""
}

// needsClock says why no clock of the arm can be set, or why none would matter.
func needsClock(c *contract.Contract) string {
	p := promisesOf(c, false)
	switch {
	case c.Mechanism == "none":
		return "it has no credential that could expire"
	case c.Start == nil || !c.Start.Admin:
		return "its nodes have no admin plane that could set their clocks (start.admin)"
	case p.Lifetime == 0 && p.Idle == 0 && p.Absolute == 0:
		return "it promises no end of its credentials (lifetime, idle_timeout or absolute_timeout)"
	}
	return ""
}

// clockSkewSettings shorten lives where they are lived through. Edges take those
// that the arm has.
func clockSkewSettings(c *contract.Contract, v Values) map[string]string {
	short := map[string]string{
		"lifetime": "2s", "leeway": "2s",
		"idle_timeout": "2s", "absolute_timeout": "1h", "touch_every": "1s", "sweep_every": "1h",
	}
	switch v["how"] {
	case "step", "drift": // so that several lives go by
		short["lifetime"], short["leeway"], short["idle_timeout"], short["touch_every"] = "1s", "1s", "1s", "500ms"
	case "edges":
		short = map[string]string{"nbf": "iat"}
	case "issuer":
		short["nbf"] = "iat" // so that it shows on both sides
	case "store":
		short = map[string]string{
			"lifetime": "1s", "refresh_lifetime": "1s", "leeway": "1s", "max_skew": "1s",
			"idle_timeout": "4s", "absolute_timeout": "1h", "touch_every": "2s", "sweep_every": "200ms",
		}
	}
	return known(c, short)
}

// known are the settings that the arm has.
func known(c *contract.Contract, set map[string]string) map[string]string {
	for key := range set {
		if _, ok := c.Settings[key]; !ok {
			delete(set, key)
		}
	}
	return set
}

func runClockSkew(ctx context.Context, t *Trial) error {
	s := setup{nodes: 2, admin: true}
	do := (*dials).skew
	switch t.Values["how"] {
	case "edges":
		s.node = withoutNotBefore(t)
		do = (*dials).edges
	case "store":
		do = (*dials).storeSkew
	}
	r, err := t.setUp(ctx, s)
	if err != nil {
		return err
	}
	return errors.Join(r.done(do(newDials(r), ctx)), r.close())
}

// withoutNotBefore has the second node issue tokens that have no nbf.
func withoutNotBefore(t *Trial) func(int, *nodeSpec) error {
	return func(i int, n *nodeSpec) (err error) {
		if i == 1 && t.Arm.Contract.Settings["nbf"] == "iat" {
			n.contract, err = t.variant(map[string]string{"nbf": "none"})
		}
		return err
	}
}

// dials are the clocks of a rig's nodes, as they were set through the admin plane.
// Nothing else sets them, and one operation is done at a time, so that what a clock
// showed during it is known to within the operation.
type dials struct {
	*rig
	life  life
	shown []dial
}

// dial is the clock of one node: off by an offset, or standing still.
type dial struct {
	offset time.Duration
	frozen time.Time
}

func newDials(r *rig) *dials {
	return &dials{rig: r, life: lifeOf(r.c), shown: make([]dial, len(r.nodes))}
}

// node maps a role to a node: where there is one node it plays all of them.
func (d *dials) node(role int) int { return role % len(d.nodes) }

// set sets a node's clock ahead by an offset; it costs nothing when it is that
// already.
func (d *dials) set(ctx context.Context, node int, ahead time.Duration) error {
	if d.shown[node] == (dial{offset: ahead}) {
		return nil
	}
	if err := d.nodes[node].Admin().Offset(ctx, ahead); err != nil {
		return err
	}
	d.shown[node] = dial{offset: ahead}
	return nil
}

// freeze stops the clocks of all nodes at t.
func (d *dials) freeze(ctx context.Context, t time.Time) error {
	for i := range d.nodes {
		if err := d.freezeOne(ctx, i, t); err != nil {
			return err
		}
	}
	return nil
}

func (d *dials) freezeOne(ctx context.Context, node int, t time.Time) error {
	if d.shown[node].frozen.Equal(t) && !t.IsZero() {
		return nil
	}
	if err := d.nodes[node].Admin().Freeze(ctx, t); err != nil {
		return err
	}
	d.shown[node] = dial{frozen: t}
	return nil
}

// shows is what the node's clock may have shown in a span of true time.
func (d *dials) shows(node int, during span) span {
	if f := d.shown[node].frozen; !f.IsZero() {
		return span{f, f}
	}
	return during.add(d.shown[node].offset)
}
