package attack

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// random is a text that nobody can guess.
func random() string { return rand.Text() }

// loggedOutTwice: what is out stays out, and nothing breaks.
func loggedOutTwice(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	held := u.Vars
	if _, err := t.logOut(ctx, 0, u); err != nil {
		return err
	}
	for i := range 2 {
		a, err := t.Do(ctx, 0, t.Contract.Revoke, held)
		if err != nil {
			return err
		}
		y.Check(fmt.Sprintf("log-out number %d", i+2), a, oneOf(Accepted(), Refused(), Forbidden()))
	}
	return t.bystander(ctx, y)
}

// guards are what a step sends beside the credential that the log-in gave: tokens
// against forged requests.
func guards(c *contract.Contract, step *contract.Step) []string {
	var out []string
	for name := range c.Login.Extract {
		if name != "credential" && name != "subject" && name != refreshVar(c) && needs(step, name) {
			out = append(out, name)
		}
	}
	return out
}

func guarded(t *Target) string {
	if len(guards(t.Contract, t.Contract.Revoke)) == 0 {
		return "its log-out sends no token that the log-in gave"
	}
	return ""
}

// checksGuards says whether a log-out without the tokens against forged requests is
// forbidden at all.
func (t *Target) checksGuards(ctx context.Context) (bool, error) {
	u, err := t.LogIn(ctx)
	if err != nil {
		return false, err
	}
	none := contract.Vars{}
	for _, name := range guards(t.Contract, t.Contract.Revoke) {
		none[name] = ""
	}
	a, err := t.Do(ctx, 0, t.Contract.Revoke, u.Vars.With(none))
	return err == nil && a.Outcome != results.OK, err
}

// loggedOutByOthers: a token against forged requests that is not bound to the session
// can be planted by anybody who has one.
func loggedOutByOthers(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	if checks, err := t.checksGuards(ctx); err != nil || !checks {
		y.Unknown("a log-out without any token is not forbidden: see G3")
		return err
	}
	attacker, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	second := &User{u.N, u.Vars}
	if err := t.Again(ctx, second); err != nil {
		return err
	}
	for _, name := range guards(t.Contract, t.Contract.Revoke) {
		own := u.Vars[name]
		for i, v := range []struct{ what, token string }{
			{"that of another user", attacker.Vars[name]},
			{"that of another log-in of the user", second.Vars[name]},
			{"none", ""},
			{"a made-up one", strings.Repeat("A", len(own))},
			{"its own, cut by one character", own[:len(own)-1]},
			{"its own and one character more", own + "A"},
			{"its own in other letters", otherCase(own)},
			{"the credential", u.Credential()},
		} {
			if v.token == own {
				y.Note(v.what, "the same as its own", "another", i > 1)
				continue
			}
			a, err := t.Do(ctx, 0, t.Contract.Revoke, u.Vars.With(contract.Vars{name: v.token}))
			if err != nil {
				return err
			}
			y.Check("with "+v.what, a, Forbidden(400))
		}
	}
	a, err := t.Use(ctx, u)
	if err != nil {
		return err
	}
	y.Check("the credential afterwards", a, Accepted())
	if a, err = t.Do(ctx, 0, t.Contract.Revoke, u.Vars); err == nil {
		y.Control("the log-out with its own token", a)
	}
	return err
}

// otherCase swaps upper and lower case.
func otherCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, s)
}

// steppedUp: proving again who one is gives another credential, and the one that an
// attacker may have seen before ends.
func steppedUp(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	old := &User{u.N, u.Vars}
	step := t.Contract.StepUp
	if needs(step, "password") {
		a, err := t.Do(ctx, 0, step, u.Vars.With(contract.Vars{"password": "not-" + u.Vars["password"]}))
		if err != nil {
			return err
		}
		y.Check("a step-up with a wrong password", a, oneOf(Refused(400), Forbidden()))
		if a, err = t.Use(ctx, u); err != nil || !y.Control("the credential after a step-up that was refused", a) {
			return err
		}
	}
	acked, err := t.acknowledged(ctx, 0, step, u, nil)
	if err != nil {
		return err
	}
	y.Note("the credential after a step-up", sameOrNew(old, u), "another than before", u.Credential() != old.Credential())
	return t.pastBound(ctx, acked, func() error {
		a, err := t.Use(ctx, old)
		if err != nil {
			return err
		}
		y.Check("the credential of before", a, Refused())
		if a, err = t.Use(ctx, u); err == nil {
			y.Check("the credential that the step-up gave", a, Accepted())
		}
		return err
	})
}

func sameOrNew(before, after *User) string {
	if before.Credential() == after.Credential() {
		return "the same"
	}
	return "another"
}

// scoped: one log-out ends the credential it was done with, or all of its user, as
// promised; nobody else's.
func scoped(ctx context.Context, t *Target, y *Tally) error {
	who, err := t.devices(ctx, 2)
	if err != nil {
		return err
	}
	stranger, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	held := &User{who[0].N, who[0].Vars}
	acked, err := t.logOut(ctx, 0, who[0])
	if err != nil {
		return err
	}
	return t.pastBound(ctx, acked, func() error {
		other := Accepted()
		if t.Contract.Promises.RevokeScope == "user" {
			other = Refused()
		}
		for _, v := range []struct {
			what string
			u    *User
			want Want
		}{
			{"what was logged out", held, Refused()},
			{"another device of the user (revoke_scope " + scopeOf(t.Contract) + ")", who[1], other},
			{"another user", stranger, Accepted()},
		} {
			a, err := t.Use(ctx, v.u)
			if err != nil {
				return err
			}
			y.Check(v.what, a, v.want)
		}
		return nil
	})
}

func scopeOf(c *contract.Contract) string {
	if c.Promises.RevokeScope == "user" {
		return "user"
	}
	return "credential"
}

func disables(t *Target) string {
	if t.Material.Disable == nil {
		return "nobody here can disable an account of it"
	}
	return ""
}

// disabledAccount: somebody whose account is taken away gets no new credential, and
// what they hold ends as it would if it were revoked.
func disabledAccount(ctx context.Context, t *Target, y *Tally) (err error) {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	name := u.Vars["username"]
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if back := t.Material.Disable(ctx, name, false); back != nil && err == nil {
			err = fmt.Errorf("enable the account again: %w", back)
		}
	}()
	if err := t.Material.Disable(ctx, name, true); err != nil {
		return err
	}
	acked := time.Now()
	a, err := t.Do(ctx, 0, &t.Contract.Login, t.user(u.N).Vars)
	if err != nil {
		return err
	}
	y.Check("a log-in", a, oneOf(Refused(), Forbidden()))
	for _, s := range []struct {
		what string
		step *contract.Step
	}{{"a refresh", t.Contract.Refresh}, {"a step-up", t.Contract.StepUp}, {"a change of the password", t.Contract.Password}} {
		if s.step == nil {
			continue
		}
		a, err := t.Do(ctx, 0, s.step, u.Vars.With(contract.Vars{"new_password": newPassword()}))
		if err != nil {
			return err
		}
		y.Check(s.what, a, oneOf(Refused(400), Forbidden()))
	}
	if why := revocable(t); why != "" {
		y.Say("what the user held is not looked at: %s", why)
		return t.bystander(ctx, y)
	}
	return t.pastBound(ctx, acked, func() error {
		a, err := t.Use(ctx, u)
		if err != nil {
			return err
		}
		y.Check("what the user held", a, Refused())
		return t.bystander(ctx, y)
	})
}
