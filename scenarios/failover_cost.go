package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"authbench/results"
	"authbench/results/stat"
	"authbench/scenarios/testbed"
)

// costBatch is how many log-outs a round has of each kind.
const costBatch = 20

// waited is what one kind of log-out cost, a value a round.
type waited struct{ took, node, store []float64 }

// waitCosts compares log-outs that wait for a replica with such that do not, in turns,
// while replication works.
func (r *rig) waitCosts(ctx context.Context, set *testbed.Sentinel) (err error) {
	plain, err := r.t.variant(map[string]string{"redis_wait": "0"})
	if err != nil {
		return err
	}
	n, err := r.t.Testbed.StartNodeWith(ctx, plain, testbed.NodeOptions{Stores: map[string]string{testbed.Redis: set.URL()}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Stop()) }()
	nodes := [...]*testbed.Node{n, r.nodes[0]} // without, with
	var cost [len(nodes)]waited
	for round := range r.t.Values.number("costs") {
		for k := range nodes {
			i := (k + round) % len(nodes) // who goes first changes
			if err := r.costOf(ctx, nodes[i], &cost[i]); err != nil {
				return err
			}
		}
	}
	return r.tellCosts(cost[0], cost[1])
}

// costOf logs users in and measures how they log out at one node.
func (r *rig) costOf(ctx context.Context, n *testbed.Node, w *waited) error {
	client := r.clientTo(n)
	var users []user
	for _, u := range r.strangers(costBatch) {
		a, err := client.Do(ctx, &r.c.Login, u.vars)
		if err != nil {
			return err
		}
		if a.Outcome != results.OK {
			return fmt.Errorf("log in: %s", a.Problem)
		}
		users = append(users, user{vars: a.Vars})
	}
	if len(users) < costBatch {
		return fmt.Errorf("the target knows too few users: %d are logged in, and %d more are needed", len(r.users), costBatch)
	}
	before := r.t.Testbed.Usage()
	var took []int64
	for _, u := range users {
		a, err := client.Do(ctx, r.c.Revoke, u.vars)
		if err != nil {
			return err
		}
		if a.Outcome != results.OK {
			return fmt.Errorf("log out with replication at work: %s", a.Problem)
		}
		took = append(took, a.Done.Sub(a.Sent).Nanoseconds())
	}
	spent := r.t.Testbed.Usage().Sub(before)
	slices.Sort(took)
	w.took = append(w.took, float64(took[len(took)/2]))
	w.node = append(w.node, float64(spent.Target.CPU.Nanoseconds())/costBatch)
	w.store = append(w.store, float64(spent.Store.CPU.Nanoseconds())/costBatch)
	return nil
}

func (r *rig) tellCosts(without, with waited) error {
	table := newTable("wait", "What a log-out costs that waits until a replica has it, with replication at work. Replication goes through a link of ours, on this machine.",
		results.Column{Name: "log-out"},
		results.Column{Name: "time", Unit: "us", Meaning: "typical of a round's medians"},
		results.Column{Name: "node", Unit: "us", Meaning: "CPU of the nodes for a log-out"},
		results.Column{Name: "store", Unit: "us", Meaning: "CPU of all Redis processes for a log-out, Sentinels and replicas included"})
	cells := func(w waited) ([]results.Cell, error) {
		var out []results.Cell
		for _, x := range [][]float64{w.took, w.node, w.store} {
			e, err := stat.Location(x, stat.Level)
			if err != nil {
				return nil, err
			}
			out = append(out, within(e, 1e-3))
		}
		return out, nil
	}
	for _, row := range []struct {
		label string
		w     waited
	}{{"acknowledged by the primary", without}, {"acknowledged by a replica too", with}} {
		c, err := cells(row.w)
		if err != nil {
			return err
		}
		addRow(table, row.label, c...)
	}
	r.t.keep(table)
	more, err := stat.Difference(with.took, without.took, stat.Level)
	if err != nil {
		return err
	}
	text := time.Duration(more.Value).Round(time.Microsecond).String()
	if more.Bounded {
		text += fmt.Sprintf(" [%s, %s]", time.Duration(more.Lo).Round(time.Microsecond), time.Duration(more.Hi).Round(time.Microsecond))
	}
	r.tell("wait.cost", "ns", more.Value, "Waiting for a replica made a log-out %s longer, over %d rounds.", text, more.N)
	return nil
}
