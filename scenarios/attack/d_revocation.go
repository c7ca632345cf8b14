package attack

import (
	"context"
	"fmt"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// revocationCases: what was ended has to stay ended, however, wherever and whenever it
// comes again. A target is held to what it promises, and not before the bound it has.
func revocationCases() []Case {
	revoke := has("revoke", func(c *contract.Contract) *contract.Step { return c.Revoke })
	revokeAll := has("revoke_all", func(c *contract.Contract) *contract.Step { return c.RevokeAll })
	password := has("password", func(c *contract.Contract) *contract.Step { return c.Password })
	stepUp := has("step_up", func(c *contract.Contract) *contract.Step { return c.StepUp })
	refresh := has("refresh", func(c *contract.Contract) *contract.Step { return c.Refresh })
	return []Case{
		{
			ID: "D1", Title: "a credential that was logged out, sent again in every spelling",
			Reference: "ASVS 5.0 7.4.1; WSTG-SESS-06", Applies: first(authenticated, revoke, ends), Needs: nearBound, Try: replayed,
		},
		{
			ID: "D2", Title: "a password change ends the other credentials of the user",
			Reference: "ASVS 5.0 7.4.3", Applies: first(authenticated, password, revocable), Needs: nearBound, Try: passwordChanged,
		},
		{
			ID: "D4", Title: "a credential that was logged out on one node, used on another",
			Reference: "ASVS 5.0 7.4.1", Applies: first(authenticated, revoke, revocable, shared), Needs: first(twoNodes, nearBound), Try: replayedElsewhere,
		},
		{
			ID: "D6", Title: "a log-out that races with uses and refreshes",
			Reference: "ASVS 5.0 7.4.1; CWE-362", Applies: first(authenticated, revoke, revocable), Needs: nearBound, Try: raced,
		},
		{
			ID: "D8", Title: "a log-out everywhere and a new log-in within one second",
			Reference: "ASVS 5.0 7.4.5", Applies: first(authenticated, revokeAll, revocable), Needs: nearBound, Try: everywhere,
		},
		{
			ID: "D9", Title: "a refresh token whose log-in was logged out",
			Reference: "RFC 7009 2.1; RFC 9700 4.14.2", Applies: first(authenticated, refresh, revoke, refreshEnds), Needs: nearBound, Try: refreshedAfterLogOut,
		},
		{
			ID: "D10", Title: "a second log-out with the same credential",
			Reference: "RFC 9110 9.2.2", Applies: first(authenticated, revoke), Try: loggedOutTwice,
		},
		{
			ID: "D11", Title: "a log-out with the CSRF token of somebody else",
			Reference: "ASVS 5.0 3.5.1; OWASP CSRF Prevention", Applies: first(authenticated, revoke, inCookie, guarded), Try: loggedOutByOthers,
		},
		{
			ID: "D12", Title: "an account that was disabled",
			Reference: "ASVS 5.0 7.4.2", Applies: authenticated, Needs: first(disables, nearBound), Try: disabledAccount,
		},
		{
			ID: "D13", Title: "the credential of before a step-up",
			Reference: "ASVS 5.0 7.2.4", Applies: first(authenticated, notLooked, stepUp, revocable), Needs: nearBound, Try: steppedUp,
		},
		{
			ID: "D14", Title: "a log-out ends what it says, and nothing else",
			Reference: "ASVS 5.0 7.4.1; 7.4.5", Applies: first(authenticated, revoke, revocable), Needs: nearBound, Try: scoped,
		},
	}
}

// notLooked: its credential is no session id, of which class F is.
func notLooked(t *Target) string {
	if looked(t) == "" {
		return "its credential is a session id: see F12"
	}
	return ""
}

// shared: its nodes know each other's credentials.
func shared(t *Target) string {
	if s := t.Contract.Start; s != nil && t.Contract.Mechanism == "session" && len(s.Needs) == 0 {
		return "its sessions are in the memory of one node: no other knows them"
	}
	return ""
}

func twoNodes(t *Target) string {
	if len(t.Nodes) < 2 {
		return "there is one node"
	}
	return ""
}

// passwordChanged ends what other devices hold, and what the one that did it held.
func passwordChanged(ctx context.Context, t *Target, y *Tally) error {
	who, err := t.devices(ctx, 3)
	if err != nil {
		return err
	}
	caller, others := who[0], who[1:]
	old := &User{caller.N, caller.Vars}
	step := t.Contract.Password
	if needs(step, "password") {
		wrong := old.Vars.With(contract.Vars{"password": "not-" + old.Vars["password"], "new_password": newPassword()})
		a, err := t.Do(ctx, 0, step, wrong)
		if err != nil {
			return err
		}
		y.Check("a change without the password of now", a, oneOf(Refused(400, 422, 429), Forbidden()))
		if a, err = t.Use(ctx, others[0]); err != nil || !y.Control("another device after a change that was refused", a) {
			return err
		}
	}
	acked, err := t.acknowledged(ctx, 0, step, caller, contract.Vars{"new_password": newPassword()})
	if err != nil {
		return err
	}
	defer t.passwordBack(ctx, caller, old.Vars["password"])
	if a, err := t.Use(ctx, caller); err != nil || !y.Control("what the change gave", a) {
		return err
	}
	a, err := t.Do(ctx, 0, &t.Contract.Login, t.Contract.User(old.N).With(contract.Vars{"password": old.Vars["password"]}))
	if err != nil {
		return err
	}
	y.Check("a log-in with the password of before", a, Refused())
	return t.pastBound(ctx, acked, func() error {
		if old.Credential() != caller.Credential() { // rotated: not every target does
			others = append(others, old)
		}
		for _, u := range others {
			a, err := t.Use(ctx, u)
			if err != nil {
				return err
			}
			name := "what another device held before the change"
			if u == old {
				name = "what the device that changed it held before"
			}
			y.Check(name, a, Refused())
		}
		a, err := t.Use(ctx, caller)
		if err == nil {
			y.Check("what the change gave, after the bound", a, Accepted())
		}
		return err
	})
}

// newPassword is one that most rules for passwords take.
func newPassword() string { return "Aa1-" + random() }

// passwordBack gives the user the password back that the contract says they have.
func (t *Target) passwordBack(ctx context.Context, u *User, password string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	// Where this fails the target still knows the new one, and so does Target.
	_, _ = t.acknowledged(ctx, 0, t.Contract.Password, u, contract.Vars{"new_password": password})
}

// replayedElsewhere logs out on one node and uses on the other, both ways round. The
// other node has used the credential just before: what it remembers is as fresh as can be.
func replayedElsewhere(ctx context.Context, t *Target, y *Tally) error {
	const rounds = 20
	var out []*User
	var acked time.Time
	inside := 0
	for i := range rounds {
		u, err := t.LogIn(ctx)
		if err != nil {
			return err
		}
		here, there := i%2, 1-i%2
		if i%4 < 2 {
			a, err := t.Do(ctx, there, &t.Contract.Use, u.Vars)
			if err != nil || !y.Control(fmt.Sprintf("a live credential on node %d", there+1), a) {
				return err
			}
		}
		held := &User{u.N, u.Vars}
		if acked, err = t.logOut(ctx, here, u); err != nil {
			return err
		}
		a, err := t.Do(ctx, there, &t.Contract.Use, held.Vars)
		if err != nil {
			return err
		}
		if a.Outcome == results.OK {
			inside++
		}
		if t.Contract.Promises.Bound().Fixed == 0 {
			y.Check(fmt.Sprintf("on node %d, at once", there+1), a, Refused())
		}
		out = append(out, held)
	}
	if inside > 0 {
		y.Say("%d of %d were accepted on the other node right after the log-out; promised: %s", inside, rounds, t.Contract.Promises.Bound())
	}
	return t.pastBound(ctx, acked, func() error {
		for _, u := range out {
			for node := range 2 {
				a, err := t.Do(ctx, node, &t.Contract.Use, u.Vars)
				if err != nil {
					return err
				}
				y.Check(fmt.Sprintf("on node %d, after the bound", node+1), a, Refused())
			}
		}
		return t.bystander(ctx, y)
	})
}

// everywhere is what a comparison of issue times in whole seconds gets wrong: what was
// issued just before a log-out everywhere has to end, what is issued just after not.
func everywhere(ctx context.Context, t *Target, y *Tally) error {
	const rounds = 6
	var old, again []*User
	var acked time.Time
	one := 0
	for range rounds {
		if into := time.Duration(time.Now().Nanosecond()); into > 700*time.Millisecond {
			pause(ctx, time.Second-into)
		}
		began := time.Now()
		who, err := t.devices(ctx, 2)
		if err != nil {
			return err
		}
		for _, u := range who {
			old = append(old, &User{u.N, u.Vars})
		}
		if acked, err = t.acknowledged(ctx, 0, t.Contract.RevokeAll, who[0], nil); err != nil {
			return err
		}
		back := &User{who[1].N, who[1].Vars}
		if err := t.Again(ctx, back); err != nil {
			return err
		}
		if began.Unix() == time.Now().Unix() {
			one++
		}
		again = append(again, back)
		a, err := t.Use(ctx, back)
		if err != nil {
			return err
		}
		y.Check("the log-in after it", a, Accepted())
	}
	if one == 0 {
		y.Unknown("no log-in, log-out everywhere and log-in were done within one second")
	}
	y.Say("%d of %d rounds were within one second", one, rounds)
	return t.pastBound(ctx, acked, func() error {
		for i, u := range old {
			a, err := t.Use(ctx, u)
			if err != nil {
				return err
			}
			y.Check(fmt.Sprintf("device %d of before", i%2+1), a, Refused())
		}
		for _, u := range again {
			a, err := t.Use(ctx, u)
			if err != nil {
				return err
			}
			y.Check("the log-in after it, after the bound", a, Accepted())
		}
		return nil
	})
}
