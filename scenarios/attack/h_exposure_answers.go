package attack

import (
	"context"
	"strings"

	"authbench/targets/contract"
)

// refusals are requests that are refused, each for another reason. User names and
// credentials in them are made up.
func (t *Target) refusals(ctx context.Context, see func(what string, presented bool, a *contract.Answer)) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	send := func(what string, presented bool, step *contract.Step, req contract.RawRequest) error {
		a, err := t.Send(ctx, 0, step, req, u.Vars)
		if err == nil {
			see(what, presented, a)
		}
		return err
	}
	for _, n := range append(unsafeSteps(t.Contract), change{"use", &t.Contract.Use}) {
		vars := u.Vars.With(contract.Vars{"new_password": newPassword()})
		req, err := t.Contract.Render(n.step, t.Nodes[0].Host, vars)
		if err != nil {
			return err
		}
		if err := send(n.name+" without a credential", false, n.step, withoutCredential(t.Contract, req)); err != nil {
			return err
		}
		for _, bad := range []string{madeUp(u.Credential()), "x", u.Credential() + "x"} {
			forged := &User{u.N, vars}
			if req, err = t.Forge(n.step, forged, bad); err != nil {
				return err
			}
			if err := send(n.name+" with a credential that nobody has", true, n.step, req); err != nil {
				return err
			}
		}
	}
	if logsIn(t) != "" {
		return nil
	}
	wrong := u.Vars.With(contract.Vars{"password": "wrong-" + random()})
	a, err := t.Do(ctx, 0, &t.Contract.Login, wrong)
	if err == nil {
		see("log-in with a wrong password", false, a)
	}
	return err
}

// tryChallenge is H7. A cookie has no scheme of its own, and services that use one mostly leave the
// field out: that is said, and is no failure.
func tryChallenge(ctx context.Context, t *Target, y *Tally) error {
	missing := 0
	err := t.refusals(ctx, func(what string, presented bool, a *contract.Answer) {
		if presented && bearer(t) && a.Status == 403 {
			y.Note(what, "403", "401: a token that is no good is invalid_token (RFC 6750 3.1)", false)
			return
		}
		if a.Status != 401 {
			y.Note(what, gotOf(a)+", which needs none", "WWW-Authenticate with a 401", a.Status != 0 && a.Status < 500)
			return
		}
		said := answerHeader(a, "WWW-Authenticate")
		switch {
		case said == "" && inCookie(t) == "":
			missing++
			y.Note(what, "401 without WWW-Authenticate", "WWW-Authenticate", true)
		case bearer(t) && !strings.HasPrefix(strings.ToLower(said), "bearer"):
			y.Note(what, "WWW-Authenticate: "+said, "scheme Bearer", false)
		case bearer(t) && !presented && strings.Contains(said, "error="):
			y.Note(what, "WWW-Authenticate: "+said, "no error code where no token was sent", false)
		default:
			y.Note(what, "WWW-Authenticate: "+said, "WWW-Authenticate", said != "")
		}
	})
	if missing > 0 {
		y.Say("%d answers 401 have no WWW-Authenticate, which RFC 9110 asks for; no registered scheme fits a cookie", missing)
	}
	return err
}

// bearer says whether the credential is a bearer token of RFC 6750.
func bearer(t *Target) bool {
	for name, value := range t.Contract.Use.Headers {
		if strings.EqualFold(name, "Authorization") && strings.HasPrefix(strings.ToLower(value), "bearer ") {
			return true
		}
	}
	return false
}

// tryEcho is H8: logs of clients and proxies keep answers.
func tryEcho(ctx context.Context, t *Target, y *Tally) error {
	return t.refusals(ctx, func(what string, _ bool, a *contract.Answer) {
		secrets := []string{}
		for _, h := range a.Request.Headers {
			if strings.EqualFold(h.Name, "Authorization") || strings.EqualFold(h.Name, "Cookie") {
				_, value, _ := strings.Cut(h.Value, " ")
				secrets = append(secrets, value)
				_, value, _ = strings.Cut(h.Value, "=")
				secrets = append(secrets, value)
			}
		}
		secrets = append(secrets, a.Vars["password"], a.Vars["new_password"], a.Vars["csrf"])
		text := string(a.Body)
		for _, h := range a.Header {
			text += "\n" + h.Value
		}
		for _, s := range secrets {
			if len(s) >= 8 && strings.Contains(text, s) {
				y.Note(what, "what was sent as a secret is in the answer", "nothing of it", false)
				return
			}
		}
		y.Note(what, gotOf(a)+", nothing of it", "nothing of it", true)
	})
}
