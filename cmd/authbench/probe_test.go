package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"authbench/results"
	"authbench/scenarios/attack"
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
	live := map[string]string{} // users, by session
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		sid := ""
		if c, err := r.Cookie("sid"); err == nil {
			sid = c.Value
		}
		user := live[sid]
		switch r.URL.Path {
		case "/login":
			var body struct{ User, Password string }
			json.NewDecoder(r.Body).Decode(&body)
			if body.Password != strings.Replace(body.User, "user", "pw", 1) {
				w.WriteHeader(401)
				return
			}
			sid = rand.Text()
			live[sid] = body.User
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: sid, Secure: true, HttpOnly: true})
		case "/logout":
			if user == "" {
				w.WriteHeader(401)
			}
			if !keep {
				delete(live, sid)
			}
		case "/me":
			if user == "" {
				w.WriteHeader(401)
				return
			}
			fmt.Fprintf(w, `{"sub":%q}`, user)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

var update = flag.Bool("update", false, "write the golden files")

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
		{"as promised", []string{file, "--url", good, "--only", "walk"}, exitDone, "Everything is as promised: 8 passed"},
		{"log-out does nothing", []string{file, "--url", leaky, "--only", "walk"}, exitBroken, "a revoked credential was accepted"},
		{"a case that fails", []string{file, "--url", leaky, "--only", "D1"}, exitBroken, "FAIL  D1"},
		{"a case that passes", []string{file, "--url", good, "--only", "D1"}, exitDone, "No case failed: 1 passed"},
		{"nothing that applies", []string{file, "--url", good, "--only", "A1,e"}, exitDone, "Nothing of it applies"},
		{"something unknown", []string{file, "--url", good, "--only", "D4"}, exitDone, "Nothing could be told"},
		{"something unknown, strictly", []string{file, "--url", good, "--only", "D4", "--strict"}, exitUnknown, "there is one node"},
		{"no time", []string{file, "--url", good, "--only", "D1", "--max-time", "1ns", "--strict"}, exitUnknown, "the time for the probe was over"},
		{"nobody there", []string{file, "--only", "walk"}, exitBroken, "connection refused"},
		{"nobody there to attack", []string{file, "--only", "D1", "--strict"}, exitUnknown, "the canary cannot log in"},
		{"unknown case", []string{file, "--only", "X1"}, exitUsage, `"X1" is neither a class of attacks nor a case: there are A (`},
		{"list", []string{"--list"}, exitDone, "alg none"},
		{"list of a target", []string{"--list", file}, exitUsage, "it needs no target"},
		{"arm and file", []string{file, "--arm", "control"}, exitUsage, "not both"},
		{"URL alone", []string{"http://127.0.0.1:1"}, exitUsage, "authbench init"},
		{"two outputs", []string{file, "--json", "--markdown", "-"}, exitUsage, "standard output"},
		{"no length of time", []string{file, "--max-time", "0s"}, exitUsage, "lengths of time"},
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

// TestProbeFormats: the same result in every format, and nothing else on standard output.
func TestProbeFormats(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.yaml")
	if err := os.WriteFile(file, []byte(probeContract), 0o644); err != nil {
		t.Fatal(err)
	}
	xml, md := filepath.Join(dir, "probe.xml"), filepath.Join(dir, "probe.md")
	var out, errs bytes.Buffer
	args := []string{"probe", file, "--json", "--url", probeTarget(t, true), "--only", "walk,A1,D1,D4", "--junit", xml, "--markdown", md}
	if code := run(t.Context(), args, func(string) string { return "" }, &out, &errs); code != exitBroken {
		t.Fatalf("exit %d\n%s%s", code, &out, &errs)
	}
	var report struct {
		Contract string
		Walk     contract.Report
		Cases    []map[string]any
		Requests []attack.Sent
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if report.Walk.Count(results.Fail) != 1 || report.Contract != "shop" || len(report.Requests) == 0 {
		t.Errorf("%+v", report)
	}
	want := map[string]string{"A1": results.NotApplicable, "D1": results.Fail, "D4": results.Unknown}
	for _, c := range report.Cases {
		for _, name := range []string{"id", "class", "status", "sent", "got", "want", "reference", "reason"} {
			if _, ok := c[name].(string); !ok {
				t.Errorf("%s has no %s", c["id"], name)
			}
		}
		if c["status"] != want[c["id"].(string)] {
			t.Errorf("%s is %s: %s", c["id"], c["status"], c["reason"])
		}
	}
	if len(report.Cases) != len(want) {
		t.Errorf("%d cases", len(report.Cases))
	}
	for path, parts := range map[string][]string{
		xml: {`tests="`, `failures="1"`, "<failure", `message="unknown: there is one node"`, "not applicable: its credential is no signed token"},
		md:  {"**FAIL**: probe of shop", "| **D1** ", "| D revocation | 2 |", "**D4**", "Sent: "},
	} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if !strings.Contains(string(b), part) {
				t.Errorf("%s has no %q:\n%s", filepath.Base(path), part, b)
			}
		}
	}
	if !strings.Contains(errs.String(), "FAIL  D1") {
		t.Errorf("standard error: %s", &errs)
	}
}

// TestProbeJSON: others read it, member by member.
func TestProbeJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte(probeContract), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	url := probeTarget(t, true)
	if code := run(t.Context(), []string{"probe", file, "--json", "--url", url, "--only", "walk,A1,D4,D10"}, func(string) string { return "" }, &out, &errs); code != exitBroken {
		t.Fatalf("exit %d\n%s%s", code, &out, &errs)
	}
	got := strings.ReplaceAll(out.String(), strings.TrimPrefix(url, "http://"), "127.0.0.1:3000")
	got = regexp.MustCompile(`"took_ns": [0-9]+`).ReplaceAllString(got, `"took_ns": 1000000`)
	golden(t, "probe.json", got)
}

// TestProbeList: ids keep their meaning, so that what is listed is what others rely on.
func TestProbeList(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"probe", "--list"}, func(string) string { return "" }, &out, &errs); code != exitDone {
		t.Fatal(&errs)
	}
	golden(t, "probe_list.golden", out.String())
}

// golden compares with a file of testdata, which -update writes.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("this is not testdata/%s (go test ./cmd/authbench -run TestProbe -update):\n%s", name, got)
	}
}
