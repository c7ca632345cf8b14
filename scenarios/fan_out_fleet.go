package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// fleet is an edge with its services, all of them told of users in the same way.
type fleet struct {
	shape    shape
	c        *contract.Contract // with what holds of log-outs in this shape
	edge     *testbed.Node
	services []*testbed.Node
}

// startFleet starts an edge and n services of c.
func (t *Trial) startFleet(ctx context.Context, s shape, c *contract.Contract, n int) (_ *fleet, err error) {
	f := &fleet{shape: s, c: s.promised(c, t.Values)}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", s.label, errors.Join(err, f.stop()))
		}
	}()
	hold := "hold=" + t.Values["hold"]
	f.edge, err = t.Testbed.StartNodeWith(ctx,
		inTier(c, "role=edge", "shape="+s.tier, hold, "order="+t.Values["order"]), testbed.NodeOptions{Admin: true})
	if err != nil {
		return nil, err
	}
	tier := []string{"role=service", "shape=" + s.tier, hold, "guard=" + t.Values["guard"], "issuer=" + f.edge.Addr()}
	if s.memo {
		tier = append(tier, "memo=10000")
	}
	for range n {
		node, err := t.Testbed.StartNodeWith(ctx, inTier(c, tier...), testbed.NodeOptions{})
		if err != nil {
			return nil, err
		}
		f.services = append(f.services, node)
	}
	return f, f.use(ctx, n)
}

// inTier is a contract whose nodes stand in a tier.
func inTier(c *contract.Contract, settings ...string) *contract.Contract {
	out, start := *c, *c.Start
	start.Command = slices.Clone(start.Command)
	for _, s := range settings {
		start.Command = append(start.Command, "--tier", s)
	}
	out.Start = &start
	return &out
}

// promised is the contract with the bound of revocations that the arm has in this
// shape: what services believe for a while adds to its own.
func (s shape) promised(c *contract.Contract, v Values) *contract.Contract {
	if !s.holds {
		return c
	}
	out := *c
	if b := c.Promises.Bound(); b.Declared && !b.Expiry {
		out.Promises.RevocationBound = (b.Fixed + v.duration("hold")).String()
	}
	return &out
}

// use has the edge call the first n services.
func (f *fleet) use(ctx context.Context, n int) error {
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = f.services[i].Addr()
	}
	return f.edge.Admin().Do(ctx, http.MethodPost, "/tier", map[string][]string{"services": addrs}, nil)
}

// rig is the users' view of the fleet: node 0 is the edge. With asked the services
// are there as well, to be used with the users' own credentials.
func (f *fleet) rig(t *Trial, asked bool) *rig {
	r := &rig{t: t, c: f.c, hist: newHistory(), nodes: []*testbed.Node{f.edge}}
	if asked {
		r.nodes = append(r.nodes, f.services...)
	}
	return r
}

// front is the rig with the edge alone: there users log in.
func (r *rig) front() *rig { return &rig{t: r.t, c: r.c, hist: r.hist, nodes: r.nodes[:1]} }

// stop ends all nodes, the edge first: its connections keep services from ending.
func (f *fleet) stop() error {
	var errs []error
	for _, n := range append([]*testbed.Node{f.edge}, f.services...) {
		if n != nil {
			errs = append(errs, n.Stop())
		}
	}
	return errors.Join(errs...)
}

// alive is the error of a node that has ended by itself, or nil.
func (f *fleet) alive(t *Trial) error {
	return f.rig(t, true).nodesAlive()
}
