package attack

import (
	"context"
	"fmt"
	"strings"

	"authbench/results"
	"authbench/targets/contract"
)

// matrix sends the requests of G5 for one step.
type matrix struct {
	t    *Target
	y    *Tally
	n    change
	user *User
	has  defences
	done int // requests that were let through
}

// tryForeign is G5: one step with every origin, site and method, the others with their
// own method.
func tryForeign(ctx context.Context, t *Target, y *Tally) error {
	steps := unsafeSteps(t.Contract)
	for i, n := range steps {
		u, err := t.LogIn(ctx)
		if err != nil {
			return err
		}
		m := &matrix{t: t, y: y, n: n, user: u}
		if err := m.run(ctx, i == len(steps)-1); err != nil {
			return err
		}
	}
	return nil
}

func (m *matrix) run(ctx context.Context, whole bool) error {
	if looked, err := m.look(ctx); err != nil || !looked {
		return err
	}
	for _, from := range origins(ownOrigin(m.t)) {
		for _, row := range m.rows(from, whole) {
			if err := m.row(ctx, row); err != nil {
				return err
			}
		}
	}
	if m.done == 0 {
		m.y.Unknown("%s was let through from nowhere, so that a refusal says nothing", m.n.name)
	}
	return nil
}

// look finds out what the target looks at, by one request each that nothing else is
// wrong with.
func (m *matrix) look(ctx context.Context) (looked bool, err error) {
	m.has.token = len(guards(m.t.Contract, m.n.step)) > 0
	own := m.n.step.Method
	control := cell{from: origin{name: "its own page", value: ownOrigin(m.t)}, site: "same-origin", method: own, token: true}
	a, err := m.send(ctx, control)
	if err != nil || !m.y.Control(m.n.name+" from its own page", a) {
		return false, err
	}
	for _, probe := range []struct {
		has  *bool
		from string
		site string
	}{{&m.has.origin, "https://evil.test", ""}, {&m.has.site, "", "cross-site"}} {
		a, err := m.send(ctx, cell{from: origin{value: probe.from}, site: probe.site, method: own, token: true})
		if err != nil {
			return false, err
		}
		*probe.has = a.Outcome != results.OK
	}
	m.y.Say("%s: %s", m.n.name, m.has)
	return true, nil
}

func (d defences) String() string {
	var seen []string
	for _, x := range []struct {
		has  bool
		name string
	}{{d.token, "a CSRF token"}, {d.origin, "Origin"}, {d.site, "Sec-Fetch-Site"}} {
		if x.has {
			seen = append(seen, x.name)
		}
	}
	if seen == nil {
		return "nothing is looked at"
	}
	return "looked at: " + strings.Join(seen, ", ")
}

// rows are the requests from one origin: with the method of the step, with others, and
// with those that pass for others; of each all sites.
func (m *matrix) rows(from origin, whole bool) [][]cell {
	own := m.n.step.Method
	heads := []cell{{method: own, token: true}, {method: own}}
	if whole {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if method != own {
				heads = append(heads, cell{method: method, token: true})
			}
		}
		heads = append(heads, cell{method: "GET", override: own}, cell{method: "HEAD", override: own}, cell{method: own, override: "GET"})
	}
	var out [][]cell
	for _, head := range heads {
		if head.token && len(guards(m.t.Contract, m.n.step)) == 0 && head.method == own && head.override == "" {
			continue // the same as without
		}
		var row []cell
		for _, site := range sites() {
			c := head
			c.from, c.site = from, site
			row = append(row, c)
		}
		out = append(out, row)
	}
	return out
}

// row sends the requests of a row, and looks at its end at what they have done.
func (m *matrix) row(ctx context.Context, row []cell) error {
	quiet := true // nothing of it may have had an effect
	for _, c := range row {
		want := m.has.expects(c, m.n.step.Method)
		a, err := m.send(ctx, c)
		if err != nil {
			return err
		}
		m.hold(c, a, want)
		if a.Outcome == results.OK && want != noEffect {
			m.done++
			quiet = false
			continue
		}
		for _, set := range cookiesOf(a, cookieOf(m.t.Contract)) {
			if a.Outcome != results.Rejected { // which may well delete what is no good
				m.y.Note(m.n.name+" by "+c.String()+": the cookie", "Set-Cookie "+set.shown, "it stays as it is", false)
			}
		}
	}
	if quiet {
		return still(ctx, m.t, m.y, m.user, fmt.Sprintf("%s by %s and the like", m.n.name, row[len(row)-1]))
	}
	return nil
}

// hold holds an answer against the oracle.
func (m *matrix) hold(c cell, a *contract.Answer, want fate) {
	what := m.n.name + " by " + c.String()
	switch want {
	case done:
		m.y.Check(what, a, Accepted())
	case refused:
		m.y.Check(what, a, Forbidden())
	case noEffect:
		m.y.Check(what, a, Want{"no 5xx but 501, and no effect", func(a *contract.Answer) bool {
			return a.Status > 0 && (a.Status < 500 || a.Status == 501)
		}})
	}
}

// send sends one request as the browser of a user who is logged in.
func (m *matrix) send(ctx context.Context, c cell) (*contract.Answer, error) {
	vars := m.user.Vars.With(contract.Vars{"new_password": newPassword()})
	req, err := m.t.bare(m.n.step, vars)
	if c.token {
		req, err = m.t.Contract.Render(m.n.step, m.t.Nodes[0].Host, vars)
	}
	if err != nil {
		return nil, err
	}
	req.Method = c.method
	req = withHeader(withHeader(req, "Origin", c.from.value), "Sec-Fetch-Site", c.site)
	if c.override != "" {
		for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
			req = withHeader(req, name, c.override)
		}
		req.Path = withQuery(req.Path, "_method", c.override)
	}
	if c.method == "GET" || c.method == "HEAD" {
		req.Body = nil
	}
	step := m.n.step
	a, err := m.t.Send(ctx, 0, step, req, vars)
	if err != nil || a.Outcome != results.OK || c.method == "OPTIONS" {
		return a, err
	}
	return a, m.again(ctx, a)
}

// again gives the user a credential after a step that was done.
func (m *matrix) again(ctx context.Context, a *contract.Answer) error {
	if m.n.name == "password" {
		before := m.user.Vars["password"]
		m.user.Vars = a.Vars
		m.t.passwordBack(ctx, m.user, before)
		return nil
	}
	return m.t.Again(ctx, m.user)
}
