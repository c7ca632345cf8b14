package attack

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"authbench/targets/contract"
)

// noRefresh sends what is no refresh to the token endpoint.
func noRefresh(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	base, err := t.Contract.Render(t.Contract.Refresh, t.Nodes[0].Host, u.Vars)
	if err != nil {
		return err
	}
	form := string(base.Body)
	values, err := url.ParseQuery(form)
	if err != nil {
		return fmt.Errorf("the body of the refresh is no form: %w", err)
	}
	token := "refresh_token"
	for name := range values {
		if values.Get(name) == u.Vars[refreshVar(t.Contract)] {
			token = name
		}
	}
	// with is the form with one parameter changed, without one that has no value.
	with := func(name string, value ...string) string {
		changed := maps.Clone(values)
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
		return changed.Encode()
	}
	for _, v := range []struct {
		name, body string
		errors     []string
	}{
		{"nothing", "", []string{"invalid_request", "invalid_client"}},
		{"no grant_type", with("grant_type"), []string{"invalid_request", "unsupported_grant_type"}},
		{"an unknown grant_type", with("grant_type", "refreshment"), []string{"unsupported_grant_type"}},
		{"no refresh token", with(token), []string{"invalid_request"}},
		{"an empty refresh token", with(token, ""), []string{"invalid_request", "invalid_grant"}},
		{"the parameters twice", form + "&" + form, []string{"invalid_request"}},
		{"broken form encoding", form + "&x=%zz", []string{"invalid_request"}},
	} {
		req := base
		req.Body = []byte(v.body)
		a, err := t.Send(ctx, 0, t.Contract.Refresh, req, u.Vars)
		if err != nil {
			return err
		}
		y.Check(v.name, a, Want{"400 " + strings.Join(v.errors, " or "), func(a *contract.Answer) bool {
			return a.Status == 400 && slices.Contains(v.errors, oauthErrorOf(a))
		}})
	}
	a, err := t.Do(ctx, 0, t.Contract.Refresh, u.Vars)
	if err == nil {
		y.Control("the refresh itself", a)
	}
	return err
}
