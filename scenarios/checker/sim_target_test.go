package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"authbench/results"
)

// mechanism of the simulated target.
type mechanism int

const (
	session    mechanism = iota // a record in a store, deleted by the revoke
	cached                      // with a copy on each node, for Bound
	staled                      // with a copy that is used while the store is away, for Stale
	token                       // nothing to revoke
	denylist                    // revoked ones in a store that forgets them with its data
	mechanisms                  // how many there are
)

// defect is what the simulated target does wrong.
type defect int

const (
	sound        defect = iota
	deafNode            // node 0 ignores one revoke in 100
	revivedTouch        // a touch writes back a session that was deleted meanwhile
	storeIs401          // the store away is answered 401
	longLeeway          // one second more than declared
	bleed               // one answer in 10,000 has another user's name
	byBytes             // a denylist of bytes does not know a token's twin
)

// target keeps what it promises in p, but for its defect.
type target struct {
	rng     *rand.Rand
	kind    mechanism
	defect  defect
	p       Promises
	wall    int64
	forgive bool // logging out twice is fine

	records  map[string]*record
	byUser   map[string][]*record
	families map[string]*chain // by token
	copies   map[copyKey]int64 // when the store was asked
	truth    []actual
	made     int
	revoked  int
	used     int

	// What the clients know, to tell answers that break a promise for certain.
	fired      int // of these
	firedDead  int // of these, after a revoke was acknowledged
	userKilled map[string]bool
}

type copyKey struct {
	node int
	name string
}

// record is a credential as the target has it.
type record struct {
	user       string
	made, seen int64
	exp        int64
	gone       bool // ended by a revoke, or lost
	deaf       bool // node 0 did not hear of its revoke
	chain      *chain

	given     int64 // to a client
	killed    bool  // a revoke was sent
	deadSince int64 // acknowledged
}

// chain is a family of refresh tokens as the target has it.
type chain struct {
	user              string
	current, previous string
	rotated           int64
	ended             bool
}

// actual is when a fault really was active.
type actual struct {
	begin, end int64
	Fault
}

func newTarget(kind mechanism, d defect, rng *rand.Rand) target {
	t := target{
		rng: rng, kind: kind, defect: d, forgive: rng.IntN(2) == 0,
		records: map[string]*record{}, byUser: map[string][]*record{}, families: map[string]*chain{},
		copies: map[copyKey]int64{}, userKilled: map[string]bool{},
		p: Promises{BoundDeclared: true, OnStoreUnreachable: "503", OnDataLoss: "logged-out"},
	}
	some := func() time.Duration { return time.Duration(rng.Int64N(3*second) + 1) }
	if rng.IntN(2) == 0 {
		t.wall = 1_700_000_000*second + rng.Int64N(second)
	}
	switch kind {
	case session:
		if rng.IntN(3) == 0 && d == sound {
			t.p.Idle, t.p.Absolute = 3*time.Second, 20*time.Second
		}
	case cached:
		t.p.Bound = some()
	case staled:
		t.p.OnStoreUnreachable, t.p.Stale = "stale", some()
	case token:
		t.p.ByExpiry, t.p.OnStoreUnreachable, t.p.OnDataLoss = true, "unaffected", "unaffected"
		t.p.Lifetime, t.p.Leeway = 5*time.Second, time.Duration(rng.IntN(3))*time.Second
	case denylist:
		t.p.OnDataLoss = "revoked-lives-again"
		t.p.Lifetime, t.p.Leeway = 20*time.Second, time.Second
		if rng.IntN(2) == 0 {
			t.p.OnStoreUnreachable = "open"
		}
	}
	if kind >= token && rng.IntN(2) == 0 {
		t.p.Refresh, t.p.Grace = "rotating", time.Duration(rng.Int64N(2*second))
	}
	return t
}

// active says whether a fault of that sort is at work on the node.
func (t *target) active(node int, now int64, sort func(Fault) bool) bool {
	return slices.ContainsFunc(t.truth, func(a actual) bool {
		if now < a.begin || now > a.end || !sort(a.Fault) || a.Nodes != nil && !slices.Contains(a.Nodes, node) {
			return false
		}
		return !a.Intermittent || now/(200*milli)%2 == 0
	})
}

func (t *target) away(node int, now int64) bool {
	return t.kind != token && t.active(node, now, func(f Fault) bool { return f.Unreachable })
}

// local is the time on a node's clock.
func (t *target) local(node int, now int64) int64 {
	if t.active(node, now, func(f Fault) bool { return f.Excuses }) {
		return now - 3*second
	}
	return now
}

// lose is a loss of data: sessions are gone, and so is the memory of revokes.
func (t *target) lose() {
	for _, r := range t.records {
		r.gone = t.kind != denylist && t.kind != token || r.gone && t.kind == token
	}
	for _, c := range t.families {
		c.ended = true
	}
}

// serve answers one operation at the instant of its effect.
func (t *target) serve(op *Op, now int64) {
	switch op.Kind {
	case Login:
		if t.kind < token && t.away(op.Node, now) {
			op.Outcome = results.Unavailable
			return
		}
		op.Credential = t.create(op.User, op.Node, now, nil)
		if t.p.Refresh == "rotating" {
			c := &chain{user: op.User}
			t.records[op.Credential].chain = c
			op.Handed = t.rotate(c, now)
		}
	case Refresh:
		t.trade(op, now)
	case Use:
		t.use(op, now)
	default:
		t.end(op, now)
	}
}

func (t *target) create(user string, node int, now int64, c *chain) string {
	t.made++
	name := fmt.Sprintf("c%d", t.made)
	at := t.local(node, now)
	exp := (at+t.wall)/second*second - t.wall + int64(t.p.Lifetime)
	r := &record{user: user, made: now, seen: now, exp: exp, chain: c, given: forever, deadSince: forever}
	t.records[name], t.byUser[user] = r, append(t.byUser[user], r)
	return name
}

func (t *target) rotate(c *chain, now int64) string {
	t.made++
	c.previous, c.current, c.rotated = c.current, fmt.Sprintf("r%d", t.made), now
	t.families[c.current] = c
	return c.current
}

func (t *target) trade(op *Op, now int64) {
	c := t.families[op.Presented]
	switch {
	case t.away(op.Node, now):
		op.Outcome = results.Unavailable
	case !c.ended && op.Presented == c.current:
		op.Handed, op.Made = t.rotate(c, now), t.create(c.user, op.Node, now, c)
	case !c.ended && op.Presented == c.previous && now-c.rotated < int64(t.p.Grace):
		op.Handed, op.Made = c.current, t.create(c.user, op.Node, now, c)
	default:
		c.ended = true
		op.Outcome = results.Rejected
	}
}

// use answers whether the credential is good.
func (t *target) use(op *Op, now int64) {
	r := t.records[op.Credential]
	op.Outcome = t.good(op, r, now)
	if op.Outcome != results.OK {
		return
	}
	t.used++
	op.Subject = r.user
	if t.defect == bleed && t.used%10_000 == 0 {
		op.Subject = "user-x"
	}
}

func (t *target) good(op *Op, r *record, now int64) results.Outcome {
	away, gone := t.away(op.Node, now), r.gone && (!r.deaf || op.Node != 0)
	key := copyKey{op.Node, op.Credential}
	switch t.kind {
	case cached:
		if asked, is := t.copies[key]; is && now-asked < int64(t.p.Bound) {
			return results.OK
		}
	case staled:
		if asked, is := t.copies[key]; away && is && now-asked < int64(t.p.Stale) {
			return results.OK
		}
	case token, denylist:
		leeway := int64(t.p.Leeway)
		if t.defect == longLeeway {
			leeway += second
		}
		switch {
		case t.local(op.Node, now) >= r.exp+leeway:
			return results.Rejected
		case t.kind == token:
			return results.OK
		case away && t.p.OnStoreUnreachable == "open":
			return results.OK
		case t.defect == byBytes && t.rng.IntN(10) == 0:
			return results.OK // another spelling
		}
	}
	if away {
		if t.defect == storeIs401 {
			return results.Rejected
		}
		return results.Unavailable
	}
	if gone || t.p.Idle > 0 && (now >= r.seen+int64(t.p.Idle) || now >= r.made+int64(t.p.Absolute)) {
		delete(t.copies, key)
		return results.Rejected
	}
	t.copies[key] = op.Invoke
	if now-r.seen >= int64(t.p.Idle/3) {
		r.seen = now
	}
	return results.OK
}

// end does what ends credentials.
func (t *target) end(op *Op, now int64) {
	r := t.records[op.Credential]
	if op.Kind != Revoke || !r.gone || !t.forgive {
		if op.Outcome = t.good(op, r, now); op.Outcome != results.OK {
			return
		}
	}
	if t.away(op.Node, now) {
		op.Outcome = results.Unavailable
		if t.rng.IntN(4) > 0 {
			return // else it reached the store, and only the answer was lost
		}
	}
	if op.Kind == Revoke || op.Kind == StepUp {
		t.kill(r)
	} else {
		for _, other := range t.byUser[r.user] {
			t.kill(other)
		}
		for _, c := range t.families {
			c.ended = c.ended || c.user == r.user
		}
	}
	if op.Outcome == results.OK && (op.Kind == Password || op.Kind == StepUp) {
		op.Made = t.create(r.user, op.Node, now, nil)
	}
}

func (t *target) kill(r *record) {
	if r.chain != nil {
		r.chain.ended = true
	}
	if r.gone || t.kind == token {
		return
	}
	t.revoked++
	r.gone, r.deaf = true, t.defect == deafNode && t.revoked%100 == 0
}

// sent notes what clients know before an operation.
func (t *target) sent(op *Op) {
	switch op.Kind {
	case Revoke, StepUp:
		t.records[op.Credential].killed = true
	case RevokeAll, Password:
		t.userKilled[op.User] = true
	}
}

// answered notes what clients know after one, and counts what breaks a promise for
// certain.
func (t *target) answered(op *Op) {
	if made := op.hands(); made != "" && op.Outcome == results.OK {
		t.records[made].given = op.Complete
	}
	switch {
	case op.Kind == Use:
		t.judge(op, t.records[op.Credential])
	case op.Outcome != results.OK:
	case op.Kind == Revoke || op.Kind == StepUp:
		r := t.records[op.Credential]
		r.deadSince = min(r.deadSince, op.Complete)
	case op.Kind == RevokeAll || op.Kind == Password:
		for _, r := range t.byUser[op.User] {
			if r.given < op.Invoke {
				r.deadSince = min(r.deadSince, op.Complete)
			}
		}
	}
}

func (t *target) judge(op *Op, r *record) {
	bad := false
	switch t.defect {
	case deafNode, revivedTouch, byBytes:
		bad = op.Outcome == results.OK && r.deadSince < forever && op.Invoke > r.deadSince+int64(t.p.Bound)
	case storeIs401:
		bad = op.Outcome == results.Rejected && op.Invoke > r.given && !r.killed && !t.userKilled[r.user]
	case longLeeway:
		end := r.given + int64(t.p.Lifetime+t.p.Leeway)
		if t.wall > 0 && (r.made+t.wall)/second == (r.given+t.wall+clockSlack)/second {
			end = r.exp + int64(t.p.Leeway) + 2*clockSlack
		}
		bad = op.Outcome == results.OK && op.Invoke > end
	case bleed:
		bad = op.Outcome == results.OK && op.Subject != r.user
	}
	if bad {
		t.fired++
		if op.Invoke > r.deadSince {
			t.firedDead++
		}
	}
}
