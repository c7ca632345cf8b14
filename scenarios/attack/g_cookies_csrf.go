package attack

import (
	"context"
	"slices"
	"strings"

	"authbench/results"
	"authbench/targets/contract"
)

// tryCSRF is G3: every step that changes something, with every token that is not the
// caller's own of now.
func tryCSRF(ctx context.Context, t *Target, y *Tally) error {
	for _, n := range unsafeSteps(t.Contract) {
		names := guards(t.Contract, n.step)
		if len(names) == 0 {
			y.Say("%s sends no CSRF token", n.name)
			continue
		}
		if err := oneCSRF(ctx, t, y, n, names); err != nil {
			return err
		}
	}
	return nil
}

func oneCSRF(ctx context.Context, t *Target, y *Tally, n change, names []string) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	other, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	twin := &User{u.N, u.Vars} // the same user on another device
	if err := t.Again(ctx, twin); err != nil {
		return err
	}
	vars := u.Vars.With(contract.Vars{"new_password": newPassword()})
	for _, name := range names {
		if twin.Vars[name] == u.Vars[name] {
			y.Say("the CSRF token of %s is that of all sessions of the user", n.name)
		}
		for _, v := range badTokens(u, twin, other, name) {
			req, err := t.Contract.Render(n.step, t.Nodes[0].Host, vars.With(contract.Vars{name: v.value}))
			if err != nil {
				continue // it cannot stand there: nothing to try
			}
			if v.absent {
				req = without(req, n.step, name)
			}
			if v.query {
				req.Path = withQuery(req.Path, name, u.Vars[name])
			}
			a, err := t.Send(ctx, 0, n.step, req, vars)
			if err != nil {
				return err
			}
			y.Check(n.name+" with "+v.name, a, Forbidden())
			if err := still(ctx, t, y, u, n.name+" with "+v.name); err != nil {
				return err
			}
			if a.Outcome == results.OK {
				return nil // whatever comes next would be another's doing
			}
		}
	}
	return t.rightToken(ctx, y, n, u, vars)
}

// rightToken does the step after all, with a look at what was not to happen before it.
func (t *Target) rightToken(ctx context.Context, y *Tally, n change, u *User, vars contract.Vars) error {
	if n.name == "password" && logsIn(t) == "" {
		a, err := t.Do(ctx, 0, &t.Contract.Login, t.user(u.N).Vars.With(contract.Vars{"password": vars["new_password"]}))
		if err != nil {
			return err
		}
		y.Check("a log-in with the password that was not to be set", a, Refused())
	}
	before := u.Vars["password"]
	a, err := t.Do(ctx, 0, n.step, vars)
	if err != nil || !y.Control(n.name+" with the right token", a) {
		return err
	}
	if n.name == "password" {
		u.Vars = a.Vars
		t.passwordBack(ctx, u, before)
	}
	return nil
}

// badToken is a CSRF token that is not to do.
type badToken struct {
	name, value string
	absent      bool // the field is not sent at all
	query       bool // and the right one is in the URL, where a form of another site can put it
}

func badTokens(u, twin, other *User, name string) []badToken {
	own := u.Vars[name]
	if own == "" {
		return nil
	}
	bad := []badToken{
		{name: "no CSRF token", absent: true},
		{name: "an empty CSRF token"},
		{name: "a made-up CSRF token", value: madeUp(own)},
		{name: "a CSRF token with another letter at its end", value: otherEnd(own)},
		{name: "a CSRF token without its last letter", value: own[:len(own)-1]},
		{name: "a CSRF token and a letter more", value: own + "A"},
		{name: "a CSRF token in capitals", value: capitals(own)},
		{name: "another user's CSRF token", value: other.Vars[name]},
		{name: "the credential as CSRF token", value: u.Credential()},
		{name: "the CSRF token in the URL alone", absent: true, query: true},
	}
	if twin.Vars[name] != own {
		bad = append(bad, badToken{name: "the CSRF token of the same user's other session", value: twin.Vars[name]})
	}
	return bad
}

// otherEnd differs in the last letter by more than the bits that base64 may ignore.
func otherEnd(s string) string {
	last := byte('A')
	if s[len(s)-1] >= 'A' && s[len(s)-1] <= 'P' {
		last = 'w'
	}
	return s[:len(s)-1] + string(last)
}

func capitals(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s) + "a"
}

// without is req without the header fields that hold the variable and no credential.
func without(req contract.RawRequest, step *contract.Step, name string) contract.RawRequest {
	for field, template := range step.Headers {
		if strings.Contains(template, "{"+name+"}") && !strings.Contains(template, "{credential}") {
			req = withHeader(req, field, "")
		}
	}
	return req
}

// bare renders step for vars without any CSRF token.
func (t *Target) bare(step *contract.Step, vars contract.Vars) (contract.RawRequest, error) {
	names := guards(t.Contract, step)
	empty := contract.Vars{}
	for _, name := range names {
		empty[name] = ""
	}
	req, err := t.Contract.Render(step, t.Nodes[0].Host, vars.With(empty))
	for _, name := range names {
		req = without(req, step, name)
	}
	return req, err
}

// withQuery is path with one more parameter.
func withQuery(path, name, value string) string {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + name + "=" + value
}

// tryLoginCSRF is G7: a page of another site logs the victim in as somebody else, who
// then reads what the victim leaves there.
func tryLoginCSRF(ctx context.Context, t *Target, y *Tally) error {
	u := t.Next()
	step := &t.Contract.Login
	a, err := t.Do(ctx, 0, step, u.Vars)
	if err != nil || !y.Control("log-in", a) {
		return err
	}
	base, err := t.Contract.Render(step, t.Nodes[0].Host, u.Vars)
	if err != nil {
		return err
	}
	// A form can send these without asking (Fetch, CORS-safelisted Content-Type).
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""} {
		if _, err := t.foreignLogins(ctx, y, u, withHeader(base, "Content-Type", kind), kind, false); err != nil {
			return err
		}
	}
	// For anything else it has to ask first, and is refused by what G9 is about.
	kind := headerOf(base, "Content-Type")
	asks, err := t.foreignLogins(ctx, y, u, base, kind, !isSimple(kind))
	if asks {
		y.Say("%s is taken from any site: what stands before it is that a page has to ask for leave to send it", kind)
	}
	return err
}

// isSimple says whether a form can send that type of body.
func isSimple(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return slices.Contains([]string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"}, strings.ToLower(strings.TrimSpace(kind)))
}

// foreignLogins logs u in from other sites. Where may says that it need not be refused
// and the first is not, it says so and stops.
func (t *Target) foreignLogins(ctx context.Context, y *Tally, u *User, base contract.RawRequest, kind string, may bool) (accepted bool, err error) {
	step := &t.Contract.Login
	for i, from := range foreignOrigins(ownOrigin(t)) {
		req := withHeader(withHeader(base, "Origin", from.value), "Sec-Fetch-Site", "cross-site")
		a, err := t.Send(ctx, 0, step, req, u.Vars)
		if err != nil {
			return false, err
		}
		if may && i == 0 && a.Outcome == results.OK {
			return true, nil
		}
		y.Check("log-in from "+from.name+" as "+kind, a, notAccepted())
		set := slices.DeleteFunc(cookiesOf(a, cookieOf(t.Contract)), func(c cookieLine) bool { return c.value == "" || c.deletes() })
		if len(set) > 0 && a.Outcome != results.OK {
			y.Note("the cookie after a log-in from "+from.name, "it is set", "it is not", false)
		}
	}
	return false, nil
}

// notAccepted is any answer that says that nothing was done.
func notAccepted() Want {
	return Want{"forbidden, or another 4xx", func(a *contract.Answer) bool {
		return a.Outcome == results.Forbidden || a.Outcome == results.Rejected || a.Status >= 400 && a.Status < 500
	}}
}

// headerOf is the value of a header field of req, or "".
func headerOf(req contract.RawRequest, name string) string {
	for _, h := range req.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// withHeader is req with that header field in the place of any of the name, or without
// one where value is empty.
func withHeader(req contract.RawRequest, name, value string) contract.RawRequest {
	req.Headers = slices.DeleteFunc(slices.Clone(req.Headers), func(h contract.Header) bool { return strings.EqualFold(h.Name, name) })
	if value != "" {
		req.Headers = append(req.Headers, contract.Header{Name: name, Value: value})
	}
	return req
}

// withoutCredential is req without what carries the credential when it is used.
func withoutCredential(c *contract.Contract, req contract.RawRequest) contract.RawRequest {
	for name, value := range c.Use.Headers {
		if strings.Contains(value, "{credential}") {
			req = withHeader(req, name, "")
		}
	}
	return req
}

// tryCarrier is G11. A token in a cookie is tried as a page of another site would have
// it sent; one in a header is put where a browser would attach it by itself.
func tryCarrier(ctx context.Context, t *Target, y *Tally) error {
	if cookieOf(t.Contract) == "" {
		return tryOtherCarriers(ctx, t, y)
	}
	for _, n := range unsafeSteps(t.Contract) {
		u, err := t.LogIn(ctx)
		if err != nil {
			return err
		}
		vars := u.Vars.With(contract.Vars{"new_password": newPassword()})
		req, err := t.bare(n.step, vars)
		if err != nil {
			return err
		}
		for _, site := range []string{"cross-site", "same-site", ""} {
			for _, from := range append(foreignOrigins(ownOrigin(t)), origin{name: "nobody knows where", value: ""}) {
				foreign := withHeader(withHeader(req, "Origin", from.value), "Sec-Fetch-Site", site)
				if site == "" && from.value == "" && len(guards(t.Contract, n.step)) == 0 {
					continue // nothing tells it from a request of the target's own
				}
				a, err := t.Send(ctx, 0, n.step, foreign, vars)
				if err != nil {
					return err
				}
				y.Check(n.name+" with the cookie alone, from "+from.name+" ("+site+")", a, Forbidden())
				if a.Outcome == results.OK {
					return nil
				}
			}
		}
		if err := still(ctx, t, y, u, n.name+" with the cookie alone"); err != nil {
			return err
		}
		a, err := t.Do(ctx, 0, n.step, vars)
		if err != nil || !y.Control(n.name+" of the target's own page", a) {
			return err
		}
		if n.name == "password" {
			before := u.Vars["password"]
			u.Vars = a.Vars
			t.passwordBack(ctx, u, before)
		}
	}
	return nil
}

// tryOtherCarriers puts a token that belongs into a header into cookies: if it is taken
// from there, too, it needs the defence of a cookie.
func tryOtherCarriers(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	steps := append(unsafeSteps(t.Contract), change{"use", &t.Contract.Use})
	for _, n := range steps {
		vars := u.Vars.With(contract.Vars{"new_password": newPassword()})
		req, err := t.Contract.Render(n.step, t.Nodes[0].Host, vars)
		if err != nil {
			return err
		}
		req = withoutCredential(t.Contract, req)
		for _, name := range []string{
			"token", "access_token", "jwt", "session", "sid", "auth", "id_token", "Authorization", "__Host-session", "__Host-token", "__Secure-token",
		} {
			a, err := t.Send(ctx, 0, n.step, withHeader(req, "Cookie", name+"="+u.Credential()), vars)
			if err != nil {
				return err
			}
			y.Check(n.name+" with the token in a cookie "+name, a, Refused(403))
			a, err = t.Send(ctx, 0, n.step, withHeader(req, "Cookie", name+"=Bearer "+u.Credential()), vars)
			if err != nil {
				return err
			}
			y.Check(n.name+" with the token and its scheme in a cookie "+name, a, Refused(403))
		}
	}
	a, err := t.Use(ctx, u)
	if err == nil {
		y.Control("the token in its header", a)
	}
	return err
}
