package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
	"authbench/targets/contract"
)

// StoreRTT moves the store of a session further away, step by step, and measures at
// each step how long a use takes, beside tokens that ask no store: from which round
// trip on does each of them answer sooner?
func StoreRTT() Scenario {
	return Scenario{
		Name:    "store-rtt",
		Summary: "the store moves away step by step: at which round trip, measured at the node, does each token overtake the session",
		Params: []Param{
			{Key: "points", Default: "direct,25us,50us,100us,250us,1ms,5ms,20ms,80ms", Meaning: "round trips that a link adds, in steps of 20us; direct is without a link"},
			{Key: "against", Default: "jwt-es256,jwt-rs256,jwt-hs256,jwt-es256+memo", Meaning: "token arms, measured in the same blocks"},
			{Key: "blocks", Default: "12", Meaning: "each with fresh nodes; fewer than 6 give no interval, and no break-even"},
			{Key: "repeats", Default: "2", Meaning: "windows of each token, and of the session with its store at hand, in a block"},
			{Key: "window", Default: "2s", Meaning: "length of a measurement"},
			{Key: "warmup", Default: "300ms", Meaning: "load before each, not measured"},
			{Key: "rate", Default: "500", Meaning: "uses a second, of every arm the same: so few that they seldom wait for each other"},
			{Key: "users", Default: "64", Meaning: "users that are logged in on every node"},
			{Key: "connections", Default: "64", Meaning: "to every node, and of a node to its store: what is under way at the furthest point has to fit"},
		},
		Applies: rttApplies,
		Settings: func(c *contract.Contract, v Values) map[string]string {
			set := map[string]string{}
			for _, key := range poolKeys(c) {
				set[key] = v["connections"]
			}
			return set
		},
		Limit: 40 * time.Minute,
		Run:   runStoreRTT,
	}
}

func rttApplies(c *contract.Contract, _ Values) string {
	switch {
	case runtime.GOOS != "linux":
		return "the link that delays by microseconds is an event loop for Linux"
	case c.Start == nil:
		return "its store is not ours to move away"
	case !c.Start.Admin:
		return "it has no admin plane to ask for its round trip"
	case c.Mechanism != "session" || len(storesOf(c)) != 1:
		return "it is no session that asks one store"
	case c.Settings["cache_for"] != "" && c.Settings["cache_for"] != "0s":
		return "it answers from a copy on the node, at any distance"
	}
	return ""
}

// rttPoint is one distance of the store.
type rttPoint struct {
	label  string
	added  time.Duration // by the link, there and back
	direct bool
}

// rttPoints reads the distances, the nearest first. The link delays each way in whole
// steps, so what is asked for is rounded, and the label says what it came to.
func rttPoints(text string) ([]rttPoint, error) {
	var out []rttPoint
	for word := range strings.SplitSeq(text, ",") {
		if word == "direct" {
			out = append(out, rttPoint{"direct", 0, true})
			continue
		}
		d, err := time.ParseDuration(word)
		if err != nil || d < 2*link.Step || d > time.Second {
			return nil, fmt.Errorf("points: %q is neither direct nor a round trip from %v to 1s", word, 2*link.Step)
		}
		d = 2 * (d / 2).Round(link.Step)
		out = append(out, rttPoint{"+" + strings.ReplaceAll(d.String(), "µ", "u"), d, false})
	}
	slices.SortFunc(out, func(a, b rttPoint) int { return cmp.Compare(a.added, b.added) })
	if !out[0].direct || len(out) < 2 {
		return nil, fmt.Errorf("points %q: it takes direct and at least one round trip more", text)
	}
	for i := 1; i < len(out); i++ {
		if out[i].added == out[i-1].added {
			return nil, fmt.Errorf("points %q: %s is there twice", text, out[i].label)
		}
	}
	return out, nil
}

// rttRun is the experiment.
type rttRun struct {
	t       *Trial
	kind    string // of store
	points  []rttPoint
	tokens  []*contract.Contract
	users   int
	repeats int
	window  pairedWindow
	asked   results.Accounting // of all windows
	left    []string           // windows that are no evidence, and why
	blocks  []rttBlock
}

func newRTTRun(t *Trial) (*rttRun, error) {
	v := t.Values
	x := &rttRun{t: t, kind: storesOf(t.Arm.Contract)[0], users: v.number("users"), repeats: max(1, v.number("repeats"))}
	x.window = pairedWindow{
		rate: float64(v.number("rate")), connections: v.number("connections"),
		warmup: v.duration("warmup"), length: v.duration("window"),
	}
	var err error
	if x.points, err = rttPoints(v["points"]); err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(v["against"], ",") {
		c, err := contract.Arm(name, nil)
		if err != nil {
			return nil, fmt.Errorf("against: %w", err)
		}
		if c.Mechanism != "token" || len(storesOf(c)) > 0 {
			return nil, fmt.Errorf("against: %s is no token arm that asks no store", name)
		}
		x.tokens = append(x.tokens, c)
	}
	furthest := x.points[len(x.points)-1].added
	if busy := x.window.rate * (furthest + time.Millisecond).Seconds(); busy > .75*float64(x.window.connections) {
		return nil, fmt.Errorf("at %v away %.0f uses a second keep %.0f connections busy, and there are %d: lower rate, or raise connections",
			furthest, x.window.rate, busy, x.window.connections)
	}
	return x, nil
}

func runStoreRTT(ctx context.Context, t *Trial) error {
	x, err := newRTTRun(t)
	if err != nil {
		return err
	}
	for n := range max(1, t.Values.number("blocks")) {
		if n > 0 { // whoever runs the case has reset the stores for the first
			if err := t.Testbed.Reset(ctx); err != nil {
				return fmt.Errorf("reset the stores: %w", err)
			}
		}
		b, err := x.block(ctx, n+1)
		if err != nil {
			return fmt.Errorf("block %d: %w", n+1, err)
		}
		x.blocks = append(x.blocks, b)
	}
	x.conclude()
	return nil
}

// rttNodes are the nodes of one block. The link of far is set to one distance after the
// other; near has none, as a link that only passes on takes time as well.
type rttNodes struct {
	near, far *rig
	link      *testbed.Link
	tokens    []*rig // in the order of rttRun.tokens
}

func (n *rttNodes) close() error {
	var errs []error
	for _, r := range append([]*rig{n.near, n.far}, n.tokens...) {
		if r != nil {
			errs = append(errs, r.close())
		}
	}
	if n.link != nil {
		errs = append(errs, n.link.Close())
	}
	return errors.Join(errs...)
}

func (x *rttRun) start(ctx context.Context, n *rttNodes) (err error) {
	t, c := x.t, x.t.Arm.Contract
	if n.near, err = t.beside(ctx, c, x.users, testbed.NodeOptions{Admin: true}); err != nil {
		return err
	}
	if n.link, err = t.Testbed.NewDelayLink(ctx, x.kind); err != nil {
		return err
	}
	through := testbed.NodeOptions{Admin: true, Links: map[string]*testbed.Link{x.kind: n.link}}
	if n.far, err = t.beside(ctx, c, x.users, through); err != nil {
		return err
	}
	for _, c := range x.tokens {
		r, err := t.beside(ctx, c, x.users, testbed.NodeOptions{})
		if err != nil {
			return err
		}
		n.tokens = append(n.tokens, r)
	}
	return nil
}

// block measures every distance and every token, on fresh nodes and in an order of its
// own.
func (x *rttRun) block(ctx context.Context, n int) (_ rttBlock, err error) {
	var nodes rttNodes
	defer func() { err = errors.Join(err, nodes.close()) }()
	if err := x.start(ctx, &nodes); err != nil {
		return rttBlock{}, err
	}
	w := x.window
	w.seed = BlockSeed(x.t.Seed, n)
	at, tokens := make([][]rttAt, len(x.points)), make([][]rttAt, len(x.tokens))
	var windows []func() error
	for i, p := range x.points {
		times := 1
		if p.direct { // as often as the tokens: what lies between the two hangs on both
			times = x.repeats
		}
		windows = append(windows, slices.Repeat([]func() error{func() error {
			one, err := x.atPoint(ctx, &nodes, p, w)
			at[i] = append(at[i], one)
			return err
		}}, times)...)
	}
	for i, r := range nodes.tokens {
		windows = append(windows, slices.Repeat([]func() error{func() error {
			one, err := x.observe(ctx, r, w, r.c.Name)
			tokens[i] = append(tokens[i], one)
			return err
		}}, x.repeats)...)
	}
	for _, i := range Order(x.t.Seed, n, len(windows)) {
		if err := windows[i](); err != nil {
			return rttBlock{}, err
		}
	}
	b := rttBlock{tokens: map[string]rttAt{}}
	for _, list := range at {
		b.at = append(b.at, meanWindow(list))
	}
	for i, list := range tokens {
		b.tokens[x.tokens[i].Name] = meanWindow(list)
	}
	return b, nil
}

// atPoint measures a session with its store at p, and the round trip before and after.
func (x *rttRun) atPoint(ctx context.Context, nodes *rttNodes, p rttPoint, w pairedWindow) (rttAt, error) {
	r := nodes.near
	if !p.direct {
		r = nodes.far
		if err := nodes.link.Set(ctx, testbed.LinkSetting{Kind: link.Delay, Delay: p.added / 2}); err != nil {
			return rttAt{}, err
		}
	}
	w.warmup = max(w.warmup, 5*p.added) // connections to the store are opened as they are needed
	before, err := x.trip(ctx, r, p)
	if err != nil {
		return rttAt{}, err
	}
	at, err := x.observe(ctx, r, w, p.label)
	if err != nil {
		return at, err
	}
	after, err := x.trip(ctx, r, p)
	at.trip = (before.trip + after.trip) / 2
	at.pingNode = (before.pingNode + after.pingNode) / 2
	at.pingStore = (before.pingStore + after.pingStore) / 2
	return at, err
}

// observe measures one window, and once more where that is no evidence: it is then left
// out, and counted.
func (x *rttRun) observe(ctx context.Context, r *rig, w pairedWindow, label string) (rttAt, error) {
	for range 2 {
		m, err := r.observe(ctx, w)
		if err != nil {
			return rttAt{}, err
		}
		x.asked.Merge(m.Accounting)
		if m.Validity.Status != results.ValidityInvalid && m.Latency.P50 != nil {
			u := m.Usage
			return rttAt{
				ok: true, p50: float64(*m.Latency.P50), node: u.Target.CPUPerRequest, store: u.Store.CPUPerRequest,
				ops: m.StoreOpsPerRequest, cpu: u.Target.Known && u.Store.Known, counted: m.StoreOpsKnown,
			}, nil
		}
		x.left = append(x.left, fmt.Sprintf("%s: %s", label, strings.Join(m.Validity.Reasons, "; ")))
	}
	return rttAt{}, nil
}

// What one asking for the round trip may take, and how many pings make a median.
const (
	askingTime = 250 * time.Millisecond
	fewPings   = 8
	manyPings  = 200
)

// trip asks the node for its round trip to the store, at the pace of the load.
func (x *rttRun) trip(ctx context.Context, r *rig, p rttPoint) (rttAt, error) {
	every := time.Duration(float64(time.Second) / x.window.rate)
	n := min(manyPings, max(fewPings, int(askingTime/(every+p.added))))
	var says struct {
		N   float64 `json:"n"`
		P50 float64 `json:"p50_ns"`
		CPU float64 `json:"cpu_ns"`
	}
	before := x.t.Testbed.Usage()
	err := r.nodes[0].Admin().Do(ctx, http.MethodGet, fmt.Sprintf("/store/rtt?n=%d&every=%v", n, every), nil, &says)
	if err != nil {
		return rttAt{}, fmt.Errorf("the round trip at %s: %w", p.label, err)
	}
	spent := x.t.Testbed.Usage().Sub(before).Store.CPU
	return rttAt{trip: says.P50, pingNode: says.CPU, pingStore: float64(spent.Nanoseconds()) / says.N}, nil
}
