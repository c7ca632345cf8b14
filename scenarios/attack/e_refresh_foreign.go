package attack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// foreignRefresh sends the refresh token of somebody else, and ones that are put
// together from two, cut, or off by a bit.
func foreignRefresh(ctx context.Context, t *Target, y *Tally) error {
	token := refreshVar(t.Contract)
	if token == "" {
		y.Unknown("the refresh sends nothing that the log-in gave")
		return nil
	}
	a, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	b, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	for _, s := range spliced(a.Vars[token], b.Vars[token]) {
		if err := t.refresh(ctx, y, s.name, a.Vars.With(contract.Vars{token: s.text}), invalidGrant(t)); err != nil {
			return err
		}
	}
	// Those of a and b have to work after all of that: what is forged ends nobody's log-in.
	for _, u := range []*User{a, b} {
		got, err := t.Do(ctx, 0, t.Contract.Refresh, u.Vars)
		if err != nil || !y.Control("the refresh token itself", got) {
			return err
		}
		u.Vars = got.Vars
	}
	return t.swapped(ctx, y, a, b)
}

// swapped has a present b's refresh token. Whoever holds one is its user to a client
// that has no other name; where a says who they are beside it, they must not get on.
func (t *Target) swapped(ctx context.Context, y *Tally, a, b *User) error {
	token := refreshVar(t.Contract)
	got, err := t.Do(ctx, 0, t.Contract.Refresh, a.Vars.With(contract.Vars{token: b.Vars[token]}))
	if err != nil {
		return err
	}
	for _, name := range []string{"credential", "username", "subject", "n"} {
		if name != token && needs(t.Contract.Refresh, name) {
			y.Check("the refresh token of another user beside one's own "+name, got, oneOf(invalidGrant(t), Forbidden()))
			return nil
		}
	}
	if got.Outcome != results.OK {
		y.Check("the refresh token of another user", got, oneOf(Accepted(), invalidGrant(t)))
		return nil
	}
	if t.Contract.Use.Subject == nil {
		y.Say("no answer says whose the tokens are that a refresh gives")
		return nil
	}
	asA, err := t.Do(ctx, 0, &t.Contract.Use, got.Vars) // whose subject is a
	if err != nil {
		return err
	}
	y.Note("what the refresh token of another user gave", gotOf(asA), "a credential of that user", asA.Outcome != results.OK)
	return nil
}

// spliced are refresh tokens that nobody has given out, from a and b that were.
func spliced(a, b string) []text {
	var out []text
	add := func(name, s string) {
		if s != a && s != b && s != "" && !slices.ContainsFunc(out, func(t text) bool { return t.text == s }) {
			out = append(out, text{name, s})
		}
	}
	pa, pb := strings.Split(a, "."), strings.Split(b, ".")
	if len(pa) == len(pb) && len(pa) > 1 && len(pa) <= 5 {
		for mask := range 1 << len(pa) {
			mixed := slices.Clone(pa)
			for i := range mixed {
				if mask>>i&1 == 1 {
					mixed[i] = pb[i]
				}
			}
			add(fmt.Sprintf("parts of two users' (%0*b)", len(pa), mask), strings.Join(mixed, "."))
		}
	}
	half := min(len(a), len(b)) / 2
	add("the beginning of one, the end of another", a[:half]+b[half:])
	add("cut by one character", a[:len(a)-1])
	add("one character more", a+"A")
	add("in other letters", otherCase(a))
	step := max(1, len(a)/48)
	for i := 0; i < len(a); i += step {
		add(fmt.Sprintf("character %d is another", i+1), a[:i]+other(a[i])+a[i+1:])
	}
	add("the last character is another", a[:len(a)-1]+other(a[len(a)-1]))
	add("a made-up one", random()+random())
	add("of another form", "eyJhbGciOiJub25lIn0.e30.")
	return out
}

// other is another character of base64url, off by a bit that counts also at the end.
func other(c byte) string {
	if i := strings.IndexByte(base64url, c); i >= 0 {
		return base64url[i^32 : i^32+1]
	}
	return "A"
}

// refreshedAfterPassword: whoever changes the password wants everybody else out.
func refreshedAfterPassword(ctx context.Context, t *Target, y *Tally) error {
	who, err := t.devices(ctx, 2)
	if err != nil {
		return err
	}
	caller, thief := who[0], who[1]
	old := &User{caller.N, caller.Vars}
	acked, err := t.acknowledged(ctx, 0, t.Contract.Password, caller, contract.Vars{"new_password": newPassword()})
	if err != nil {
		return err
	}
	defer t.passwordBack(ctx, caller, old.Vars["password"])
	return t.pastRefreshBound(ctx, acked, func() error {
		if err := t.refresh(ctx, y, "the refresh token of another device", thief.Vars, invalidGrant(t)); err != nil {
			return err
		}
		if token := refreshVar(t.Contract); old.Vars[token] != caller.Vars[token] { // rotated: not every target does
			if err := t.refresh(ctx, y, "the refresh token that the caller held before", old.Vars, invalidGrant(t)); err != nil {
				return err
			}
		}
		a, err := t.Do(ctx, 0, t.Contract.Refresh, caller.Vars)
		if err != nil || !y.Control("the refresh token that the change gave", a) {
			return err
		}
		caller.Vars = a.Vars
		return nil
	})
}

// pastRefreshBound runs f when a refresh token that was revoked has to be refused: a
// credential that lives until its own end has no part in that.
func (t *Target) pastRefreshBound(ctx context.Context, acked time.Time, f func() error) error {
	if b := t.Contract.Promises.Bound(); b.Expiry || !b.Declared {
		return f()
	}
	return t.pastBound(ctx, acked, f)
}

// refreshedAfterLogOut: a log-out that leaves the refresh token is none.
func refreshedAfterLogOut(ctx context.Context, t *Target, y *Tally) error {
	who, err := t.devices(ctx, 2)
	if err != nil {
		return err
	}
	one, two := &User{who[0].N, who[0].Vars}, &User{who[1].N, who[1].Vars}
	acked, err := t.logOut(ctx, 0, who[0])
	if err != nil {
		return err
	}
	if all := t.Contract.RevokeAll; all != nil && t.Contract.Promises.RevokeScope != "user" {
		err = t.pastRefreshBound(ctx, acked, func() error {
			a, err := t.Do(ctx, 0, t.Contract.Refresh, who[1].Vars)
			if err == nil && y.Control("the refresh token of another device", a) {
				who[1].Vars = a.Vars
			}
			return err
		})
		if err != nil {
			return err
		}
		if acked, err = t.acknowledged(ctx, 0, all, &User{who[1].N, who[1].Vars}, nil); err != nil {
			return err
		}
	}
	return t.pastRefreshBound(ctx, acked, func() error {
		if err := t.refresh(ctx, y, "the refresh token of a log-in that was logged out", one.Vars, invalidGrant(t)); err != nil {
			return err
		}
		if t.Contract.RevokeAll != nil || t.Contract.Promises.RevokeScope == "user" {
			for _, vars := range []contract.Vars{two.Vars, who[1].Vars} {
				if err := t.refresh(ctx, y, "the refresh token of a device that was logged out everywhere", vars, invalidGrant(t)); err != nil {
					return err
				}
			}
		}
		return t.refreshControl(ctx, y)
	})
}
