package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

// overlap rotates once a round, the key published ahead and its predecessor kept. For a
// migration the first one changes the algorithm.
func (k *keyTrial) overlap(ctx context.Context) error {
	v := k.t.Values
	err := k.rounds(ctx, v.duration("during"), func(ctx context.Context, round int) error {
		algorithm := ""
		if v["how"] == keysMigrate {
			if round > 0 {
				return nil
			}
			algorithm = otherAlgorithm(k.c)
		}
		_, err := k.rotate(ctx, algorithm, publishFor(v))
		return err
	})
	return errors.Join(err, k.untilItSigns(ctx))
}

// otherAlgorithm is what an arm migrates to.
func otherAlgorithm(c *contract.Contract) string {
	if c.Settings["algorithm"] == "RS256" {
		return "ES256"
	}
	return "RS256"
}

// schedule does nothing: the issuer rotates by itself.
func (k *keyTrial) schedule(ctx context.Context) error {
	return k.rounds(ctx, k.t.Values.duration("during"), func(context.Context, int) error { return nil })
}

// noOverlap puts one key in the place of another, at once, in the first round.
func (k *keyTrial) noOverlap(ctx context.Context) error {
	return k.rounds(ctx, k.t.Values.duration("during"), func(ctx context.Context, round int) error {
		if round > 0 {
			return nil
		}
		before, err := k.keys(ctx, issuer, http.MethodGet, "/keys", nil)
		if err != nil {
			return err
		}
		k.disturb("rotation without overlap", nil)
		if err := k.replace(func() (keysSeen, error) { return k.rotate(ctx, "", 0) }); err != nil {
			return err
		}
		_, err = k.remove(ctx, before.Active)
		return err
	})
}

// replace notes the key that signs from now on, without having been published.
func (k *keyTrial) replace(change func() (keysSeen, error)) error {
	seen, err := change()
	if err != nil {
		return err
	}
	since := k.hist.now()
	late := discoveryBound(k.t.Values)
	if k.shares {
		late = reloadEvery + k.t.Values.duration("jwks_timeout")
	}
	k.ledger.news[seen.Active] = news{since, since + int64(late)}
	return nil
}

// emergency removes the active key, and watches its tokens for longer than any node
// may go on with it.
func (k *keyTrial) emergency(ctx context.Context) error {
	v := k.t.Values
	long := 3 * (removalBound(v) + emergencyWatch) / 2 // the removal comes after a third
	return k.round(ctx, long, func(ctx context.Context) error {
		seen, err := k.keys(ctx, issuer, http.MethodGet, "/keys", nil)
		if err != nil {
			return err
		}
		k.disturb("removal of a key", nil)
		return k.replace(func() (keysSeen, error) { return k.remove(ctx, seen.Active) })
	})
}

// storm presents tokens with kids that nobody knows, and has the issuer rotate without
// notice meanwhile.
func (k *keyTrial) storm(ctx context.Context) error {
	if err := k.bringStrangers(ctx, manyStrangers, func(s signed, i int) (string, error) {
		return s.under(s.alg, fmt.Sprintf("unknown-%d", i)), nil
	}); err != nil {
		return err
	}
	return k.rounds(ctx, k.t.Values.duration("during"), func(ctx context.Context, round int) error {
		if round > 0 {
			return nil
		}
		k.disturb("rotation without notice", nil)
		return k.replace(func() (keysSeen, error) { return k.rotate(ctx, "", 0) })
	})
}

// Strangers: as many different kids as a storm has, and a few where one is enough.
const (
	manyStrangers = 200
	fewStrangers  = 20
)

// bringStrangers makes tokens that nobody issued out of tokens that were. Each has a
// user of its own as its subject.
func (k *keyTrial) bringStrangers(ctx context.Context, n int, forge func(s signed, i int) (string, error)) error {
	real, err := k.crowd(ctx, min(n, fewStrangers))
	if err != nil {
		return err
	}
	for i := range n {
		u := real[i%len(real)]
		s, ok := takeApart(u.vars["credential"])
		if !ok {
			return fmt.Errorf("the credential of %s is no token", u.vars["username"])
		}
		token, err := forge(s, i)
		if err != nil {
			return err
		}
		k.strangers = append(k.strangers, user{vars: u.vars.With(contract.Vars{"credential": token})})
	}
	return nil
}

// misbehave has the key set fail for verifiers in the first round, and rotates when it
// answers again: what they have is kept, and they come back by themselves.
func (k *keyTrial) misbehave(ctx context.Context) error {
	v := k.t.Values
	// Until the set that they have is too old twice over. A change comes after a third.
	bad := 2*v.duration("jwks_cache") + v.duration("jwks_timeout")
	if err := k.round(ctx, bad*3/2, func(context.Context) error {
		k.front.turn(v["how"], nil)
		return nil
	}); err != nil {
		return err
	}
	for k.offered < bad {
		if err := k.round(ctx, time.Hour, nil); err != nil {
			return err
		}
	}
	k.front.turn(frontGood, nil)
	if err := k.round(ctx, publishFor(v)*3/2+shortRound, func(ctx context.Context) error {
		_, err := k.rotate(ctx, "", publishFor(v))
		return err
	}); err != nil {
		return err
	}
	return k.untilItSigns(ctx)
}

// reused publishes another key under the kids of the issuer's, and presents tokens
// that it signed.
func (k *keyTrial) reused(ctx context.Context) error {
	seen, err := k.keys(ctx, issuer, http.MethodGet, "/keys", nil)
	if err != nil {
		return err
	}
	f, err := newForger(k.c.Settings["algorithm"])
	if err != nil {
		return err
	}
	if err := k.bringStrangers(ctx, fewStrangers, func(s signed, _ int) (string, error) { return f.sign(s, seen.Active) }); err != nil {
		return err
	}
	return k.rounds(ctx, k.t.Values.duration("during"), func(_ context.Context, round int) error {
		if round == 0 {
			k.front.turn(frontPlanted, f.keySet(seen.Active))
		}
		return nil
	})
}

// wrongSecret uses tokens of nodes with the right keys, until the node with wrong ones is
// started anew with the right ones.
func (k *keyTrial) wrongSecret(ctx context.Context) error {
	wrong := len(k.nodes) - 1
	k.disturb("wrong keys", []int{wrong})
	if err := k.rounds(ctx, k.t.Values.duration("during"), func(context.Context, int) error { return nil }); err != nil {
		return err
	}
	k.measured = len(k.hist.ops) // what follows is of another node
	addr := k.nodes[wrong].Addr()
	if err := k.nodes[wrong].Stop(); err != nil {
		return err
	}
	s := setup{admin: true, node: func(_ int, n *nodeSpec) error {
		n.options.Listen = addr
		return nil
	}}
	if err := k.startNode(ctx, s, wrong); err != nil {
		return err
	}
	last := len(k.nodes) - 1
	k.nodes[wrong], k.links[wrong] = k.nodes[last], k.links[last]
	k.nodes, k.links = slices.Delete(k.nodes, last, last+1), slices.Delete(k.links, last, last+1)
	return nil
}

// crossed presents tokens whose header does not name the algorithm of the key that it
// names: what signed them is no excuse.
func (k *keyTrial) crossed(ctx context.Context) error {
	seen, err := k.keys(ctx, issuer, http.MethodGet, "/keys", nil)
	if err != nil {
		return err
	}
	u := user{vars: k.c.User(k.nextUser())}
	if in, err := k.enter(ctx, issuer, &u); err != nil || !in {
		return err
	}
	s, _ := takeApart(u.vars["credential"])
	was := k.c.Settings["algorithm"]
	tokens := []string{s.under(was, s.kid)}
	for _, key := range seen.Keys {
		if key.Algorithm == was { // not yet gone
			tokens = append(tokens, s.under(s.alg, key.ID), s.under(was, key.ID))
		}
	}
	for _, token := range tokens {
		for node := range k.nodes {
			if _, err := k.do(ctx, checker.Use, node, &user{vars: u.vars.With(contract.Vars{"credential": token})}, false); err != nil {
				return err
			}
		}
	}
	return nil
}
