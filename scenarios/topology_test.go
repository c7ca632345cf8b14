package scenarios

import (
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
	"authbench/targets/server"
)

// ownKeys has every node make keys of its own.
func ownKeys(o *server.Options, _ uint64) { o.KeysDir = "" }

// endsAtOnce has a node end where it stands when it is told to. os.Exit would not do:
// under the race detector it takes a second, in which requests are finished.
func endsAtOnce(*server.Options, uint64) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	go func() {
		<-told
		syscall.Exit(0)
	}()
}

// hangsUp breaks the connection of one use in 20.
func hangsUp(o *server.Options, seed uint64) {
	hit := oneIn(20, seed)
	o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			if next(ctx); string(ctx.Path()) == "/me" && hit() {
				_ = ctx.Conn().Close()
			}
		}
	}
}

// remembersGrants goes on letting in whom it let in before.
func remembersGrants(o *server.Options, _ uint64) {
	var granted sync.Map // body by credential
	o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			next(ctx)
			if string(ctx.Path()) != "/restricted" {
				return
			}
			who := string(ctx.Request.Header.Peek("Authorization")) + string(ctx.Request.Header.Peek("Cookie"))
			switch body, known := granted.Load(who); {
			case ctx.Response.StatusCode() == fasthttp.StatusOK:
				granted.Store(who, string(ctx.Response.Body()))
			case known:
				ctx.Response.Reset()
				ctx.SetBodyString(body.(string))
			}
		}
	}
}

// confusesRoles answers who has not got a role as if the credential were no good.
func confusesRoles(o *server.Options, _ uint64) {
	o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			if next(ctx); ctx.Response.StatusCode() == fasthttp.StatusForbidden {
				ctx.Response.SetStatusCode(fasthttp.StatusUnauthorized)
			}
		}
	}
}

// caseOf is one run of a scenario over real nodes, sound ones or with a defect.
type caseOf struct {
	name, defect, arm string
	set               string
	fails             string // the one check that does; "" none
}

func runCases(t *testing.T, s Scenario, cases []caseOf, look func(*testing.T, caseOf, *Trial)) {
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			trial := rehearsal{scenario: s, arm: c.arm, set: settings(c.set), defect: c.defect, seed: uint64(i)}.run(t)
			for _, v := range trial.Verdicts {
				bad := v.Status == results.Fail || v.Status == results.Unknown || v.Status == results.Invalid
				if want := v.Check == c.fails; bad != want {
					t.Errorf("%s is %s: %s", v.Check, v.Status, v.Reason)
				}
			}
			if c.fails != "" && !has(trial, c.fails, results.Fail) {
				t.Errorf("%s did not fail", c.fails)
			}
			wholeRows(t, trial)
			look(t, c, trial)
		})
	}
}

func TestScaleOut(t *testing.T) {
	small := "nodes=2 users=20 rate=200 over=300ms"
	runCases(t, ScaleOut(), []caseOf{
		{"sessions in memory", "", "session-memory", small, ""},
		{"sessions in Redis", "", "session-redis", small + " routing=sticky", ""},
		{"tokens", "", "jwt-es256", small, ""},
		{"nodes with keys of their own", "own keys", "jwt-es256", small, checker.FalseRejects},
		{"nodes that hang up", "hangs up", "jwt-hs256", small + " routing=round-robin", CheckCutOff},
	}, func(t *testing.T, c caseOf, trial *Trial) {
		apart := c.arm == "session-memory" || c.fails == checker.FalseRejects
		if c.fails == CheckCutOff { // who is hung up on may be one who is asked first
			return
		}
		accepted := figureOf(t, trial, "new-nodes", "node 2", "accepted")
		if asked := figureOf(t, trial, "new-nodes", "node 2", "asked"); asked != 20 || (accepted == 0) != apart {
			t.Errorf("a new node accepted %v of %v", accepted, asked)
		}
		if strings.Contains(c.set, "sticky") {
			return
		}
		if refused := figureOf(t, trial, "round-robin", "2 nodes", "refused"); (refused > 20) != apart || refused > 80 {
			t.Errorf("in turn %v %% were refused", refused)
		}
		if refused := figureOf(t, trial, "sticky", "2 nodes", "refused"); refused != 0 {
			t.Errorf("sticky %v %% were refused", refused)
		}
	})
}

func TestRollingRestart(t *testing.T) {
	small := "nodes=2 users=20 rate=200 calm=200ms"
	runCases(t, RollingRestart(), []caseOf{
		{"sessions in memory, no balancer", "", "session-memory", small + " balancer=none", ""},
		{"sessions in Redis, two versions", "", "session-redis", small + " how=mixed routing=round-robin", ""},
		{"tokens, no balancer", "", "jwt-es256", small + " balancer=none", ""},
		{"nodes that end at once", "ends at once", "jwt-hs256", small + " balancer=none", CheckDrain},
		{"nodes with keys of their own", "own keys", "jwt-es256", small + " balancer=none", checker.FalseRejects},
	}, func(t *testing.T, c caseOf, trial *Trial) {
		kept := figureOf(t, trial, "survival", "restart of the node", "accepted")
		if lost := c.arm == "session-memory" || c.defect == "own keys"; (kept == 0) != lost {
			t.Errorf("%v of 20 were kept", kept)
		}
		cut := figureOf(t, trial, "restarts", "node 1", "cut off")
		if met := strings.Contains(c.set, "none"); (cut > 0) != met {
			t.Errorf("%v uses were cut off", cut)
		}
		if n := len(trial.Result.Chaos.Faults); n != 2 {
			t.Errorf("%d restarts are told of", n)
		}
	})
}

func TestStaleAuthorisation(t *testing.T) {
	small := "users=6 life=1s"
	runCases(t, StaleAuthorisation(), []caseOf{
		{"sessions", "", "session-redis", small, ""},
		{"sessions in memory", "", "session-memory", small, ""},
		{"tokens", "", "jwt-es256", small + " leeway=1s", ""},
		{"tokens that end with the role", "", "jwt-es256+epoch", small + " leeway=1s", ""},
		{"nodes that remember grants", "remembers grants", "session-redis", small, CheckStaleRoles},
		{"nodes that say 401", "confuses roles", "session-redis", "users=6 life=2s", CheckForbidden},
	}, func(t *testing.T, c caseOf, trial *Trial) {
		if c.fails != "" {
			return
		}
		for row, more := range map[string]bool{"in the credential": true, "looked up": false, "in the credential, and logged out": c.arm == "jwt-es256"} {
			if granted := figureOf(t, trial, "stale", row, "granted"); (granted > 0) != more {
				t.Errorf("roles %s: %v uses were granted after the change", row, granted)
			}
		}
	})
}

// figureOf is a figure of a table of the trial.
func figureOf(t *testing.T, trial *Trial, table, row, column string) float64 {
	t.Helper()
	for i := range trial.Result.Chaos.Tables {
		if tb := &trial.Result.Chaos.Tables[i]; tb.Name == table {
			if c, ok := tb.Cell(row, column); ok && c.Value != nil {
				return *c.Value
			}
		}
	}
	t.Fatalf("table %s has no figure %s of %s", table, column, row)
	return 0
}

func TestRoutings(t *testing.T) {
	for word, want := range map[string][]loadgen.Routing{
		"both": {loadgen.RoundRobin, loadgen.Sticky}, "sticky": {loadgen.Sticky}, "round-robin": {loadgen.RoundRobin},
	} {
		if got := routings(word, 2); !slices.Equal(got, want) {
			t.Errorf("%s: %v", word, got)
		}
		if got := routings(word, 1); len(got) != 1 {
			t.Errorf("%s, one node: %v", word, got)
		}
	}
}

func TestEfficiency(t *testing.T) {
	for _, c := range []struct {
		cores     int
		saturated map[int]float64
		status    string
		measured  float64
	}{
		{2, nil, results.NotApplicable, 0},
		{3, map[int]float64{1: 1000}, results.NotApplicable, 0},
		{4, map[int]float64{1: 1000, 2: 1800}, results.Pass, .9},
		{8, map[int]float64{1: 1000, 2: 1800, 4: 2000}, results.Pass, .5},
	} {
		v := efficiencyVerdict(c.cores, c.saturated)
		if v.Status != c.status || (v.Measured == nil) != (c.measured == 0) || v.Measured != nil && *v.Measured != c.measured {
			t.Errorf("%d cores, %v: %+v", c.cores, c.saturated, v)
		}
	}
}

// A verdict without evidence is unknown.
func TestTopologyWithoutEvidence(t *testing.T) {
	none := &rolling{rig: &rig{t: &Trial{Values: Values{"balancer": "aware"}}}}
	for _, v := range []results.Verdict{
		errorsVerdict(nil), none.drainVerdict(), none.cutVerdict(cutOffs{total: 10}),
		forbiddenVerdict(survivors{}, 0), renewedVerdict(survivors{}, nil),
	} {
		if v.Status != results.Unknown || v.Measured != nil {
			t.Errorf("%s: %+v", v.Check, v)
		}
	}
	nobody := &stale{groups: []*roleGroup{{promises: contract.Promises{StaleRoles: "directory"}, holders: []*holder{{asked: 1, bounded: true}}}}}
	if v := nobody.staleVerdict(); v.Status != results.Unknown {
		t.Errorf("nothing asked late: %+v", v)
	}
	nobody.groups[0].holders[0].bounded = false
	if v := nobody.staleVerdict(); v.Status != results.NotApplicable {
		t.Errorf("nothing promised: %+v", v)
	}
}

// TestCutOff sorts broken connections by whether a node was away.
func TestCutOff(t *testing.T) {
	at := func(d time.Duration) int64 { return d.Nanoseconds() }
	r := &rolling{rig: &rig{hist: newHistory(), t: &Trial{Values: Values{"balancer": "none"}}}}
	r.replaced = []replacement{{out: at(time.Second), told: at(time.Second), ended: at(1200 * time.Millisecond), ready: at(1300 * time.Millisecond), back: at(1300 * time.Millisecond)}}
	rec := &loadgen.Recording{Start: r.hist.zero}
	for _, when := range []time.Duration{300, 1000, 1250, 1800, 2500} { // 1.3 s and the trail of 600 ms: until 1.9 s
		rec.Seconds = append(rec.Seconds, loadgen.Second{Start: when * time.Millisecond, Length: chaosInterval, Accounting: results.Accounting{Scheduled: 10, ConnectError: 1}})
		rec.Accounting.Scheduled += 10
	}
	c := r.cutOff(rec)
	if c.byNode[0] != 3 || c.outside != 2 || c.total != 50 {
		t.Errorf("%+v", c)
	}
	if v := r.cutVerdict(c); v.Status != results.Fail || *v.Measured != 2 {
		t.Errorf("no balancer: %+v", v)
	}
	r.t.Values["balancer"] = "aware"
	if v := r.cutVerdict(c); v.Status != results.Fail || *v.Measured != 5 {
		t.Errorf("a balancer that knows: %+v", v)
	}
}
