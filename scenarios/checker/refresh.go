package checker

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"authbench/results"
)

// Limits of the search for an order that explains a family. Past them the verdict
// is unknown.
const (
	familyLimit  = 2 * time.Second
	refreshLimit = 20 * time.Second
)

// family is every refresh token that came of one login.
type family struct {
	user   int32
	root   int32 // the operation that handed out the first
	tokens map[string]int
	lives  []int32
	steps  []step
}

// followRefreshes notes from when on each credential may have died with its
// family, because of a replay or because another credential of the family was
// revoked: from then on a rejection proves nothing.
func (b *book) followRefreshes() {
	if b.p.Refresh != "rotating" && b.p.Refresh != "stateless" {
		return
	}
	for _, f := range b.gather() {
		from := int64(forever)
		for _, s := range f.steps {
			if s.what == end || s.outcome != accepted {
				from = min(from, s.call)
			}
		}
		for _, l := range f.lives {
			b.lives[l].disturbed = min(b.lives[l].disturbed, from)
		}
	}
}

// gather sorts the operations on refresh tokens into families. A credential of a
// family that is revoked takes the family with it.
func (b *book) gather() []*family {
	var all []*family
	of := map[string]*family{}
	byLife := make([]*family, len(b.lives))
	join := func(f *family, credential string) {
		if l, known := b.byName[credential]; known && byLife[l] == nil {
			byLife[l] = f
			f.lives = append(f.lives, l)
		}
	}
	for _, i := range b.order {
		op := &b.h.Ops[i]
		if op.Kind == Refresh {
			if f := of[op.Presented]; f != nil && op.Outcome != results.Forbidden {
				f.steps = append(f.steps, f.trade(op, i))
				if op.Handed != "" && op.Outcome == results.OK && of[op.Handed] == nil {
					of[op.Handed] = f
				}
				join(f, op.hands())
			}
			continue
		}
		if op.Handed == "" || op.Outcome != results.OK || of[op.Handed] != nil {
			continue
		}
		f := &family{user: b.user(op.User), root: i, tokens: map[string]int{}}
		f.token(op.Handed)
		of[op.Handed] = f
		join(f, op.hands())
		all = append(all, f)
	}
	for _, f := range all {
		b.addEnds(f)
	}
	return all
}

// token is the number of a token in its family, from 1; 0: the recorder did not
// see it.
func (f *family) token(name string) int {
	if name == "" {
		return 0
	}
	n, known := f.tokens[name]
	if !known {
		n = len(f.tokens) + 1
		f.tokens[name] = n
	}
	return n
}

func (f *family) trade(op *Op, i int32) step {
	s := step{what: trade, op: i, presented: f.token(op.Presented), call: op.Invoke, ret: op.Complete}
	switch {
	case op.Outcome == results.OK:
		s.outcome, s.handed = accepted, f.token(op.Handed)
	case op.Outcome == results.Rejected:
		s.outcome = refused
	default:
		s.outcome, s.ret = uncertain, forever
	}
	return s
}

// addEnds adds what revoked the family, or may have.
func (b *book) addEnds(f *family) {
	born, given := b.h.Ops[f.root].Invoke, b.h.Ops[f.root].Complete
	add := func(k kill, certain bool) {
		if k.op == f.root || k.by >= 0 {
			return
		}
		s := step{what: end, op: k.op, outcome: accepted, call: k.invoke, ret: k.acked}
		if !certain || k.acked == forever {
			s.outcome = uncertain
		}
		f.steps = append(f.steps, s)
	}
	seen := map[int32]bool{}
	for _, k := range b.users[f.user].kills.list {
		if seen[k.op] = true; k.acked >= born {
			add(k, given < k.invoke)
		}
	}
	for _, l := range f.lives {
		for _, k := range b.lives[l].own.list {
			if !seen[k.op] {
				seen[k.op] = true
				add(k, b.h.Ops[k.op].Kind == Revoke)
			}
		}
	}
	slices.SortStableFunc(f.steps, func(x, y step) int { return cmp.Compare(x.call, y.call) })
}

// families judges the refresh tokens: of every family there has to be an order of
// its operations, one after the other, each at an instant between its invocation
// and its completion, that a rotating family allows (linearizability, Herlihy and
// Wing 1990).
func (b *book) families(s *sweep) (Finding, []results.Fact) {
	f := Finding{Check: RefreshFamilies, Status: results.NotApplicable, Unit: "families"}
	facts, trades := b.replays()
	switch b.p.Refresh {
	case "rotating":
	case "stateless":
		f.Reason = fmt.Sprintf("refresh tokens are stateless: %s accepted, as declared", plural(int64(trades.replayed), "replay was", "replays were"))
		return f, facts
	default:
		f.Reason = "there are no refresh tokens"
		return f, facts
	}
	var judged, skipped, broken, undecided int64
	until := time.Now().Add(refreshLimit)
	for _, one := range b.gather() {
		switch {
		case !slices.ContainsFunc(one.steps, func(s step) bool { return s.what == trade }):
			continue
		case b.troubled(one):
			skipped++
			continue
		}
		judged++
		switch b.explain(one, one.steps, min(familyLimit, time.Until(until))) {
		case porcupine.Illegal:
			broken++
			if len(s.families) < kept {
				s.families = append(s.families, b.firstWrong(one, until))
			}
		case porcupine.Unknown:
			undecided++
		}
	}
	reason := fmt.Sprintf("of %s", plural(judged, "family of refresh tokens", "families of refresh tokens"))
	if skipped > 0 {
		reason += fmt.Sprintf("; %d more lived through a loss of data or a fault of clock, key or program", skipped)
	}
	f = counted(RefreshFamilies, "families", broken, judged, "nothing was refreshed outside of faults that lose data or disturb keys", reason)
	if undecided > 0 && f.Status == results.Pass {
		f.Status, f.Reason = results.Unknown, fmt.Sprintf("%s too entangled to judge in %s", plural(undecided, "family is", "families are"), refreshLimit)
	}
	return f, facts
}

// troubled says that something else than rotation may explain what the family did.
func (b *book) troubled(f *family) bool {
	from, to := b.h.Ops[f.root].Invoke, int64(math.MinInt64)
	for _, s := range f.steps {
		to = max(to, b.h.Ops[s.op].Complete)
	}
	return b.hasFault(func(x *Fault) bool {
		return (x.DataLoss || x.Excuses) && x.Requested <= to && x.over() >= from
	})
}

// explain looks for the order.
func (b *book) explain(f *family, steps []step, limit time.Duration) porcupine.CheckResult {
	if limit <= 0 {
		return porcupine.Unknown
	}
	ops := make([]porcupine.Operation, len(steps))
	for i, s := range steps {
		ops[i] = porcupine.Operation{Input: s, Call: s.call, Return: max(s.call, s.ret)}
	}
	rules := rotation{grace: int64(b.p.Grace), ends: forever}
	if b.p.RefreshLifetime > 0 {
		rules.ends = later(b.h.Ops[f.root].Invoke, int64(b.p.RefreshLifetime-time.Second))
	}
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{lineage{current: 1}} },
		StepContext: func(_ context.Context, state, input, _ any) []any {
			return rules.after(state.(lineage), input.(step))
		},
	}
	return porcupine.CheckOperationsTimeout(model.ToModel(), ops, limit)
}

// firstWrong is the operation at whose completion the family stops being
// explainable: a prefix of a history that can be explained can be, too.
func (b *book) firstWrong(f *family, until time.Time) suspect {
	byEnd := slices.Clone(f.steps)
	slices.SortStableFunc(byEnd, func(x, y step) int { return cmp.Compare(x.ret, y.ret) })
	low, high := 0, len(byEnd)-1
	for low < high {
		mid := (low + high) / 2
		if b.explain(f, prefix(f.steps, byEnd[mid].ret), min(familyLimit, time.Until(until))) == porcupine.Illegal {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return suspect{check: RefreshFamilies, op: byEnd[low].op, life: -1, kill: kill{op: f.root, by: -1}}
}

// prefix is what was known of the steps at t.
func prefix(steps []step, t int64) []step {
	var out []step
	for _, s := range steps {
		if s.call > t {
			continue
		}
		if s.ret > t {
			s.outcome, s.ret, s.handed = uncertain, forever, 0
		}
		out = append(out, s)
	}
	return out
}
