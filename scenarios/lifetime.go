package scenarios

import (
	"context"
	"errors"

	"authbench/targets/contract"
)

// Lifetime asks what the length of a life buys and costs: access tokens of several
// lives, sessions that are used and not used up to their timeouts, and refresh tokens
// that are played again inside and outside of their grace.
func Lifetime() Scenario {
	return Scenario{
		Name:    "lifetime",
		Summary: "how long credentials should live: exposure against refreshing, timeouts in use, races around the grace of a refresh token",
		Params: []Param{
			{Key: "how", Default: "sweep", Words: []string{"sweep", "timeouts", "races"}, Meaning: "sweep: access tokens of several lives; timeouts: what use does to the end of a credential, on clocks that are set; races: refresh tokens played again around their grace"},
			{Key: "users", Default: "10", Meaning: "users at each life, families at each row"},
			{Key: "uses", Default: "1", Meaning: "sweep: uses a second that each user is taken to make"},
			{Key: "rate", Default: "300", Meaning: "sweep: uses, and then refreshes, a second while their cost is measured"},
			{Key: "for", Default: "1500ms", Meaning: "sweep: how long each of the two is measured"},
		},
		Applies:  lifetimeApplies,
		Settings: lifetimeSettings,
		Run:      runLifetime,
	}
}

func lifetimeApplies(c *contract.Contract, v Values) string {
	_, lives := c.Settings["lifetime"]
	refreshes := c.Refresh != nil && (c.Promises.Refresh == "stateless" || c.Promises.Refresh == "rotating")
	switch v["how"] {
	case "timeouts":
		return needsClock(c)
	case "races":
		if !refreshes {
			return "it has no refresh tokens"
		}
		return needsClock(c)
	}
	switch {
	case c.Mechanism == "none":
		return "it has no credential that could expire"
	case c.Start == nil || !lives || c.Promises.Lifetime == "":
		return "it has no access token whose life could be set (setting and promise lifetime)"
	case !refreshes || c.Revoke == nil:
		return "its access tokens cannot be refreshed, or not be logged out"
	}
	return ""
}

func lifetimeSettings(c *contract.Contract, v Values) map[string]string {
	switch v["how"] {
	case "sweep":
		return known(c, map[string]string{"leeway": "1s"})
	case "races":
		return known(c, map[string]string{"refresh_grace": "1s"})
	}
	return nil
}

func runLifetime(ctx context.Context, t *Trial) error {
	switch t.Values["how"] {
	case "timeouts":
		return t.onDials(ctx, (*dials).timeouts)
	case "races":
		return t.onDials(ctx, (*dials).races)
	}
	return runLives(ctx, t)
}

// onDials does something on two nodes whose clocks can be set.
func (t *Trial) onDials(ctx context.Context, do func(*dials, context.Context) error) error {
	r, err := t.setUp(ctx, setup{nodes: 2, admin: true})
	if err != nil {
		return err
	}
	return errors.Join(r.done(do(newDials(r), ctx)), r.close())
}

// done ends a trial that the checker of histories has nothing to say to: its credentials
// have other clocks than the history.
func (r *rig) done(err error) error {
	if err == nil {
		err = r.nodesAlive()
	}
	r.chaos().Operations = int64(len(r.hist.ops))
	return err
}
