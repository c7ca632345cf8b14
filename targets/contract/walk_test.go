package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"authbench/results"
)

// shop is a target that does everything a contract can describe, with opaque
// tokens in its memory. Its fields are ways to misbehave.
type shop struct {
	keepsRevoked   bool          // log-out does nothing
	keepsFor       time.Duration // a revoked credential is good for that long
	revokesAll     bool          // log-out everywhere logs out everybody
	anyPassword    bool
	anyone         bool // no credential needed
	wrongSubject   bool
	oddStatus      bool
	failsToRevoke  bool
	forgetsToken   bool // login answers without the credential
	deadRefresh    bool // refresh answers a credential that does not work
	hangs          bool // use never answers
	hangsUp        bool // use closes the connection
	talksNonsense  bool // use answers what is not HTTP
	redirectsUsers bool // use without a credential redirects to /login

	mu      sync.Mutex
	n       int
	owner   map[string]string
	revoked map[string]time.Time
}

const shopContract = `
name: shop
mechanism: token
url: URL
settings: {window: 0s}
promises:
  revocation_bound: "{window}"
users: {username: "user-{n}", password: "pw-{n}"}
login:
  method: POST
  path: /login
  headers: {Content-Type: application/json}
  body: '{"user":"{username}","password":"{password}"}'
  extract:
    credential: {json: "$.tokens[0].value"}
    refresh_token: {cookie: refresh}
use:
  method: GET
  path: /me?verbose={n}
  headers: {Authorization: "Bearer {credential}"}
  statuses: {rejected: [401, 303]}
  subject: {json: $.user.name}
refresh:
  method: POST
  path: /refresh
  headers: {Content-Type: application/x-www-form-urlencoded}
  body: token={refresh_token}
  statuses: {rejected: [400]}
  extract: {credential: {header: X-Token}}
revoke:
  method: DELETE
  path: /sessions/{credential}
  statuses: {accepted: [204]}
revoke_all:
  method: POST
  path: /logout-all
  headers: {Authorization: "Bearer {credential}"}
  statuses: {accepted: [204]}
`

func (s *shop) issue(user string) string {
	s.n++
	token := fmt.Sprintf("t%d+/=%s", s.n, user)
	s.owner[token] = user
	return token
}

func (s *shop) revoke(token string) {
	if !s.keepsRevoked {
		s.revoked[token] = time.Now()
	}
}

func (s *shop) live(token string) bool {
	at, revoked := s.revoked[token]
	return s.owner[token] != "" && (!revoked || time.Since(at) < s.keepsFor)
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.hangs && r.URL.Path == "/me" {
		<-r.Context().Done()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case r.URL.Path == "/login":
		var body struct{ User, Password string }
		json.NewDecoder(r.Body).Decode(&body)
		if !s.anyPassword && body.Password != strings.Replace(body.User, "user", "pw", 1) {
			w.WriteHeader(401)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "refresh", Value: "r." + body.User, Secure: true, HttpOnly: true})
		if s.forgetsToken {
			fmt.Fprint(w, `{"tokens":[]}`)
			return
		}
		fmt.Fprintf(w, `{"tokens":[{"value":%q}]}`, s.issue(body.User))
	case r.URL.Path == "/refresh":
		token := s.issue(strings.TrimPrefix(r.FormValue("token"), "r."))
		if s.deadRefresh {
			token += "x"
		}
		w.Header().Set("X-Token", token)
	case r.URL.Path == "/me":
		s.me(w, bearer)
	case strings.HasPrefix(r.URL.Path, "/sessions/"):
		if s.failsToRevoke {
			w.WriteHeader(503)
			return
		}
		s.revoke(strings.TrimPrefix(r.URL.Path, "/sessions/"))
		w.WriteHeader(204)
	case r.URL.Path == "/logout-all":
		for token, user := range s.owner {
			if s.revokesAll || user == s.owner[bearer] {
				s.revoke(token)
			}
		}
		w.WriteHeader(204)
	}
}

func (s *shop) me(w http.ResponseWriter, bearer string) {
	switch {
	case s.hangsUp, s.talksNonsense:
		conn, _, _ := w.(http.Hijacker).Hijack()
		if s.talksNonsense {
			fmt.Fprint(conn, "220 ready for mail\r\n\r\n")
		}
		conn.Close()
		return
	case s.redirectsUsers && bearer == "":
		w.Header().Set("Location", "/login")
		w.WriteHeader(303)
		return
	case !s.anyone && !s.live(bearer):
		w.WriteHeader(401)
		return
	case s.oddStatus:
		w.WriteHeader(418)
		return
	}
	name := s.owner[bearer]
	if s.wrongSubject {
		name = "user-1"
	}
	fmt.Fprintf(w, `{"user":{"name":%q}}`, name)
}

// walk runs the shop and walks it. The result maps every check that is not a
// pass to its verdict.
func walk(t *testing.T, s *shop, window string, opts WalkOptions) (*Report, map[string]string) {
	t.Helper()
	s.owner, s.revoked = map[string]string{}, map[string]time.Time{}
	srv := httptest.NewServer(s)
	defer srv.Close()
	text := strings.Replace(shopContract, "URL", srv.URL, 1)
	c, err := Parse("shop.yaml", []byte(text), map[string]string{"window": window})
	if err != nil {
		t.Fatal(err)
	}
	timeout := 10 * time.Second
	if s.hangs {
		timeout = 100 * time.Millisecond
	}
	client, err := NewClient(c, c.URL, timeout)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Walk(context.Background(), client, opts)
	if err != nil {
		t.Fatal(err)
	}
	odd := map[string]string{}
	for _, c := range r.Checks {
		if c.Verdict != results.Pass {
			odd[c.Name] = c.Verdict
		}
	}
	return r, odd
}

func TestWalk(t *testing.T) {
	const afterRevoke, afterAll = "use after revoke", "use of the other credential after revoke all"
	tests := []struct {
		name   string
		shop   shop
		window string
		fails  []string // these checks and no others
	}{
		{"well-behaved", shop{}, "0s", nil},
		{"redirects instead of 401", shop{redirectsUsers: true}, "0s", nil},
		{"as declared", shop{keepsFor: 50 * time.Millisecond}, "60ms", nil},
		{"better than declared", shop{}, "60ms", nil},
		{"log-out does nothing", shop{keepsRevoked: true}, "0s", []string{afterRevoke, afterAll}},
		{"longer than declared", shop{keepsRevoked: true}, "300ms", []string{afterRevoke + ", past the bound", afterAll + ", past the bound"}},
		{"log-out everywhere hits everybody", shop{revokesAll: true}, "0s", []string{"use by the other user"}},
		{"any password", shop{anyPassword: true}, "0s", []string{"log in with a wrong password"}},
		{"fails to revoke", shop{failsToRevoke: true}, "0s", []string{"revoke"}},
		{"dead refresh", shop{deadRefresh: true}, "0s", []string{"use after refresh"}},
		{"always user 1", shop{wrongSubject: true}, "0s", []string{"use by the other user"}},
		{"needs no credential", shop{anyone: true}, "0s", []string{"use without a credential", afterRevoke, afterAll}},
		{"a status that is not listed", shop{oddStatus: true}, "0s", []string{"use", "use after refresh", "use by the other user"}},
		{"no token", shop{forgetsToken: true}, "0s", []string{"log in", "log in as another user", "log in again", "log in on another device"}},
		{"hangs", shop{hangs: true}, "0s", []string{"use", "use without a credential", "use after refresh", afterRevoke, afterAll, "use by the other user"}},
		{"hangs up", shop{hangsUp: true}, "0s", []string{"use", "use without a credential", "use after refresh", afterRevoke, afterAll, "use by the other user"}},
		{"talks nonsense", shop{talksNonsense: true}, "0s", []string{"use", "use without a credential", "use after refresh", afterRevoke, afterAll, "use by the other user"}},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, odd := walk(t, &tt.shop, tt.window, WalkOptions{MaxWait: 5 * time.Second})
			for _, name := range tt.fails {
				if odd[name] != results.Fail {
					t.Errorf("%q is %q, want fail", name, odd[name])
				}
				delete(odd, name)
			}
			for name, verdict := range odd {
				if verdict == results.Fail {
					t.Errorf("%q fails, want a pass", name)
				}
			}
			if t.Failed() {
				for _, c := range r.Checks {
					t.Logf("%+v", c)
				}
			}
		})
	}
}

// TestWalkEvidence: what could not be tried is unknown, never a pass.
func TestWalkEvidence(t *testing.T) {
	_, odd := walk(t, &shop{forgetsToken: true}, "0s", WalkOptions{})
	for _, name := range []string{"use", "refresh", "revoke", "revoke all", "use by the other user"} {
		if odd[name] != results.Unknown {
			t.Errorf("%q is %q, want unknown", name, odd[name])
		}
	}
	_, odd = walk(t, &shop{failsToRevoke: true}, "0s", WalkOptions{})
	if odd["use after revoke"] != results.Unknown {
		t.Errorf("use after a revoke that was not acknowledged is %q", odd["use after revoke"])
	}
	_, odd = walk(t, &shop{keepsRevoked: true}, "1h", WalkOptions{MaxWait: time.Millisecond})
	if odd["use after revoke, past the bound"] != results.NotApplicable {
		t.Errorf("a bound too far away is %v", odd)
	}
}

// TestWalkOutcomes: the kinds of failure are kept apart.
func TestWalkOutcomes(t *testing.T) {
	for _, tt := range []struct {
		shop    *shop
		outcome results.Outcome
		problem string
	}{
		{&shop{hangs: true}, results.Timeout, "within 100ms"},
		{&shop{hangsUp: true}, results.ConnectError, "closed before a complete answer"},
		{&shop{talksNonsense: true}, results.ProtocolError, "malformed"},
		{&shop{oddStatus: true}, results.ProtocolError, "status 418 is in no list"},
	} {
		r, _ := walk(t, tt.shop, "0s", WalkOptions{})
		for _, c := range r.Checks {
			if c.Name == "use" && (c.Outcome != tt.outcome.String() || !strings.Contains(c.Detail, tt.problem)) {
				t.Errorf("%+v: want %s, %q", c, tt.outcome, tt.problem)
			}
		}
	}
}

func TestWalkStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &shop{owner: map[string]string{}, revoked: map[string]time.Time{}}
	srv := httptest.NewServer(s)
	defer srv.Close()
	c, err := Parse("shop.yaml", []byte(strings.Replace(shopContract, "URL", srv.URL, 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(c, c.URL, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Walk(ctx, client, WalkOptions{Each: func(Check) { cancel() }})
	if err == nil || len(r.Checks) != 1 {
		t.Errorf("%d checks and %v after the first one ended the walk", len(r.Checks), err)
	}
}
