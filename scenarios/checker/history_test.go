package checker

import (
	"slices"
	"testing"
	"time"

	"authbench/results"
)

const (
	us     = int64(time.Microsecond)
	milli  = int64(time.Millisecond)
	second = int64(time.Second)
)

// tale builds a history by hand. Every operation takes a millisecond, unless
// changed by its modifiers.
type tale struct {
	History
	p Promises
}

// strict is an arm that promises most: refused at once, sessions logged out when
// the data is lost, 503 while the store is away.
func strict() *tale {
	return &tale{History: History{Nodes: 1, End: 1000 * second}, p: Promises{
		BoundDeclared: true, OnStoreUnreachable: "503", OnDataLoss: "logged-out",
	}}
}

type change func(*Op)

func on(node int) change     { return func(o *Op) { o.Node = node } }
func until(t int64) change   { return func(o *Op) { o.Complete = t } }
func makes(c string) change  { return func(o *Op) { o.Made = c } }
func hands(c string) change  { return func(o *Op) { o.Handed = c } }
func of(user string) change  { return func(o *Op) { o.User = user } }
func says(who string) change { return func(o *Op) { o.Subject = who } }
func ends(how results.Outcome) change {
	return func(o *Op) {
		if o.Outcome = how; how != results.OK {
			o.Subject = ""
		}
	}
}

func (t *tale) do(op Op, changes []change) *tale {
	if op.Complete == 0 {
		op.Complete = op.Invoke + milli
	}
	for _, c := range changes {
		c(&op)
	}
	t.Ops = append(t.Ops, op)
	return t
}

// The first byte of a credential's name is its user.
func owner(credential string) string { return credential[:min(1, len(credential))] }

func (t *tale) login(c string, at int64, changes ...change) *tale {
	return t.do(Op{Kind: Login, User: owner(c), Credential: c, Invoke: at}, changes)
}

func (t *tale) use(c string, at int64, how results.Outcome, changes ...change) *tale {
	op := Op{Kind: Use, User: owner(c), Credential: c, Invoke: at, Outcome: how}
	if how == results.OK {
		op.Subject = owner(c)
	}
	return t.do(op, changes)
}

func (t *tale) kill(k Kind, c string, at int64, changes ...change) *tale {
	return t.do(Op{Kind: k, User: owner(c), Credential: c, Invoke: at}, changes)
}

func (t *tale) refresh(presented, handed string, at int64, changes ...change) *tale {
	op := Op{Kind: Refresh, User: "a", Presented: presented, Handed: handed, Invoke: at}
	if handed == "" {
		op.Outcome = results.Rejected
	}
	return t.do(op, changes)
}

func (t *tale) fault(f Fault) *tale {
	t.Faults = append(t.Faults, f)
	return t
}

func (t *tale) promise(change func(*Promises)) *tale {
	change(&t.p)
	return t
}

func (t *tale) check() Report { return Check(&t.History, t.p) }

func finding(t testing.TB, r Report, check string) Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Check == check })
	if i < 0 {
		t.Fatalf("there is no finding %s", check)
	}
	return r.Findings[i]
}

// outage is a fault that is known exactly.
func outage(from, to int64) Fault {
	return Fault{Name: "outage", Requested: from, Confirmed: from, Recover: to, Recovered: to, Unreachable: true}
}

func loss(from, to int64) Fault {
	return Fault{Name: "loss", Requested: from, Confirmed: from, Recover: to, Recovered: to, DataLoss: true}
}
