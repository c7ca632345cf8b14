package scenarios

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// Several arms can be measured side by side inside one case, where what is asked is how
// they differ: in blocks, each with fresh nodes and each measurement of it in an order
// drawn anew, as an experiment does with trials (see Experiment). Pairs are then of one
// block, and what the machine did to all of them cancels.

// beside starts one node of a contract beside others and logs the first n users in
// there.
func (t *Trial) beside(ctx context.Context, c *contract.Contract, n int, o testbed.NodeOptions) (*rig, error) {
	node, err := t.Testbed.StartNodeWith(ctx, c, o)
	if err != nil {
		return nil, err
	}
	r := &rig{t: t, c: c, hist: newHistory(), nodes: []*testbed.Node{node}}
	if r.users, err = r.logIn(ctx, n); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", c.Name, err), r.close())
	}
	return r, nil
}

// pairedWindow is a stretch of open-loop use, the same for all that are compared.
type pairedWindow struct {
	rate           float64 // uses a second
	connections    int
	warmup, length time.Duration
	seed           uint64 // all of a block see the same arrivals
}

// observe offers a window of use to the rig and reads the clocks and counters of every
// side around it. Its histograms are not kept: of windows there may be hundreds.
func (r *rig) observe(ctx context.Context, w pairedWindow) (results.Measurement, error) {
	if r.t.LoadgenCores == 0 { // a campaign does not say
		r.t.LoadgenCores = runtime.GOMAXPROCS(0)
	}
	plan, err := usePlan(r.c, r.nodes, r.users)
	if err != nil {
		return results.Measurement{}, err
	}
	session, err := r.t.Engine.Open(ctx, plan, w.connections)
	if err != nil {
		return results.Measurement{}, fmt.Errorf("open %d connections to %s: %w", w.connections, r.c.Name, err)
	}
	defer session.Close()
	phase := loadgen.Phase{Operation: "use", Rate: w.rate, Timeout: opTimeout, Seed: w.seed + 1, Duration: w.warmup}
	if w.warmup > 0 {
		if _, err := session.Run(ctx, phase); err != nil {
			return results.Measurement{}, fmt.Errorf("warm %s up: %w", r.c.Name, err)
		}
	}
	phase.Seed, phase.Duration = w.seed, w.length
	m, _, err := r.t.gauge(ctx, session, phase)
	if err != nil {
		return m, fmt.Errorf("%s: %w", r.c.Name, err)
	}
	return m, nil
}
