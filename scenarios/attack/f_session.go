package attack

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"

	"authbench/results"
	"authbench/targets/contract"
)

// sessionCases: an id is all that stands between a session and everybody else, so that
// nobody may choose it, guess it, or know it from before.
func sessionCases() []Case {
	stepUp := has("step_up", func(c *contract.Contract) *contract.Step { return c.StepUp })
	return []Case{
		{
			ID: "F1", Title: "an id that was there before the log-in is not adopted",
			Reference: "ASVS 5.0 7.2.4; WSTG-SESS-03; CWE-384", Applies: first(authenticated, looked), Try: fixated,
		},
		{
			ID: "F3", Title: "the id of before a log-in is dead after it",
			Reference: "ASVS 5.0 7.2.4; WSTG-SESS-03", Applies: first(authenticated, looked, revocable), Needs: nearBound, Try: replacedAtLogIn,
		},
		{
			ID: "F5", Title: "an id that was never given out creates nothing",
			Reference: "OWASP Session Management (strict); WSTG-SESS-03", Applies: first(authenticated, looked), Try: unknownIDs,
		},
		{
			ID: "F6", Title: "ids are unique and have 128 bits that look random",
			Reference: "ASVS 5.0 7.2.3; WSTG-SESS-01", Applies: first(authenticated, looked), Try: drawnIDs,
		},
		{
			ID: "F7", Title: "a session ends when it is idle, and at last however much it is used",
			Reference: "ASVS 5.0 7.3.1, 7.3.2; WSTG-SESS-07", Applies: first(authenticated, looked, timesOut), Needs: seesTime, Try: timedOut,
		},
		{
			ID: "F9", Title: "sessions of one user beyond the cap",
			Reference: "ASVS 5.0 7.1.2", Applies: first(authenticated, looked, capped), Try: beyondCap,
		},
		{
			ID: "F10", Title: "what was set before the log-in counts for nothing after it",
			Reference: "WSTG-SESS-08; CWE-384", Applies: first(authenticated, looked), Try: reusedVariables,
		},
		{
			ID: "F11", Title: "ids that are no ids: line breaks, patterns, quotes, 64 KB, off by a bit",
			Reference: "ASVS 5.0 1.2.4; CWE-93; CWE-943", Applies: first(authenticated, looked), Try: hostileIDs,
		},
		{
			ID: "F12", Title: "the id of before a step-up is dead after it",
			Reference: "ASVS 5.0 7.2.4", Applies: first(authenticated, looked, stepUp, revocable), Needs: nearBound, Try: steppedUp,
		},
	}
}

// carrying is req with what carries credential when it is used.
func (t *Target) carrying(req contract.RawRequest, u *User, credential string) (contract.RawRequest, error) {
	at, _, err := t.carrier(u)
	if err != nil || at < 0 {
		return req, err
	}
	use, err := t.Forge(&t.Contract.Use, u, credential)
	if err != nil {
		return req, err
	}
	h := use.Headers[at]
	out := req
	out.Headers = nil
	for _, own := range req.Headers {
		if strings.EqualFold(own.Name, h.Name) {
			if !strings.EqualFold(h.Name, "Cookie") {
				continue
			}
			h.Value = own.Value + "; " + h.Value
			continue
		}
		out.Headers = append(out.Headers, own)
	}
	out.Headers = append(out.Headers, h)
	return out, nil
}

// logInWith logs in with a credential that was there before.
func (t *Target) logInWith(ctx context.Context, vars contract.Vars, credential string) (*contract.Answer, error) {
	if t.Contract.Login.Method == "" {
		return nil, errors.New("nobody logs in: a file has the credentials")
	}
	u := &User{Vars: vars}
	send := func(ctx context.Context, step *contract.Step, req contract.RawRequest, vars contract.Vars) (*contract.Answer, error) {
		req, err := t.carrying(req, u, credential)
		if err != nil {
			return nil, err
		}
		return t.Send(ctx, 0, step, req, vars)
	}
	return t.Nodes[0].DoBy(ctx, &t.Contract.Login, vars, send)
}

// kept says whether a log-in was accepted and gave no id, as one does that goes on with
// the id that it was sent.
func (t *Target) kept(a *contract.Answer) bool {
	o, _ := t.Contract.Outcome(&t.Contract.Login, a.Status, a.Header, a.Body)
	return a.Outcome != results.OK && o == results.OK
}

// madeUp is an id of the form of id that nobody has given out.
func madeUp(id string) string {
	b := []byte(id)
	for i, c := range b {
		from := "abcdefghijklmnopqrstuvwxyz"
		switch {
		case i > 0 && b[i-1] == '%' || i > 1 && b[i-2] == '%':
			continue // an escape stays one
		case c >= '0' && c <= '9':
			from = "0123456789"
		case c >= 'a' && c <= 'f':
			from = "abcdef"
		case c >= 'A' && c <= 'F':
			from = "ABCDEF"
		case c >= 'A' && c <= 'Z':
			from = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		case c < 'a' || c > 'z':
			continue
		}
		b[i] = from[rand.IntN(len(from))]
	}
	return string(b)
}

// notAs is no credential of this user: a refusal, or somebody else's.
func notAs() Want {
	return Want{"not logged in", func(a *contract.Answer) bool {
		return a.Outcome == results.Rejected || a.Status != 0 && a.Subject != "" && a.Subject != a.Vars["subject"]
	}}
}

// fixated logs a victim in with an id that an attacker has planted.
func fixated(ctx context.Context, t *Target, y *Tally) error {
	attacker, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	before, err := t.preLogin(ctx)
	if err != nil {
		return err
	}
	planted := []text{
		{"a made-up id", madeUp(attacker.Credential())},
		{"another made-up id", madeUp(attacker.Credential())},
		{"an id that is none", "planted"},
	}
	if before != "" {
		planted = append(planted, text{"an id from before the log-in", before})
	}
	if t.Contract.Use.Subject != nil {
		planted = append(planted, text{"the id of the attacker's own session", attacker.Credential()})
	}
	for _, p := range planted {
		victim := t.Next()
		a, err := t.logInWith(ctx, victim.Vars, p.text)
		if err != nil {
			return err
		}
		if a.Outcome == results.OK {
			y.Note("the id after a log-in with "+p.name, changed(p.text, a.Vars["credential"]), "another", a.Vars["credential"] != p.text)
			victim.Vars = a.Vars
			if p.text != a.Vars["credential"] {
				got, err := t.Use(ctx, victim)
				if err != nil || !y.Control("the id that the log-in gave", got) {
					return err
				}
			}
		} else if !t.kept(a) {
			y.Unknown("the log-in with %s got %s (%s)", p.name, gotOf(a), a.Problem)
			continue
		}
		if a, err = t.With(ctx, victim, p.text); err != nil {
			return err
		}
		y.Check(p.name+", when a victim has logged in with it", a, notAs())
	}
	return nil
}

// preLogin is the id that the target gives to somebody who has not logged in, or "".
func (t *Target) preLogin(ctx context.Context) (string, error) {
	name := cookieOf(t.Contract)
	if name == "" {
		return "", nil
	}
	nobody := t.Next()
	req, err := t.anonymous(nobody)
	if err != nil {
		return "", err
	}
	a, err := t.Send(ctx, 0, &t.Contract.Use, req, nobody.Vars)
	if err != nil {
		return "", err
	}
	return cookieSet(a, name), nil
}

// cookieSet is the value that an answer gives to the cookie, or "".
func cookieSet(a *contract.Answer, name string) string {
	for _, h := range a.Header {
		pair, _, _ := strings.Cut(h.Value, ";")
		if n, v, _ := strings.Cut(pair, "="); strings.EqualFold(h.Name, "Set-Cookie") && strings.TrimSpace(n) == name {
			return v
		}
	}
	return ""
}

// replacedAtLogIn logs in with a session that is there: the same user's, and another's.
func replacedAtLogIn(ctx context.Context, t *Target, y *Tally) error {
	for _, same := range []bool{true, false} {
		u, err := t.LogIn(ctx)
		if err != nil {
			return err
		}
		old, next := &User{u.N, u.Vars}, u
		what := "the same user"
		if !same {
			next, what = t.Next(), "another user"
		}
		a, err := t.logInWith(ctx, t.user(next.N).Vars, old.Credential())
		if err != nil {
			return err
		}
		if t.kept(a) {
			a.Outcome, a.Vars = results.OK, t.user(next.N).Vars.With(contract.Vars{"credential": old.Credential()})
		}
		if a.Outcome != results.OK {
			y.Unknown("the log-in of %s with a live session got %s (%s)", what, gotOf(a), a.Problem)
			continue
		}
		next = &User{next.N, a.Vars}
		y.Note("the id after a log-in of "+what+" with a live session", sameOrNew(old, next), "another", old.Credential() != next.Credential())
		err = t.pastBound(ctx, a.Done, func() error {
			a, err := t.Use(ctx, old)
			if err != nil {
				return err
			}
			y.Check("the id of before a log-in of "+what, a, Refused())
			if a, err = t.Use(ctx, next); err == nil {
				y.Control("the id that the log-in gave", a)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// orDone is what a log-out may get that ends nothing: whoever has no session is logged out.
func orDone(w Want) Want {
	return Want{w.Words + " or done", func(a *contract.Answer) bool { return w.Fits(a) || a.Outcome == results.OK }}
}

// unknownIDs uses ids that were never given out, twice: the first use must not have made
// anything that the second would find.
func unknownIDs(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	name := cookieOf(t.Contract)
	for i := range 10 {
		id := madeUp(u.Credential())
		for range 2 {
			a, err := t.With(ctx, u, id)
			if err != nil {
				return err
			}
			y.Check("a made-up id", a, Refused())
			if got := cookieSet(a, name); name != "" && got != "" {
				y.Note("the cookie in the answer to it", changed(id, got), "another", got != id)
				if a, err = t.With(ctx, u, got); err != nil {
					return err
				}
				y.Check("the id that the answer to it sets", a, Refused())
			}
		}
		if i > 2 {
			continue
		}
		for _, step := range []*contract.Step{t.Contract.Revoke, t.Contract.RevokeAll, t.Contract.StepUp, t.Contract.Password} {
			if step == nil {
				continue
			}
			req, err := t.Forge(step, &User{u.N, u.Vars.With(contract.Vars{"new_password": newPassword()})}, id)
			if err != nil {
				return err
			}
			a, err := t.Send(ctx, 0, step, req, u.Vars)
			if err != nil {
				return err
			}
			want := oneOf(Refused(), Forbidden())
			if step == t.Contract.Revoke || step == t.Contract.RevokeAll {
				want = orDone(want)
			}
			y.Check(step.Path+" with it", a, want)
		}
		a, err := t.With(ctx, u, id)
		if err != nil {
			return err
		}
		y.Check("the made-up id after that", a, Refused())
	}
	a, err := t.Use(ctx, u)
	if err == nil {
		y.Control("a real id", a)
	}
	return err
}
