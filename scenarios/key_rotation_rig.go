package scenarios

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"authbench/results"
)

// keyTrial is a rig whose first node issues, while the others verify.
type keyTrial struct {
	*rig
	front  *front // nil: all nodes have the keys by a file
	shares bool
	ledger keyLedger
	ledMu  sync.Mutex
	next   int // user who logs in next

	strangers []user        // who present tokens that nobody issued
	measured  int           // operations that are counted; 0: all
	disturbed *disturbance  // since when a rejection may be right
	began     time.Time     // of the nodes
	signs     time.Time     // from when on the key of the last rotation signs
	offered   time.Duration // time under load
}

// issuer is the node that signs.
const issuer = 0

// keysSeen is what the admin plane of a node says of its keys.
type keysSeen struct {
	Active string `json:"active"`
	Keys   []struct {
		ID        string `json:"kid"`
		Algorithm string `json:"algorithm"`
		Private   bool   `json:"private"`
	} `json:"keys"`
	Conflicts uint64            `json:"conflicts"`
	Fetches   map[string]uint64 `json:"fetches"`
}

func newKeyTrial(ctx context.Context, t *Trial) (_ *keyTrial, err error) {
	v := t.Values
	k := &keyTrial{shares: sharesKeys(t.Arm.Contract, v["how"]), ledger: newKeyLedger()}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.close())
		}
	}()
	s := setup{nodes: 1, admin: true, node: k.spec(t)}
	if k.rig, err = t.setUp(ctx, s); err != nil {
		return nil, err
	}
	k.began = time.Now()
	if !k.shares {
		if k.front, err = newFront(); err != nil {
			return nil, err
		}
		k.front.from("http://" + k.nodes[issuer].Host() + "/.well-known/jwks.json")
	}
	for i := 1; i < max(2, v.number("nodes")); i++ {
		if err := k.startNode(ctx, s, i); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// spec says how a node differs from what the arm is.
func (k *keyTrial) spec(t *Trial) func(i int, n *nodeSpec) error {
	return func(i int, n *nodeSpec) (err error) {
		v, set := t.Values, map[string]string{}
		switch {
		case k.shares && v["how"] == keysWrong:
			if i == max(2, v.number("nodes"))-1 {
				n.options.Keys = "another deployment"
			}
			return nil
		case k.shares:
			set["reload_keys"] = reloadEvery.String()
		case i == issuer:
			set["key_overlap"] = keyOverlap(v).String()
			if v["how"] == keysSchedule {
				set["key_publish"] = publishFor(v).String()
				set["rotate_every"] = (publishFor(v) + scheduleSlack).String()
			}
		default:
			set["jwks_url"] = k.front.url(i)
			n.options.Keys = "verifiers" // none of the issuer's files
		}
		n.contract, err = t.variant(set)
		return err
	}
}

// reloadEvery is how often nodes that share keys by a file look at it; scheduleSlack
// is how much longer than its publication a scheduled key stays the active one.
const (
	reloadEvery   = 200 * time.Millisecond
	scheduleSlack = 500 * time.Millisecond
)

func (k *keyTrial) close() error {
	var err error
	if k.front != nil { // first: a verifier may be waiting for it
		err = k.front.close()
	}
	if k.rig != nil {
		err = errors.Join(k.rig.close(), err)
	}
	return err
}

// keys asks the admin plane of a node.
func (k *keyTrial) keys(ctx context.Context, node int, method, path string, body any) (keysSeen, error) {
	var seen keysSeen
	err := k.nodes[node].Admin().Do(ctx, method, path, body, &seen)
	return seen, err
}

// rotate begins a rotation on the issuer.
func (k *keyTrial) rotate(ctx context.Context, algorithm string, publish time.Duration) (keysSeen, error) {
	seen, err := k.keys(ctx, issuer, http.MethodPost, "/keys/rotate", map[string]string{
		"algorithm": algorithm, "publish_for": publish.String(),
	})
	k.signs = time.Now().Add(publish)
	return seen, err
}

// untilItSigns goes on until the key of the last rotation signs.
func (k *keyTrial) untilItSigns(ctx context.Context) error {
	for time.Now().Before(k.signs) {
		if err := k.round(ctx, max(shortRound, time.Until(k.signs)), nil); err != nil {
			return err
		}
	}
	return nil
}

// shortRound is the least that a round takes.
const shortRound = 500 * time.Millisecond

// remove takes a key from the issuer.
func (k *keyTrial) remove(ctx context.Context, kid string) (keysSeen, error) {
	asked := k.hist.now()
	seen, err := k.keys(ctx, issuer, http.MethodDelete, "/keys/"+kid, nil)
	if err == nil {
		k.ledger.removed[kid] = removal{asked, k.hist.now()}
	}
	return seen, err
}

// disturb says that from now on, on these nodes (nil: all), a rejection may be right
// because the keys are not those that signed. Only settle ends it.
func (k *keyTrial) disturb(what string, nodes []int) {
	now := k.hist.now()
	k.disturbed = &disturbance{
		Fault:   results.Fault{Name: what, On: "keys", RequestedNS: now, ConfirmedNS: &now},
		nodes:   nodes,
		excuses: true, hidden: true,
	}
}

// settle ends what disturb began, and has users come on every node, who have to be
// accepted everywhere.
func (k *keyTrial) settle(ctx context.Context) error {
	if k.disturbed != nil {
		now := k.hist.now()
		k.disturbed.RecoverNS, k.disturbed.RecoveredNS = &now, &now
		k.own = append(k.own, *k.disturbed)
	}
	for i := range comers * len(k.nodes) {
		if err := k.arrive(ctx, k.door(i)); err != nil {
			return err
		}
	}
	return nil
}

// name of a node in tables.
func (k *keyTrial) nodeName(i int) string {
	switch {
	case k.shares:
		return "node " + strconv.Itoa(i)
	case i == issuer:
		return "issuer"
	}
	return "verifier " + strconv.Itoa(i)
}
