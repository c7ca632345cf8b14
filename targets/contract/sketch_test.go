package contract

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"authbench/results"
)

// sketchOf looks at a service and parses what comes of it.
func sketchOf(t *testing.T, h http.Handler, path string) (*Sketch, *Contract) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.Header.Get("Authorization")+r.Header.Get("Cookie") != "" {
			t.Errorf("%s %s was sent, with %v", r.Method, r.URL, r.Header)
		}
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	s, err := Look(t.Context(), srv.URL+path, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Sent) > 20 {
		t.Errorf("%d requests", len(s.Sent))
	}
	c, err := Parse("sketch.yaml", []byte(s.Text), nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, s.Text)
	}
	return s, c
}

func TestLookAtAForm(t *testing.T) {
	srv := httptest.NewServer(formService())
	defer srv.Close()
	s, err := Look(t.Context(), srv.URL, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("sketch.yaml", []byte(s.Text), nil)
	if err != nil {
		t.Fatal(err)
	}
	// The page of formService has no fields for a name and a password: nothing is made up.
	if len(c.Login.Before) != 0 || c.Use.Path != "/me" || !strings.Contains(s.Text, "nothing was seen that logs in") {
		t.Errorf("%s", s.Text)
	}

	_, c = sketchOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/app/signin":
			http.SetCookie(w, &http.Cookie{Name: "lang", Value: "en"})
			http.SetCookie(w, &http.Cookie{Name: "app_session", Value: "x"})
			fmt.Fprint(w, `<form action="/app/session" method=post><input type=hidden name="authenticity_token" value="a"><input name='user[email]' type=email><input type="password" name="user[password]"></form>`)
		case "/app/account":
			http.Redirect(w, r, "/app/signin", http.StatusFound)
		case "/app/health":
			fmt.Fprint(w, "ok")
		default:
			http.NotFound(w, r)
		}
	}), "/app")
	if c.Mechanism != "session" || c.Ready.Path != "/health" || c.Login.Path != "/session" || len(c.Login.Before) != 1 || c.Login.Before[0].Path != "/signin" {
		t.Errorf("%+v", c.Login)
	}
	if c.Login.Body != "authenticity_token={hidden_1}&user[email]={username}&user[password]={password}" || c.Login.Extract["credential"].Cookie != "app_session" {
		t.Errorf("%+v", c.Login)
	}
	if c.Use.Path != "/account" || c.OutcomeMap(&c.Use)[http.StatusFound] != results.Rejected {
		t.Errorf("%+v", c.Use)
	}
}

func TestLookAtDescriptions(t *testing.T) {
	_, c := sketchOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/openid-configuration" {
			fmt.Fprintf(w, `{"token_endpoint":"http://%s/oauth/token","userinfo_endpoint":"http://%[1]s/oidc/me","grant_types_supported":["authorization_code","client_credentials"]}`, r.Host)
			return
		}
		http.NotFound(w, r)
	}), "")
	if c.Mechanism != "token" || c.Login.Path != "/oauth/token" || !strings.Contains(c.Login.Body, "client_credentials") || c.Use.Path != "/oidc/me" {
		t.Errorf("%+v %+v", c.Login, c.Use)
	}
	_, c = sketchOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/openapi.json" {
			fmt.Fprint(w, `{"openapi":"3.1.0","paths":{"/v1/users/me":{"get":{}},"/v1/sessions":{"post":{}},"/v1/carts":{"get":{},"post":{}}}}`)
			return
		}
		http.NotFound(w, r)
	}), "")
	if c.Login.Path != "/v1/sessions" || c.Use.Path != "/v1/users/me" {
		t.Errorf("%+v %+v", c.Login, c.Use)
	}
}

// TestLookAtNothing: a service that is away, that knows nothing, or that means harm gets a
// contract to fill in.
func TestLookAtNothing(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	s, err := Look(t.Context(), srv.URL, time.Second)
	if err != nil || len(s.Sent) != 1 || !strings.Contains(s.Text, "nothing was seen that logs in") {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := Parse("s.yaml", []byte(s.Text), nil); err != nil {
		t.Error(err)
	}
	for name, page := range map[string]string{
		"404":       "",
		"harm":      "<form action=\"/a\nb: c\"><input name=\"x'\n  y: z\"><input type=password name=\"p'}\"></form>",
		"braces":    `<form action="/{credential}"><input name="{n}"><input type=password name=p></form>`,
		"elsewhere": `<form action="https://evil.test/x"><input name="u"><input type=password name=p></form>`,
		"metadata":  `{"token_endpoint":"https://e/\n- x","paths":{"/login\n x: y":{"post":{}},"/login{a}":{"post":{}}}}`,
	} {
		_, c := sketchOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if page == "" {
				http.NotFound(w, r)
				return
			}
			fmt.Fprint(w, page)
		}), "")
		if strings.Contains(c.Login.Path, "evil") || strings.Contains(c.Login.Path, "{") {
			t.Errorf("%s: %+v", name, c.Login)
		}
	}
	for _, bad := range []string{"", "shop", "http://u:p@h"} {
		if s, err := Look(t.Context(), bad, time.Second); err == nil {
			t.Errorf("%q: %+v", bad, s)
		}
	}
}
