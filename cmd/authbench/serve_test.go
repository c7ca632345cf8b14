package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runHere is the whole program inside the test. It returns exit code, stdout and
// stderr.
func runHere(ctx context.Context, env map[string]string, args ...string) (int, string, string) {
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, func(k string) string { return env[k] }, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestServeUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"serve"}, "--arm is missing"},
		{[]string{"serve", "--arm", "session-etcd"}, "session-redis"}, // lists the arms
		{[]string{"serve", "--arm", "session-redis"}, "--redis-url or AUTHBENCH_REDIS_URL"},
		{[]string{"serve", "--arm", "session-mysql"}, "--mysql-dsn or AUTHBENCH_MYSQL_DSN"},
		{[]string{"serve", "--arm", "control", "--set", "users"}, "want key=value"},
		{[]string{"serve", "--arm", "control", "--set", "colour=red"}, "colour"},
		{[]string{"serve", "--arm", "jwt-hs256", "--set", "lifetime=soon"}, "lifetime"},
		{[]string{"serve", "--arm", "control", "--listen", "nowhere"}, "--listen nowhere"},
		{[]string{"serve", "--arm", "control", "--bogus"}, "bogus"},
		{[]string{"serve", "control"}, "control"},
		{[]string{"keys", "--arm", "jwt-hs256"}, "--out is missing"},
		{[]string{"keys", "--out", "x"}, "--arm is missing"},
	} {
		code, stdout, stderr := runHere(t.Context(), nil, c.args...)
		if code != exitUsage || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%v: exit %d, stdout %q, stderr %q, want %q", c.args, code, stdout, stderr, c.want)
		}
	}
}

// A store that is away is no mistake of usage, and is named.
func TestServeStoreAway(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	for arm, env := range map[string]map[string]string{
		"session-redis": {"AUTHBENCH_REDIS_URL": "redis://" + addr},
		"session-mysql": {"AUTHBENCH_MYSQL_DSN": "root:secret@tcp(" + addr + ")/authbench"},
	} {
		code, stdout, stderr := runHere(t.Context(), env, "serve", "--arm", arm)
		if code != exitBroken || !strings.Contains(stderr, addr) || stdout != "" || strings.Contains(stderr, "secret") {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", arm, code, stdout, stderr)
		}
	}
}

// TestServe runs a node with shared keys and an admin plane, uses it, and ends
// it as SIGTERM does.
func TestServe(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if code, _, stderr := runHere(t.Context(), nil, "keys", "--arm", "jwt-es256", "--out", keys); code != exitDone {
		t.Fatalf("keys: exit %d: %s", code, stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, w := io.Pipe()
	var stderr bytes.Buffer
	done := make(chan int, 1)
	env := map[string]string{"AUTHBENCH_ADMIN_SECRET": "admin-secret"}
	go func() {
		done <- run(ctx, []string{"serve", "--arm", "jwt-es256", "--keys", keys, "--set", "users=12", "--log-events"},
			func(k string) string { return env[k] }, w, &stderr)
		w.Close()
	}()
	dec := json.NewDecoder(stdout)
	var line ready
	if err := dec.Decode(&line); err != nil {
		t.Fatalf("no ready line: %v: %s", err, stderr.String())
	}
	if line.PID != os.Getpid() || line.Settings["users"] != "12" || line.Settings["algorithm"] != "ES256" {
		t.Errorf("%+v", line)
	}
	if host, _, err := net.SplitHostPort(line.Admin); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("admin plane at %q", line.Admin)
	}
	body, err := json.Marshal(map[string]string{"username": line.User, "password": line.Password})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post("http://"+line.Listen+"/login", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("login: %s", res.Status)
	}
	cancel()
	if code := <-done; code != exitDone {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
	if err := dec.Decode(&line); err == nil {
		t.Error("more than one line on stdout")
	}
	if !strings.Contains(stderr.String(), `"msg":"login"`) {
		t.Errorf("no event: %s", stderr.String())
	}
}
