package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// CSRF asks a browser what no client of ours can answer: what it attaches by itself to
// requests that pages of other sites have it send, and what a script in a page can read.
func CSRF() Scenario {
	return Scenario{
		Name:    "csrf",
		Summary: "a browser, a shop and pages of other sites, over TLS: what it attaches to forged requests, what they change, what scripts can read",
		Params: []Param{
			{Key: "cookies", Default: "None,Lax,Strict,default", Meaning: "SameSite of the cookie that is tried beside the arm's own; default: none is given"},
			{Key: "third_party", Default: "allow", Words: []string{"allow", "block"}, Meaning: "cookies in requests that a page of another site makes from within, as the user of a browser sets it"},
			{Key: "age", Default: "125s", Meaning: "how old a cookie without SameSite is when it is tried once more; 0s: it is not"},
		},
		Applies: csrfApplies,
		Run:     runCSRF,
	}
}

func csrfApplies(c *contract.Contract, _ Values) string {
	switch {
	case c.Mechanism == "none":
		return "it does not authenticate, so that nothing is gained by another's browser"
	case !c.LogsIn():
		return "nobody logs in, so that no browser holds a credential"
	case c.Revoke == nil:
		return "its contract has no change that could be forged (revoke)"
	}
	return ""
}

// The values of SameSite that are tried. Own is what the arm gives its cookie.
const (
	siteOwn     = "own"
	siteDefault = "default"
)

// siteModes reads the list of them.
func siteModes(list string) ([]string, error) {
	modes := strings.Split(list, ",")
	for _, m := range modes {
		if !slices.Contains([]string{"None", "Lax", "Strict", siteDefault}, m) {
			return nil, fmt.Errorf("--set cookies=%s: %q is none of None, Lax, Strict, default", list, m)
		}
	}
	return modes, nil
}

func runCSRF(ctx context.Context, t *Trial) error {
	modes, err := siteModes(t.Values["cookies"])
	if err != nil {
		return err
	}
	r, err := t.setUp(ctx, setup{nodes: 1})
	if err != nil {
		return err
	}
	x, err := newCSRF(ctx, r)
	if err == nil {
		if err = x.run(ctx, modes, t.Values.duration("age")); err == nil {
			x.conclude()
		}
		err = errors.Join(err, x.close())
	}
	if err == nil {
		err = r.nodesAlive()
	}
	return errors.Join(err, r.close())
}

// crossSite is an arm before a browser.
type crossSite struct {
	*rig
	browser *testbed.Browser
	sites   *testbed.Sites
	front   *csrfFront
	cookie  string // that carries the credential; "": a header does
	logins  int
	inside  string // the shop and the kind of cookie that the browser is logged in with; "": it has to log in
	ends    bool   // the change ends the credential at once
	control string // why the user's own page cannot make the change; "": it can

	own   string // SameSite of the arm's cookie; "": it has none
	found []attempts
	loot  []looted
	flags []flagged
	aged  []agedCookie
}

// attempts are what became of every forged request with one kind of cookie.
type attempts struct {
	mode string
	all  []attempt
}

func newCSRF(ctx context.Context, r *rig) (_ *crossSite, err error) {
	x := &crossSite{rig: r, cookie: cookieOf(r.c)}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.close())
		}
	}()
	x.front = newCSRFFront(r.c, r.client(0))
	if x.sites, err = testbed.NewSites(x.front, shopHost, oldShopHost, siblingHost, attackerHost); err != nil {
		return nil, err
	}
	x.browser, err = r.t.Testbed.NewBrowser(ctx, x.sites, testbed.BrowserOptions{BlockThirdParty: r.t.Values["third_party"] == "block"})
	return x, err
}

func (x *crossSite) close() error {
	var errs []error
	if x.browser != nil {
		errs = append(errs, x.browser.Close())
	}
	if x.sites != nil {
		errs = append(errs, x.sites.Close())
	}
	return errors.Join(errs...)
}

// cookieOf is the cookie that carries the credential of a use, or "".
func cookieOf(c *contract.Contract) string {
	for name, value := range c.Use.Headers {
		if !strings.EqualFold(name, "Cookie") {
			continue
		}
		for pair := range strings.SplitSeq(value, ";") {
			if name, v, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.Contains(v, "{credential}") {
				return name
			}
		}
	}
	return ""
}

func (x *crossSite) run(ctx context.Context, modes []string, age time.Duration) error {
	if err := x.ownPage(ctx); err != nil {
		return err
	}
	first, err := x.fresh(ctx)
	if err != nil {
		return err
	}
	if x.cookie == "" {
		modes = nil
	}
	for _, mode := range append([]string{siteOwn}, modes...) {
		if mode == x.own {
			continue // it is the arm's own
		}
		all, err := x.everything(ctx, mode)
		if err != nil {
			return fmt.Errorf("cookies with SameSite=%s: %w", mode, err)
		}
		x.found = append(x.found, attempts{mode, all})
	}
	if err := x.injected(ctx); err != nil {
		return err
	}
	if x.cookie == "" {
		return nil
	}
	if err := x.attributes(ctx); err != nil {
		return err
	}
	return x.old(ctx, first, age)
}

// ownPage is the control: the user's own page makes the change.
func (x *crossSite) ownPage(ctx context.Context) error {
	if err := x.enter(ctx, shopHost, siteOwn); err != nil {
		return err
	}
	if x.cookie != "" {
		x.own = x.front.sameSite(x.cookie)
	}
	x.front.begin(false)
	r, err := x.page(ctx, shopHost, "own")
	if err != nil {
		return err
	}
	seen := x.front.end()
	x.inside = ""
	alive, err := x.alive(ctx)
	if err != nil {
		return err
	}
	x.ends = !alive
	switch {
	case seen.answer == nil:
		x.control = "the user’s own page sent nothing: " + r.Error
	case !seen.attached:
		x.control = "what the user’s own page sent had no credential"
	case seen.answer.Outcome != results.OK:
		x.control = fmt.Sprintf("the user’s own page could not make it either: status %d", seen.answer.Status)
	}
	return nil
}

// alive says whether the credential of the browser's user is accepted.
func (x *crossSite) alive(ctx context.Context) (bool, error) {
	a, err := x.client(0).Do(ctx, &x.c.Use, x.front.vars())
	if err != nil {
		return false, err
	}
	if a.Outcome != results.OK && a.Outcome != results.Rejected {
		return false, fmt.Errorf("use: %s", a.Problem)
	}
	return a.Outcome == results.OK, nil
}

// enter logs the next user in, with a browser that from now on has the cookies of that
// log-in as mode alters them.
func (x *crossSite) enter(ctx context.Context, shop, mode string) error {
	if err := x.logInNext(ctx, func(line string) string { return withSameSite(line, mode) }); err != nil {
		return err
	}
	if _, err := x.page(ctx, shop, "enter"); err != nil {
		return err
	}
	x.inside = shop + " " + mode
	return nil
}

// logInNext logs the next user in over the wire: what the target then sets is handed to
// the browser by the next page of the shop, as alter makes it.
func (x *crossSite) logInNext(ctx context.Context, alter func(line string) string) error {
	x.inside = ""
	n := x.logins
	if known := x.c.Users.Count; known > 0 {
		n %= known
	}
	x.logins++
	var lines []string
	client := x.client(0)
	a, err := client.DoBy(ctx, &x.c.Login, x.c.User(n+1), func(ctx context.Context, step *contract.Step, req contract.RawRequest, vars contract.Vars) (*contract.Answer, error) {
		a := client.Send(ctx, step, req, vars)
		for _, h := range a.Header {
			if strings.EqualFold(h.Name, "Set-Cookie") {
				lines = append(lines, h.Value)
			}
		}
		return a, context.Cause(ctx)
	})
	if err != nil {
		return err
	}
	if a.Outcome != results.OK {
		return fmt.Errorf("log in: %s", a.Problem)
	}
	x.front.hold(a.Vars, lines, alter)
	return nil
}

// pageTimeout bounds what a page does.
const pageTimeout = 5 * time.Second

// page opens a page of the shop's own, and returns what it reports.
func (x *crossSite) page(ctx context.Context, shop, name string) (report, error) {
	n := x.front.next()
	if err := x.browser.Visit(ctx, fmt.Sprintf("https://%s%s%s?n=%d", shop, ownPages, name, n)); err != nil {
		return report{}, err
	}
	r, err := x.front.wait(ctx, n, pageTimeout)
	if err != nil {
		return r, fmt.Errorf("page %s of the shop: %w", name, err)
	}
	return r, nil
}
