package scenarios

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"authbench/loadgen"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// StoreKnee loads an arm until something is full, with a store that may use a share of a
// core only and with one that may use a whole one, and says what it was.
//
// A node in Go uses more CPU for a use than the Redis behind it. So with a core each the
// node runs out long before its store, and it takes several to fill one. Where the store
// is a small instance, or is asked by many nodes, it is the other way round: a share of a
// core brings that about with one node.
func StoreKnee() Scenario {
	return Scenario{
		Name:    "store-knee",
		Summary: "load is raised until the store, which has a share of a core, or the node is full: which of them is it, at what rate, and what users get then",
		Params: []Param{
			{Key: "shares", Default: "5,10,20,whole", Meaning: "of a core that the process of the store may use, in percent; whole is without a limit"},
			{Key: "steps", Default: ".5,.7,.85,1,1.15", Meaning: "rates, rising, as parts of the predicted one; more follow until one is missed"},
			{Key: "objective", Default: "p90<100ms, errors<0.1%", Meaning: "what tells a rate that is met from one that is missed: response times grow with the queue of a side that is full"},
			{Key: "window", Default: "2s", Meaning: "length of each rate"},
			{Key: "warmup", Default: "300ms", Meaning: "load before the first of a share, not measured"},
			{Key: "users", Default: "200", Meaning: "users that are logged in"},
			{Key: "connections", Default: "64", Meaning: "to the node"},
			{Key: "blocks", Default: "3", Meaning: "each with a fresh node, shares in random order; 6 give an interval"},
		},
		Applies: func(c *contract.Contract, _ Values) string {
			switch {
			case c.Start == nil:
				return "it runs elsewhere, where the CPU of node and store cannot be read"
			case len(storesOf(c)) > 1:
				return "it asks more than one store, and which of them is full cannot be told apart"
			}
			return ""
		},
		Limit: 30 * time.Minute,
		Run:   runStoreKnee,
	}
}

// kneeShare is how much of a core the store has.
type kneeShare struct {
	label   string  // "5 %", "whole"
	of      float64 // a core
	limited bool
}

// kneeShares reads shares, the smallest first.
func kneeShares(text string) ([]kneeShare, error) {
	var out []kneeShare
	for word := range strings.SplitSeq(text, ",") {
		s := kneeShare{"whole", 1, false}
		if word = strings.TrimSpace(word); word != s.label {
			percent, err := strconv.ParseFloat(word, 64)
			if err != nil || percent < 100*testbed.LeastShare || percent >= 100 {
				return nil, fmt.Errorf("shares: %q is neither whole nor a percentage from %v to below 100", word, 100*testbed.LeastShare)
			}
			s = kneeShare{word + " %", percent / 100, true}
		}
		if slices.ContainsFunc(out, func(o kneeShare) bool { return o.of == s.of }) {
			return nil, fmt.Errorf("shares %q: %s is there twice", text, s.label)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b kneeShare) int { return int(1e6 * (a.of - b.of)) })
	return out, nil
}

// kneeSteps reads the parts of the predicted rate.
func kneeSteps(text string) ([]float64, error) {
	var out []float64
	for word := range strings.SplitSeq(text, ",") {
		f, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil || f <= 0 || f > 10 || len(out) > 0 && f <= out[len(out)-1] {
			return nil, fmt.Errorf("steps %q: want rising numbers above 0, at most 10", text)
		}
		out = append(out, f)
	}
	return out, nil
}

// kneeRun is the experiment.
type kneeRun struct {
	t         *Trial
	shares    []kneeShare
	steps     []float64
	objective loadgen.Objective
	store     *testbed.Store // that is limited; nil: there is none
	own       bool           // it is the one that the arm asks
	cores     int            // that node and store have between them
	unlimited error          // why the store cannot be given a share; nil: it can
	ramps     []*kneeRamp    // in the order in which they ran
	strangers strangers
}

func newKneeRun(t *Trial) (x *kneeRun, err error) {
	if t.LoadgenCores == 0 { // a campaign does not say
		t.LoadgenCores = runtime.GOMAXPROCS(0)
	}
	x = &kneeRun{t: t, cores: t.Testbed.Cores()}
	if x.shares, err = kneeShares(t.Values["shares"]); err != nil {
		return nil, err
	}
	if x.steps, err = kneeSteps(t.Values["steps"]); err != nil {
		return nil, err
	}
	if x.objective, err = loadgen.ParseObjective(t.Values["objective"]); err != nil {
		return nil, fmt.Errorf("objective: %w", err)
	}
	if kinds := storesOf(t.Arm.Contract); len(kinds) > 0 {
		x.store, x.own = t.Testbed.Store(kinds[0]), true
		return x, nil
	}
	// An arm without a store is put beside one that is limited, if the run has any: one
	// share is enough to see that it does not matter, and the ramp is that of the node.
	x.shares = withoutStore(x.shares)
	if all := t.Testbed.Stores(); len(all) > 0 {
		x.store = t.Testbed.Store(all[0].Kind)
	} else {
		x.unlimited = testbed.Unsupported("it asks no store, and this run has none beside it")
	}
	return x, nil
}

// withoutStore is the smallest share and the ramp of the node alone.
func withoutStore(shares []kneeShare) []kneeShare {
	whole := kneeShare{"whole", 1, false}
	if !shares[0].limited {
		return []kneeShare{whole}
	}
	return []kneeShare{shares[0], whole}
}

func runStoreKnee(ctx context.Context, t *Trial) error {
	x, err := newKneeRun(t)
	if err != nil {
		return err
	}
	for n := range max(1, t.Values.number("blocks")) {
		if n > 0 { // whoever runs the case has reset the stores for the first
			if err := t.Testbed.Reset(ctx); err != nil {
				return fmt.Errorf("reset the stores: %w", err)
			}
		}
		if err := x.block(ctx, n+1); err != nil {
			return fmt.Errorf("block %d: %w", n+1, err)
		}
	}
	if len(x.ramps) == 0 {
		return x.unlimited // not applicable, as no share was a whole core
	}
	x.conclude()
	return nil
}

// block puts every share through its ramp on a fresh node.
func (x *kneeRun) block(ctx context.Context, n int) (err error) {
	r, err := x.t.beside(ctx, x.t.Arm.Contract, x.t.Values.number("users"), testbed.NodeOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	plan, err := usePlan(r.c, r.nodes, r.users)
	if err != nil {
		return err
	}
	session, err := x.t.Engine.Open(ctx, plan, x.t.Values.number("connections"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	cost, err := x.cost(ctx, session)
	if err != nil {
		return fmt.Errorf("closed loop: %w", err)
	}
	for _, i := range Order(x.t.Seed, n, len(x.shares)) {
		k := &kneeRamp{run: x, rig: r, session: session, block: n, share: x.shares[i], cost: cost, seed: BlockSeed(x.t.Seed, n)}
		if err := k.limited(ctx); errors.Is(err, errors.ErrUnsupported) {
			x.unlimited = err
			continue
		} else if err != nil {
			return fmt.Errorf("%s: %w", k.share.label, err)
		}
		x.ramps = append(x.ramps, k)
	}
	return r.nodesAlive()
}

// kneeCost is what a closed loop without a limit says: it keeps the node as busy as it can
// be, and a node that is busy takes less CPU for a use than one that is woken for each.
type kneeCost struct {
	capacity    float64 // uses a second
	node, store float64 // ns of CPU a use
	known       bool
}

func (x *kneeRun) cost(ctx context.Context, session loadgen.Session) (kneeCost, error) {
	phase := loadgen.Phase{Operation: "use", Timeout: opTimeout, Seed: x.t.Seed, Duration: x.t.Values.duration("warmup")}
	if phase.Duration > 0 {
		if _, err := session.Run(ctx, phase); err != nil {
			return kneeCost{}, err
		}
	}
	phase.Duration = x.t.Values.duration("window")
	m, _, err := x.t.gauge(ctx, session, phase)
	if err != nil {
		return kneeCost{}, err
	}
	u := m.Usage
	c := kneeCost{m.Achieved, u.Target.CPUPerRequest, u.Store.CPUPerRequest, u.Target.Known && (u.Store.Known || !x.own)}
	if !x.own {
		c.store = 0 // what that of others does is not for this arm
	}
	if c.capacity == 0 || !c.known {
		return c, fmt.Errorf("%.0f uses a second; CPU of the node known %v, of the store %v: nothing can be predicted from that", c.capacity, u.Target.Known, u.Store.Known)
	}
	return c, nil
}

// predicted is the rate at which the store has used its share up, or the node its core,
// whichever comes first.
func (c kneeCost) predicted(s kneeShare) float64 {
	if c.store <= 0 {
		return c.capacity
	}
	return min(s.of*float64(time.Second)/c.store, c.capacity)
}
