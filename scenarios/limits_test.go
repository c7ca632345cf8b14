package scenarios

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/targets/contract"
)

// cappedContract logs in in two steps, and may be sent little.
const cappedContract = `name: capped
mechanism: session
url: %s
limits: {rate: 200, connections: 3}
promises: {revocation_bound: 0s}
users: {username: "user-{n}", password: "pw-{n}"}
login:
  before: [{method: GET, path: /form, extract: {visitor: {cookie: sid}}}]
  method: POST
  path: /login
  headers: {Content-Type: text/plain, Cookie: "sid={visitor}"}
  body: "{username}"
  extract: {credential: {cookie: sid}}
use:
  method: GET
  path: /me
  headers: {Cookie: "sid={credential}; {cookies}"}
  subject: {json: $.sub}
revoke:
  method: POST
  path: /logout
  headers: {Cookie: "sid={credential}; {cookies}"}
`

// cappedTarget counts what it is sent.
type cappedTarget struct {
	mu         sync.Mutex
	requests   int
	open, most int // connections
	live       map[string]string
	began      time.Time
}

func newCappedTarget(t *testing.T, secure bool) (*cappedTarget, *contract.Contract) {
	t.Helper()
	target := &cappedTarget{live: map[string]string{}, began: time.Now()}
	srv := httptest.NewUnstartedServer(target)
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		target.mu.Lock()
		defer target.mu.Unlock()
		switch s {
		case http.StateNew:
			target.open++
			target.most = max(target.most, target.open)
		case http.StateClosed:
			target.open--
		}
	}
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	file, text := filepath.Join(dir, "capped.yaml"), cappedContract
	if secure {
		srv.StartTLS()
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
		if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o600); err != nil {
			t.Fatal(err)
		}
		text += "tls: {ca: ca.pem, server_name: example.com}\nready: {path: /form}\n"
	} else {
		srv.Start()
	}
	if err := os.WriteFile(file, fmt.Appendf(nil, text, srv.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return target, c
}

func (target *cappedTarget) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target.mu.Lock()
	defer target.mu.Unlock()
	target.requests++
	sid := ""
	if c, err := r.Cookie("sid"); err == nil {
		sid = c.Value
	}
	lang, err := r.Cookie("lang")
	switch {
	case r.URL.Path == "/form":
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "visitor"})
		http.SetCookie(w, &http.Cookie{Name: "lang", Value: "en"})
	case r.URL.Path == "/login" && sid == "visitor":
		who, _ := io.ReadAll(r.Body)
		sid = fmt.Sprintf("s%%3A%d", target.requests)
		target.live[sid] = string(who)
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: sid})
	case target.live[sid] == "" || err != nil || lang.Value != "en":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/logout":
		delete(target.live, sid)
	default:
		fmt.Fprintf(w, `{"sub":%q}`, target.live[sid])
	}
}

// kept checks that no more was sent than is allowed.
func (target *cappedTarget) kept(t *testing.T, conns int) {
	t.Helper()
	target.mu.Lock()
	defer target.mu.Unlock()
	passed := time.Since(target.began).Seconds()
	if most := 200*passed*1.3 + 30; float64(target.requests) > most || target.requests == 0 {
		t.Errorf("%d requests in %.1f s, at most 200 a second are allowed", target.requests, passed)
	}
	if target.most > conns {
		t.Errorf("%d connections at a time, %d are allowed", target.most, conns)
	}
}

// TestLimitedEngine: what exceeds the limits is refused, and connections are kept to them.
func TestLimitedEngine(t *testing.T) {
	target, c := newCappedTarget(t, false)
	plan := loadgen.Plan{Nodes: []string{strings.TrimPrefix(c.URL, "http://")}, Outcomes: map[int]results.Outcome{401: results.OK}}
	r, err := loadgen.NewRequest("GET", "/me", plan.Nodes[0], nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan.Requests = []loadgen.Request{r}
	s, err := keepWithin(loadgen.Portable{}, c.Name, c.Cap()).Open(t.Context(), plan, 40)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range []struct {
		phase loadgen.Phase
		want  string
	}{
		{loadgen.Phase{Duration: 100 * time.Millisecond}, "a closed loop has no rate"},
		{loadgen.Phase{Duration: 100 * time.Millisecond, Rate: 201}, "201 requests a second are more than capped may be sent: 200"},
		{loadgen.Phase{Stages: []loadgen.Stage{{Duration: 100 * time.Millisecond, Rate: 10, To: 300}}}, "300 requests a second"},
		{loadgen.Phase{Duration: 100 * time.Millisecond, Rate: 150, Conns: 16}, ""},
	} {
		_, err := s.Run(t.Context(), tt.phase)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.phase, err, tt.want)
		}
	}
	target.kept(t, 3)
	if e := keepWithin(loadgen.Portable{}, "free", contract.Limits{}); e != (loadgen.Portable{}) {
		t.Errorf("without limits: %T", e)
	}
}

// TestBenchOfACappedTarget: a target with a log-in of several steps and with limits is
// measured as far as they go, and what is not measured is said; over TLS as well.
func TestBenchOfACappedTarget(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "http", true: "https"}[secure], func(t *testing.T) { benchCapped(t, secure) })
	}
}

func benchCapped(t *testing.T, secure bool) {
	target, c := newCappedTarget(t, secure)
	b := &Bench{
		Name: "bench", Profile: Profile{Name: "quick", Blocks: 1, Users: 6, Warmup: 100 * time.Millisecond, Steady: 300 * time.Millisecond, Saturate: 100 * time.Millisecond},
		Scenario: Steady(), Contracts: []*contract.Contract{c}, Sources: []string{"capped.yaml"}, Baseline: c.Name, Seed: 1,
		Arrivals: loadgen.Poisson, Popularity: loadgen.Uniform, Connections: 8, Timeout: 2 * time.Second,
		Root: t.TempDir(), Engine: loadgen.Portable{}, Report: func(string, *results.Run) error { return nil },
	}
	_, run, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	target.kept(t, 6) // a log-in closes its connection before the target has seen it
	if len(run.Trials) != 2 || run.Workload.Rate != 200 || run.Workload.Connections != 3 {
		t.Fatalf("%d trials, %+v", len(run.Trials), run.Workload)
	}
	for _, trial := range run.Trials {
		if trial.Error != "" || trial.Login != nil || trial.Saturate != nil || trial.Accounting.OK == 0 || trial.Accounting.OK != trial.Accounting.Scheduled {
			t.Errorf("%+v", trial)
		}
	}
	notes := strings.Join(run.Arms[0].Notes, " ")
	if !strings.Contains(notes, "Logging in is not measured: a log-in takes more than one request") || !strings.Contains(notes, "at most 200 requests a second") {
		t.Errorf("notes %q", notes)
	}
}

// TestRunOfACappedTarget: a scenario keeps to them as well.
func TestRunOfACappedTarget(t *testing.T) {
	target, c := newCappedTarget(t, false)
	load := Target{Source: "capped.yaml", Load: func(map[string]string) (*contract.Contract, error) { return c, nil }}
	if _, err := NewCase(Revocation(), load, map[string]string{"rate": "150"}); err == nil || !strings.Contains(err.Error(), "half of them as background load") {
		t.Errorf("a rate that was asked for: %v", err)
	}
	cs, err := NewCase(Revocation(), load, map[string]string{"users": "6", "revocations": "3", "over": "300ms"})
	if err != nil {
		t.Fatal(err)
	}
	if cs.Values["rate"] != "100" {
		t.Errorf("background load of %s a second", cs.Values["rate"])
	}
	campaign := &Campaign{
		Name: "revocation", Cases: []Case{cs}, Seed: 1, Root: t.TempDir(), Engine: loadgen.Portable{},
		Report: func(string, *results.Run) error { return nil },
	}
	_, run, err := campaign.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	target.kept(t, 8)
	if len(run.Trials) != 1 || run.Trials[0].Error != "" {
		t.Fatalf("%+v", run.Trials)
	}
	bad := func(v results.Verdict) bool { return v.Status == results.Fail || v.Status == results.Invalid }
	if i := slices.IndexFunc(run.Verdicts, bad); i >= 0 {
		t.Errorf("%+v", run.Verdicts[i])
	}
}
