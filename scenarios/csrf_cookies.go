package scenarios

import (
	"context"
	"fmt"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// withSameSite is a Set-Cookie field with another SameSite.
func withSameSite(line, mode string) string {
	if mode == siteOwn {
		return line
	}
	line = withoutAttribute(line, "samesite")
	if mode == siteDefault {
		return line
	}
	if mode == "None" && !hasAttribute(line, "secure") { // a browser takes it no other way
		line += "; Secure"
	}
	return line + "; SameSite=" + mode
}

func withoutAttribute(line, name string) string {
	parts := strings.Split(line, ";")
	kept := parts[:1]
	for _, part := range parts[1:] {
		if k, _, _ := strings.Cut(strings.TrimSpace(part), "="); !strings.EqualFold(k, name) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ";")
}

func hasAttribute(line, name string) bool { return withoutAttribute(line, name) != line }

// sets says whether an answer sets the cookie of that name.
func sets(header []contract.Header, cookie string) bool {
	for _, h := range header {
		if name, _, _ := strings.Cut(h.Value, "="); strings.EqualFold(h.Name, "Set-Cookie") && strings.TrimSpace(name) == cookie {
			return true
		}
	}
	return false
}

// agedCookie is what a browser does with a cookie of that age that has no SameSite.
type agedCookie struct {
	age        time.Duration
	vars       contract.Vars // whose it is
	link, form attempt
}

// fresh logs in at a shop under another name, with a cookie that has no SameSite, and
// tries it. It returns when that was.
func (x *crossSite) fresh(ctx context.Context) (time.Time, error) {
	if x.cookie == "" {
		return time.Time{}, nil
	}
	if err := x.enter(ctx, oldShopHost, siteDefault); err != nil {
		return time.Time{}, err
	}
	set := time.Now()
	return set, x.atAge(ctx, set)
}

// old tries that cookie again when it has that age.
func (x *crossSite) old(ctx context.Context, set time.Time, age time.Duration) error {
	if age == 0 {
		return nil
	}
	select {
	case <-time.After(time.Until(set.Add(age))):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	x.front.hold(x.aged[0].vars, nil, nil)
	return x.atAge(ctx, set)
}

// atAge tries the two requests that a cookie without SameSite may go with. They change
// nothing: the cookie is to live on.
func (x *crossSite) atAge(ctx context.Context, set time.Time) error {
	c := agedCookie{age: time.Since(set), vars: x.front.vars()}
	for _, one := range []struct {
		name string
		into *attempt
	}{{"use-link", &c.link}, {"use-form", &c.form}} {
		x.inside = oldShopHost + " " + siteDefault // another log-in would be another cookie
		var err error
		if *one.into, err = x.try(ctx, forgery{one.name, one.name, attackerHost, true, true}, oldShopHost, siteDefault, false); err != nil {
			return err
		}
	}
	x.inside = ""
	x.aged = append(x.aged, c)
	return nil
}

// flagged is what becomes of a cookie that lacks some of what the arm gives it.
type flagged struct {
	name    string
	kept    bool // by the browser
	read    bool // by a script
	inPlain bool // sent without TLS
	planted bool // a neighbour has planted one of its name
}

// hostPrefix marks cookies that only their own host can set (RFC 6265bis section 4.1.3.2).
const hostPrefix = "__Host-"

// attributes takes attributes away from the cookie, one at a time.
func (x *crossSite) attributes(ctx context.Context) error {
	without := func(name string) func(string) string {
		return func(line string) string { return withoutAttribute(line, name) }
	}
	whole := func(line string) string { return line }
	cases := []struct {
		name   string
		cookie string
		alter  func(string) string
	}{
		{"as the arm sets it", x.cookie, whole},
		{"without HttpOnly", x.cookie, without("httponly")},
		{"without Secure", x.cookie, without("secure")},
	}
	if bare, prefixed := strings.CutPrefix(x.cookie, hostPrefix); prefixed {
		cases = append(cases, struct {
			name   string
			cookie string
			alter  func(string) string
		}{"without __Host- and Secure", bare, func(line string) string {
			return strings.TrimPrefix(withoutAttribute(line, "secure"), hostPrefix)
		}})
	}
	for _, c := range cases {
		f, err := x.flag(ctx, c.cookie, c.alter)
		if err != nil {
			return fmt.Errorf("cookie %s: %w", c.name, err)
		}
		f.name = c.name
		x.flags = append(x.flags, f)
	}
	return nil
}

// flag has the browser keep a cookie as alter makes it, and looks where it then goes.
func (x *crossSite) flag(ctx context.Context, cookie string, alter func(string) string) (f flagged, err error) {
	const secure, plain = "https://" + shopHost, "http://" + shopHost
	forget := func() error {
		for _, name := range []string{x.cookie, cookie} {
			if err := x.browser.Forget(ctx, name, secure); err != nil {
				return err
			}
		}
		return nil
	}
	if err := forget(); err != nil {
		return f, err
	}
	if err := x.logInNext(ctx, alter); err != nil {
		return f, err
	}
	credential := x.front.vars()["credential"]
	entered, err := x.page(ctx, shopHost, "enter")
	if err != nil {
		return f, err
	}
	f.read = strings.Contains(entered.Read, credential)
	if f.kept, err = x.sends(ctx, secure, credential); err != nil {
		return f, err
	}
	if f.inPlain, err = x.sends(ctx, plain, credential); err != nil {
		return f, err
	}
	if err := forget(); err != nil {
		return f, err
	}
	n := x.front.next()
	if err := x.browser.Visit(ctx, fmt.Sprintf("https://%s/plant?n=%d&cookie=%s", siblingHost, n, cookie)); err != nil {
		return f, err
	}
	if _, err := x.front.wait(ctx, n, pageTimeout); err != nil {
		return f, fmt.Errorf("the neighbour: %w", err)
	}
	if f.planted, err = x.sends(ctx, secure, cookie+"="+plantedID); err != nil {
		return f, err
	}
	return f, forget()
}

// sends says whether the browser sends cookies with such text where a user opens a page.
func (x *crossSite) sends(ctx context.Context, origin, text string) (bool, error) {
	n := x.front.next()
	if err := x.browser.Visit(ctx, fmt.Sprintf("%s%slook?n=%d", origin, ownPages, n)); err != nil {
		return false, err
	}
	r, err := x.front.wait(ctx, n, pageTimeout)
	if err != nil {
		return false, fmt.Errorf("%s: %w", origin, err)
	}
	return strings.Contains(r.Read, text), nil
}

// injected has a script of somebody else's run in a page of the shop, for every place that
// the credential can be in.
func (x *crossSite) injected(ctx context.Context) error {
	if x.cookie == "" {
		return x.inject(ctx, "local storage", func(line string) string { return line })
	}
	if err := x.inject(ctx, "cookie, HttpOnly", func(line string) string { return withoutAttribute(line, "httponly") + "; HttpOnly" }); err != nil {
		return err
	}
	return x.inject(ctx, "cookie, without HttpOnly", func(line string) string { return withoutAttribute(line, "httponly") })
}

func (x *crossSite) inject(ctx context.Context, where string, alter func(string) string) error {
	if err := x.logInNext(ctx, alter); err != nil {
		return err
	}
	if _, err := x.page(ctx, shopHost, "enter"); err != nil {
		return err
	}
	r, err := x.page(ctx, shopHost, "injected")
	if err != nil {
		return err
	}
	got, err := x.front.stolen()
	if err != nil {
		return err
	}
	got.where, got.used = where, strings.Contains(r.Read, x.front.vars()["subject"])
	outcome, _ := x.c.Outcome(x.c.Revoke, r.Status, nil, nil)
	got.changed = outcome == results.OK
	x.loot = append(x.loot, got)
	return nil
}
