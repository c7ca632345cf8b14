package attack

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

func cookieCases() []Case {
	return []Case{
		{
			ID: "G1", Title: "attributes of the cookie: Secure, HttpOnly, SameSite, __Host-", Applies: first(inCookie, logsIn), Try: tryCookie,
			Reference: "ASVS 5.0 3.3.1-3.3.5; RFC 6265bis 4.1.3; WSTG-SESS-02",
		},
		{
			ID: "G2", Title: "__Host- with Domain; the cookie that deletes it", Applies: first(inCookie, logsIn, hasUnsafe), Try: tryDeletion,
			Reference: "RFC 6265bis 4.1.3.2, 5.7; ASVS 5.0 7.4.1; WSTG-SESS-02",
		},
		{
			ID: "G3", Title: "a CSRF token that is missing, wrong or somebody else's", Applies: first(inCookie, hasCSRF), Try: tryCSRF,
			Reference: "ASVS 5.0 3.5.1; WSTG-SESS-05",
		},
		{
			ID: "G5", Title: "a request of another site: Origin x Sec-Fetch-Site x method", Applies: first(inCookie, hasUnsafe), Try: tryForeign,
			Reference: "ASVS 5.0 3.5.1, 3.5.3; W3C Fetch Metadata; RFC 6454 7; WSTG-SESS-05",
		},
		{
			ID: "G7", Title: "log-in from another site", Applies: first(inCookie, logsIn), Try: tryLoginCSRF,
			Reference: "ASVS 5.0 3.5.1, 3.5.2; RFC 6265bis 8.2; WSTG-SESS-05",
		},
		{
			ID: "G9", Title: "CORS: an Origin that is reflected", Applies: authenticated, Try: tryCORS,
			Reference: "ASVS 5.0 3.4.2; Fetch 3.3; WSTG-CLNT-07",
		},
		{
			ID: "G10", Title: "a change by GET", Applies: first(authenticated, hasUnsafe), Try: tryMutatingGet,
			Reference: "ASVS 5.0 3.5.3; RFC 9110 9.2.1; WSTG-SESS-05",
		},
		{
			ID: "G11", Title: "a token in a cookie has a defence against CSRF, one in a header is taken from nowhere else",
			Applies: first(signed, hasUnsafe), Try: tryCarrier, Reference: "ASVS 5.0 3.5.1; RFC 6750 2; RFC 8725 3",
		},
	}
}

// change is a step of the contract by name.
type change struct {
	name string
	step *contract.Step
}

// unsafeSteps are those that change something for a user who is logged in. The one
// that ends the credential comes last.
func unsafeSteps(c *contract.Contract) []change {
	var out []change
	for _, n := range []change{{"step_up", c.StepUp}, {"password", c.Password}, {"revoke_all", c.RevokeAll}, {"revoke", c.Revoke}} {
		if n.step != nil {
			out = append(out, n)
		}
	}
	return out
}

// logsIn: its credentials are not all handed out beforehand.
func logsIn(t *Target) string {
	if t.Contract.Login.Method == "" {
		return "its contract has no log-in"
	}
	return ""
}

func hasUnsafe(t *Target) string {
	if len(unsafeSteps(t.Contract)) == 0 {
		return "its contract has no step that changes anything"
	}
	return ""
}

func hasCSRF(t *Target) string {
	for _, n := range unsafeSteps(t.Contract) {
		if len(guards(t.Contract, n.step)) > 0 {
			return ""
		}
	}
	return "its steps send no CSRF token: what stands in its place is tried by G5"
}

// cookieLine is a Set-Cookie header as text: a parser would forgive what a browser does
// not.
type cookieLine struct {
	name, value string
	attributes  map[string]string // by lower-case name
	twice       []string          // attributes that are there more than once
	shown       string            // the attributes as they were written: the value is nobody's business
}

func parseCookieLine(raw string) cookieLine {
	pair, rest, _ := strings.Cut(raw, ";")
	name, value, _ := strings.Cut(pair, "=")
	c := cookieLine{name: strings.TrimSpace(name), value: strings.TrimSpace(value), attributes: map[string]string{}, shown: strings.TrimSpace(rest)}
	for part := range strings.SplitSeq(rest, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		if k = strings.ToLower(k); k == "" {
			continue
		}
		if _, there := c.attributes[k]; there {
			c.twice = append(c.twice, k)
		}
		c.attributes[k] = v
	}
	return c
}

func (c cookieLine) has(attribute string) bool {
	_, ok := c.attributes[attribute]
	return ok
}

// deletes says whether a browser drops the cookie for it.
func (c cookieLine) deletes() bool {
	if age, ok := c.attributes["max-age"]; ok {
		n, err := strconv.Atoi(age)
		return err == nil && n <= 0
	}
	end, err := time.Parse(time.RFC1123, c.attributes["expires"])
	return err == nil && end.Before(time.Now())
}

// cookiesOf are the Set-Cookie headers of an answer for the cookie of that name.
func cookiesOf(a *contract.Answer, name string) []cookieLine {
	var out []cookieLine
	for _, h := range a.Header {
		if !strings.EqualFold(h.Name, "Set-Cookie") {
			continue
		}
		if c := parseCookieLine(h.Value); c.name == name {
			out = append(out, c)
		}
	}
	return out
}

// tryCookie is G1: every answer that sets the credential's cookie.
func tryCookie(ctx context.Context, t *Target, y *Tally) error {
	name := cookieOf(t.Contract)
	return eachGrant(ctx, t, y, func(where string, a *contract.Answer) {
		for _, c := range cookiesOf(a, name) {
			auditCookie(y, where, c)
			inBody := c.value != "" && strings.Contains(string(a.Body), c.value)
			y.Note(where+": HttpOnly is of no use if the value is in the body as well", "in the body: "+yesNo(inBody), "not in the body", !inBody)
		}
	})
}

// eachGrant calls see with the answers that hand a credential out: log-in, step-up,
// change of password.
func eachGrant(ctx context.Context, t *Target, y *Tally, see func(where string, a *contract.Answer)) error {
	u := t.Next()
	a, err := t.Do(ctx, 0, &t.Contract.Login, u.Vars)
	if err != nil || !y.Control("log-in", a) {
		return err
	}
	u.Vars = a.Vars
	see("log-in", a)
	before := u.Vars["password"]
	for _, n := range unsafeSteps(t.Contract) {
		if n.name != "step_up" && n.name != "password" {
			continue
		}
		a, err := t.Do(ctx, 0, n.step, u.Vars.With(contract.Vars{"new_password": newPassword()}))
		if err != nil || !y.Control(n.name, a) {
			return err
		}
		u.Vars = a.Vars
		see(n.name, a)
		if n.name == "password" {
			t.passwordBack(ctx, u, before)
		}
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// auditCookie holds one cookie against what a browser makes of it.
func auditCookie(y *Tally, where string, c cookieLine) {
	note := func(what, got, want string, ok bool) { y.Note(where+": "+what+" of "+c.name, got, want, ok) }
	site := c.attributes["samesite"]
	note("Secure", "Secure: "+yesNo(c.has("secure")), "Secure", c.has("secure"))
	note("HttpOnly", "HttpOnly: "+yesNo(c.has("httponly")), "HttpOnly", c.has("httponly"))
	note("SameSite", "SameSite: "+site, "SameSite=Lax or Strict", strings.EqualFold(site, "Lax") || strings.EqualFold(site, "Strict"))
	note("Path", "Path: "+c.attributes["path"], "Path=/", c.attributes["path"] == "/")
	note("prefix", "name: "+c.name, "a name that begins with __Host-", strings.HasPrefix(c.name, "__Host-"))
	note("attributes", fmt.Sprintf("twice: %q", c.twice), "every attribute once", len(c.twice) == 0)
	size := len(c.name) + len(c.value)
	note("size", fmt.Sprintf("%d bytes", size), "at most 4,096 bytes, beyond which browsers drop it", size <= maxCookie)
}

// maxCookie is how long name and value may be together (RFC 6265bis section 5.7).
const maxCookie = 4096

// tryDeletion is G2.
func tryDeletion(ctx context.Context, t *Target, y *Tally) error {
	name := cookieOf(t.Contract)
	for _, n := range unsafeSteps(t.Contract) {
		if n.name != "revoke" && n.name != "revoke_all" {
			continue
		}
		u := t.Next()
		in, err := t.Do(ctx, 0, &t.Contract.Login, u.Vars)
		if err != nil || !y.Control("log-in", in) {
			return err
		}
		set := cookiesOf(in, name)
		if len(set) == 0 {
			y.Unknown("log-in sets no cookie %s in its answer", name)
			return nil
		}
		kept := set[len(set)-1]
		if strings.HasPrefix(name, "__Host-") {
			ok := kept.has("secure") && kept.attributes["path"] == "/" && !kept.has("domain")
			y.Note("a browser takes "+name, kept.shown, "Secure, Path=/ and no Domain", ok)
		}
		a, err := t.Do(ctx, 0, n.step, in.Vars)
		if err != nil || !y.Control(n.name, a) {
			return err
		}
		auditDeletion(y, n.name, t.Contract.Mechanism, kept, cookiesOf(a, name))
	}
	return nil
}

// auditDeletion: a browser that gets a cookie with other attributes keeps the old one
// beside it, or does not take the new one.
func auditDeletion(y *Tally, where, mechanism string, kept cookieLine, gone []cookieLine) {
	if len(gone) == 0 {
		if mechanism == "session" {
			y.Say("%s leaves the cookie in the browser; the session behind it is what has to end", where)
			return
		}
		y.Note(where+" deletes the cookie", "no Set-Cookie", "Set-Cookie with Max-Age=0", false)
		return
	}
	last := gone[len(gone)-1]
	y.Note(where+" deletes the cookie", last.shown, "Max-Age=0, or Expires in the past", last.deletes())
	y.Note(where+" leaves no value", "value: "+yesNo(last.value == kept.value), "not the value of before", last.value != kept.value)
	for _, attribute := range []string{"path", "domain", "secure", "httponly", "samesite", "partitioned"} {
		same := kept.has(attribute) == last.has(attribute) && strings.EqualFold(kept.attributes[attribute], last.attributes[attribute])
		y.Note(where+": "+attribute+" of the cookie that deletes", last.shown, "as it was set", same)
	}
}

// still uses what u holds, and notes what was done to it if it is refused.
func still(ctx context.Context, t *Target, y *Tally, u *User, after string) error {
	a, err := t.Use(ctx, u)
	if err == nil && a.Outcome != results.OK {
		y.Note("the credential after "+after, gotOf(a), "still accepted: nothing was to happen", false)
	}
	return err
}
