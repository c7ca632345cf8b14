package scenarios

import (
	"regexp"
	"testing"

	"github.com/valyala/fasthttp"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/server"
)

// countsNoReuse spoils a node's metrics: reuse of refresh tokens stays at 0.
func countsNoReuse(o *server.Options, _ uint64) {
	line := regexp.MustCompile(`(authbench_refreshes_total\{[^}]*result="reused"\}) .*`)
	o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			next(ctx)
			if string(ctx.Path()) == metricsPath {
				ctx.Response.SetBody(line.ReplaceAll(ctx.Response.Body(), []byte("$1 0")))
			}
		}
	}
}

// TestEarlyWarning runs two kinds of trouble over real nodes, and shows that a node
// that hides a signal is found out.
func TestEarlyWarning(t *testing.T) {
	bed := bedWith(t, testbed.Redis)
	short := func(how string) map[string]string {
		return map[string]string{"how": how, "calm": "800ms", "step": "200ms", "scrape": "50ms", "users": "60"}
	}
	reuse := func(defect string) *Trial {
		return rehearsal{scenario: EarlyWarning(), arm: "jwt-es256+short", set: short("reuse"), defect: defect}.on(t, bed)
	}
	for how, trial := range map[string]*Trial{
		"reuse": reuse(""), "eviction": rehearsal{scenario: EarlyWarning(), arm: "session-redis", set: short("eviction")}.on(t, bed),
	} {
		checks := 0
		for _, v := range trial.Verdicts {
			checks++
			if v.Status != results.Pass {
				t.Errorf("%s: %s is %s: %s", how, v.Check, v.Status, v.Reason)
			}
		}
		if tables := trial.Result.Chaos.Tables; checks < 2 || len(tables) != 1 || len(tables[0].Rows) < 2 {
			t.Errorf("%s: %d checks, tables %+v", how, checks, tables)
		}
	}
	trial := reuse("counts no reuse")
	for _, check := range []string{CheckSignals, CheckCounted} {
		if !has(trial, check, results.Fail) {
			t.Errorf("a node that counts no reuse: %s did not fail: %+v", check, trial.Verdicts)
		}
	}
}
