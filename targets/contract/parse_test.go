package contract

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// good is a contract with nothing wrong; the tests below break it.
const good = `name: shop
mechanism: token
url: http://127.0.0.1:8080
users:
  username: user-{n}
  password: password-{n}
login:
  method: POST
  path: /login
  headers:
    Content-Type: application/json
  body: '{"username":"{username}","password":"{password}"}'
  extract:
    credential: {json: $.access_token}
use:
  method: GET
  path: /me
  headers:
    Authorization: Bearer {credential}
  subject: {json: $.sub}
revoke:
  method: POST
  path: /logout
  headers:
    Authorization: Bearer {credential}
`

func TestGood(t *testing.T) {
	if _, err := Parse("shop.yaml", []byte(good), nil); err != nil {
		t.Fatal(err)
	}
}

// TestErrors reads every testdata/*.yaml, all of which are broken, and compares
// the message with the .golden beside it. A first line "# --set key=value"
// changes settings. A change to the text is reviewed there: it is what a reader
// sees first.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			set := map[string]string{}
			first, _, _ := strings.Cut(string(data), "\n")
			if kv, ok := strings.CutPrefix(first, "# --set "); ok {
				key, value, _ := strings.Cut(kv, "=")
				set[key] = value
			}
			_, err = Parse(filepath.Base(file), data, set)
			if err == nil {
				t.Fatal("no error")
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("not an *Error: %v", err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			got := err.Error() + "\n"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestErrorPositions breaks the good contract in one place each and looks where
// the caret points: at what was changed.
func TestErrorPositions(t *testing.T) {
	tests := []struct {
		name, old, new string
		at             string // the text under the carets
		message        string // part of the message
	}{
		{"unknown key", "  path: /me", "  pth: /me", "pth", `did you mean "path"?`},
		{"duplicate key", "  path: /me", "  path: /me\n  path: /you", "path", "stands here twice, first on line 17"},
		{"missing key", "  path: /me\n", "", "use", `"path" is missing`},
		{"wrong type: mapping", "login:\n  method: POST\n", "login: POST\nx:\n", "POST", "wants a mapping"},
		{"wrong type: list", "url: http", "notes: hello\nurl: http", "hello", "wants a list"},
		{"wrong type: text", "name: shop", "name: 42", "42", `in quotes it is text: "42"`},
		{"wrong type: truth", "name: shop", "name: true", "true", "wants text"},
		{"wrong type: number", "users:\n", "users:\n  count: many\n", "many", "wants a whole number"},
		{"fraction is no count", "users:\n", "users:\n  count: 1.5\n", "1.5", "wants a whole number"},
		{"negative count", "users:\n", "users:\n  count: -1\n", "-1", "minimum 0"},
		{"nothing given", "  path: /me", "  path:", "path", "nothing is given"},
		{"anchor", "  path: /me", "  path: &a /me", "&", "anchors"},
		{"bad method", "method: GET", "method: GETT", "GETT", `did you mean "GET"?`},
		{"lower-case method", "method: GET", "method: get", "get", `did you mean "GET"?`},
		{"bad mechanism", "mechanism: token", "mechanism: tokens", "tokens", "none, session, token, hybrid"},
		{"bad code", "  path: /me", "  path: /me\n  statuses: {accepted: [200, 99]}", "99", "minimum 200"},
		{"code twice", "  path: /me", "  path: /me\n  statuses: {accepted: [200, 200]}", "200", "twice"},
		{"code means two things", "  path: /me", "  path: /me\n  statuses: {accepted: [200], rejected: [200]}", "200", "already listed as accepted"},
		{"empty list", "  path: /me", "  path: /me\n  statuses: {accepted: []}", "[", "empty"},
		{"unknown placeholder", "Bearer {credential}\n  subject", "Bearer {credentials}\n  subject", "{credentials}", "did you mean {credential}?"},
		{"placeholder too early", "user-{n}", "user-{n}-{password}", "{password}", "known: {n}"},
		{"second placeholder", `"password":"{password}"`, `"password":"{passwort}"`, "{passwort}", "did you mean {password}?"},
		{"no credential", "    credential: {json: $.access_token}", "    token: {json: $.access_token}", "extract", `extracts no "credential"`},
		{"no extract", "  extract:\n    credential: {json: $.access_token}\n", "", "login", `extracts no "credential"`},
		{"bad JSON path: start", "$.access_token", "access_token", "access_token", "starts with"},
		{"bad JSON path: wildcard", "$.access_token", "'$.a[*].b'", "[*].b", "is not an index"},
		{"bad JSON path: key", "$.access_token", "$.a..b", "..b", "is not a key"},
		{"JSON path without quotes", "$.access_token", "$.a[0]", "[", "needs quotes"},
		{"JSON path of everything", "{json: $.access_token}", `{json: "$"}`, `$`, "whole answer"},
		{"two sources", "{json: $.access_token}", "{json: $.a, cookie: b}", "credential", "json and cookie: name exactly one"},
		{"no source", "{json: $.access_token}", "{}", "credential", "none of json, cookie and header"},
		{"bad duration", "users:\n", "ready: {timeout: 10}\nusers:\n", "10", "is not a duration"},
		{"bad duration text", "users:\n", "ready: {timeout: soon}\nusers:\n", "soon", "is not a duration"},
		{"negative duration", "users:\n", "ready: {timeout: -1s}\nusers:\n", "-1s", "negative"},
		{"url and start", "users:\n", "start: {command: [a, \"{listen}\"]}\nusers:\n", "url", "both url and start"},
		{"neither url nor start", "url: http://127.0.0.1:8080\n", "", "n", "neither url nor start"},
		{"bad url", "http://127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1:8080", "is not a URL"},
		{"url with a query", "http://127.0.0.1:8080", "http://127.0.0.1:8080/?a=b", "http://127.0.0.1:8080/?a=b", "more than a host"},
		{"one user for all", "user-{n}", "alice", "alice", "has no {n}"},
		{"path without slash", "path: /me", "path: me", "me", `starts with "/"`},
		{"space in path", "path: /me", "path: /m e", " ", "percent-encode"},
		{"body with GET", "path: /me", "path: /me\n  body: x", "body", "has no body"},
		{"body without type", "    Content-Type: application/json", "    Accept: application/json", "body", "needs a Content-Type"},
		{"unquoted placeholder", `"username":"{username}"`, `"username":{username}`, `'{"username":{username},"password":"{password}"}'`, "placeholders belong in quotes"},
		{"header of the connection", "    Authorization: Bearer {credential}\n  subject", "    Authorization: Bearer {credential}\n    Host: a\n  subject", "Host", "ours to send"},
		{"header twice", "    Authorization: Bearer {credential}\n  subject", "    Authorization: Bearer {credential}\n    authorization: b\n  subject", "authorization", "same header field"},
		{"header with a line break", "Bearer {credential}\n  subject", "\"a\\nb {credential}\"\n  subject", `"a\nb {credential}"`, "line breaks"},
		{"header name", "    Content-Type: application/json", "    Content Type: application/json", "Content Type", "cannot name a header"},
		{"use sends nothing", "    Authorization: Bearer {credential}\n  subject", "    A: b\n  subject", "use", "sends nothing that login extracted"},
		{"extract a reserved name", "  extract:\n", "  extract:\n    username: {json: $.u}\n", "username", "meaning of its own"},
		{"extract where nothing follows", "  subject: {json: $.sub}", "  extract: {a: {json: $.sub}}", "a", "nothing uses"},
		{"bound that is none", "users:\n", "promises: {revocation_bound: soon}\nusers:\n", "soon", "neither a duration"},
		{"bound without unit", "users:\n", "promises: {revocation_bound: \"0\"}\nusers:\n", `"0"`, "neither a duration"},
		{"bound without lifetime", "users:\n", "promises: {revocation_bound: exp + leeway}\nusers:\n", "exp + leeway", "needs the promise lifetime"},
		{"bad store promise", "users:\n", "promises: {on_store_unreachable: 500}\nusers:\n", "500", "stale(T)"},
		{"refresh that is not there", "users:\n", "promises: {refresh: rotating}\nusers:\n", "rotating", "no refresh step"},
		{"setting that is not there", "users:\n", "promises: {lifetime: \"{life}\"}\nsettings: {lifetime: 5m}\nusers:\n", "{life}", "did you mean {lifetime}?"},
		{"setting with a reserved name", "users:\n", "settings: {listen: 5m}\nusers:\n", "listen", "meaning of its own"},
		{"before a use", "  path: /me", "  path: /me\n  before: [{method: GET, path: /}]", "before", "load is made of the step use"},
		{"follow a use", "  path: /me", "  path: /me\n  follow: true", "follow", "load is made of the step use"},
		{"a step before a step before", "  path: /login\n", "  path: /login\n  before: [{method: GET, path: /, before: [{method: GET, path: /}]}]\n", "before", "none before itself"},
		{"placeholder in a step before", "  path: /login\n", "  path: /login\n  before: [{method: GET, path: \"/{credential}\"}]\n", "{credential}", "nothing is known as {credential}"},
		{"expression that is none", "{json: $.access_token}", "{match: 'a('}", "'a('", "missing closing )"},
		{"expression without a group", "{json: $.access_token}", "{match: 'a(?:b)'}", "'a(?:b)'", "has 0 groups"},
		{"expression with two groups", "{json: $.access_token}", "{json: $.a, match: '(a)(b)'}", "'(a)(b)'", "has 2 groups"},
		{"cookies elsewhere", "Bearer {credential}\n  subject", "Bearer {credential}{cookies}\n  subject", "{cookies}", "nothing is known as {cookies}"},
		{"cookies inside a cookie", "    Authorization: Bearer {credential}\n  subject", "    Cookie: a={credential}; b={cookies}\n  subject", "{cookies}", "whole cookies"},
		{"basic without a colon", "  path: /login\n", "  path: /login\n  basic: \"{username}\"\n", `"{username}"`, "between user and password"},
		{"basic beside the header", "    Authorization: Bearer {credential}\n  subject", "    Authorization: Bearer {credential}\n  basic: \"a:{credential}\"\n  subject", "basic", "there is a header of that name"},
		{"rate of nothing", "users:\n", "limits: {rate: 0}\nusers:\n", "0", "minimum 1"},
		{"no such file of users", "  password: password-{n}", "  file: none.csv", "none.csv", "no such file"},
		{"no login", "login:\n", "login2:\n", "login2", "unknown key"},
		{"second document", "    Authorization: Bearer {credential}\n  subject", "    Authorization: Bearer {credential}\n---\nsubject", "subject", "second document"},
		{"broken YAML", "name: shop", "name: [shop", "mechanism", "YAML: ',' or ']' must be specified"},
		{"wide characters", "name: shop", "summary: \"äöü\"\nname: shöp", "shöp", "letters, digits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(good, tt.old) {
				t.Fatalf("the good contract has no %q", tt.old)
			}
			_, err := Parse("shop.yaml", []byte(strings.Replace(good, tt.old, tt.new, 1)), nil)
			if err == nil {
				t.Fatal("no error")
			}
			var all Errors
			if !errors.As(err, &all) {
				t.Fatalf("not Errors: %v", err)
			}
			for _, e := range all {
				if strings.Contains(e.Message, tt.message) && marked(e) == tt.at {
					if !strings.HasPrefix(e.Error(), fmt.Sprintf("shop.yaml:%d:%d: ", e.Line, e.Column)) {
						t.Errorf("no file:line:column in front: %v", e)
					}
					return
				}
			}
			t.Errorf("want %q under the caret and a message with %q, got:\n%v", tt.at, tt.message, err)
		})
	}
}

// marked is the text above the carets.
func marked(e *Error) string {
	line, carets, _ := strings.Cut(e.excerpt, "\n")
	var out []rune
	under := []rune(carets)
	for i, r := range []rune(line) {
		if i < len(under) && under[i] == '^' {
			out = append(out, r)
		}
	}
	return string(out)
}
