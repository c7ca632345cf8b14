package contract

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"authbench/results"
)

// nasty is a value that would break out of every place it can stand in.
const nasty = "a\"b\\c&d=e;f/g?h#i j%\u00e9</script>\x01"

func parseGood(t *testing.T, old, replacement string) *Contract {
	t.Helper()
	if !strings.Contains(good, old) {
		t.Fatalf("the good contract has no %q", old)
	}
	c, err := Parse("shop.yaml", []byte(strings.Replace(good, old, replacement, 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRender(t *testing.T) {
	c := parseGood(t, "url: http://127.0.0.1:8080", "url: http://127.0.0.1:8080/api/")
	r, err := c.Render(&c.Login, "127.0.0.1:9", c.User(7))
	if err != nil {
		t.Fatal(err)
	}
	const want = "POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:9\r\nContent-Type: application/json\r\nContent-Length: 46\r\n\r\n" +
		`{"username":"user-7","password":"password-7"}`
	if got := string(r.Bytes()); got != strings.Replace(want, "46", "45", 1) {
		t.Errorf("got\n%q want\n%q", got, want)
	}
}

func TestRenderEscapes(t *testing.T) {
	form := parseGood(t, "    Content-Type: application/json\n  body: '{\"username\":\"{username}\",\"password\":\"{password}\"}'",
		"    Content-Type: application/x-www-form-urlencoded; charset=utf-8\n  body: u={username}&p={password}")
	vars := form.User(1)
	vars["username"] = nasty
	r, err := form.Render(&form.Login, "h:1", vars)
	if err != nil {
		t.Fatal(err)
	}
	values, err := url.ParseQuery(string(r.Body))
	if err != nil || values.Get("u") != nasty || values.Get("p") != "password-1" || len(values) != 2 {
		t.Errorf("form %q: %v, %v", r.Body, values, err)
	}

	js := parseGood(t, "path: /login", "path: /{username}/login?u={username}")
	if r, err = js.Render(&js.Login, "h:1", vars); err != nil {
		t.Fatal(err)
	}
	var body map[string]string
	if err := json.Unmarshal(r.Body, &body); err != nil || body["username"] != nasty || len(body) != 2 {
		t.Errorf("JSON %q: %v, %v", r.Body, body, err)
	}
	u, err := url.ParseRequestURI(r.Path)
	if err != nil || u.Path != "/"+nasty+"/login" || u.Query().Get("u") != nasty {
		t.Errorf("path %q: %v", r.Path, err)
	}
}

// TestRenderRefuses: what cannot be escaped is not sent.
func TestRenderRefuses(t *testing.T) {
	c := parseGood(t, "name: shop", "name: shop")
	cookie := parseGood(t, "    Authorization: Bearer {credential}\n  subject", "    Cookie: s={credential}\n  subject")
	for _, tt := range []struct {
		c     *Contract
		value string
	}{{c, "a\r\nX-Admin: 1"}, {c, "a\nb"}, {c, "a\x00b"}, {c, "a\x7fb"}, {cookie, "a; admin=1"}} {
		vars := tt.c.User(1).With(Vars{"credential": tt.value})
		if r, err := tt.c.Render(&tt.c.Use, "h:1", vars); err == nil {
			t.Errorf("%q was rendered: %q", tt.value, r.Bytes())
		} else if strings.Contains(err.Error(), tt.value) {
			t.Errorf("the error shows the credential: %v", err)
		}
	}
	if _, err := c.Render(&c.Use, "h:1", c.User(1)); err == nil || !strings.Contains(err.Error(), "{credential}") {
		t.Errorf("use before login: %v", err)
	}
}

func TestExpand(t *testing.T) {
	vars := Vars{"a": "1", "b_2": "{a}"}
	for template, want := range map[string]string{
		"":               "",
		"{a}":            "1",
		"x{a}y{b_2}z":    "x1y{a}z", // a value is never expanded again
		"{{a}}":          "{a}",
		`{"k":{"v":{a}}`: `{"k":{"v":1}`,
		"{A} {} { a } {": "{A} {} { a } {",
		"{{a}":           "{1",
		"{a}}":           "1}",
		"{2}":            "{2}",
	} {
		if got, err := Expand(template, vars); got != want || err != nil {
			t.Errorf("%q gives %q, %v, want %q", template, got, err, want)
		}
	}
	if _, err := Expand("{c}", vars); err == nil || !strings.Contains(err.Error(), "{a}, {b_2}") {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestOutcomeMap(t *testing.T) {
	c := parseGood(t, "users:\n", "statuses:\n  rejected: [401, 403]\nusers:\n")
	m := c.OutcomeMap(&c.Use)
	for code, want := range map[int]results.Outcome{
		200: results.OK, 401: results.Rejected, 403: results.Rejected, 503: results.Unavailable, 429: results.Unavailable,
	} {
		if got, ok := m[code]; got != want || !ok {
			t.Errorf("%d is %s (%t), want %s", code, got, ok, want)
		}
	}
	if got, ok := m[404]; ok {
		t.Errorf("404 is %s, and no list has it", got)
	}
	c.Use.Statuses = Statuses{Accepted: []int{200, 503}}
	if m := c.OutcomeMap(&c.Use); m[503] != results.OK || m[500] != results.Unavailable {
		t.Errorf("a step's list takes 503 from the target's: %v", m)
	}
}

func TestExpectBytes(t *testing.T) {
	c := parseGood(t, "name: shop", "name: shop")
	if got := string(c.Use.ExpectBytes(c.User(3))); got != `"user-3"` {
		t.Errorf("got %s", got)
	}
	if got := string(c.Use.ExpectBytes(Vars{"subject": `a"<b`})); got != `"a\"<b"` {
		t.Errorf("got %s", got)
	}
	if got := c.Login.ExpectBytes(c.User(3)); got != nil {
		t.Errorf("a step without a subject expects %q", got)
	}
}

func TestExtract(t *testing.T) {
	header := []Header{
		{"Set-Cookie", "__Host-session=old; Path=/"},
		{"set-cookie", "__Host-session=abc=; Path=/; Secure"},
		{"Set-Cookie", "gone=; Max-Age=0"},
		{"X-Token", " t "},
	}
	const body = `{"a":{"b":[{"c":"v"},1e2,true,null]},"n":12345678901234567890,"e":""}`
	for _, tt := range []struct {
		src  Source
		want string // "" is an error
		msg  string
	}{
		{Source{JSON: "$.a.b[0].c"}, "v", ""},
		{Source{JSON: "$.a.b[1]"}, "1e2", ""},
		{Source{JSON: "$.a.b[2]"}, "true", ""},
		{Source{JSON: "$.n"}, "12345678901234567890", ""},
		{Source{JSON: "$.a.b[3]"}, "", "not a string"},
		{Source{JSON: "$.a.b[4]"}, "", "no $.a.b[4]"},
		{Source{JSON: "$.a.x.y"}, "", "no $.a.x"},
		{Source{JSON: "$.a"}, "", "not a string"},
		{Source{JSON: "$.e"}, "", "empty"},
		{Source{Cookie: "__Host-session"}, "abc=", ""},
		{Source{Cookie: "gone"}, "", "empty"},
		{Source{Cookie: "other"}, "", "sets no cookie other"},
		{Source{Header: "x-token"}, "t", ""},
		{Source{Header: "Y"}, "", "no header Y"},
	} {
		s := Step{Extract: map[string]Source{"v": tt.src}}
		got, err := s.ExtractFrom(200, header, []byte(body))
		switch {
		case tt.want == "" && (err == nil || !strings.Contains(err.Error(), tt.msg)):
			t.Errorf("%s: %v, %v, want an error with %q", tt.src, got, err, tt.msg)
		case tt.want != "" && (err != nil || got["v"] != tt.want):
			t.Errorf("%s: %v, %v, want %q", tt.src, got, err, tt.want)
		}
	}
	s := Step{Extract: map[string]Source{"v": {JSON: "$.a"}}}
	for _, bad := range []string{"", "<html>", `{"a":"b"} {"a":"c"}`} {
		if got, err := s.ExtractFrom(200, nil, []byte(bad)); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}
