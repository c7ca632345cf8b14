package attack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"authbench/results"
	"authbench/targets/contract"
)

func exposureCases() []Case {
	return []Case{
		{
			ID: "H1", Title: "a credential in the URL", Applies: authenticated, Try: tryURL,
			Reference: "ASVS 5.0 14.2.1; RFC 6750 5.3; RFC 9700 4.3.2; WSTG-SESS-04",
		},
		{
			ID: "H2", Title: "answers that a cache may keep", Try: tryCaching,
			Reference: "ASVS 5.0 14.3.2; RFC 6749 5.1; RFC 9111 5.2.2.5; WSTG-ATHN-06",
		},
		{
			ID: "H3", Title: "which users there are, by the answer to a wrong password", Applies: first(authenticated, logsIn), Try: tryEnumeration,
			Reference: "ASVS 5.0 6.3.8; WSTG-IDNT-04",
		},
		{
			ID: "H4", Title: "guessing a password again and again", Applies: first(authenticated, logsIn, declaresNoLimit), Try: tryGuessing,
			Reference: "ASVS 5.0 6.1.1, 6.3.1; NIST SP 800-63B 3.2.2; RFC 6585 4; WSTG-ATHN-03",
		},
		{
			ID: "H5", Title: "X-User-ID and other headers that name a user", Applies: authenticated, Try: trySpoofing,
			Reference: "ASVS 5.0 4.1.3; RFC 7239 8.1; CWE-290",
		},
		{
			ID: "H6", Title: "another user's answer: mixed users on kept connections, pipelined, with requests that break off", Try: tryBleed,
			Reference: "CWE-488; RFC 9112 9.3.2",
		},
		{
			ID: "H7", Title: "a 401 without WWW-Authenticate", Applies: authenticated, Try: tryChallenge,
			Reference: "RFC 9110 15.5.2; RFC 6750 3, 3.1",
		},
		{
			ID: "H8", Title: "an answer that repeats a secret it was sent", Applies: authenticated, Try: tryEcho,
			Reference: "ASVS 5.0 14.2.1, 16.2.5; CWE-209",
		},
	}
}

// urlNames are the parameters in which services have been found to take credentials.
func urlNames(t *Target) []string {
	names := []string{
		"access_token", "token", "session", "sid", "session_id", "sessionid", "PHPSESSID", "auth", "jwt", "id_token", "bearer_token", "api_key",
		"authorization", "credential",
	}
	if name := cookieOf(t.Contract); name != "" {
		names = append(names, name)
	}
	return names
}

// tryURL is H1: URLs end up in logs, histories and Referer headers.
func tryURL(ctx context.Context, t *Target, y *Tally) error {
	use := &t.Contract.Use
	if strings.Contains(use.Path, "{credential}") {
		y.Note("use, as the contract has it", "the credential is in the URL", "in a header or a body", false)
		return nil
	}
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	other, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	with, err := t.Contract.Render(use, t.Nodes[0].Host, u.Vars)
	if err != nil {
		return err
	}
	without := withoutCredential(t.Contract, with)
	for _, name := range urlNames(t) {
		for _, v := range []struct{ name, path string }{
			{"?" + name + "=", withQuery(with.Path, name, u.Credential())},
			{"?" + name + "=Bearer ", withQuery(with.Path, name, "Bearer%20"+u.Credential())},
			{";" + name + "=", with.Path + ";" + name + "=" + u.Credential()},
		} {
			req := without
			req.Path = v.path
			a, err := t.Send(ctx, 0, use, req, u.Vars)
			if err != nil {
				return err
			}
			y.Check("the credential in the URL ("+v.name+") and nowhere else", a, Refused(400, 404, 414, 431))
		}
		req := with
		req.Path = withQuery(with.Path, name, other.Credential())
		a, err := t.Send(ctx, 0, use, req, u.Vars)
		if err != nil {
			return err
		}
		y.Check("another user's credential in the URL ("+name+"), one's own in its place", a, oneOf(Accepted(), Status(414, 431))) // two may be too large
	}
	a, err := t.Use(ctx, u)
	if err == nil {
		y.Control("the credential in its place", a)
	}
	return err
}

// tryCaching is H2: every answer with a credential or a user in it.
func tryCaching(ctx context.Context, t *Target, y *Tally) error {
	audit := func(what string, a *contract.Answer) {
		said := answerHeader(a, "Cache-Control")
		y.Note(what, "Cache-Control: "+said, "no-store", directive(said, "no-store"))
	}
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	if logsIn(t) == "" {
		if err := eachGrant(ctx, t, y, audit); err != nil {
			return err
		}
	}
	for _, n := range []change{{"use", &t.Contract.Use}, {"refresh", t.Contract.Refresh}} {
		if n.step == nil {
			continue
		}
		a, err := t.Do(ctx, 0, n.step, u.Vars)
		if err != nil || !y.Control(n.name, a) {
			return err
		}
		audit(n.name, a)
	}
	return nil
}

// directive says whether a Cache-Control header has it.
func directive(header, name string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if strings.EqualFold(strings.TrimSpace(part), name) {
			return true
		}
	}
	return false
}

// userHeaders are those by which proxies, meshes and frameworks tell a service who the
// user is. From anybody else they are a lie.
func userHeaders() []string {
	return []string{
		"X-User-ID", "X-User", "X-User-Id", "X-Username", "X-User-Name", "X-Subject", "X-Sub", "X-Auth-User", "X-Authenticated-User", "X-Authenticated-Userid",
		"X-Remote-User", "Remote-User", "REMOTE_USER", "X-Forwarded-User", "X-Forwarded-Preferred-Username", "X-Forwarded-Email", "X-Auth-Request-User",
		"X-Auth-Request-Preferred-Username", "X-WEBAUTH-USER", "X-Proxy-User", "X-Consumer-Username", "X-Credential-Identifier", "X-Edge-Subject",
		"X-Goog-Authenticated-User-Email", "X-MS-CLIENT-PRINCIPAL-NAME", "X-Amzn-Oidc-Identity", "Cf-Access-Authenticated-User-Email",
		"X-SSL-Client-S-DN", "SSL-Client-Cert-Subject", "Impersonate-User", "X-Impersonate", "Login", "From",
	}
}

// trySpoofing is H5.
func trySpoofing(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	victim := t.Next()
	use := &t.Contract.Use
	with, err := t.Contract.Render(use, t.Nodes[0].Host, u.Vars)
	if err != nil {
		return err
	}
	bare := withoutCredential(t.Contract, with)
	name := victim.Vars["username"]
	for _, header := range userHeaders() {
		for _, value := range []string{name, "CN=" + name, fmt.Sprint(victim.N)} {
			a, err := t.Send(ctx, 0, use, withHeader(bare, header, value), victim.Vars)
			if err != nil {
				return err
			}
			y.Check(header+" and no credential", a, Refused())
			a, err = t.Send(ctx, 0, use, withHeader(with, header, value), u.Vars)
			if err != nil {
				return err
			}
			y.Check(header+" of another user beside one's own credential", a, Accepted())
		}
	}
	if err := t.spoofPath(ctx, y, bare, u); err != nil {
		return err
	}
	if err := t.spoofRole(ctx, y); err != nil {
		return err
	}
	a, err := t.Use(ctx, u)
	if err == nil {
		y.Control("one's own credential and no such header", a)
	}
	return err
}

// spoofPath: what a proxy writes of where a request came from and where it was going.
func (t *Target) spoofPath(ctx context.Context, y *Tally, bare contract.RawRequest, u *User) error {
	use := &t.Contract.Use
	open := "/"
	if s := t.Contract.Storeless; s != nil {
		open = s.Path
	}
	for _, h := range []contract.Header{
		{Name: "X-Original-URL", Value: open},
		{Name: "X-Rewrite-URL", Value: open},
		{Name: "X-Forwarded-Prefix", Value: open},
		{Name: "X-Forwarded-For", Value: "127.0.0.1"},
		{Name: "X-Real-IP", Value: "127.0.0.1"},
		{Name: "X-Client-IP", Value: "127.0.0.1"},
		{Name: "True-Client-IP", Value: "127.0.0.1"},
		{Name: "X-Forwarded-Host", Value: "localhost"},
		{Name: "X-Forwarded-Proto", Value: "https"},
		{Name: "Forwarded", Value: "for=127.0.0.1;by=127.0.0.1;host=localhost;proto=https"},
		{Name: "Via", Value: "1.1 edge"},
		{Name: "X-Forwarded-Client-Cert", Value: `Subject="CN=` + u.Vars["username"] + `"`},
	} {
		req := bare
		req.Headers = append(slices.Clone(bare.Headers), h)
		a, err := t.Send(ctx, 0, use, req, u.Vars)
		if err != nil {
			return err
		}
		y.Check(h.Name+" and no credential", a, Refused())
	}
	// The way round: a path that is open, and a header that says it was another.
	req := bare
	req.Path = open
	for _, name := range []string{"X-Original-URL", "X-Rewrite-URL"} {
		a, err := t.Send(ctx, 0, use, withHeader(req, name, bare.Path), u.Vars)
		if err != nil {
			return err
		}
		y.Note(name+": the path of use, sent to "+open, gotOf(a), "no answer about a user", a.Outcome != results.OK)
	}
	return nil
}

// spoofRole: a role that the request gives itself.
func (t *Target) spoofRole(ctx context.Context, y *Tally) error {
	step := t.Contract.Restricted
	if step == nil {
		return nil
	}
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	req, err := t.Contract.Render(step, t.Nodes[0].Host, u.Vars)
	if err != nil {
		return err
	}
	a, err := t.Send(ctx, 0, step, req, u.Vars)
	if err != nil {
		return err
	}
	if a.Outcome != results.Forbidden {
		y.Say("%s may do what needs a role: giving oneself one was not tried", u.Vars["username"])
		return nil
	}
	for _, name := range []string{"X-Role", "X-Roles", "X-User-Role", "X-User-Roles", "X-Groups", "X-Forwarded-Groups", "X-Auth-Request-Groups", "X-Edge-Roles", "X-Admin", "X-Scopes"} {
		for _, value := range []string{"admin", "user,admin", "true"} {
			a, err := t.Send(ctx, 0, step, withHeader(req, name, value), u.Vars)
			if err != nil {
				return err
			}
			y.Check("what needs a role, with "+name+": "+value, a, Forbidden())
		}
	}
	return nil
}
