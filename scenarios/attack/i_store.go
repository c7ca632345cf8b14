package attack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// storeCases: when the store does not answer, nobody can be told who they are. That is no
// reason to let them in, and none to throw them out.
func storeCases() []Case {
	return []Case{
		{
			ID: "I1", Title: "while the store is away nobody is let in or thrown out for it",
			Reference: "ASVS 5.0 16.5.3; RFC 9110 15.6.4; CWE-636", Applies: first(authenticated, stored), Needs: first(removable, nearStale), Try: storeAway,
		},
		{
			ID: "I2", Title: "when the store is back everything works, and what was revoked stays revoked",
			Reference: "ASVS 5.0 16.5.3; CWE-636", Applies: first(authenticated, stored), Needs: first(removable, nearBound), Try: storeBack,
		},
	}
}

// stored: it has a store that can be away.
func stored(t *Target) string {
	if s := t.Contract.Start; s != nil && len(s.Needs) == 0 {
		return "it has no store but its own memory"
	}
	return ""
}

func removable(t *Target) string {
	if t.Material.Outage == nil {
		return "nobody here can take its store away"
	}
	return ""
}

// nearStale says that what it remembers lives too long to be waited for, or "".
func nearStale(t *Target) string {
	if d, ok := staleOf(t.Contract); ok && d > patience {
		return fmt.Sprintf("it answers from memory for %s, and a case waits %s at most", contract.Duration(d), patience)
	}
	return ""
}

// staleOf is the T of stale(T).
func staleOf(c *contract.Contract) (time.Duration, bool) {
	inner, ok := strings.CutPrefix(c.Promises.OnStoreUnreachable, "stale(")
	if !ok {
		return 0, false
	}
	d, err := contract.ParseDuration(strings.TrimSuffix(inner, ")"))
	return d.D(), err == nil
}

// unavailable is that it cannot be told now.
func unavailable() Want {
	return Want{"unavailable (503)", func(a *contract.Answer) bool { return a.Outcome == results.Unavailable }}
}

// without takes the store away while f runs, and waits until the target is well again.
func (t *Target) without(ctx context.Context, f func() error) (err error) {
	restore, err := t.Material.Outage(ctx)
	if err != nil {
		return fmt.Errorf("take the store away: %w", err)
	}
	defer func() {
		if back := restore(); back != nil {
			err = errors.Join(err, fmt.Errorf("bring the store back: %w", back))
			return
		}
		err = errors.Join(err, t.well(ctx))
	}()
	return f()
}

// well waits until somebody who logs in is let in on every node.
func (t *Target) well(ctx context.Context) error {
	var got string
	for end := time.Now().Add(patience); time.Now().Before(end) && ctx.Err() == nil; pause(ctx, 50*time.Millisecond) {
		u, err := t.LogIn(ctx)
		if err != nil {
			got = err.Error()
			continue
		}
		fine := true
		for node := range t.Nodes {
			a, err := t.Do(ctx, node, &t.Contract.Use, u.Vars)
			if err != nil {
				return err
			}
			if a.Outcome != results.OK {
				fine, got = false, fmt.Sprintf("a use on node %d got %s (%s)", node+1, gotOf(a), a.Problem)
			}
		}
		if fine {
			return nil
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%s after the store came back: %s", patience, got)
}

// away is what a use of a live credential may get: at once, and when what the target
// remembers is too old.
func away(t *Target) (atOnce, later Want) {
	switch p := t.Contract.Promises.OnStoreUnreachable; {
	case p == "open", p == "unaffected":
		return Accepted(), Accepted()
	case p == "fallback":
		w := oneOf(Accepted(), unavailable())
		return w, w
	case strings.HasPrefix(p, "stale("):
		return oneOf(Accepted(), unavailable()), unavailable()
	}
	return unavailable(), unavailable()
}

// storeAway holds what is answered while the store is away against the promise.
func storeAway(ctx context.Context, t *Target, y *Tally) error {
	var users []*User
	for range 6 {
		u, err := t.LogIn(ctx)
		if err != nil {
			return err
		}
		users = append(users, u)
	}
	live, gone := users[0], &User{users[5].N, users[5].Vars}
	if t.Contract.Revoke != nil && revocable(t) == "" {
		acked, err := t.logOut(ctx, 0, users[5])
		if err != nil {
			return err
		}
		if err := t.pastBound(ctx, acked, func() error { return nil }); err != nil {
			return err
		}
	} else {
		gone = nil
	}
	for node := range t.Nodes { // what can be remembered is remembered
		a, err := t.Do(ctx, node, &t.Contract.Use, live.Vars)
		if err != nil || !y.Control(fmt.Sprintf("a live credential on node %d, before", node+1), a) {
			return err
		}
	}
	atOnce, later := away(t)
	err := t.without(ctx, func() error {
		if err := t.usesAway(ctx, y, "at once", live, gone, atOnce); err != nil {
			return err
		}
		if err := t.changesAway(ctx, y, users[1:5]); err != nil {
			return err
		}
		stale, _ := staleOf(t.Contract)
		pause(ctx, stale+250*time.Millisecond)
		return t.usesAway(ctx, y, "later", live, gone, later)
	})
	if err != nil {
		return err
	}
	a, err := t.Use(ctx, live)
	if err == nil {
		y.Check("a live credential, when the store is back", a, Accepted())
	}
	return err
}

// usesAway uses what is live, what was revoked and what was never given out.
func (t *Target) usesAway(ctx context.Context, y *Tally, when string, live, gone *User, want Want) error {
	for node := range t.Nodes {
		a, err := t.Do(ctx, node, &t.Contract.Use, live.Vars)
		if err != nil {
			return err
		}
		y.Check(fmt.Sprintf("a live credential on node %d, %s", node+1, when), a, want)
		if t.Contract.Promises.OnStoreUnreachable == "503" && a.Status == 503 && setHeader(a, "Retry-After") == "" {
			y.Note("a use, "+when, "503 without Retry-After", "503 with Retry-After", false)
		}
	}
	none := oneOf(Refused(), unavailable())
	if gone != nil && t.Contract.Promises.OnStoreUnreachable != "open" {
		a, err := t.Use(ctx, gone)
		if err != nil {
			return err
		}
		y.Check("a credential that was logged out before, "+when, a, none)
	}
	a, err := t.With(ctx, live, madeUp(live.Credential()))
	if err == nil {
		y.Check("a made-up credential, "+when, a, none)
	}
	return err
}

func setHeader(a *contract.Answer, name string) string {
	for _, h := range a.Header {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// changesAway does what cannot be done without a store: what says otherwise promises what
// nobody remembers.
func (t *Target) changesAway(ctx context.Context, y *Tally, users []*User) error {
	want := unavailable()
	if t.Contract.Promises.OnStoreUnreachable == "fallback" {
		want = oneOf(Accepted(), unavailable())
	}
	c := t.Contract
	for i, s := range []struct {
		what string
		step *contract.Step
	}{{"a log-in", &c.Login}, {"a log-out", c.Revoke}, {"a log-out everywhere", c.RevokeAll}, {"a refresh", c.Refresh}} {
		if s.step == nil {
			continue
		}
		a, err := t.Do(ctx, 0, s.step, users[i].Vars)
		if err != nil {
			return err
		}
		y.Check(s.what, a, want)
	}
	return nil
}

// storeBack revokes before the store goes, and looks when it is back. Nothing was lost:
// only the way to it was cut.
func storeBack(ctx context.Context, t *Target, y *Tally) error {
	who, err := t.devices(ctx, 2)
	if err != nil {
		return err
	}
	live, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	var gone *User
	acked := time.Now()
	if t.Contract.Revoke != nil && revocable(t) == "" {
		gone = &User{who[0].N, who[0].Vars}
		if acked, err = t.logOut(ctx, 0, who[0]); err != nil {
			return err
		}
	}
	during, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	held := &User{during.N, during.Vars}
	err = t.without(ctx, func() error {
		if t.Contract.Revoke == nil {
			return nil
		}
		_, err := t.Do(ctx, 0, t.Contract.Revoke, held.Vars)
		return err
	})
	if err != nil {
		return err
	}
	for node := range t.Nodes {
		a, err := t.Do(ctx, node, &t.Contract.Use, live.Vars)
		if err != nil {
			return err
		}
		y.Check(fmt.Sprintf("a credential of before on node %d", node+1), a, Accepted())
	}
	if gone != nil {
		err := t.pastBound(ctx, acked, func() error {
			for node := range t.Nodes {
				a, err := t.Do(ctx, node, &t.Contract.Use, gone.Vars)
				if err != nil {
					return err
				}
				y.Check(fmt.Sprintf("a credential that was logged out before, on node %d", node+1), a, Refused())
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return t.repeated(ctx, y, held)
}

// repeated does the log-out again that the store was away for.
func (t *Target) repeated(ctx context.Context, y *Tally, held *User) error {
	if t.Contract.Revoke == nil {
		return nil
	}
	a, err := t.Do(ctx, 0, t.Contract.Revoke, held.Vars)
	if err != nil {
		return err
	}
	y.Check("the log-out that failed, again", a, oneOf(Accepted(), Refused()))
	if revocable(t) != "" {
		return nil
	}
	return t.pastBound(ctx, a.Done, func() error {
		a, err := t.Use(ctx, held)
		if err == nil {
			y.Check("what it logged out", a, Refused())
		}
		return err
	})
}
