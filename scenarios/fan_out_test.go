package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
	"authbench/targets/server"
)

// believesLonger has the tiers believe four times as long as they say.
func believesLonger(o *server.Options, _ uint64) { o.Tier.Hold *= 4 }

// blamesUser has an edge answer 401 where a service is away.
func blamesUser(o *server.Options, _ uint64) {
	o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			if next(ctx); ctx.Response.StatusCode() == fasthttp.StatusBadGateway {
				ctx.Response.SetStatusCode(fasthttp.StatusUnauthorized)
			}
		}
	}
}

// trustsAnybody has services believe a name without asking who says so.
func trustsAnybody(o *server.Options, _ uint64) { o.Tier.Guard = "none" }

// TestFanOut runs the scenario over real nodes: sound ones keep all promises, and each
// planted defect shows in the check that is about it, and in no other.
func TestFanOut(t *testing.T) {
	small := func(more ...string) map[string]string {
		set := map[string]string{
			"services": "1,2", "users": "10", "rate": "100", "blocks": "1", "window": "100ms",
			"revocations": "5", "hold": "300ms", "life": "1s",
		}
		for _, kv := range more {
			k, v, _ := strings.Cut(kv, "=")
			set[k] = v
		}
		return set
	}
	for _, c := range []struct {
		name, defect, arm string
		set               map[string]string
		fails             string
	}{
		{"sound sessions", "", "session-redis", small(), ""},
		{"sound tokens", "", "jwt-es256", small("order=parallel"), ""},
		{"sound control", "", "control", small(), ""},
		{"an introspection believed too long", "believes longer", "session-redis", small("how=introspect", "services=1"), checker.BoundViolations},
		{"a phantom that lives too long", "believes longer", "session-redis", small("how=phantom", "services=1"), checker.BoundViolations},
		{"an edge that blames the user", "blames the user", "jwt-hs256", small("how=each", "revocations=0"), "service-down"},
		{"services that trust anybody", "trusts anybody", "jwt-hs256", small("how=edge", "revocations=0"), "round-the-edge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			trial := rehearsal{scenario: FanOut(), arm: c.arm, set: c.set, defect: c.defect}.run(t)
			for _, v := range trial.Verdicts {
				switch {
				case v.Check == c.fails && v.Status != results.Fail:
					t.Errorf("%s is %s: %s", v.Check, v.Status, v.Reason)
				case v.Check != c.fails && v.Status != results.Pass && v.Status != results.NotApplicable:
					t.Errorf("%s is %s: %s", v.Check, v.Status, v.Reason)
				}
			}
			if c.fails == "" {
				wholeTables(t, trial)
			}
		})
	}
}

// wholeTables: every way with every number of services has its row, and what the
// store counted agrees with who has asked it.
func wholeTables(t *testing.T, trial *Trial) {
	t.Helper()
	var table *results.Table
	for i, one := range trial.Result.Chaos.Tables {
		for _, r := range one.Rows {
			if len(r.Cells) != len(one.Columns) {
				t.Errorf("%s, %s: %d cells for %d columns", one.Name, r.Label, len(r.Cells), len(one.Columns))
			}
		}
		if one.Name == "fan-out" {
			table = &trial.Result.Chaos.Tables[i]
		}
	}
	list, _ := shapesOf(trial.Arm.Contract, "all")
	if table == nil || len(table.Rows) != 2*len(list) {
		t.Fatalf("%+v", table)
	}
	if trial.Arm.Name != "session-redis" {
		return
	}
	for label, want := range map[string]float64{
		"checked in each service, 1 service": 1, "checked in each service, 2 services": 2,
		"checked at the edge alone, 2 services": 1,
	} {
		if c, ok := table.Cell(label, "store operations"); !ok || c.Value == nil || *c.Value != want {
			t.Errorf("%s: %+v, want %v store operations per request", label, c, want)
		}
	}
}

func TestShapesOf(t *testing.T) {
	for arm, want := range map[string]string{
		"session-redis":  "each introspect phantom phantom+memo edge",
		"session-memory": "introspect phantom phantom+memo edge",
		"jwt-es256":      "each edge",
		"hybrid":         "each edge",
		"control":        "each",
	} {
		c, err := contract.Arm(arm, nil)
		if err != nil {
			t.Fatal(err)
		}
		list, why := shapesOf(c, "all")
		var names []string
		for _, s := range list {
			names = append(names, s.name)
		}
		if got := strings.Join(names, " "); got != want || why != "" {
			t.Errorf("%s: %s (%s), want %s", arm, got, why, want)
		}
		if why := fanOutApplies(c, Values{"how": "all"}); why != "" {
			t.Errorf("%s: %s", arm, why)
		}
		for _, name := range shapeNames() {
			if why := fanOutApplies(c, Values{"how": name}); (why == "") != slices.Contains(strings.Fields(want), name) {
				t.Errorf("%s, how=%s: %q", arm, name, why)
			}
		}
	}
	if why := fanOutApplies(&contract.Contract{URL: "http://127.0.0.1:1"}, Values{"how": "all"}); why == "" {
		t.Error("a target that is not ours can be put behind an edge")
	}
}

// TestPromisedInTiers: what is believed for a while is added to the arm's own bound.
func TestPromisedInTiers(t *testing.T) {
	v := Values{"hold": "2s"}
	for _, c := range []struct{ arm, how, want string }{
		{"session-redis", "each", "0s"},
		{"session-redis", "introspect", "2s"},
		{"session-redis", "phantom", "2s"},
		{"session-redis", "edge", "0s"},
		{"session-redis+cache", "introspect", "3s"},
		{"jwt-es256", "each", "15m5s"},
	} {
		k, err := contract.Arm(c.arm, nil)
		if err != nil {
			t.Fatal(err)
		}
		list, _ := shapesOf(k, c.how)
		b := list[0].promised(k, v).Promises.Bound()
		got := b.Fixed
		if b.Expiry {
			got = b.Lifetime + b.Leeway
		}
		if got.String() != c.want {
			t.Errorf("%s, %s: %s, want %s", c.arm, c.how, got, c.want)
		}
		if own := k.Promises.Bound().Fixed; own > got {
			t.Errorf("%s, %s: the arm's own contract was changed to %s", c.arm, c.how, own)
		}
	}
}

func TestWidthsOf(t *testing.T) {
	if got, err := widthsOf("1, 4,2"); err != nil || !slices.Equal(got, []int{1, 4, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "0", "17", "1,1", "a", "1,,2"} {
		if got, err := widthsOf(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// windowsOf are windows of a cell that cost so much, in us a request.
func windowsOf(behind ...float64) *tierCell {
	c := &tierCell{shape: shapes()[0], width: 1}
	for _, us := range behind {
		c.windows = append(c.windows, tierWindow{
			answered: 100, scheduled: 100, services: time.Duration(us * 100 * 1e3), cpuKnown: true, storeKnown: true,
		})
	}
	return c
}

func TestOfEach(t *testing.T) {
	base, half := windowsOf(10, 20, 40, 80, 10, 20), windowsOf(5, 10, 20, 40, 5, 10)
	got := ofEach(half, base, tierWindow.servicesCPU)
	if got.Value == nil || *got.Value != .5 || got.Low == nil || *got.Low != .5 {
		t.Errorf("%+v", got)
	}
	// A window with a failed request is none, and neither is its partner.
	half.windows[0].bad = 1
	if got := ofEach(half, base, tierWindow.servicesCPU); got.Value == nil || *got.Value != .5 || got.Low != nil {
		t.Errorf("five blocks: %+v", got)
	}
	if got := ofEach(&tierCell{}, base, tierWindow.servicesCPU); got.Value != nil || got.Text == "" {
		t.Errorf("nothing: %+v", got)
	}
}

func TestWorstOf(t *testing.T) {
	one := func(status string, beyond float64) *shapeTrust {
		return &shapeTrust{shape: shapes()[0], revoked: checker.Finding{Status: status, Measured: &beyond}}
	}
	for _, c := range []struct {
		list []*shapeTrust
		want string
	}{
		{nil, results.NotApplicable},
		{[]*shapeTrust{one(results.Pass, 0), one(results.NotApplicable, 0)}, results.Pass},
		{[]*shapeTrust{one(results.Unknown, 0), one(results.Pass, 0)}, results.Unknown},
		{[]*shapeTrust{one(results.Fail, 3), one(results.Unknown, 0)}, results.Fail},
	} {
		if v := worstOf(c.list); v.Status != c.want {
			t.Errorf("%+v, want %s", v, c.want)
		}
	}
	if v := noneOf("x", "uses", 0, 0, ""); v.Status != results.Unknown || v.Measured != nil {
		t.Errorf("no evidence: %+v", v)
	}
}
