package checker

import (
	"cmp"
	"math"
	"slices"
	"time"

	"authbench/results"
)

// life is what the history says of one credential.
type life struct {
	name  string
	user  int32 // index into book.users
	maker int32 // the operation that handed it out first; -1: none did
	// It was handed out between born and given; last is when it was for the last
	// time (a refresh within its grace hands the same one out again).
	born, given, last int64
	ops               []int32 // that presented it, by invoke
	own               kills   // that ended it alone; those of the user end it, too
	// disturbed is the earliest instant at which its family of refresh tokens may
	// have been revoked because of a replay.
	disturbed int64
}

// person is one user.
type person struct {
	name  string
	kills kills // that ended all that the user had
}

// book is the history in order: what lived when, and what ended it.
type book struct {
	h       *History
	p       Promises
	lives   []life
	users   []person
	byName  map[string]int32 // credentials
	byUser  map[string]int32
	climate *climate
	order   []int32 // of the operations that were sent, by invoke
}

// unknown says that nobody knows whether an operation with that outcome took
// effect.
func unknown(o results.Outcome) bool {
	switch o {
	case results.OK, results.Rejected, results.Forbidden, results.Shed:
		return false
	}
	return true
}

// presents says that the operation shows its Credential to the target.
func (o *Op) presents() bool { return o.Kind != Login && o.Kind != Refresh && o.Credential != "" }

// hands names the credential that the operation hands out; "": none.
func (o *Op) hands() string {
	if o.Outcome != results.OK && !unknown(o.Outcome) {
		return ""
	}
	switch o.Kind {
	case Login:
		return o.Credential
	case Password, StepUp, Refresh:
		return o.Made
	}
	return ""
}

func newBook(h *History, p Promises) *book {
	b := &book{
		h: h, p: p, byName: map[string]int32{}, byUser: map[string]int32{},
		climate: newClimate(h.Faults),
	}
	for i := range h.Ops {
		if h.Ops[i].Outcome != results.Shed {
			b.order = append(b.order, int32(i))
		}
	}
	slices.SortFunc(b.order, func(x, y int32) int {
		return cmp.Or(cmp.Compare(h.Ops[x].Invoke, h.Ops[y].Invoke), cmp.Compare(x, y))
	})
	b.handOut()
	b.collect()
	for i := range b.users {
		b.users[i].kills.index()
	}
	for i := range b.lives {
		b.lives[i].own.index()
	}
	b.followRefreshes()
	for i := range b.lives {
		b.prove(&b.lives[i])
	}
	return b
}

// handOut notes when each credential was handed out.
func (b *book) handOut() {
	for _, i := range b.order {
		op := &b.h.Ops[i]
		name := op.hands()
		if name == "" {
			continue
		}
		given := op.Complete
		if op.Outcome != results.OK {
			given = forever // nobody is known to have received it
		}
		c := &b.lives[b.life(name, op.User)]
		if c.maker < 0 {
			c.maker, c.born, c.given, c.last = i, op.Invoke, given, given
			continue
		}
		c.given, c.last = min(c.given, given), max(c.last, given)
	}
}

// life is the index of the credential of that name.
func (b *book) life(name, owner string) int32 {
	if i, known := b.byName[name]; known {
		return i
	}
	i := int32(len(b.lives))
	b.byName[name] = i
	b.lives = append(b.lives, life{
		name: name, user: b.user(owner), maker: -1,
		born: math.MinInt64, given: forever, last: forever, disturbed: forever,
	})
	return i
}

// user is the index of the user of that name.
func (b *book) user(name string) int32 {
	if i, known := b.byUser[name]; known {
		return i
	}
	i := int32(len(b.users))
	b.byUser[name] = i
	b.users = append(b.users, person{name: name})
	return i
}

// collect gathers, for each credential, what was done with it and what ended it.
func (b *book) collect() {
	for _, i := range b.order {
		op := &b.h.Ops[i]
		if op.presents() {
			c := &b.lives[b.life(op.Credential, op.User)]
			c.ops = append(c.ops, i)
		}
		if op.Kind == Login || op.Kind == Use || op.Kind == Refresh || op.Outcome != results.OK && !unknown(op.Outcome) {
			continue
		}
		k := kill{op: i, invoke: op.Invoke, acked: op.Complete, by: -1}
		if op.Outcome != results.OK || op.Made != "" && op.Made == op.Credential {
			k.acked = forever
		}
		if op.Kind != StepUp && (op.Kind != Revoke || b.p.RevokesUser) {
			u := &b.users[b.user(op.User)]
			u.kills.list = append(u.kills.list, k)
		}
		if op.Credential != "" {
			c := &b.lives[b.life(op.Credential, op.User)]
			c.own.list = append(c.own.list, k)
		}
	}
}

// prove resolves what was not acknowledged: a completed rejection before the
// credential's own end, with no fault since that could explain it, shows that the
// revoke took effect, at the latest when the rejection was complete.
func (b *book) prove(c *life) {
	if len(c.own.open) == 0 && len(b.users[c.user].kills.open) == 0 {
		return
	}
	proved := map[int32]bool{}
	var found []kill
	touched := c.born
	for _, i := range c.ops {
		op := &b.h.Ops[i]
		if op.Outcome == results.OK && op.Kind == Use {
			touched = op.Invoke
		}
		if op.Outcome != results.Rejected || op.Complete >= b.earliestEnd(c) || b.idled(touched, op.Complete) {
			continue
		}
		k, ok := b.unacknowledged(c, op.Complete)
		if !ok || proved[k.op] {
			continue
		}
		w := b.climate.at(op.Node)
		if w.loss.touch(k.invoke, op.Complete) || w.excuses.touch(k.invoke, op.Complete) {
			continue
		}
		proved[k.op] = true
		k.acked, k.by = op.Complete, i
		found = append(found, k)
	}
	if len(found) > 0 {
		c.own.list = append(c.own.list, found...)
		c.own.index()
	}
}

// unacknowledged is the latest operation invoked by then that may have ended the
// credential without saying so.
func (b *book) unacknowledged(c *life, by int64) (kill, bool) {
	own, found := c.own.unknown(by, c.maker)
	all, also := b.users[c.user].kills.unknown(by, c.maker)
	if also && (!found || all.invoke > own.invoke) {
		return all, true
	}
	return own, found
}

// dead is, of the revokes invoked after t that have to end the credential, the one
// that is known first. A revoke of all that a user has ends what was handed out
// before it was invoked.
func (b *book) dead(c *life, t int64) (kill, bool) {
	own, found := c.own.firm(t)
	all, also := b.users[c.user].kills.firm(max(t, c.given))
	if also && (!found || all.acked < own.acked) {
		return all, true
	}
	return own, found
}

// mayBeDead says whether a revoke invoked by then may have ended the credential.
func (b *book) mayBeDead(c *life, by int64) bool {
	return c.own.may(by, math.MinInt64, c.maker) || b.users[c.user].kills.may(by, c.born, c.maker)
}

// unresolved says that a revoke was sent of which nobody knows whether it took
// effect.
func (b *book) unresolved(c *life) bool {
	if _, known := b.dead(c, math.MinInt64); known {
		return false
	}
	if len(c.own.open) > 0 {
		return true
	}
	k, ok := b.users[c.user].kills.unknown(forever, c.maker)
	return ok && k.invoke > c.given
}

// earliestEnd is the earliest instant at which the credential may have ended by
// itself: an iat is cut down to the whole second, so up to one second early.
func (b *book) earliestEnd(c *life) int64 {
	end := int64(forever)
	for _, life := range []time.Duration{b.p.Lifetime, b.p.Absolute} {
		if life > 0 {
			end = min(end, later(later(c.born, int64(life)), -int64(time.Second)))
		}
	}
	return end
}

// clockSlack is how far the machine's wall clock may drift from the monotonic one
// in the time of a history.
const clockSlack = int64(100 * time.Millisecond)

// latestEnd is the latest instant at which the credential may still be good by
// itself, leeway included. The second of the iat can only be earlier than when
// the answer was there; where the wall clock is known it is cut down to it.
func (b *book) latestEnd(c *life) int64 {
	end := int64(forever)
	if b.p.Lifetime > 0 {
		from := c.last
		if b.h.Wall > 0 && from < forever-b.h.Wall-clockSlack {
			unix := from + b.h.Wall + clockSlack
			from = unix - unix%int64(time.Second) - b.h.Wall + clockSlack
			from = min(from, c.last)
		}
		end = later(later(from, int64(b.p.Lifetime)), int64(b.p.Leeway))
	}
	if b.p.Absolute > 0 {
		end = min(end, later(c.last, int64(b.p.Absolute)+int64(time.Second)))
	}
	return end
}

// idled says whether a session that was last seen to be used then may have ended
// for want of use. Servers throttle the writes that keep it alive, so half the
// time that is promised is allowed to have passed unnoticed.
func (b *book) idled(touched, now int64) bool {
	return b.p.Idle > 0 && now >= later(touched, int64(b.p.Idle/2))
}
