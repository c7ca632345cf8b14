package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"authbench/report"
	"authbench/scenarios/testbed"
)

// secretContract is a service whose passwords are in a file and whose key is in the
// environment; a use names nobody, so that nothing but the credential tells users apart.
const secretContract = `name: planted
mechanism: session
url: %s
secrets: {service_key: {env: PLANTED_SERVICE_KEY}}
promises: {revocation_bound: 0s}
users: {file: people.csv}
login:
  before: [{method: GET, path: /form, extract: {visitor: {cookie: sid}, form: {match: 'value="([^"]+)"'}}}]
  method: POST
  path: /login
  headers: {Content-Type: application/x-www-form-urlencoded, X-Key: "{service_key}", Cookie: "sid={visitor}; {cookies}"}
  body: form={form}&user={username}&password={password}
  extract: {credential: {cookie: sid}}
use:
  method: GET
  path: /me
  headers: {Cookie: "sid={credential}; {cookies}", X-Key: "{service_key}"}
  subject: {json: $.sub}
revoke:
  method: POST
  path: /logout
  headers: {Cookie: "sid={credential}; {cookies}", X-Key: "{service_key}"}
`

// armContract is a bundled arm that somebody else has started.
const armContract = `name: %s
mechanism: %s
url: %s
promises: {revocation_bound: %q}
users: {username: "user-{n}", password: "password-{n}", count: 100}
login:
  method: POST
  path: /login
  headers: {Content-Type: application/json}
  body: '{"username":"{username}","password":"{password}"}'
  extract: {%s}
use:
  method: GET
  path: /me
  headers: {%s}
  subject: {json: $.sub}
revoke:
  method: POST
  path: /logout
  headers: {%[6]s}
  statuses: {accepted: [204]}
`

// TestNoSecretIsWritten runs the whole chain on targets whose passwords, session ids,
// tokens and store passwords are known, and looks for them in everything that it writes.
func TestNoSecretIsWritten(t *testing.T) {
	for _, kind := range []string{testbed.Redis, testbed.MySQL} {
		if len(testbed.ServerPaths(kind)) == 0 {
			if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), kind) {
				t.Fatalf("no %s server here", kind)
			}
			t.Skipf("no %s server here", kind)
		}
	}
	w := newSecretWorld(t)
	stores := []string{"--stores", "external", "--redis-url", w.redis, "--mysql-dsn", w.mysql}
	mine := []string{"-f", "planted.yaml", "-f", "session.yaml", "-f", "token.yaml"}
	with := func(lists ...[]string) []string { return slices.Concat(lists...) }

	w.exec(t, exitDone, with([]string{"bench", "--profile", "quick", "--costs-only", "--blocks", "1", "--users", "6", "--connections", "2", "--rate", "40", "--arm", "session-redis", "-f", "planted.yaml", "--out", "bench"}, stores)...)
	w.exec(t, exitDone, with([]string{"run", "revocation", "--arm", "session-mysql", "--arm", "jwt-es256+denylist", "--set", "users=6", "--set", "revocations=3", "--set", "over=200ms", "--set", "rate=50", "--out", "chaos"}, mine, stores)...)
	w.exec(t, -1, "probe", "planted.yaml", "--only", "walk,D1,F3,H2", "--json", "--junit", "probe.xml", "--markdown", "probe.md")
	w.exec(t, -1, "probe", "token.yaml", "--only", "walk,A,D1,E1", "--junit", "probe2.xml")
	w.exec(t, exitDone, "load", w.service, "--rate", "50", "--duration", "200ms", "--header", "Cookie: sid="+w.planted, "--json", "load.json")
	w.exec(t, exitDone, "init", w.service, "-o", "first.yaml")
	for _, dir := range []string{"bench/latest", "chaos"} {
		for _, f := range report.Formats() {
			args := []string{"report", dir, "--format", f.Name, "-o", strings.ReplaceAll(dir, "/", "-") + "." + f.Name}
			if f.Select {
				args = append(args, "--arm", "planted")
			}
			w.exec(t, -1, args...)
		}
	}
	// What fails has more to say.
	broken := strings.Replace(w.redis, "@", "x@", 1)
	for _, args := range [][]string{
		{"run", "revocation", "--arm", "session-redis", "--stores", "external", "--redis-url", broken, "--out", "f1"},
		{"run", "revocation", "--arm", "session-redis", "--stores", "external", "--redis-url=" + w.redis + ":bad", "--out", "f2"},
		{"run", "revocation", "--arm", "session-mysql", "--stores", "external", "--mysql-dsn", strings.NewReplacer("tcp(", "", ")", "").Replace(w.mysql), "--out", "f3"},
		{"run", "revocation", "--arm", "session-mysql", "--stores", "external", "--mysql-dsn", strings.Replace(w.mysql, "@", "x@", 1), "--out", "f4"},
		{"serve", "--arm", "session-redis", "--redis-url", w.redis + ":bad"},
		{"serve", "--arm", "session-redis", "--redis-url", strings.Replace(w.redis, "redis:", "redis+nonsense:", 1)},
		{"serve", "--arm", "session-mysql", "--mysql-dsn", strings.NewReplacer("tcp(", "", ")", "").Replace(w.mysql)},
		{"run", "revocation", "-f", "dies.yaml", "--out", "f5"},
		{"probe", "dies.yaml"},
	} {
		w.exec(t, -1, args...)
	}
	w.collect(t)
	for _, want := range []string{"password", "service key", "session of planted", "session over the wire", "token over the wire", "password of redis", "password of mysql"} {
		if !slices.Contains(w.leaks.names, want) {
			t.Errorf("no %s was planted: nothing is shown by its not being found", want)
		}
	}
	found, seen := w.leaks.below(t, w.dir, w.given...)
	if seen < 25 {
		t.Errorf("only %d files were written", seen)
	}
	for i, f := range found {
		if i == 20 {
			t.Fatalf("and %d more", len(found)-i)
		}
		t.Error(f)
	}

	// The same look finds a secret in a report that has one.
	plantIn(t, filepath.Join(w.dir, "chaos", "run.json"), `"summary": ""`, `"summary": "`+w.planted+`"`)
	w.exec(t, -1, "report", "chaos", "--format", "html", "-o", "planted.html")
	page, err := os.ReadFile(filepath.Join(w.dir, "planted.html"))
	if err != nil || len(w.leaks.in(page)) == 0 {
		t.Errorf("a secret that is on the page was not found: %v", err)
	}
}

// plantIn replaces text of a file that has to be there.
func plantIn(t *testing.T, file, old, with string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(b, []byte(old)) {
		t.Fatalf("%s has no %s: %v", file, old, err)
	}
	if err := os.WriteFile(file, bytes.Replace(b, []byte(old), []byte(with), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

// secretWorld is a working directory, stores, and targets whose secrets are known.
type secretWorld struct {
	dir, self    string
	given        []string // files that are ours and may have secrets
	redis, mysql string
	service      string
	planted      string // one of the passwords
	env          []string
	leaks        *leaks
	calls        int

	mu   sync.Mutex
	ids  []string // sessions of the planted service
	wire bytes.Buffer
}

func newSecretWorld(t *testing.T) *secretWorld {
	w := &secretWorld{dir: t.TempDir(), self: buildSelf(t), leaks: newLeaks(), planted: "planted-" + rand.Text()}
	bed, err := testbed.New(t.Context(), testbed.Options{Self: w.self, Provider: "process", Needs: []string{testbed.Redis, testbed.MySQL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bed.Close() })
	w.redis, w.mysql = bed.Store(testbed.Redis).URL(), bed.Store(testbed.MySQL).URL()
	password := regexp.MustCompile(`:([^:/@]+)@`)
	w.leaks.plant("password of redis", password.FindStringSubmatch(w.redis)[1])
	w.leaks.plant("password of mysql", password.FindStringSubmatch(w.mysql)[1])

	key := "key/+" + rand.Text()
	w.leaks.plant("service key", key)
	w.env = append(os.Environ(), "PLANTED_SERVICE_KEY="+key, "TMPDIR="+t.TempDir())
	people := "username,password\n"
	passwords := map[string]string{}
	for i := range 8 {
		name, word := fmt.Sprintf("person-%d", i), w.planted
		if i > 0 {
			word = "planted-" + rand.Text()
		}
		passwords[name] = word
		w.leaks.plant("password", word)
		people += name + "," + word + "\n"
	}
	srv := httptest.NewServer(w.plantedService(key, passwords))
	t.Cleanup(srv.Close)
	w.service = srv.URL

	session := w.node(t, "session-redis", "AUTHBENCH_REDIS_URL="+w.redis)
	token := w.node(t, "jwt-es256")
	w.give(t, "people.csv", people)
	w.give(t, "planted.yaml", fmt.Sprintf(secretContract, srv.URL))
	w.give(t, "session.yaml", fmt.Sprintf(armContract, "theirs", "session", session, "0s", "credential: {cookie: __Host-session}, csrf: {json: $.csrf_token}", `Cookie: "__Host-session={credential}", X-CSRF-Token: "{csrf}"`))
	w.give(t, "token.yaml", fmt.Sprintf(armContract, "theirs-token", "token", token, "15m", "credential: {json: $.access_token}", `Authorization: "Bearer {credential}"`))
	w.give(t, "dies.yaml", strings.Replace(fmt.Sprintf(secretContract, "X"), "url: X",
		`start: {command: [sh, -c, 'echo "it has $KEY and $STORE" >&2; exit 3', "{listen}"], env: {KEY: "{service_key}", STORE: "{redis_url}"}, needs: [redis]}`, 1))
	return w
}

// give writes a file that may have secrets in it.
func (w *secretWorld) give(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.given = append(w.given, path)
}

// exec runs the program; what it says is kept beside what it writes. A code below 0 is any.
func (w *secretWorld) exec(t *testing.T, code int, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.self, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, 20*time.Second
	out, err := os.Create(filepath.Join(w.dir, fmt.Sprintf("said-%02d-%s.txt", w.calls, args[0])))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w.calls++
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); code >= 0 && got != code {
		said, _ := os.ReadFile(out.Name())
		t.Fatalf("authbench %s %s: exit code %d, want %d:\n%s", args[0], args[1], got, code, testbed.MaskAddress(string(said)))
	}
}

// plantedService logs people in with a form, and remembers every session that it hands out.
func (w *secretWorld) plantedService(key string, passwords map[string]string) http.Handler {
	sessions := map[string]string{}
	begin := func(rw http.ResponseWriter, who string) {
		id := "s%3A" + rand.Text() + ".c%2Fig"
		sessions[id] = who
		w.ids = append(w.ids, id)
		rw.Header().Add("Set-Cookie", "sid="+id+"; Path=/; HttpOnly")
		rw.Header().Add("Set-Cookie", "remember="+rand.Text()+"; Path=/")
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		c, err := r.Cookie("sid")
		if err != nil {
			c = &http.Cookie{}
		}
		who := sessions[c.Value]
		switch {
		case r.URL.Path == "/form":
			begin(rw, "")
			fmt.Fprint(rw, `<input name="form" value="a-form">`)
		case r.Header.Get("X-Key") != key || r.URL.Path == "/login" && passwords[r.FormValue("user")] != r.FormValue("password"):
			rw.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/login":
			delete(sessions, c.Value)
			begin(rw, r.FormValue("user"))
		case who == "":
			rw.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/logout":
			delete(sessions, c.Value)
		default:
			_ = json.NewEncoder(rw).Encode(map[string]string{"sub": who})
		}
	})
}

// node starts a bundled arm with its event log on, and returns where it is reached: through
// a proxy that keeps what comes back.
func (w *secretWorld) node(t *testing.T, arm string, env ...string) string {
	t.Helper()
	said, err := os.Create(filepath.Join(w.dir, "node-"+arm+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(w.self, "serve", "--arm", arm, "--log-events")
	cmd.Env, cmd.Stderr = append(slices.Clone(w.env), env...), said
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		said.Close()
	})
	var at struct{ Listen string }
	if err := json.NewDecoder(stdout).Decode(&at); err != nil {
		t.Fatalf("%s does not announce itself: %v", arm, err)
	}
	return "http://" + w.proxy(t, at.Listen)
}

func (w *secretWorld) proxy(t *testing.T, to string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(out, in)
				out.Close()
			}()
			go func() {
				_, _ = io.Copy(in, io.TeeReader(out, w))
				in.Close()
			}()
		}
	}()
	return ln.Addr().String()
}

// Write keeps what came over the wire.
func (w *secretWorld) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wire.Len() < 32<<20 {
		w.wire.Write(b)
	}
	return len(b), nil
}

// collect plants what was handed out.
func (w *secretWorld) collect(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range w.ids {
		w.leaks.plant("session of planted", id)
	}
	for _, m := range regexp.MustCompile(`__Host-session=([^;\s]{16,})`).FindAllSubmatch(w.wire.Bytes(), -1) {
		w.leaks.plant("session over the wire", string(m[1]))
	}
	for _, m := range regexp.MustCompile(`"(access_token|refresh_token|csrf_token)":"([^"]{16,})"`).FindAllSubmatch(w.wire.Bytes(), -1) {
		w.leaks.plantToken("token over the wire", string(m[2]))
	}
}
