// Package examples holds services that are not ours: what a reader's own looks like to
// authbench. This test runs them for real.
package examples

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// example is a service and what is known of it. Each field is a measurement here: when a
// package behaves otherwise one day, the README is wrong.
type example struct {
	file string
	// perUse is what the store counts for one use.
	perUse map[string]int64
	// rotates: a log-in gets an id that the browser did not bring.
	rotates bool
	// badCredential is the status for one that nobody issued.
	badCredential int
	// outlivesLogOut: it works after its log-out was acknowledged.
	outlivesLogOut bool
	// storeDead is how a use ends while the store is dead.
	storeDead results.Outcome
}

var examples = [...]example{
	{
		file: "express-session/contract.yaml", perUse: map[string]int64{"redis.get": 1, "redis.expire": 1},
		badCredential: 401, storeDead: results.Timeout, // its client waits for Redis to come back
	},
	{
		file: "express-session/contract-mysql.yaml", perUse: map[string]int64{"mysql.select": 1, "mysql.update": 1},
		badCredential: 401, storeDead: results.Unavailable,
	},
	{
		file: "express-jwt/contract.yaml", perUse: map[string]int64{},
		rotates: true, badCredential: 403, outlivesLogOut: true,
	},
	{
		file: "express-jwt/contract-key.yaml", perUse: map[string]int64{},
		rotates: true, badCredential: 403, outlivesLogOut: true,
	},
	{
		file: "scs/contract.yaml", perUse: map[string]int64{"redis.get": 1},
		rotates: true, badCredential: 401, storeDead: results.Unavailable,
	},
}

func TestExamples(t *testing.T) {
	for _, e := range examples {
		t.Run(strings.TrimSuffix(strings.ReplaceAll(e.file, "/contract", ""), ".yaml"), func(t *testing.T) {
			s := start(t, e.file)
			t.Run("walk", s.walk)
			t.Run("store", func(t *testing.T) { s.perUse(t, e.perUse) })
			t.Run("log-in", func(t *testing.T) { s.rotates(t, e.rotates) })
			t.Run("bad credential", func(t *testing.T) { s.bad(t, e.badCredential) })
			t.Run("log-out", func(t *testing.T) { s.logOut(t, e.outlivesLogOut) })
			if len(s.client.Contract.Start.Needs) > 0 {
				t.Run("store dead", func(t *testing.T) { s.dead(t, e.storeDead) })
			}
		})
	}
}

// service is one that runs.
type service struct {
	bed    *testbed.Testbed
	node   *testbed.Node
	client *contract.Client
}

// start brings a service up with its store, as its contract says.
func start(t *testing.T, file string) *service {
	t.Helper()
	c, err := contract.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	installed(t, filepath.Dir(file))
	for _, kind := range c.Start.Needs {
		need(t, kind, len(testbed.ServerPaths(kind)) > 0, "make deps")
	}
	bed, err := testbed.New(t.Context(), testbed.Options{Provider: "process", Needs: c.Start.Needs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bed.Close(); err != nil {
			t.Error(err)
		}
	})
	node, err := bed.StartNode(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	client, err := contract.NewClient(c, "http://"+node.Addr(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return &service{bed, node, client}
}

// installed skips where what the service runs on is not here, or fails where that is
// required.
func installed(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		out, err := exec.CommandContext(t.Context(), "./deps.sh", dir).CombinedOutput()
		if err != nil {
			t.Fatalf("build %s: %v\n%s", dir, err, out)
		}
		return
	}
	_, err := exec.LookPath("node")
	need(t, "node", err == nil, "scripts/deps.sh --node")
	_, err = os.Stat(filepath.Join(dir, "node_modules"))
	need(t, "node", err == nil, "make examples-deps")
}

// need ends the test unless what it needs is there.
func need(t *testing.T, name string, there bool, remedy string) {
	t.Helper()
	if there {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), name) {
		t.Fatalf("%s is required and not here: %s", name, remedy)
	}
	t.Skipf("needs %s: %s", name, remedy)
}

// walk takes the service through its contract.
func (s *service) walk(t *testing.T) {
	report, err := contract.Walk(t.Context(), s.client, contract.WalkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Checks {
		if c.Verdict == results.Fail || c.Verdict == results.Unknown {
			t.Errorf("%s: %s, %d %s, want %s: %s", c.Name, c.Verdict, c.Status, c.Outcome, c.Expected, c.Detail)
		}
	}
	if n := report.Count(results.Pass); n < 8 {
		t.Errorf("%d checks passed, want at least 8", n)
	}
}

// perUse has the store count what uses cost it.
func (s *service) perUse(t *testing.T, want map[string]int64) {
	vars := s.logIn(t, 3)
	before := s.ops(t)
	const uses = 20
	for range uses {
		s.use(t, vars, "user-3")
	}
	got := s.ops(t).Sub(before)
	wanted := map[string]int64{}
	for op, n := range want {
		wanted[op] = n * uses
	}
	if !got.Known || !maps.Equal(got.ByName, wanted) {
		t.Errorf("the store counted %v (known: %t) for %d uses, want %v", got.ByName, got.Known, uses, wanted)
	}
}

// rotates logs a user in from a browser that somebody has given a session, and sees
// whether that session is now the user's.
func (s *service) rotates(t *testing.T, want bool) {
	planted := s.logIn(t, 4)
	login := s.client.Contract.Login
	victim := s.client.Contract.User(5)
	req, err := s.client.Contract.Render(&login, s.client.Host, victim)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range s.client.Contract.Use.Headers {
		if name == "Cookie" {
			req.Headers = append(req.Headers, contract.Header{Name: name, Value: strings.ReplaceAll(value, "{credential}", planted["credential"])})
		}
	}
	a := s.client.Send(t.Context(), &login, req, victim)
	if a.Status/100 > 3 {
		t.Fatalf("log in with a planted session: %d %s", a.Status, a.Problem)
	}
	after := s.do(t, &s.client.Contract.Use, planted)
	shared := strings.Contains(string(after.Body), `"user-5"`)
	if shared == want {
		t.Errorf("the session that was planted is the victim's: %t, want %t (%d %s)", shared, !want, after.Status, after.Body)
	}
}

// bad uses a credential that nobody issued.
func (s *service) bad(t *testing.T, want int) {
	a := s.do(t, &s.client.Contract.Use, s.client.Contract.User(6).With(contract.Vars{"credential": "nobody.issued.this"}))
	if a.Status != want {
		t.Errorf("a bad credential got %d, want %d", a.Status, want)
	}
}

// logOut logs a user out and goes on.
func (s *service) logOut(t *testing.T, outlives bool) {
	vars := s.logIn(t, 7)
	if a := s.do(t, s.client.Contract.Revoke, vars); a.Outcome != results.OK {
		t.Fatalf("log out: %s", a.Problem)
	}
	want := results.Rejected
	if outlives {
		want = results.OK
	}
	if a := s.do(t, &s.client.Contract.Use, vars); a.Outcome != want {
		t.Errorf("a use after the log-out is %s, want %s", a.Outcome, want)
	}
}

// dead uses a session while the store is dead, and when it is back.
func (s *service) dead(t *testing.T, want results.Outcome) {
	vars := s.logIn(t, 8)
	store := s.bed.Store(s.client.Contract.Start.Needs[0])
	if err := store.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want == results.Timeout {
		s.client.Timeout = time.Second
	}
	during := s.do(t, &s.client.Contract.Use, vars)
	if during.Outcome != want {
		t.Errorf("a use without the store is %s (%d %s), want %s", during.Outcome, during.Status, during.Body, want)
	}
	if a := s.do(t, s.client.Contract.Storeless, contract.Vars{}); a.Outcome != results.OK {
		t.Errorf("what needs no store got %s without it: %s", a.Outcome, a.Problem)
	}
	if err := store.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.client.Timeout = 10 * time.Second // until its client has found the store again
	var last string
	for range 100 {
		a := s.do(t, &s.client.Contract.Use, vars)
		if a.Outcome == results.OK {
			return
		}
		last = fmt.Sprintf("%s, %d: %s", a.Outcome, a.Status, a.Problem)
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the store is back, and a use is %s; the node says: %s", last, s.node.Output())
}

func (s *service) logIn(t *testing.T, n int) contract.Vars {
	t.Helper()
	a := s.do(t, &s.client.Contract.Login, s.client.Contract.User(n))
	if a.Outcome != results.OK {
		t.Fatalf("log in: %s; the node says: %s", a.Problem, s.node.Output())
	}
	return a.Vars
}

func (s *service) use(t *testing.T, vars contract.Vars, subject string) {
	t.Helper()
	if a := s.do(t, &s.client.Contract.Use, vars); a.Outcome != results.OK || a.Subject != subject {
		t.Fatalf("use: %d for %q, %s", a.Status, a.Subject, a.Problem)
	}
}

func (s *service) do(t *testing.T, step *contract.Step, vars contract.Vars) *contract.Answer {
	t.Helper()
	a, err := s.client.Do(t.Context(), step, vars)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *service) ops(t *testing.T) testbed.Ops {
	t.Helper()
	o, err := s.bed.StoreOps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o
}
