package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"authbench/results"
	"authbench/targets/contract"
)

const probeContract = `name: shop
mechanism: session
url: http://127.0.0.1:1
promises:
  revocation_bound: 0s
users: {username: "user-{n}", password: "pw-{n}"}
login:
  method: POST
  path: /login
  headers: {Content-Type: application/json}
  body: '{"user":"{username}","password":"{password}"}'
  extract:
    credential: {cookie: sid}
use:
  method: GET
  path: /me
  headers: {Cookie: "sid={credential}"}
  subject: {json: $.sub}
revoke:
  method: POST
  path: /logout
  headers: {Cookie: "sid={credential}"}
`

// probeTarget logs in and out; keep makes log-out do nothing.
func probeTarget(t *testing.T, keep bool) string {
	var mu sync.Mutex
	gone := map[string]bool{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		sid, _ := r.Cookie("sid")
		switch r.URL.Path {
		case "/login":
			var body struct{ User, Password string }
			json.NewDecoder(r.Body).Decode(&body)
			if body.Password != strings.Replace(body.User, "user", "pw", 1) {
				w.WriteHeader(401)
				return
			}
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: body.User, Secure: true, HttpOnly: true})
		case "/logout":
			gone[sid.Value] = !keep
		case "/me":
			if sid == nil || gone[sid.Value] {
				w.WriteHeader(401)
				return
			}
			fmt.Fprintf(w, `{"sub":%q}`, sid.Value)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestProbe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.yaml")
	broken := filepath.Join(dir, "broken.yaml")
	for path, text := range map[string]string{file: probeContract, broken: strings.Replace(probeContract, "method: GET", "method: GETT", 1)} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	good, leaky := probeTarget(t, false), probeTarget(t, true)
	for _, tt := range []struct {
		name string
		args []string
		code int
		out  string // part of stdout and stderr
	}{
		{"as promised", []string{file, "--url", good}, exitDone, "Everything is as promised: 8 passed"},
		{"log-out does nothing", []string{file, "--url", leaky}, exitBroken, "a revoked credential was accepted"},
		{"nobody there", []string{file}, exitBroken, "connection refused"},
		{"bad file", []string{broken}, exitUsage, "broken.yaml:15:11: use.method"},
		{"no file", []string{filepath.Join(dir, "none.yaml")}, exitUsage, "none.yaml"},
		{"unknown arm", []string{"session-reddis"}, exitUsage, `did you mean "session-redis"?`},
		{"no argument", nil, exitUsage, "wants one contract"},
		{"bad set", []string{file, "--set", "lifetime"}, exitUsage, "want key=value"},
		{"unknown setting", []string{file, "--set", "lifetime=5m"}, exitUsage, "has no setting"},
		{"bad url", []string{file, "--url", "shop"}, exitUsage, "not an http://"},
		{"not this machine", []string{file, "--url", "http://192.0.2.1:80"}, exitUsage, "--i-own-this-target"},
		{"bad flag", []string{file, "--colour"}, exitUsage, "unknown flag"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(t.Context(), append([]string{"probe"}, tt.args...), func(string) string { return "" }, &out, &errs)
			if code != tt.code || !strings.Contains(out.String()+errs.String(), tt.out) {
				t.Errorf("exit %d, want %d with %q\nstdout:\n%s\nstderr:\n%s", code, tt.code, tt.out, &out, &errs)
			}
		})
	}
}

func TestProbeJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte(probeContract), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"probe", file, "--json", "--url", probeTarget(t, true)}, func(string) string { return "" }, &out, &errs)
	var report contract.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || code != exitBroken {
		t.Fatalf("exit %d, %v\n%s%s", code, err, &out, &errs)
	}
	if report.Count(results.Fail) != 1 || report.Contract != "shop" {
		t.Errorf("%+v", report)
	}
}
