package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authbench/loadgen"
	"authbench/results"
)

// leftBehind logs users in, logs them out again over the wire, and looks at what that
// leaves in the stores and in the node: a session frees its record, a denylist gets an
// entry more.
func (t *Trial) leftBehind(ctx context.Context) (err error) {
	r := &rig{t: t, c: t.Arm.Contract, hist: newHistory()}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.startNode(ctx, setup{admin: true}, 0); err != nil {
		return err
	}
	var users []*user
	for n := warmLogOuts + t.Values.number("revoked"); len(users) < n; {
		chunk := min(bulkSample, n-len(users))
		got, _, err := r.bulk(ctx, len(users)+1, chunk, chunk)
		if err != nil {
			return err
		}
		for i := range got {
			users = append(users, &got[i])
		}
	}
	if len(users) == warmLogOuts {
		return errors.New("nobody is to be logged out")
	}
	if _, err := r.logAllOut(ctx, users[:warmLogOuts]); err != nil {
		return err
	}
	users = users[warmLogOuts:]
	before, err := r.weigh(ctx)
	if err != nil {
		return err
	}
	acc, err := r.logAllOut(ctx, users)
	if err != nil {
		return err
	}
	sleep(ctx, settled(r)) // nodes that poll have heard of it
	after, err := r.weigh(ctx)
	if err != nil {
		return err
	}
	t.revokeTable(r, len(users), acc, after.store-before.store, after.heap-before.heap)
	return r.nodesAlive()
}

// warmLogOuts come before those that count: what a node and a store make once, scripts,
// pools and connections, is there then.
const warmLogOuts = 200

type weight struct{ store, heap int64 }

func (r *rig) weigh(ctx context.Context) (w weight, err error) {
	if w.store, err = r.t.storeBytes(ctx, r.c); err != nil {
		return w, err
	}
	w.heap, err = r.heap(ctx)
	return w, err
}

// settled is when every node has heard of a log-out, and a little.
func settled(r *rig) time.Duration {
	if b := r.c.Promises.Bound(); b.Declared && !b.Expiry && b.Fixed < 5*time.Second {
		return b.Fixed + 200*time.Millisecond
	}
	return 0
}

// logAllOut logs every user out, as fast as the node can.
func (r *rig) logAllOut(ctx context.Context, users []*user) (acc results.Accounting, err error) {
	plan, err := compile(r.c, r.c.Revoke, r.nodes, users)
	if err != nil {
		return acc, err
	}
	session, err := r.t.Engine.Open(ctx, plan, r.t.Workload.Connections)
	if err != nil {
		return acc, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	rec, err := session.Run(ctx, loadgen.Phase{Operation: "revoke", Once: true, Timeout: opTimeout})
	if err != nil {
		return acc, fmt.Errorf("log out: %w", err)
	}
	return rec.Accounting, rec.Accounting.Check()
}

func (t *Trial) revokeTable(r *rig, n int, acc results.Accounting, store, heap int64) {
	table := newTable("revoked", "So many users log in and out again: what does a log-out leave behind, in the stores and in the node?",
		results.Column{Name: "log-outs"},
		results.Column{Name: "acknowledged"},
		results.Column{Name: "in the stores", Unit: "bytes", Meaning: "that a log-out added; less than nothing where it freed a record (MySQL keeps the pages)"},
		results.Column{Name: "in the node", Unit: "bytes", Meaning: "that a log-out added"})
	stored := none("it has no store")
	if len(storesOf(r.c)) > 0 {
		stored = figure(float64(store) / float64(n))
	}
	addRow(table, thousands(n), counted(acc.OK), stored, figure(float64(heap)/float64(n)))
	t.keep(table)
	v := results.Verdict{Check: "logged-out", Status: results.Pass, Measured: number(float64(int64(n) - acc.OK)), Bound: number(0), Unit: "log-outs not acknowledged"}
	if acc.OK < int64(n) {
		v.Status, v.Reason = results.Fail, "log-outs failed although nothing was wrong"
	}
	t.judge(v)
	if stored.Value != nil {
		t.tell("revoked.bytes", "bytes", *stored.Value, "A log-out changed the stores by %+.0f bytes, over %d log-outs.", *stored.Value, n)
	}
}
