package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// runCluster has the arm do all it can on a Redis Cluster.
func runCluster(ctx context.Context, t *Trial) (err error) {
	set, err := t.Testbed.NewCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	return t.shaped(ctx, map[string]string{testbed.Redis: set.URL()}, func(r *rig) error {
		held, err := set.Keys(ctx)
		if err != nil {
			return err
		}
		r.judgeSpread(held)
		return nil
	})
}

// shaped runs everything that the arm can do on these stores, and then more, before
// the history is judged.
func (t *Trial) shaped(ctx context.Context, stores map[string]string, more func(*rig) error) error {
	v := t.Values
	r, err := t.setUp(ctx, setup{
		nodes: v.number("nodes"), users: v.number("users"),
		node: func(_ int, n *nodeSpec) error { n.options.Stores = stores; return nil },
	})
	if err != nil {
		return err
	}
	err = r.everything(ctx, more)
	return errors.Join(err, r.close())
}

// everything is log-outs of every sort, beside a background load.
func (r *rig) everything(ctx context.Context, more func(*rig) error) error {
	v, l := r.t.Values, r.leavers()
	loaded, stopLoad := context.WithCancelCause(ctx)
	defer stopLoad(nil)
	wait, err := r.background(loaded, l.live, float64(v.number("rate")), v.duration("before")+v.duration("after")+longest)
	if err != nil {
		return err
	}
	sleep(ctx, v.duration("before"))
	err = r.logOut(ctx, l.replicated)
	failed := 0
	for i := range l.leaving {
		if err != nil {
			break
		}
		var ok bool
		if ok, err = r.exercise(ctx, i, l.leaving[i].user); !ok {
			failed++
		}
	}
	if err == nil {
		err = more(r)
	}
	if b := r.c.Promises.Bound(); b.Expiry {
		sleep(ctx, b.Lifetime+b.Leeway+time.Second) // an iat is cut down to the second
	}
	sleep(ctx, v.duration("after"))
	for i := range l.leaving {
		if err == nil {
			_, err = r.anywhere(ctx, &l.leaving[i].user)
		}
	}
	stopLoad(errEnough)
	rec, werr := wait()
	if errors.Is(werr, errEnough) {
		werr = nil
	}
	if err := errors.Join(err, werr); err != nil {
		return err
	}
	r.t.judge(noneOf("operations", "operations failed", int64(failed), int64(len(l.leaving)), fmt.Sprintf("of %d log-outs and replacements of every sort", len(l.leaving))))
	return r.conclude(rec)
}

// exercise has one user do one of the things that end or replace a credential, and
// uses what was and what is on every node. It says whether it was done.
func (r *rig) exercise(ctx context.Context, i int, u user) (ok bool, err error) {
	kinds := [...]checker.Kind{checker.RevokeAll, checker.Password, checker.StepUp, checker.Refresh}
	kind := kinds[i%len(kinds)]
	if r.step(kind) == nil {
		kind = checker.Revoke
	}
	caller := &user{vars: u.vars.With(contract.Vars{"new_password": "new-" + u.vars["password"]})}
	a, err := r.do(ctx, kind, i%len(r.nodes), caller, false)
	if err != nil {
		return false, err
	}
	ok = a.Outcome == results.OK
	for node := range r.nodes {
		if _, err := r.do(ctx, checker.Use, node, &user{vars: u.vars}, ok && kind != checker.Refresh); err != nil {
			return false, err
		}
		if caller.vars["credential"] == u.vars["credential"] {
			continue
		}
		now, err := r.do(ctx, checker.Use, node, &user{vars: caller.vars}, false)
		if err != nil {
			return false, err
		}
		ok = ok && now.Outcome == results.OK
	}
	return ok, nil
}

// judgeSpread: a cluster of which one member has everything is none.
func (r *rig) judgeSpread(held []int64) {
	table := newTable("members", "How the keys are spread over the members of the cluster.",
		results.Column{Name: "member"}, results.Column{Name: "keys"})
	used := 0
	for i, n := range held {
		addRow(table, fmt.Sprint(i+1), counted(n))
		if n > 0 {
			used++
		}
	}
	r.t.keep(table)
	v := results.Verdict{
		Check: "spread", Status: results.Pass, Unit: "members with keys", Measured: number(float64(used)), Bound: number(float64(len(held))),
		Reason: "keys of users lie on every member",
	}
	switch strategy := r.c.Settings["revocation"]; {
	case strategy == "push" || strategy == "epoch-local":
		v.Status, v.Bound = results.NotApplicable, nil
		v.Reason = "its list is one set of keys, which its scripts change together: one member has it"
	case used < len(held):
		v.Status, v.Reason = results.Fail, "a member holds nothing"
	}
	r.t.judge(v)
}

// runTLS has the arm do all it can on stores that take TLS only, as a user with the
// least rights, and then with less than it needs.
func runTLS(ctx context.Context, t *Trial) error {
	good, short, distrust, plain := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	var sets []*testbed.Guarded
	defer func() {
		for _, s := range sets {
			_ = s.Close() // Reset would, too
		}
	}()
	table := newTable("rights", "The least rights with which everything worked.",
		results.Column{Name: "store"}, results.Column{Name: "rights"}, results.Column{Name: "without"})
	for _, kind := range storesOf(t.Arm.Contract) {
		set, err := t.Testbed.NewGuarded(ctx, kind)
		if err != nil {
			return err
		}
		sets = append(sets, set)
		rights := rightsOf(kind, t.Arm.Contract.Settings)
		if good[kind], err = set.As(ctx, "arm", rights.all); err != nil {
			return err
		}
		if short[kind], err = set.As(ctx, "short", rights.crippled()); err != nil {
			return err
		}
		distrust[kind], plain[kind] = set.Distrust(good[kind]), set.Plain(good[kind])
		addRow(table, kind, word("%s", rights.all), word("%s", rights.revoke))
	}
	t.keep(table)
	return t.shaped(ctx, good, func(r *rig) error {
		if err := r.withoutRight(ctx, short); err != nil {
			return err
		}
		if err := r.refusesStore(ctx, "wrong-authority", "a store whose certificate is not of the authority that it trusts", distrust); err != nil {
			return err
		}
		return r.refusesStore(ctx, "no-tls", "a store that takes TLS only, without it", plain)
	})
}

// withoutRight asks for a log-out at a node whose store refuses it: 503, never an
// acknowledgement, and never that the credential is no good.
func (r *rig) withoutRight(ctx context.Context, stores map[string]string) (err error) {
	c := *r.c
	c.Ready.Timeout = contract.Duration(refusalPatience)
	n, err := r.t.Testbed.StartNodeWith(ctx, &c, testbed.NodeOptions{Stores: stores})
	if err != nil && ctx.Err() == nil { // prepared statements are checked when it starts
		r.t.judge(notStarted(err))
		return nil
	}
	if err != nil {
		return context.Cause(ctx)
	}
	defer func() { err = errors.Join(err, n.Stop()) }()
	asked, wrong := 0, 0
	for i, u := range r.strangers(newcomers) {
		in, err := r.client(i%len(r.nodes)).Do(ctx, &r.c.Login, u.vars)
		if err != nil {
			return err
		}
		if in.Outcome != results.OK {
			continue
		}
		out, err := r.clientTo(n).Do(ctx, r.c.Revoke, in.Vars)
		if err != nil {
			return err
		}
		if asked++; out.Outcome != results.Unavailable {
			wrong++
		}
	}
	v := noneOf("missing-right", "log-outs not answered 503", int64(wrong), int64(asked), fmt.Sprintf("of %d log-outs at a node whose store forbids them", asked))
	r.t.judge(v)
	return nil
}

// notStarted judges a node that did not start without a right: it has to say that it
// lacks one.
func notStarted(err error) results.Verdict {
	v := results.Verdict{
		Check: "missing-right", Status: results.Pass, Measured: number(0.), Bound: number(0), Unit: "log-outs not answered 503",
		Reason: "the node does not start, and says why: " + lastLine(err.Error()),
	}
	text := strings.ToLower(err.Error())
	if !strings.Contains(text, "denied") && !strings.Contains(text, "permission") {
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "the node does not start, and does not say that a right is missing: "+lastLine(err.Error())
	}
	return v
}

// refusalPatience is how long a node may take to say that it cannot have its store.
const refusalPatience = 3 * time.Second

// refusesStore starts a node on a store that it must not get: it has to say so, or to
// stay not ready, and its password is not to be told.
func (r *rig) refusesStore(ctx context.Context, check, what string, stores map[string]string) error {
	c := *r.c
	c.Ready.Timeout = contract.Duration(refusalPatience)
	n, err := r.t.Testbed.StartNodeWith(ctx, &c, testbed.NodeOptions{Stores: stores})
	v := results.Verdict{Check: check, Status: results.Pass, Measured: number(0.), Bound: number(0), Unit: "nodes ready"}
	if err == nil {
		v.Status, v.Measured, v.Reason = results.Fail, number(1.), "a node is ready on "+what
		r.t.judge(v)
		return n.Stop()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	v.Reason = lastLine(err.Error())
	for secret := range maps.Values(stores) {
		if strings.Contains(err.Error(), secretOf(secret)) {
			v.Status, v.Reason = results.Fail, "the password of the store stands in the error of a node on "+what
		}
	}
	r.t.judge(v)
	return nil
}

// secretOf is the password in an address of ours: between the first two of : and @
// after the user.
func secretOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	if rest == "" {
		rest = address
	}
	userinfo, _, _ := strings.Cut(rest, "@")
	_, secret, _ := strings.Cut(userinfo, ":")
	return secret
}

// lastLine is the end of a message, which says why.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
