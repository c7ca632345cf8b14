package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Sketch is a first contract of a service that nobody has described, and what it was made
// of.
type Sketch struct {
	Text string   // the file, comments included; it can be parsed
	Sent []string // "GET /login: 200", in order
}

// sketchPaths are what is fetched: where services have their forms, their descriptions,
// what needs a credential, and what says that they are up.
func sketchPaths() (forms, apis, descriptions, uses, health []string) {
	return []string{"/login", "/signin", "/users/sign_in", "/accounts/login/", "/auth/login"},
		[]string{"/api/login", "/api/auth/login"},
		[]string{"/openapi.json", "/v3/api-docs", "/swagger.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"},
		[]string{"/me", "/api/me", "/api/user", "/userinfo", "/account"},
		[]string{"/healthz", "/health", "/readyz"}
}

// Look sends a service at base some twenty GET requests without a credential, one after
// the other, and makes a contract of what it answers. A service that does not answer gets a
// contract to fill in. An error is that of a bad base, or ctx's.
func Look(ctx context.Context, base string, timeout time.Duration) (*Sketch, error) {
	u, err := parseBase(base)
	if err != nil {
		return nil, err
	}
	c := &Contract{Name: "my-service", URL: base}
	client, err := NewClient(c, base, timeout)
	if err != nil {
		return nil, err
	}
	l := looker{answers: map[string]*Answer{}}
	forms, apis, descriptions, uses, health := sketchPaths()
	for _, path := range slices.Concat(health, descriptions, forms, apis, uses) {
		a, err := client.Do(ctx, &Step{Method: "GET", Path: path, Headers: map[string]string{"Accept": "application/json, text/html;q=0.9"}}, nil)
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		l.add(path, a)
		if a.Status == 0 && len(l.sent) == 1 {
			break // nobody is there
		}
	}
	s := &Sketch{Sent: l.sent}
	l.draft(strings.TrimSuffix(u.EscapedPath(), "/"))
	s.Text = l.text(base)
	if _, err := Parse("contract.yaml", []byte(s.Text), nil); err != nil { // it says something that no contract can
		s.Text = (&looker{}).text(base)
	}
	return s, nil
}

// looker is what was seen, and what a contract could say of it.
type looker struct {
	answers map[string]*Answer
	sent    []string

	ready     string
	mechanism string
	form      *loginForm // the page that logs in
	api       *loginAPI  // or the request that does
	token     string     // or a token endpoint, and its grant
	grant     string
	use       string
	toForm    bool // who has no session is sent to the form
	why       map[string]string
}

// loginForm is a form with a password.
type loginForm struct {
	page, action       string
	username, password string
	hidden             []string // fields that come with the page
	cookie             string   // that it sets
}

// loginAPI is a request with a JSON body.
type loginAPI struct{ path, username, password string }

func (l *looker) add(path string, a *Answer) {
	what := fmt.Sprint(a.Status)
	if a.Status == 0 {
		what = a.Outcome.String()
	}
	l.sent = append(l.sent, fmt.Sprintf("GET %s: %s", path, what))
	l.answers[path] = a
}

// status is what a path was answered; 0: nothing.
func (l *looker) status(path string) int {
	if a := l.answers[path]; a != nil {
		return a.Status
	}
	return 0
}

// draft decides what the contract says. prefix is the path that every step begins with.
func (l *looker) draft(prefix string) {
	forms, apis, _, uses, health := sketchPaths()
	l.why = map[string]string{}
	if i := slices.IndexFunc(health, func(p string) bool { return l.status(p)/100 == 2 }); i >= 0 {
		l.ready = health[i]
	}
	for _, p := range forms {
		if a := l.answers[p]; l.form == nil && a != nil && a.Status == 200 {
			l.form = readForm(p, prefix, a)
		}
	}
	l.described(prefix)
	for _, p := range slices.Concat(apis, forms) {
		// A path that knows other methods than GET, or does not like what it got, is there.
		if l.form == nil && l.token == "" && l.api == nil && slices.Contains([]int{400, 405, 415, 422}, l.status(p)) {
			l.api = &loginAPI{p, "username", "password"}
			l.why["login"] = fmt.Sprintf("GET %s got %d, so that something is there", p, l.status(p))
		}
	}
	for _, p := range uses {
		if status := l.status(p); l.use == "" && (status == 401 || status == 403 || l.form != nil && isRedirect(status)) {
			l.use, l.toForm = p, isRedirect(status)
			l.why["use"] = fmt.Sprintf("without a credential it got %d", status)
		}
	}
	l.mechanism = "token"
	if l.form != nil {
		l.mechanism = "session"
	}
}

var (
	formRE  = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	inputRE = regexp.MustCompile(`(?is)<input\b([^>]*)>`)
	attrRE  = regexp.MustCompile(`(?is)\b(name|type|action|method)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))`)
	// What comes from the service is put into a file only where it is harmless there.
	fieldRE = regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]{1,64}$`)
	pathRE  = regexp.MustCompile(`^/[A-Za-z0-9._~!$&()*+,;=@%/-]{0,200}$`)
)

func attributes(tag string) map[string]string {
	out := map[string]string{}
	for _, m := range attrRE.FindAllStringSubmatch(tag, -1) {
		out[strings.ToLower(m[1])] = m[2] + m[3] + m[4]
	}
	return out
}

// readForm finds the form with a password in a page; nil if there is none.
func readForm(path, prefix string, a *Answer) *loginForm {
	for _, m := range formRE.FindAllStringSubmatch(string(a.Body), -1) {
		f := &loginForm{page: path, action: path}
		if to := local(attributes(m[1])["action"], prefix+path, prefix); to != "" {
			f.action = to
		}
		for _, input := range inputRE.FindAllStringSubmatch(m[2], -1) {
			at := attributes(input[1])
			name := at["name"]
			switch kind := strings.ToLower(at["type"]); {
			case !fieldRE.MatchString(name):
			case kind == "password":
				f.password = name
			case kind == "hidden":
				f.hidden = append(f.hidden, name)
			case (kind == "" || kind == "text" || kind == "email") && f.username == "":
				f.username = name
			}
		}
		if f.password == "" || f.username == "" {
			continue
		}
		for _, h := range a.Header {
			if c, ok := setCookie(h); ok && isToken(c.name) && (f.cookie == "" || sessionLike(c.name)) {
				f.cookie = c.name
			}
		}
		return f
	}
	return nil
}

// sessionLike says whether a cookie of that name is likely to be the session.
func sessionLike(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "sess") || strings.Contains(name, "sid") || strings.Contains(name, "auth")
}

// local is a reference as a path of the target, less the prefix; "" when it leads away or
// cannot stand in a contract.
func local(ref, base, prefix string) string {
	b := &url.URL{Path: base}
	to, err := b.Parse(ref)
	if err != nil || to.Host != "" || !pathRE.MatchString(to.EscapedPath()) {
		return ""
	}
	path, ok := strings.CutPrefix(to.EscapedPath(), prefix)
	if !ok || !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}

// endpoint is the path of an endpoint that a description names by its whole URL.
func endpoint(whole, prefix string) string {
	u, err := url.Parse(whole)
	if err != nil || u.Path == "" {
		return ""
	}
	return local(u.EscapedPath(), "/", prefix)
}

// described reads what the service says of itself: RFC 8414 metadata and OpenAPI.
func (l *looker) described(prefix string) {
	_, _, descriptions, _, _ := sketchPaths()
	for _, path := range descriptions {
		a := l.answers[path]
		if a == nil || a.Status != 200 {
			continue
		}
		var meta struct {
			Token    string                `json:"token_endpoint"`
			Userinfo string                `json:"userinfo_endpoint"`
			Grants   []string              `json:"grant_types_supported"`
			Paths    map[string]operations `json:"paths"`
		}
		if json.Unmarshal(a.Body, &meta) != nil {
			continue
		}
		if to := endpoint(meta.Token, prefix); to != "" && l.token == "" {
			l.token, l.grant = to, "password"
			if len(meta.Grants) > 0 && !slices.Contains(meta.Grants, "password") {
				l.grant = "client_credentials"
			}
			l.why["login"] = path + " names it"
		}
		if to := endpoint(meta.Userinfo, prefix); to != "" && l.use == "" {
			l.use, l.why["use"] = to, path+" names it"
		}
		l.operations(meta.Paths, path)
	}
}

// operations are the methods of one path in an OpenAPI description.
type operations map[string]json.RawMessage

// operations looks for what logs in and what tells who somebody is.
func (l *looker) operations(paths map[string]operations, from string) {
	var names []string
	for p := range paths {
		if pathRE.MatchString(p) {
			names = append(names, p)
		}
	}
	slices.Sort(names)
	for _, p := range names {
		last := strings.ToLower(p[strings.LastIndex(strings.TrimSuffix(p, "/"), "/")+1:])
		_, posts := paths[p]["post"]
		_, gets := paths[p]["get"]
		if posts && l.api == nil && l.token == "" && slices.Contains([]string{"login", "signin", "sign-in", "sessions", "session", "token"}, last) {
			l.api, l.why["login"] = &loginAPI{p, "username", "password"}, from+" names it"
		}
		if gets && l.use == "" && slices.Contains([]string{"me", "whoami", "userinfo", "profile", "account"}, last) {
			l.use, l.why["use"] = p, from+" names it"
		}
	}
}
