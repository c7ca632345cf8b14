package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// RollingRestart replaces the nodes one by one while their users go on: each is told to
// end (SIGTERM), finishes what it has begun, ends, and a new process takes its address.
// A balancer that is aware takes a node out before it is told, and puts it back when it
// is ready; without one clients meet a port where nobody listens.
func RollingRestart() Scenario {
	return Scenario{
		Name:    "rolling-restart",
		Summary: "nodes are replaced one by one under load: is anything cut off, who has to log in again, what do cold nodes cost",
		Params: []Param{
			{Key: "how", Default: "same", Words: []string{"same", "mixed"}, Meaning: "what the new nodes are: the same, or a version by which credentials live twice as long, beside the old one"},
			{Key: "balancer", Default: "aware", Words: []string{"aware", "none"}, Meaning: "aware: a node that is about to end gets no new requests; none: its clients are refused until it is back"},
			{Key: "routing", Default: "sticky", Words: []string{"sticky", "round-robin"}, Meaning: "which node a use goes to: that of the user's log-in, or each in turn"},
			{Key: "nodes", Default: "3", Meaning: "nodes behind one population"},
			{Key: "users", Default: "150", Meaning: "users that are logged in, the same number on each node"},
			{Key: "rate", Default: "300", Meaning: "uses a second, of all nodes together"},
			{Key: "calm", Default: "1s", Meaning: "time before the first node ends, and between two"},
		},
		Applies: func(c *contract.Contract, v Values) string {
			switch {
			case c.Start == nil:
				return "it is not ours to restart"
			case v["how"] == "mixed" && len(nextVersion(c)) == 0:
				return "it has no setting of how long its credentials live"
			}
			return ""
		},
		Run: runRollingRestart,
	}
}

// nextVersion are the settings of the version that comes: whatever ends a credential by
// itself comes twice as late. Both versions hold their promises for as long as the
// scenario lasts, and have to take each other's credentials.
func nextVersion(c *contract.Contract) map[string]string {
	set := map[string]string{}
	for _, key := range []string{"lifetime", "idle_timeout", "absolute_timeout"} {
		if d := durationOf(c.Settings[key]); d > 0 {
			set[key] = (2 * d).String()
		}
	}
	return set
}

func runRollingRestart(ctx context.Context, t *Trial) error {
	r, err := t.setUp(ctx, setup{nodes: t.Values.number("nodes"), apart: true})
	if err != nil {
		return err
	}
	rr := &rolling{rig: r, next: r.c, away: &loadgen.Away{}}
	if t.Values["how"] == "mixed" {
		if rr.next, err = t.variant(nextVersion(r.c)); err != nil {
			return errors.Join(err, r.close())
		}
	}
	return errors.Join(rr.run(ctx), r.close())
}

// rolling is the scenario at work.
type rolling struct {
	*rig
	next     *contract.Contract // of the nodes that come
	away     *loadgen.Away      // what the balancer leaves out
	replaced []replacement
	moved    survivors // from another address
}

// survivors counts credentials, and those of them that were accepted.
type survivors struct{ all, accepted int64 }

func (a *survivors) count(answer *contract.Answer) {
	a.all++
	if answer.Outcome == results.OK {
		a.accepted++
	}
}

// replacement is what happened to one node. Instants are those of the history.
type replacement struct {
	out, told, ended, ready, back int64 // taken out, SIGTERM, no process any more, ready again, put back
	held                          []heldUse
	readiness                     string // what it said of itself while it drained
	first                         time.Duration
	kept                          survivors // credentials of its users, when it was back
	before, after                 coldness
}

// coldness is what uses cost in a stretch of time.
type coldness struct {
	from, to int64
	ops      int64
	counted  bool
}

func (rr *rolling) aware() bool { return rr.t.Values["balancer"] == "aware" }

func (rr *rolling) run(ctx context.Context) error {
	v := rr.t.Values
	n := v.number("users")
	if known := rr.c.Users.Count; known > 0 {
		n = min(n, known)
	}
	var err error
	if rr.users, err = rr.logInAtHome(ctx, n); err != nil {
		return err
	}
	if err := rr.fromElsewhere(ctx); err != nil {
		return err
	}
	plan, err := usePlan(rr.c, rr.nodes, rr.users)
	if err != nil {
		return err
	}
	plan.Routing = loadgen.Sticky
	if v["routing"] == "round-robin" {
		plan.Routing = loadgen.RoundRobin
	}
	loaded, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	phase := loadgen.Phase{Rate: float64(v.number("rate")), Duration: time.Duration(len(rr.nodes)+1) * (v.duration("calm") + longest), Away: rr.away}
	wait, err := rr.offer(loaded, plan, rr.users, phase)
	if err != nil {
		return err
	}
	err = rr.replaceAll(ctx)
	stop(errEnough)
	rec, werr := wait()
	if errors.Is(werr, errEnough) {
		werr = nil
	}
	if err = errors.Join(err, werr); err != nil {
		return err
	}
	if err := rr.atHome(ctx); err != nil {
		return err
	}
	rr.disturbances()
	rr.report(rec)
	return rr.conclude(rec)
}

// otherAddress is where a client comes from that changed its network: on Linux the whole
// of 127/8 is the machine's.
const otherAddress = "127.0.0.2"

// fromElsewhere uses credentials from another address than the one that they were handed
// to, on a connection of its own, like every use here.
func (rr *rolling) fromElsewhere(ctx context.Context) error {
	for i := range min(newcomersAsked, len(rr.users)) {
		client := rr.client(rr.home(i))
		client.From = otherAddress
		a, err := client.Do(ctx, &rr.c.Use, rr.users[i].vars)
		if err != nil {
			return err
		}
		if a.Status != 0 { // else the address is not to be had here
			rr.moved.count(a)
		}
	}
	return context.Cause(ctx)
}

// replaceAll replaces node after node, each in the calm that the one before left.
func (rr *rolling) replaceAll(ctx context.Context) error {
	calm := rr.t.Values.duration("calm")
	sleep(ctx, calm) // the first uses are on cold nodes, too
	warm, err := rr.cold(ctx, calm)
	if err != nil {
		return err
	}
	for i := range rr.nodes {
		p, err := rr.replace(ctx, i)
		if err != nil {
			return fmt.Errorf("replace node %d: %w", i, err)
		}
		p.before = warm
		if p.after, err = rr.cold(ctx, calm); err != nil {
			return err
		}
		if err := rr.askUsers(ctx, i, &p.kept); err != nil {
			return err
		}
		if err := rr.bothVersions(ctx, i); err != nil {
			return err
		}
		rr.replaced = append(rr.replaced, p)
	}
	return nil
}

// cold reads what the load costs for a while.
func (rr *rolling) cold(ctx context.Context, d time.Duration) (coldness, error) {
	before, err := rr.t.Testbed.StoreOps(ctx)
	if err != nil {
		return coldness{}, err
	}
	c := coldness{from: rr.hist.now()}
	sleep(ctx, d)
	c.to = rr.hist.now()
	after, err := rr.t.Testbed.StoreOps(ctx)
	ops := after.Sub(before)
	c.ops, c.counted = ops.Total(), ops.Known
	return c, errors.Join(err, context.Cause(ctx))
}

const (
	// leadTime is how long before it is told to end a node gets no new requests, and
	// trailTime how long after it is ready: the generator's connections are back by then,
	// which are dialled again every 250 ms at the latest.
	leadTime  = 300 * time.Millisecond
	trailTime = 600 * time.Millisecond
)

// replace ends node i and starts another one at its address.
func (rr *rolling) replace(ctx context.Context, i int) (replacement, error) {
	p := replacement{out: rr.hist.now()}
	if rr.aware() {
		rr.away.Take(i)
		sleep(ctx, leadTime)
	}
	old := rr.nodes[i]
	hands, err := rr.hold(ctx, i)
	if err != nil {
		return p, err
	}
	p.told = rr.hist.now()
	ended := make(chan error, 1)
	go func() {
		err := old.Stop()
		p.ended = rr.hist.now()
		ended <- err
	}()
	sleep(ctx, holdTime)
	p.held, p.readiness = rr.release(hands)
	if err := <-ended; err != nil {
		return p, err
	}
	n, err := rr.t.Testbed.StartNodeWith(ctx, rr.next, testbed.NodeOptions{Listen: old.Addr()})
	if err != nil {
		return p, err
	}
	rr.nodes[i] = n
	p.ready = rr.hist.now()
	if p.first, err = rr.firstAccepted(ctx, i, p.ready); err != nil {
		return p, err
	}
	if rr.aware() {
		sleep(ctx, trailTime)
		rr.away.Give(i)
	}
	p.back = rr.hist.now()
	return p, context.Cause(ctx)
}

// firstAccepted is how long after it was ready a node accepted a credential of before;
// 0 when it did not.
func (rr *rolling) firstAccepted(ctx context.Context, node int, ready int64) (time.Duration, error) {
	for i := node; i < len(rr.users); i += len(rr.nodes) {
		a, err := rr.do(ctx, checker.Use, node, &user{vars: rr.users[i].vars}, false)
		if err != nil {
			return 0, err
		}
		switch a.Outcome {
		case results.OK:
			return time.Duration(rr.hist.since(a.Done) - ready), nil
		case results.Rejected:
			return 0, nil
		}
	}
	return 0, nil
}

// askUsers uses the credentials of node i's users on it.
func (rr *rolling) askUsers(ctx context.Context, node int, kept *survivors) error {
	for i := node; i < len(rr.users); i += len(rr.nodes) {
		a, err := rr.do(ctx, checker.Use, node, &user{vars: rr.users[i].vars}, false)
		if err != nil {
			return err
		}
		kept.count(a)
	}
	return context.Cause(ctx)
}

// crossing is how many users log in on every node while versions are mixed.
const crossing = 3

// bothVersions has users log in on every node, of which some are new and some old, and
// use what they get on every node that can know of it.
func (rr *rolling) bothVersions(ctx context.Context, replaced int) error {
	nodes := make([]int, len(rr.nodes))
	for i := range nodes {
		nodes[i] = i
	}
	for maker := range rr.nodes {
		for k := range crossing {
			u := user{vars: rr.c.User(1 + ((replaced*len(rr.nodes)+maker)*crossing+k)%len(rr.users))}
			if err := rr.mustLogIn(ctx, maker, &u); err != nil {
				return err
			}
			on := nodes
			if keepsApart(rr.c) {
				on = []int{maker}
			}
			for _, node := range on {
				if _, err := rr.do(ctx, checker.Use, node, &user{vars: u.vars}, false); err != nil {
					return err
				}
			}
		}
	}
	return context.Cause(ctx)
}

// disturbances tells the checker what was done to the nodes.
func (rr *rolling) disturbances() {
	for i, p := range rr.replaced {
		d := disturbance{nodes: []int{i}, Fault: results.Fault{
			Name: "restart", On: fmt.Sprintf("node %d", i), DataLoss: keepsApart(rr.c),
			RequestedNS: p.told, ConfirmedNS: &p.ended, RecoverNS: &p.ended, RecoveredNS: &p.ready,
		}}
		rr.own = append(rr.own, d)
	}
}
