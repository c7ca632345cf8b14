package contract

import (
	"crypto/rand"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"authbench/results"
)

// TestExamples walks every contract of examples/contracts through a small service of the
// shape that it is for.
func TestExamples(t *testing.T) {
	t.Setenv("SHOP_CLIENT_SECRET", "s+/=cret")
	services := map[string]func() http.Handler{
		"form-login":               formService,
		"oauth-password":           tokenService,
		"oauth-client-credentials": tokenService,
		"api-key":                  keyService,
	}
	passed := map[string]int{"form-login": 8, "oauth-password": 10, "oauth-client-credentials": 6, "api-key": 3}
	files, err := filepath.Glob("../../examples/contracts/*.yaml")
	if err != nil || len(files) != len(services) {
		t.Fatalf("%d examples, %d services: %v", len(files), len(services), err)
	}
	schema := compileSchema(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			c, err := Load(file, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.Name != name {
				t.Errorf("it is called %s", c.Name)
			}
			if err := schema.Validate(asJSON(t, mustRead(t, file))); err != nil {
				t.Error(err)
			}
			srv := httptest.NewServer(services[name]())
			defer srv.Close()
			client, err := NewClient(c, srv.URL, 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			report, err := Walk(t.Context(), client, WalkOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range report.Checks {
				if check.Verdict == results.Fail || check.Verdict == results.Unknown {
					t.Errorf("%+v", check)
				}
			}
			if got := report.Count(results.Pass); got != passed[name] {
				t.Errorf("%d checks passed, want %d: %+v", got, passed[name], report.Checks)
			}
		})
	}
}

// formService is a site with a form: a token for each session, in the page as HTML has it,
// and a session that is replaced when somebody logs in.
func formService() http.Handler {
	var mu sync.Mutex
	sessions := map[string]string{} // id to who it is; "": nobody yet
	token := func(id string) string { return id[4:] + "&+" }
	page := func(w http.ResponseWriter, id string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<form method="post"><input type="hidden" name="_csrf" value="%s"></form>`, html.EscapeString(token(id)))
	}
	begin := func(w http.ResponseWriter, who string) string {
		id := "s%3A" + rand.Text() + "." + "sig%2B"
		sessions[id] = who
		w.Header().Add("Set-Cookie", "sid="+id+"; Path=/; HttpOnly")
		w.Header().Add("Set-Cookie", "node=a; Path=/")
		return id
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		held := map[string]string{}
		for _, c := range r.Cookies() {
			held[c.Name] = c.Value
		}
		id := held["sid"]
		who, known := sessions[id]
		if known && held["node"] != "a" {
			http.Error(w, "the balancer's cookie is missing", 500)
			return
		}
		switch r.Method + " " + r.URL.Path {
		case "GET /login":
			page(w, begin(w, ""))
		case "POST /login":
			switch {
			case !known || r.FormValue("_csrf") != token(id):
				http.Error(w, "CSRF", http.StatusForbidden)
			case r.FormValue("password") != strings.Replace(strings.TrimSuffix(r.FormValue("email"), "@example.com"), "user", "password", 1):
				http.Redirect(w, r, "/login?error", http.StatusFound)
			default:
				delete(sessions, id)
				begin(w, r.FormValue("email"))
				http.Redirect(w, r, "/account", http.StatusSeeOther)
			}
		case "GET /account", "GET /account/settings":
			switch {
			case who == "":
				http.Redirect(w, r, "/login", http.StatusFound)
			case r.URL.Path == "/account":
				fmt.Fprintf(w, `{"email":%q}`, who)
			default:
				page(w, id)
			}
		case "POST /logout":
			if who == "" || r.FormValue("_csrf") != token(id) {
				http.Error(w, "CSRF", http.StatusForbidden)
				return
			}
			delete(sessions, id)
			http.Redirect(w, r, "/", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	})
}

// tokenService is an OAuth 2 token endpoint and what is behind it.
func tokenService() http.Handler {
	var mu sync.Mutex
	access, refresh := map[string]string{}, map[string]string{}
	clients := map[string]string{"shop": "s+/=cret", "billing": "not-a-real-secret-1", "shipping": "not-a-real-secret-2", "search": "not-a-real-secret-3"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id, secret, basic := r.BasicAuth()
		client := basic && clients[id] == secret && secret != ""
		who := access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		grant := func(who string) {
			a, f := rand.Text(), rand.Text()
			access[a], refresh[f] = who, who
			fmt.Fprintf(w, `{"access_token":%q,"refresh_token":%q,"token_type":"Bearer"}`, a, f)
		}
		refuse := func(status int, why string) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":%q}`, why)
		}
		user, old := r.FormValue("username"), r.FormValue("refresh_token")
		switch {
		case r.URL.Path == "/userinfo" && who != "":
			fmt.Fprintf(w, `{"preferred_username":%q}`, who)
		case r.URL.Path == "/orders" && who != "":
			fmt.Fprintf(w, `{"client_id":%q}`, who)
		case r.URL.Path == "/userinfo" || r.URL.Path == "/orders":
			refuse(401, "invalid_token")
		case !client:
			refuse(401, "invalid_client")
		case r.URL.Path == "/oauth/revoke":
			for a, who := range access { // ends the access tokens as well, which is more than is promised
				if who == refresh[r.FormValue("token")] {
					delete(access, a)
				}
			}
			delete(refresh, r.FormValue("token"))
		case r.FormValue("grant_type") == "client_credentials":
			grant(id)
		case r.FormValue("grant_type") == "refresh_token" && refresh[old] != "":
			who := refresh[old]
			delete(refresh, old)
			grant(who)
		case r.FormValue("grant_type") == "password" && r.FormValue("password") == strings.Replace(user, "user", "password", 1):
			grant(user)
		default:
			refuse(400, "invalid_grant")
		}
	})
}

// keyService knows three keys, each of a tenant.
func keyService() http.Handler {
	owners := map[string][2]string{"not-a-real-key-1": {"alice", "north"}, "not-a-real-key-2": {"bob", "south"}, "not-a-real-key-3": {"carol", "north"}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o, known := owners[r.Header.Get("X-API-Key")]
		switch {
		case !known:
			w.WriteHeader(401)
		case r.URL.Path != "/tenants/"+o[1]+"/me":
			w.WriteHeader(404)
		default:
			fmt.Fprintf(w, `{"owner":%q}`, o[0])
		}
	})
}
