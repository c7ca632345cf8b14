package scenarios

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"authbench/results"
)

// keyNode is what is known of one node at the end.
type keyNode struct {
	name string
	keyCounts
	seen  keysSeen
	asked asked // of the front
	login int   // status of a log-in
}

// conclude judges, writes the tables and hands the history on.
func (k *keyTrial) conclude(ctx context.Context) error {
	if k.t.Values["how"] == keysMigrate {
		if err := k.crossed(ctx); err != nil {
			return err
		}
	}
	nodes := make([]keyNode, len(k.nodes))
	elapsed := time.Since(k.began)
	for i := range nodes {
		n := &nodes[i]
		n.name = k.nodeName(i)
		if k.front != nil {
			n.asked = k.front.counts(i)
		}
		var err error
		if n.seen, err = k.keys(ctx, i, http.MethodGet, "/keys", nil); err != nil {
			return err
		}
		a, err := k.client(i).Do(ctx, &k.c.Login, k.c.User(k.nextUser()))
		if err != nil {
			return err
		}
		n.login = a.Status
	}
	if err := k.settle(ctx); err != nil {
		return err
	}
	ops := k.hist.ops
	if k.measured > 0 {
		ops = ops[:k.measured]
	}
	for i, c := range k.ledger.judge(ops, len(nodes), k.removalBound) {
		nodes[i].keyCounts = c
	}
	k.tabulate(nodes)
	k.pronounce(nodes, elapsed)
	return k.rig.conclude(nil)
}

// removalBound is how long a removed key may go on, on that node.
func (k *keyTrial) removalBound(node int) int64 {
	switch {
	case node == issuer:
		return 0
	case k.shares:
		return int64(reloadEvery + k.t.Values.duration("jwks_timeout"))
	}
	return int64(removalBound(k.t.Values))
}

// total sums nodes up.
func total(nodes []keyNode) keyCounts {
	sum := keyCounts{window: -1}
	for _, n := range nodes {
		sum = sum.add(n.keyCounts)
	}
	return sum
}

// refused are all good tokens that were refused, whatever the reason.
func (c *keyCounts) refused() int64 { return c.falseRejects + c.early + c.removedUses - c.removedIn }

// answered are all uses of good tokens.
func (c *keyCounts) answered() int64 { return c.uses + c.early + c.removedUses }

// tabulate keeps what each node did.
func (k *keyTrial) tabulate(nodes []keyNode) {
	t := newTable("rotation", "Tokens that had not ended, by the node that they were used on, and how often the node asked for keys",
		results.Column{Name: "node"},
		results.Column{Name: "uses", Meaning: "answered with yes or no"},
		results.Column{Name: "refused", Meaning: "of all uses"},
		results.Column{Name: "false rejects", Meaning: "refused although its key was neither removed nor too new to be known"},
		results.Column{Name: "too new", Meaning: "refused while the node could not know the key: it had not been published ahead"},
		results.Column{Name: "key removed", Meaning: "uses after the removal of the token's key was acknowledged"},
		results.Column{Name: "of these accepted", Meaning: "a verifier goes on until it has a set without the key"},
		results.Column{Name: "last accepted", Unit: "ms", Meaning: "after the removal was acknowledged"},
		results.Column{Name: "fetches", Meaning: "of the key set, counted where it is served"},
		results.Column{Name: "fetches that failed", Meaning: "as the node counts them"},
	)
	all := keyNode{name: "all", keyCounts: total(nodes)}
	for _, n := range append(slices.Clone(nodes), all) {
		window, fetched, failed := none("no key was removed"), none("has its own keys"), none("has its own keys")
		if n.removedUses > 0 {
			window = none("none was")
		}
		if n.window >= 0 {
			window = figure(float64(n.window) / 1e6)
		}
		if n.seen.Fetches != nil {
			fetched, failed = counted(n.asked.all), counted(int64(n.seen.failed()))
		}
		if n.name == "all" {
			fetched, failed = word("–"), word("–")
		}
		addRow(t, n.name, counted(n.answered()), counted(n.refused()), counted(n.falseRejects), counted(n.early),
			counted(n.removedUses), counted(n.removedIn), window, fetched, failed)
	}
	k.t.keep(t)

	held := newTable("keys-held", "What each node holds, as its admin plane says, and whether it can log somebody in",
		results.Column{Name: "node"},
		results.Column{Name: "keys"},
		results.Column{Name: "private keys", Meaning: "with one a token can be minted"},
		results.Column{Name: "log-in", Meaning: "the status of a log-in there"},
		results.Column{Name: "kids refused", Meaning: "kids that came back with another key"},
	)
	for _, n := range nodes {
		addRow(held, n.name, counted(len(n.seen.Keys)), counted(n.seen.private()), counted(n.login), counted(int64(n.seen.Conflicts)))
	}
	k.t.keep(held)
}

// failed are the fetches from which the node learned nothing.
func (s keysSeen) failed() (n uint64) {
	for result, count := range s.Fetches {
		if result != "ok" {
			n += count
		}
	}
	return n
}

// private are the keys that the node can sign with.
func (s keysSeen) private() (n int) {
	for _, key := range s.Keys {
		if key.Private {
			n++
		}
	}
	return n
}

// pronounce gives the verdicts of the case.
func (k *keyTrial) pronounce(nodes []keyNode, elapsed time.Duration) {
	sum, verifiers := total(nodes), nodes[1:]
	k.tell("rotation.uses", "uses", float64(sum.answered()), "%d uses of tokens that had not ended were answered; %d were refused.", sum.answered(), sum.refused())
	k.tell("rotation.keys", "keys", float64(fewestKeys(nodes)), "Every node accepted tokens of %d keys.", fewestKeys(nodes))
	judged, unseen := sum, ""
	switch how := k.t.Values["how"]; how {
	case keysWrong:
		judged = total(nodes[:len(nodes)-1])
		share := 100 * ratio(float64(sum.falseRejects), float64(sum.uses))
		k.t.judge(costVerdict(sum, fmt.Sprintf("1 node of %d has the keys of another deployment", len(nodes))))
		k.tell("rotation.share", "%", share, "With wrong keys on one node of %d, %.1f %% of the uses were refused.", len(nodes), share)
	case keysNoOverlap:
		k.t.judge(costVerdict(sum, "one key took the place of another at once"))
	case keysEmergency:
		k.t.judge(removedVerdict(nodes))
	case keysStorm:
		k.t.judge(forgedVerdict(sum))
		k.t.judge(discoveryVerdict(verifiers, k.ledger.news, discoveryBound(k.t.Values)))
	case keysReused:
		k.t.judge(forgedVerdict(sum))
		k.t.judge(conflictVerdict(verifiers))
	case keysMigrate:
		unseen = keysChanged(nodes, 2, 2)
		k.t.judge(forgedVerdict(sum))
	case keysSlow, keys500, keysEmpty:
		unseen = cmp.Or(failedToFail(verifiers), keysChanged(nodes, 2, 1))
	default:
		unseen = keysChanged(nodes, 2, 1)
	}
	k.t.judge(rejectVerdict(judged, unseen))
	k.stories(judged)
	if !k.shares {
		k.t.judge(fetchVerdict(verifiers, elapsed, k.t.Values.duration("jwks_min_interval")))
	}
}

// stories tells the first false rejects.
func (k *keyTrial) stories(c keyCounts) {
	for _, op := range c.worst[:min(len(c.worst), 3)] {
		k.chaos().Violations = append(k.chaos().Violations, results.Violation{
			Check: CheckKeyRejects, Summary: fmt.Sprintf("%s of %s was refused on the %s before its end", op.Credential, op.User, k.nodeName(op.Node)),
			Events: []results.Event{{
				AtNS: op.Invoke, DoneNS: op.Complete, What: op.Kind.String(), Node: op.Node,
				User: op.User, Credential: op.Credential, Outcome: string(op.Outcome),
			}},
		})
	}
}

// fewestKeys is of how many keys every node has accepted tokens.
func fewestKeys(nodes []keyNode) int {
	n := len(nodes[0].kids)
	for i := range nodes {
		n = min(n, len(nodes[i].kids))
	}
	return n
}
