package attack

import (
	"context"
	"net/url"

	"authbench/results"
	"authbench/targets/contract"
)

// reusedVariables sends what was known before a log-in after it.
func reusedVariables(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	old := u.Vars
	a, err := t.logInWith(ctx, t.user(u.N).Vars, u.Credential())
	if err != nil {
		return err
	}
	if t.kept(a) {
		a.Outcome, a.Vars = results.OK, u.Vars
	}
	if a.Outcome != results.OK {
		y.Unknown("a log-in with a live session got %s (%s)", gotOf(a), a.Problem)
		return nil
	}
	u.Vars = a.Vars
	// A log-in that fails must not say who the session is of.
	victim := t.Next()
	wrong := victim.Vars.With(contract.Vars{"password": "not-" + victim.Vars["password"]})
	if a, err = t.logInWith(ctx, wrong, u.Credential()); err != nil {
		return err
	}
	y.Check("a log-in as somebody else with a wrong password", a, Refused(400, 429))
	if a, err = t.With(ctx, victim, u.Credential()); err != nil {
		return err
	}
	y.Check("one's own id, as that somebody", a, notAs())
	if err := t.claimed(ctx, y, victim); err != nil {
		return err
	}
	return t.guardsOfBefore(ctx, y, u, old)
}

// guardsOfBefore sends the tokens against forged requests of before a log-in with the id
// of now: a page that knows one from before must not have the session.
func (t *Target) guardsOfBefore(ctx context.Context, y *Tally, u *User, old contract.Vars) error {
	revoke := t.Contract.Revoke
	if revoke == nil || u.Credential() == old["credential"] { // else there is no id of now
		return nil
	}
	names := guards(t.Contract, revoke)
	if len(names) == 0 {
		return nil
	}
	if checks, err := t.checksGuards(ctx); err != nil || !checks {
		return err
	}
	for _, name := range names {
		a, err := t.Do(ctx, 0, revoke, u.Vars.With(contract.Vars{name: old[name]}))
		if err != nil {
			return err
		}
		y.Check("the "+name+" of before with the id of now", a, Forbidden(400))
	}
	return nil
}

// claimed sends what says in so many words that one is logged in.
func (t *Target) claimed(ctx context.Context, y *Tally, victim *User) error {
	name := url.QueryEscape(victim.Vars["username"])
	for _, cookie := range []string{"user=" + name, "username=" + name, "authenticated=true", "loggedin=1; uid=1; role=admin"} {
		req, err := t.anonymous(victim)
		if err != nil {
			return err
		}
		req.Headers = append(req.Headers, contract.Header{Name: "Cookie", Value: cookie})
		a, err := t.Send(ctx, 0, &t.Contract.Use, req, victim.Vars)
		if err != nil {
			return err
		}
		y.Check("no id, and the cookie "+cookie, a, Refused())
	}
	return nil
}

// anonymous is a use without the header that carries the credential.
func (t *Target) anonymous(u *User) (contract.RawRequest, error) {
	req, err := t.Forge(&t.Contract.Use, u, "")
	if err != nil {
		return req, err
	}
	at, _, err := t.carrier(u)
	if err == nil && at >= 0 {
		req.Headers = append(req.Headers[:at:at], req.Headers[at+1:]...)
	}
	return req, err
}
