package contract

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
)

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// inDir writes files beside each other and returns the path of the first.
func inDir(t *testing.T, files ...[2]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f[0]), []byte(f[1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0][0])
}

func TestJar(t *testing.T) {
	set := func(values ...string) (out []Header) {
		for _, v := range values {
			out = append(out, Header{"set-cookie", v})
		}
		return out
	}
	past := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	for _, tt := range []struct {
		held string
		set  []Header
		want string
	}{
		{"", set("a=1; Path=/", `b="q"; Secure`), `a=1; b="q"`},
		{"a=1; b=2", set("a=3"), "a=3; b=2"},
		{"a=1; b=2", set("a=; Max-Age=0"), "b=2"},
		{"a=1; b=2", set("a=gone; Expires=" + past), "b=2"},
		{"a=1", set("a=2; Expires=" + past + "; Max-Age=60"), "a=2"},
		{"a=1", set("no pair", "=2", "c="), "a=1; c="},
		{"s=s%3Aid.sig", set("t=s%3Aother.a%2Fb"), "s=s%3Aid.sig; t=s%3Aother.a%2Fb"},
		{"a=1", []Header{{"X-Set-Cookie", "a=2"}}, "a=1"},
	} {
		if got := jarOf(tt.held).with(tt.set).String(); got != tt.want {
			t.Errorf("%q with %v is %q, want %q", tt.held, tt.set, got, tt.want)
		}
	}
	if got := jarOf("a=1; b=2; c=3").without([]string{"b", "x"}).String(); got != "a=1; c=3" {
		t.Errorf("without b: %q", got)
	}
}

// TestCookies: {cookies} are those that no step names, and no separator is left behind.
func TestCookies(t *testing.T) {
	c := parseGood(t, "    Authorization: Bearer {credential}\n  subject", "    Cookie: sid={credential}; {cookies}\n  subject")
	c.Login.Extract["credential"] = Source{Cookie: "sid"}
	vars, err := c.Learn(&c.Login, c.User(1), 200, []Header{{"Set-Cookie", "sid=s%3A1.x"}, {"Set-Cookie", "lang=de; Path=/"}, {"Set-Cookie", "node=b"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ cookies, want string }{{vars["cookies"], "sid=s%3A1.x; lang=de; node=b"}, {"", "sid=s%3A1.x"}} {
		r, err := c.Render(&c.Use, "h:1", vars.With(Vars{"cookies": tt.cookies}))
		if err != nil || !slices.Contains(r.Headers, Header{"Cookie", tt.want}) {
			t.Errorf("%v, %v, want %s", r.Headers, err, tt.want)
		}
	}
	c.Use.Headers["Cookie"] = allCookies
	if r, err := c.Render(&c.Use, "h:1", vars.With(Vars{"cookies": ""})); err != nil || len(r.Headers) != 0 {
		t.Errorf("no cookies, and %v, %v", r.Headers, err)
	}
}

func TestMatch(t *testing.T) {
	page := []Header{{"Content-Type", "text/html; charset=utf-8"}, {"Location", "/cb?code=a%2Bb&state=x"}, {"Set-Cookie", "sid=abc.def"}}
	const body = `<input name="csrf" value="a&amp;b&#43;c">`
	for _, tt := range []struct {
		src    Source
		header []Header
		want   string
	}{
		{Source{Match: `value="([^"]+)"`}, page, "a&b+c"},
		{Source{Match: `value="([^"]+)"`}, nil, "a&amp;b&#43;c"}, // not a page
		{Source{Header: "Location", Match: `[?&]code=([^&]+)`}, page, "a%2Bb"},
		{Source{Cookie: "sid", Match: `^([^.]+)\.`}, page, "abc"},
		{Source{Match: `nowhere=(.)`}, page, ""},
		{Source{Header: "Location", Match: `token=(.*)`}, page, ""},
		{Source{Match: `name="csrf"()`}, page, ""},
	} {
		got, err := tt.src.from(tt.header, []byte(body))
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q, %v, want %q", tt.src, got, err, tt.want)
		}
	}
}

// TestFollow: redirects are followed with the cookies that came on the way, on the target
// only, and to an end.
func TestFollow(t *testing.T) {
	var other *httptest.Server
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			http.SetCookie(w, &http.Cookie{Name: "step", Value: "1"})
			http.Redirect(w, r, map[string]string{"": "/two", "away": other.URL + "/two", "loop": "/loop", "scheme": "https://" + r.Host + "/two", "same": "http://" + r.Host + "/two"}[r.URL.Query().Get("to")], http.StatusSeeOther)
		case "/two":
			c, err := r.Cookie("step")
			if r.Method != "GET" || err != nil || r.Header.Get("Content-Type") != "" || r.ContentLength > 0 {
				http.Error(w, fmt.Sprint(r.Method, err), 400)
				return
			}
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s" + c.Value})
			http.Redirect(w, r, "../three?x=1#frag", http.StatusFound)
		case "/three":
			fmt.Fprintf(w, `{"access_token":%q}`, r.URL.RawQuery+r.Header.Get("Cookie"))
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	}))
	defer srv.Close()
	visited := 0
	other = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited++ }))
	defer other.Close()
	for to, want := range map[string]string{
		"": "x=1step=1; sid=s1", "same": "x=1step=1; sid=s1",
		"away": "redirects are followed on", "scheme": "redirects are followed on", "loop": "more than 10 redirects",
	} {
		c := parseGood(t, "  path: /login\n", "  path: /login?to="+to+"\n  follow: true\n")
		c.Login.Extract["sid"] = Source{Cookie: "sid"}
		if !strings.HasPrefix(want, "x=") {
			delete(c.Login.Extract, "sid")
		}
		client, err := NewClient(c, srv.URL, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		a, err := client.Do(t.Context(), &c.Login, c.User(1))
		switch {
		case err != nil:
			t.Error(err)
		case a.Outcome == results.OK && (a.Vars["credential"] != want || a.Vars["sid"] != "s1" || a.Vars["cookies"] != "step=1"):
			t.Errorf("%q: %v", to, a.Vars)
		case a.Outcome != results.OK && (a.Outcome != results.ProtocolError || !strings.Contains(a.Problem, want)):
			t.Errorf("%q: %s %s, want %s", to, a.Outcome, a.Problem, want)
		}
	}
	if visited != 0 {
		t.Errorf("another host was sent %d requests", visited)
	}
}

// TestUsersFile: columns are variables, a credential makes login unnecessary.
func TestUsersFile(t *testing.T) {
	file := inDir(t, [2]string{"c.yaml", strings.NewReplacer("  username: user-{n}\n  password: password-{n}\n", "  file: u.csv\n", "/me", "/{tenant}/me").Replace(good)},
		[2]string{"u.csv", "\ufeffusername,password,tenant\nann, \"p,1\",x\nbob,p2,y\n"})
	c, err := Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if u := c.User(3); c.Users.Count != 2 || u["username"] != "ann" || u["password"] != "p,1" || u["subject"] != "ann" || u["tenant"] != "x" {
		t.Errorf("%d users, the third is %v", c.Users.Count, u)
	}
	if r, err := c.Render(&c.Use, "h:1", c.User(2).With(Vars{"credential": "k"})); err != nil || r.Path != "/y/me" || r.Shown != "/{tenant}/me" {
		t.Errorf("%+v, %v", r, err)
	}
	for _, tt := range []struct{ csv, more, want string }{
		{"", "", "it is empty"},
		{"username,password\n", "", "it has no user"},
		{"username,password\nann\n", "", "line 2"},
		{"name,password\nann,secret-value\n", "", `"username" is missing, and there is no such column`},
		{"username,password,username\na,b,c\n", "", "two columns username"},
		{"username,Pass Word\na,b\n", "", "a column is named by"},
		{"username,password,set\na,b,c\n", "", "meaning of its own"},
		{"username,password,credential\na,b,c\n", "", "and a column credential"},
		{"username,password\na,secret-value\n", "  count: 2\n", "has 1 users"},
		{"username,password\na,secret-value\n", "  password: x\n", "and a column of u.csv as well"},
	} {
		text := strings.Replace(good, "  username: user-{n}\n  password: password-{n}\n", "  file: u.csv\n"+tt.more, 1)
		_, err := Load(inDir(t, [2]string{"c.yaml", text}, [2]string{"u.csv", tt.csv}), nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret-value") {
			t.Errorf("%q %q: %v, want %q", tt.csv, tt.more, err, tt.want)
		}
	}
	if _, err := Load(inDir(t, [2]string{"c.yaml", strings.Replace(good, "  username: user-{n}\n  password: password-{n}\n", "  file: .\n", 1)}), nil); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("a directory: %v", err)
	}
}

// TestSecrets: a value comes from the environment, goes where it may, and is in no message.
func TestSecrets(t *testing.T) {
	with := func(old, new string) string {
		return strings.Replace(strings.Replace(good, "users:\n", "secrets: {api_key: {env: CONTRACT_TEST_KEY}}\nusers:\n", 1), old, new, 1)
	}
	const name = "c.yaml"
	if _, err := Parse(name, []byte(with("", "")), nil); err == nil || !strings.Contains(err.Error(), "c.yaml:4:26: secrets.api_key.env: there is no such environment variable") {
		t.Errorf("no such variable: %v", err)
	}
	const planted = "planted-value-1"
	t.Setenv("CONTRACT_TEST_KEY", planted)
	c, err := Parse(name, []byte(with("  headers:\n    Content-Type", "  headers:\n    X-Key: \"{api_key}\"\n    Content-Type")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Render(&c.Login, "h:1", c.User(1)); err != nil || !slices.Contains(r.Headers, Header{"X-Key", planted}) {
		t.Errorf("%+v, %v", r, err)
	}
	for _, edit := range [][2]string{
		{"  path: /me", "  path: /me?key={api_key}"},
		{"url: http://127.0.0.1:8080", "start: {command: [a, \"{listen}\", \"{api_key}\"]}"},
		{"  username: user-{n}", "  username: \"{api_key}-{n}\""},
		{"secrets:", "settings: {api_key: x}\nsecrets:"},
		{"secrets: {api_key", "secrets: {password"},
		{"secrets: {api_key", "secrets: {Key"},
	} {
		if _, err := Parse(name, []byte(with(edit[0], edit[1])), nil); err == nil || strings.Contains(err.Error(), planted) {
			t.Errorf("%s: %v", edit[1], err)
		}
	}
	started, err := Parse(name, []byte(with("url: http://127.0.0.1:8080", "start: {command: [a, \"{listen}\"], env: {KEY: \"{api_key}\"}}")), nil)
	if err != nil || started.SecretVars()["api_key"] != planted {
		t.Errorf("in the environment of the start command: %v", err)
	}
	if inv, err := started.Invocation(Vars{"listen": "l"}); err != nil || !slices.Contains(inv.Env, "KEY="+planted) {
		t.Errorf("%+v, %v", inv, err)
	}
}

func TestContractTLS(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"sub":"user-1"}`) }))
	defer srv.Close()
	pem := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
	load := func(more, ca string) (*Contract, error) {
		text := strings.Replace(good, "url: http://127.0.0.1:8080\n", "url: "+srv.URL+"\ntls: {ca: ca.pem"+more+"}\n", 1)
		return Load(inDir(t, [2]string{"c.yaml", text}, [2]string{"ca.pem", ca}), nil)
	}
	for more, want := range map[string]results.Outcome{"": results.OK, ", server_name: example.com": results.OK, ", server_name: other.test": results.ConnectError} {
		c, err := load(more, pem)
		if err != nil {
			t.Fatal(err)
		}
		client, err := NewClient(c, c.URL, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		a, err := client.Do(t.Context(), &c.Use, c.User(1).With(Vars{"credential": "k"}))
		if err != nil || a.Outcome != want {
			t.Errorf("%q: %s %s, %v, want %s", more, a.Outcome, a.Problem, err, want)
		}
	}
	if _, err := load("", "no certificate"); err == nil || !strings.Contains(err.Error(), "holds no certificate in PEM") {
		t.Errorf("no certificate: %v", err)
	}
	if _, err := Parse("c.yaml", []byte(strings.Replace(good, "users:\n", "tls: {server_name: a}\nusers:\n", 1)), nil); err == nil || !strings.Contains(err.Error(), "is for a target at an https URL") {
		t.Errorf("TLS at an http URL: %v", err)
	}
}

func TestCap(t *testing.T) {
	for _, tt := range []struct {
		url, limits string
		remote      string
		want        Limits
	}{
		{"http://127.0.0.1:1", "", "", Limits{}},
		{"http://localhost:1", "limits: {rate: 50}\n", "", Limits{Rate: 50}},
		{"https://shop.test", "", "shop.test", Limits{remoteRate, remoteConnections}},
		{"http://127.0.0.1.shop.test", "limits: {rate: 5000}\n", "127.0.0.1.shop.test", Limits{5000, remoteConnections}},
	} {
		c := parseGood(t, "url: http://127.0.0.1:8080\n", "url: "+tt.url+"\n"+tt.limits)
		if c.Remote() != tt.remote || c.Cap() != tt.want {
			t.Errorf("%s %s: remote %q, %+v", tt.url, tt.limits, c.Remote(), c.Cap())
		}
	}
}
