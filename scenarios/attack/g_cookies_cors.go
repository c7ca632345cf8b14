package attack

import (
	"context"
	"fmt"
	"strings"

	"authbench/targets/contract"
)

// tryCORS is G9: no origin but the target's own is to be let read answers, with a
// credential or without.
func tryCORS(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	a, err := t.Use(ctx, u)
	if err != nil || !y.Control("a use", a) {
		return err
	}
	for _, from := range foreignOrigins(ownOrigin(t)) {
		use, err := t.Contract.Render(&t.Contract.Use, t.Nodes[0].Host, u.Vars)
		if err != nil {
			return err
		}
		a, err := t.Send(ctx, 0, &t.Contract.Use, withHeader(use, "Origin", from.value), u.Vars)
		if err != nil {
			return err
		}
		auditCORS(y, "a use from "+from.name, from.value, inCookie(t) == "", a)
		for _, n := range append(unsafeSteps(t.Contract), change{"use", &t.Contract.Use}, change{"login", &t.Contract.Login}) {
			if n.step.Method == "" {
				continue
			}
			a, err := t.preflight(ctx, n.step, u, from.value)
			if err != nil {
				return err
			}
			auditCORS(y, "a preflight for "+n.name+" from "+from.name, from.value, inCookie(t) == "", a)
		}
	}
	return nil
}

// preflight asks on behalf of a page whether step may be sent (Fetch, section 4.8).
func (t *Target) preflight(ctx context.Context, step *contract.Step, u *User, from string) (*contract.Answer, error) {
	req, err := t.Contract.Render(step, t.Nodes[0].Host, u.Vars.With(contract.Vars{"new_password": newPassword()}))
	if err != nil {
		return nil, err
	}
	req.Method, req.Body = "OPTIONS", nil
	req.Headers = []contract.Header{
		{Name: "Origin", Value: from},
		{Name: "Access-Control-Request-Method", Value: step.Method},
		{Name: "Access-Control-Request-Headers", Value: "authorization,content-type,x-csrf-token"},
	}
	return t.Send(ctx, 0, step, req, u.Vars)
}

// auditCORS: a wildcard lets nobody read with a cookie, and whoever has a token in a
// header can read without a browser.
func auditCORS(y *Tally, what, from string, cookie bool, a *contract.Answer) {
	allowed, credentials := answerHeader(a, "Access-Control-Allow-Origin"), answerHeader(a, "Access-Control-Allow-Credentials")
	got := "no Access-Control-Allow-Origin"
	if allowed != "" {
		got = fmt.Sprintf("Access-Control-Allow-Origin: %s, credentials: %s", allowed, yesNo(strings.EqualFold(credentials, "true")))
	}
	bad := allowed != "" && allowed == from || allowed == "*" && (cookie || strings.EqualFold(credentials, "true"))
	y.Note(what, got, "no leave for that origin", !bad)
}

// answerHeader is a header field of an answer, or "".
func answerHeader(a *contract.Answer, name string) string {
	for _, h := range a.Header {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// tryMutatingGet is G10: what changes something is not to be had by following a link.
func tryMutatingGet(ctx context.Context, t *Target, y *Tally) error {
	for _, n := range unsafeSteps(t.Contract) {
		if n.step.Method == "GET" || n.step.Method == "HEAD" {
			y.Note(n.name+" of the contract", n.step.Method, "a method that is not safe", false)
			continue
		}
		u, err := t.LogIn(ctx)
		if err != nil {
			return err
		}
		vars := u.Vars.With(contract.Vars{"new_password": newPassword()})
		for _, method := range []string{"GET", "HEAD"} {
			for _, v := range []struct {
				name  string
				alter func(*contract.RawRequest)
			}{
				{"", func(*contract.RawRequest) {}},
				{" with its body in the URL", func(r *contract.RawRequest) { r.Path = withQuery(r.Path, "body", "1") + "&" + queryOf(r.Body) }},
				{" with an overridden method", func(r *contract.RawRequest) {
					*r = withHeader(withHeader(*r, "X-HTTP-Method-Override", n.step.Method), "X-Method-Override", n.step.Method)
				}},
				{" with an overridden method in the URL", func(r *contract.RawRequest) { r.Path = withQuery(r.Path, "_method", n.step.Method) }},
			} {
				req, err := t.Contract.Render(n.step, t.Nodes[0].Host, vars)
				if err != nil {
					return err
				}
				v.alter(&req)
				req.Method, req.Body = method, nil
				a, err := t.Send(ctx, 0, n.step, req, vars)
				if err != nil {
					return err
				}
				what := method + " " + n.name + v.name
				y.Check(what, a, Status(405, 404, 501))
				if err := still(ctx, t, y, u, what); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// queryOf makes parameters of a body, as well as can be.
func queryOf(body []byte) string {
	return strings.NewReplacer("{", "", "}", "", `"`, "", ":", "=", ",", "&", " ", "+").Replace(string(body))
}
