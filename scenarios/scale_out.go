package scenarios

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// ScaleOut puts more and more nodes behind one population. A node that comes later
// gets, as its first requests, credentials that others handed out. Then the same load
// goes to all of them, round robin and sticky: a user always to the node of the log-in.
func ScaleOut() Scenario {
	return Scenario{
		Name:    "scale-out",
		Summary: "1, 2, 4 nodes behind one population, round robin and sticky: who is refused, what a use costs, how soon a new node serves",
		Params: []Param{
			{Key: "nodes", Default: "4", Meaning: "nodes at most: 1, 2, 4 and so on up to it"},
			{Key: "routing", Default: "both", Words: []string{"both", "round-robin", "sticky"}, Meaning: "which node a use goes to: each in turn, or that of the user's log-in"},
			{Key: "users", Default: "200", Meaning: "users that are logged in, the same number on each node"},
			{Key: "rate", Default: "300", Meaning: "uses a second, of all nodes together"},
			{Key: "over", Default: "2s", Meaning: "length of the load for each number of nodes and routing"},
			{Key: "saturate", Default: "1s", Meaning: "length of the closed loop for each number of nodes, where there are cores enough"},
		},
		Applies: func(c *contract.Contract, _ Values) string {
			if c.Start == nil {
				return "it runs at one address, and more of it are not ours to start"
			}
			return ""
		},
		Run: runScaleOut,
	}
}

func runScaleOut(ctx context.Context, t *Trial) error {
	s := setup{nodes: 1, apart: true} // users are logged in where they belong
	r, err := t.setUp(ctx, s)
	if err != nil {
		return err
	}
	o := &scaleOut{rig: r, setup: s, cores: runtime.NumCPU()}
	return errors.Join(o.run(ctx), r.close())
}

// scaleOut is the scenario at work.
type scaleOut struct {
	*rig
	setup setup
	cores int

	loads     []scaled   // in the order in which they ran
	joined    []newcomer // node by node, from the second on
	saturated map[int]float64
}

// scaled is what one load on so many nodes came to.
type scaled struct {
	routing loadgen.Routing
	nodes   int
	acc     results.Accounting
	used    testbed.Usage
	ops     int64
	counted bool // the stores count what they are asked
}

// newcomer is a node that was started when users were logged in already.
type newcomer struct {
	ready, first    time.Duration // from its start; first is 0 where it accepted nothing
	asked, accepted int64
}

func (o *scaleOut) run(ctx context.Context) error {
	v := o.t.Values
	n := v.number("users")
	if known := o.c.Users.Count; known > 0 {
		n = min(n, known)
	}
	o.saturated = map[int]float64{}
	for nodes := 1; nodes <= max(1, v.number("nodes")); nodes *= 2 {
		for len(o.nodes) < nodes {
			if err := o.join(ctx); err != nil {
				return err
			}
		}
		var err error
		if o.users, err = o.logInAtHome(ctx, n); err != nil {
			return err
		}
		for _, routing := range routings(v["routing"], nodes) {
			if err := o.load(ctx, routing); err != nil {
				return fmt.Errorf("%d nodes, %s: %w", nodes, routing, err)
			}
		}
		if err := o.saturate(ctx); err != nil {
			return fmt.Errorf("%d nodes, closed loop: %w", nodes, err)
		}
	}
	if err := o.atHome(ctx); err != nil {
		return err
	}
	o.report()
	return o.conclude(nil)
}

// routings are the ways to share the load out: with one node they are the same.
func routings(word string, nodes int) []loadgen.Routing {
	switch {
	case nodes == 1 && word != "sticky", word == "round-robin":
		return []loadgen.Routing{loadgen.RoundRobin}
	case word == "sticky":
		return []loadgen.Routing{loadgen.Sticky}
	}
	return []loadgen.Routing{loadgen.RoundRobin, loadgen.Sticky}
}

// logInAtHome logs the first n users in, user i on node i mod the number of nodes:
// where sticky routing sends them.
func (r *rig) logInAtHome(ctx context.Context, n int) ([]user, error) {
	users := population(r.c, n)
	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, loginWorkers)
		errs  = make([]error, n)
	)
	for i := range users {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = r.mustLogIn(ctx, r.home(i), &users[i])
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return users, errors.Join(errs...)
}

// home is the node of user i under sticky routing.
func (r *rig) home(i int) int { return i % len(r.nodes) }

// atHome uses every credential once more on the node of its log-in.
func (r *rig) atHome(ctx context.Context) error {
	for i := range r.users {
		if _, err := r.do(ctx, checker.Use, r.home(i), &user{vars: r.users[i].vars}, false); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// newcomersAsked is how many credentials a new node is asked for.
const newcomersAsked = 20

// join starts one more node, and asks it for credentials that others handed out.
func (o *scaleOut) join(ctx context.Context) error {
	began := time.Now()
	node := len(o.nodes)
	if err := o.startNode(ctx, o.setup, node); err != nil {
		return err
	}
	c := newcomer{ready: time.Since(began)}
	for i := range min(newcomersAsked, len(o.users)) {
		a, err := o.do(ctx, checker.Use, node, &user{vars: o.users[i].vars}, false)
		if err != nil {
			return err
		}
		c.asked++
		if a.Outcome != results.OK {
			continue
		}
		if c.accepted++; c.accepted == 1 {
			c.first = time.Since(began)
		}
	}
	o.joined = append(o.joined, c)
	return context.Cause(ctx)
}

// load offers uses to all nodes there are.
func (o *scaleOut) load(ctx context.Context, routing loadgen.Routing) error {
	v := o.t.Values
	plan, err := usePlan(o.c, o.nodes, o.users)
	if err != nil {
		return err
	}
	plan.Routing = routing
	opsBefore, err := o.t.Testbed.StoreOps(ctx)
	if err != nil {
		return err
	}
	before := o.t.Testbed.Usage()
	wait, err := o.offer(ctx, plan, o.users, loadgen.Phase{Rate: float64(v.number("rate")), Duration: v.duration("over")})
	if err != nil {
		return err
	}
	rec, err := wait()
	if err != nil {
		return err
	}
	used := o.t.Testbed.Usage().Sub(before)
	opsAfter, err := o.t.Testbed.StoreOps(ctx)
	if err != nil {
		return err
	}
	if err := rec.Accounting.Check(); err != nil {
		return err
	}
	ops := opsAfter.Sub(opsBefore)
	o.loads = append(o.loads, scaled{
		routing: routing, nodes: len(o.nodes), acc: rec.Accounting, used: used, ops: ops.Total(), counted: ops.Known,
	})
	return nil
}

// spare is how many cores beside one a node a closed loop needs: one for the generator,
// one for the stores. With fewer of them it measures how they are shared.
const spare = 2

// saturate measures the throughput of a closed loop over all nodes.
func (o *scaleOut) saturate(ctx context.Context) error {
	over := o.t.Values.duration("saturate")
	if o.cores < len(o.nodes)+spare || over == 0 {
		return nil
	}
	plan, err := usePlan(o.c, o.nodes, o.users)
	if err != nil {
		return err
	}
	plan.Routing = loadgen.Sticky
	session, err := o.t.Engine.Open(ctx, plan, saturatingConns*len(o.nodes))
	if err != nil {
		return err
	}
	rec, err := session.Run(ctx, loadgen.Phase{Operation: "saturate", Duration: over, Seed: o.t.Seed, Timeout: opTimeout})
	if err = errors.Join(err, session.Close()); err != nil {
		return err
	}
	o.saturated[len(o.nodes)] = ratio(float64(rec.Accounting.OK), rec.Elapsed.Seconds())
	return nil
}

// saturatingConns keep a node busy.
const saturatingConns = 16
