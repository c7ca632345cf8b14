package scenarios

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
	"authbench/targets/server"
	"authbench/targets/store"
)

// acknowledgesAll answers a log-out that was not done as if it had been.
func acknowledgesAll(o *server.Options, _ uint64) {
	o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			next(ctx)
			if string(ctx.Path()) == "/logout" && ctx.Response.StatusCode() == fasthttp.StatusServiceUnavailable {
				ctx.Response.Reset()
				ctx.SetStatusCode(fasthttp.StatusNoContent)
			}
		}
	}
}

// failoverCases are small runs of every shape. One that names a check has to fail it;
// the others have to keep every promise.
var failoverCases = []struct {
	name, arm, how string
	set            map[string]string
	defect         string
	promise        func(*contract.Promises) // a declaration that is not true
	fails          string
}{
	{name: "sentinel", arm: "session-redis", how: "sentinel"},
	{name: "redis as a cache", arm: "session-redis+mysql", how: "sentinel"},
	{
		name: "old data denied", arm: "session-redis", how: "sentinel", fails: "data-loss",
		promise: func(p *contract.Promises) { p.OnOldData = "unaffected" },
	},
	{name: "wait", arm: "session-redis", how: "wait", set: map[string]string{"costs": "1"}},
	{
		name: "acknowledged although no replica has it", arm: "jwt-es256+denylist", how: "wait", set: map[string]string{"costs": "1"},
		defect: "acknowledges in spite of 503", fails: "unreplicated-log-outs",
	},
	{
		name: "lag denied", arm: "session-redis", how: "replica-redis", set: map[string]string{"lag": "400ms"}, fails: "bound-violations",
		promise: func(p *contract.Promises) { p.RevocationBound = "0s" },
	},
	{name: "mysql", arm: "session-mysql", how: "replica-mysql"},
	{name: "cluster", arm: "session-redis", how: "cluster"},
	{name: "tls", arm: "session-redis+mysql", how: "tls"},
}

func TestFailover(t *testing.T) {
	for _, c := range failoverCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			set := map[string]string{
				"how": c.how, "users": "40", "revoked": "6", "leaving": "8", "rate": "100", "before": "200ms", "after": "1s",
			}
			for k, v := range c.set {
				set[k] = v
			}
			trial := rehearsal{scenario: Failover(), arm: c.arm, set: set, defect: c.defect, promise: c.promise}.run(t)
			found := false
			for _, v := range trial.Verdicts {
				switch v.Status {
				case results.Pass, results.NotApplicable:
				case results.Fail:
					if found = found || v.Check == c.fails; v.Check != c.fails && v.Check != "time-to-reject" && v.Check != "resurrections" && v.Check != "bound-violations" || c.fails == "" {
						t.Errorf("%s is %s: %s", v.Check, v.Status, v.Reason)
					}
				default:
					t.Errorf("%s is %s: %s", v.Check, v.Status, v.Reason)
				}
			}
			if c.fails != "" && !found {
				t.Errorf("%s does not fail", c.fails)
			}
			if _, _, lost := factOf(trial, "failover.resurrected"); c.name == "sentinel" && lost != 8 {
				t.Errorf("%v credentials came back, want all 8: the failover was none", lost)
			}
		})
	}
}

func factOf(t *Trial, name string) (text string, ok bool, value float64) {
	for _, f := range t.Result.Chaos.Facts {
		if f.Name == name && f.Value != nil {
			return f.Text, true, *f.Value
		}
	}
	return "", false, 0
}

// TestReadsThroughSentinels: with read_from=replica the Sentinels say where to read.
func TestReadsThroughSentinels(t *testing.T) {
	set, err := bedWith(t, testbed.Redis).NewSentinel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{Kind: "redis", RedisURL: set.URL(), ReadReplica: true, PoolSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Now()
	key := store.Key{1}
	rec := store.Record{Subject: "alice", Created: now, LastSeen: now, AuthTime: now, Until: now.Add(time.Hour)}
	if err := s.Create(t.Context(), key, rec, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := set.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := set.Cut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), key, "alice"); err != nil {
		t.Fatal(err)
	}
	if _, found, err := s.Get(t.Context(), key); err != nil || !found {
		t.Errorf("found %t, %v: it was not read from a replica, which does not know that it is gone", found, err)
	}
}

// TestFailoverApplies: who cannot take part says why.
func TestFailoverApplies(t *testing.T) {
	for _, tc := range []struct{ arm, how, reason string }{
		{"session-memory", "sentinel", "no store"},
		{"session-mysql", "sentinel", "redis"},
		{"jwt-es256", "tls", "no store"},
		{"jwt-es256+push", "wait", "redis_wait"},
		{"jwt-es256+short", "sentinel", "expire"},
		{"session-redis+mysql", "cluster", "cluster"},
		{"jwt-es256+short", "cluster", "refresh token"},
		{"hybrid", "replica-redis", "read_from"},
		{"session-redis", "replica-mysql", "mysql"},
		{"session-redis", "cluster", ""},
		{"jwt-es256+short", "tls", ""},
	} {
		load := func(set map[string]string) (*contract.Contract, error) { return contract.Arm(tc.arm, set) }
		cs, err := NewCase(Failover(), Target{tc.arm, load}, map[string]string{"how": tc.how})
		if err != nil {
			t.Fatal(err)
		}
		if (cs.Reason == "") != (tc.reason == "") || !strings.Contains(cs.Reason, tc.reason) {
			t.Errorf("%s, %s: %q, want something about %q", tc.arm, tc.how, cs.Reason, tc.reason)
		}
	}
}

// TestRights: docs/stores.md lists the rights that how=tls gives.
func TestRights(t *testing.T) {
	page, err := os.ReadFile("../docs/stores.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range contract.Arms() {
		c, err := contract.Arm(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range storesOf(c) {
			r := rightsOf(kind, c.Settings)
			row := "| `" + r.all + "` | `" + r.revoke + "` |"
			found := false
			for line := range strings.Lines(string(page)) {
				arms, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
				arms, _, _ = strings.Cut(arms, ":")
				found = found || strings.Contains(line, row) && slices.Contains(strings.Split(arms, ", "), name)
			}
			if !found {
				t.Errorf("%s: docs/stores.md does not give it %s", name, row)
			}
			if left := r.crippled(); strings.Contains(" "+left+" ", " "+r.revoke+" ") || len(left) >= len(r.all) {
				t.Errorf("%s: %q has %q", name, left, r.revoke)
			}
		}
	}
}
