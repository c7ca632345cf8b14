package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"authbench/targets/store/storetest"
)

// node is a running server and how to talk to it.
type node struct {
	t      testing.TB
	srv    *Server
	addr   string
	admin  string
	events *lockedBuffer
	stop   func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const adminSecret = "test-secret"

// startNode runs a server with those settings until the test ends.
func startNode(t testing.TB, set map[string]string, change ...func(*Options)) *node {
	t.Helper()
	s, err := Decode(set)
	if err != nil {
		t.Fatal(err)
	}
	events := new(lockedBuffer)
	o := Options{
		Arm: "test", Settings: s, AdminSecret: adminSecret,
		Log: slog.New(slog.NewTextHandler(events, nil)), Events: slog.New(slog.NewJSONHandler(events, nil)),
	}
	for _, f := range change {
		f(&o)
	}
	srv, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ln, admin := listenLocal(t), listenLocal(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, ln, admin) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return &node{t: t, srv: srv, addr: ln.Addr().String(), admin: admin.Addr().String(), events: events, stop: stop}
}

func listenLocal(t testing.TB) *net.TCPListener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln.(*net.TCPListener)
}

// answerOf is one response, read to its end.
type answerOf struct {
	status int
	header http.Header
	body   string
}

func (a answerOf) field(t testing.TB, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("not JSON: %q: %v", a.body, err)
	}
	s, _ := m[name].(string)
	return s
}

// raw sends bytes on a fresh connection and reads one answer. nil: the server
// closed without one.
func (n *node) raw(request string) *answerOf {
	n.t.Helper()
	c, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		n.t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(c, request) }() // the server may answer before it has read all
	a, err := readAnswer(bufio.NewReader(c), strings.HasPrefix(request, "HEAD "))
	if err != nil {
		return nil
	}
	return a
}

func readAnswer(r *bufio.Reader, head bool) (*answerOf, error) {
	method := http.MethodGet
	if head {
		method = http.MethodHead
	}
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	return &answerOf{res.StatusCode, res.Header, string(body)}, nil
}

// request renders one request. Headers are "Name: value" lines.
func request(method, path, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: target.test\r\n", method, path)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if body != "" || method == "POST" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	return b.String() + "\r\n" + body
}

const asJSON = "Content-Type: application/json"

func (n *node) do(method, path, body string, headers ...string) answerOf {
	n.t.Helper()
	a := n.raw(request(method, path, body, headers...))
	if a == nil {
		n.t.Fatalf("%s %s: no answer", method, path)
	}
	return *a
}

// client is a user who is logged in.
type client struct {
	n                   *node
	user, password      string
	auth, csrf, refresh string // auth and csrf are header lines
}

func loginBody(user, password string) string {
	return fmt.Sprintf(`{"username":%q,"password":%q}`, user, password)
}

func (n *node) login(user int, headers ...string) *client {
	n.t.Helper()
	c := &client{n: n, user: username(user), password: password(user)}
	a := n.do("POST", "/login", loginBody(c.user, c.password), append(slices.Clone(headers), asJSON)...)
	if a.status != 200 {
		n.t.Fatalf("login of %s: %d %s", c.user, a.status, a.body)
	}
	c.take(a)
	return c
}

// take adopts the credential of an answer.
func (c *client) take(a answerOf) {
	c.n.t.Helper()
	if cookie := a.header.Get("Set-Cookie"); cookie != "" {
		value, _, _ := strings.Cut(cookie, ";")
		c.auth, c.csrf = "Cookie: "+value, "X-CSRF-Token: "+a.field(c.n.t, "csrf_token")
		return
	}
	c.auth, c.csrf = "Authorization: Bearer "+a.field(c.n.t, "access_token"), "X-Unused: 1"
	c.refresh = a.field(c.n.t, "refresh_token")
}

func (c *client) get(path string) answerOf {
	c.n.t.Helper()
	return c.n.do("GET", path, "", c.auth)
}

func (c *client) post(path, body string, headers ...string) answerOf {
	c.n.t.Helper()
	return c.n.do("POST", path, body, append(slices.Clone(headers), asJSON, c.auth, c.csrf)...)
}

func (c *client) works(want bool) {
	c.n.t.Helper()
	wantStatus := 401
	if want {
		wantStatus = 200
	}
	if a := c.get("/me"); a.status != wantStatus {
		c.n.t.Errorf("/me of %s: %d, want %d: %s", c.user, a.status, wantStatus, a.body)
	}
}

// arm is one way to configure the server, and what it can revoke: a credential at
// the next use, or only all of a user's.
type arm struct {
	name    string
	set     map[string]string
	options func(*Options)
	revokes bool
	users   bool
}

func settingsFor(mechanism, key, value string) map[string]string {
	m := map[string]string{"mechanism": mechanism, "users": "100"}
	if key != "" {
		m[key] = value
	}
	return m
}

// storeless are the arms that need no server beside them.
func storeless() []arm {
	return []arm{
		{name: "control", set: settingsFor("none", "", "")},
		{name: "session-memory", set: settingsFor("session", "store", "memory"), revokes: true},
		{name: "jwt-hs256", set: settingsFor("token", "algorithm", "HS256")},
		{name: "jwt-rs256", set: settingsFor("token", "algorithm", "RS256")},
		{name: "jwt-es256", set: settingsFor("token", "algorithm", "ES256")},
		{name: "jwt-hs256-jwx", set: with(settingsFor("token", "algorithm", "HS256"), "verifier", "jwx")},
		{name: "jwt-mldsa65", set: settingsFor("token", "algorithm", "ML-DSA-65")},
		{name: "jwt-es256@cookie", set: with(settingsFor("token", "algorithm", "ES256"), "carrier", "cookie")},
		{name: "session-sealed", set: settingsFor("sealed", "", "")},
		{name: "jwt-es256+memo", set: with(settingsFor("token", "algorithm", "ES256"), "memo_entries", "100")},
	}
}

func with(set map[string]string, kv ...string) map[string]string {
	set = maps.Clone(set)
	for i := 0; i < len(kv); i += 2 {
		set[kv[i]] = kv[i+1]
	}
	return set
}

// revocable are the arms whose tokens can be revoked, over a Redis.
func revocable(s *storetest.Server) []arm {
	redis := func(o *Options) { o.RedisURL = s.URL }
	var arms []arm
	for _, kind := range strategies()[1:] {
		set := with(settingsFor("token", "algorithm", "ES256"), "revocation", kind, "memo_entries", "100")
		arms = append(arms, arm{"jwt-es256+" + kind, set, redis, kind != "families", strings.HasPrefix(kind, "epoch")})
	}
	return append(arms, arm{"hybrid", settingsFor("hybrid", "algorithm", "ES256"), redis, true, false})
}

func redisArm(s *storetest.Server) arm {
	return arm{name: "session-redis", set: settingsFor("session", "store", "redis"), options: func(o *Options) { o.RedisURL = s.URL }, revokes: true}
}

func mysqlArm(s *storetest.Server) arm {
	return arm{name: "session-mysql", set: settingsFor("session", "store", "mysql"), options: func(o *Options) { o.MySQLDSN = s.DSN }, revokes: true}
}

func (a arm) start(t testing.TB) *node {
	t.Helper()
	if a.options == nil {
		return startNode(t, a.set)
	}
	return startNode(t, a.set, a.options)
}

// eachArm runs f against a fresh node of every arm. Those whose store is not
// installed are skipped by name, or fail if AUTHBENCH_REQUIRE asks for it.
func eachArm(t *testing.T, f func(t *testing.T, a arm, n *node)) {
	t.Helper()
	for _, a := range storeless() {
		t.Run(a.name, func(t *testing.T) { f(t, a, a.start(t)) })
	}
	t.Run("session-redis", func(t *testing.T) {
		a := redisArm(storetest.StartRedis(t))
		f(t, a, a.start(t))
	})
	t.Run("session-redis+cache", func(t *testing.T) {
		a := redisArm(storetest.StartRedis(t))
		a.name, a.set = "session-redis+cache", with(a.set, "cache_for", "1m")
		f(t, a, a.start(t))
	})
	t.Run("session-mysql", func(t *testing.T) {
		a := mysqlArm(storetest.StartMySQL(t))
		f(t, a, a.start(t))
	})
	t.Run("session-redis+mysql", func(t *testing.T) {
		redis, mysql := storetest.StartRedis(t), storetest.StartMySQL(t)
		a := arm{name: "session-redis+mysql", set: settingsFor("session", "store", "redis+mysql"), revokes: true}
		a.options = func(o *Options) { o.RedisURL, o.MySQLDSN = redis.URL, mysql.DSN }
		f(t, a, a.start(t))
	})
	t.Run("revocable", func(t *testing.T) {
		srv := storetest.StartRedis(t)
		hybrid := redisArm(srv) // which ends at once, and hands out no refresh tokens
		hybrid.name, hybrid.set = "hybrid@cookie", with(settingsFor("hybrid", "algorithm", "ES256"), "carrier", "cookie")
		for _, a := range append(revocable(srv), hybrid) {
			t.Run(a.name, func(t *testing.T) {
				n := a.start(t)
				n.untilReady()
				f(t, a, n)
			})
		}
	})
}

// untilReady waits for what a node copies before it can answer.
func (n *node) untilReady() {
	n.t.Helper()
	for range 500 {
		if n.do("GET", "/readyz", "").status == 200 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	n.t.Fatal("never ready")
}
