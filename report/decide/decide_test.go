package decide

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"authbench/report/evidence"
	"authbench/results"
	"authbench/targets/contract"
)

// TestConstraints asks for one thing at a time.
func TestConstraints(t *testing.T) {
	b := board(t)
	tokens := []string{"jwt-hs256", "jwt-rs256", "jwt-es256", "jwt-es256+memo"}
	for _, c := range []struct {
		key, value string
		meet, not  []string // some that do, some that do not
	}{
		{"revocation.window", "0s", []string{"session-redis", "hybrid", "jwt-es256+denylist"}, append([]string{"jwt-es256+push", "jwt-es256+short", "session-redis+cache"}, tokens...)},
		{"revocation.window", "1s", []string{"jwt-es256+push", "session-redis+cache"}, []string{"jwt-es256+short"}},
		{"revocation.window", "65s", []string{"jwt-es256+short"}, append([]string{"session-sealed"}, tokens...)},
		{"revocation.window", "12h", []string{"session-sealed"}, nil},
		{"revocation.log_out_everywhere", "true", []string{"session-redis", "jwt-es256+epoch", "jwt-es256+short"}, append([]string{"session-sealed"}, tokens...)},
		{"revocation.end_one_device", "true", []string{"session-redis", "jwt-es256+denylist"}, append([]string{"jwt-es256+epoch", "jwt-es256+epoch-local"}, tokens...)},
		{"revocation.list_devices", "true", []string{"session-mysql", "hybrid", "jwt-es256+short"}, append([]string{"jwt-es256+denylist", "session-sealed"}, tokens...)},
		{"store_dies.users_may_stay_in", "0s", []string{"session-redis", "session-redis+mysql", "session-memory"}, []string{"jwt-es256+push", "session-redis+cache", "jwt-es256"}},
		{"store_dies.users_may_be_thrown_out", "false", append([]string{"jwt-es256+denylist", "jwt-es256+push"}, tokens...), []string{"session-redis", "jwt-es256+epoch", "session-memory"}},
		{"store_dies.logged_out_may_return", "after-a-restore", append([]string{"session-redis"}, tokens...), []string{"jwt-es256+denylist", "jwt-es256+push"}},
		{"store_dies.logged_out_may_return", "never", append([]string{"session-memory"}, tokens...), []string{"session-redis", "session-redis+mysql"}},
		{"store_dies.keep_answering", "30s", append([]string{"session-redis+mysql", "jwt-es256+short"}, tokens...), []string{"session-redis", "jwt-es256+push"}},
		{"store_dies.keep_answering", "any", append([]string{"session-sealed"}, tokens...), []string{"jwt-es256+short", "hybrid"}},
		{"clients", "browser,cross_domain", tokens, []string{"session-redis", "session-sealed"}},
		{"clients", "third_party", append([]string{"hybrid"}, tokens...), []string{"session-mysql", "session-sealed"}},
		{"deployment.nodes", "3", []string{"session-redis", "jwt-hs256", "session-sealed"}, []string{"session-memory"}},
		{"deployment.regions", "2", []string{"session-redis"}, []string{"session-memory"}},
		{"load.request_bytes", "400", []string{"session-redis", "jwt-hs256"}, []string{"jwt-rs256"}},
		{"load.p99", "500us", []string{"session-redis+cache", "jwt-hs256"}, []string{"session-mysql", "hybrid"}},
		{"keys.shared_secret_allowed", "false", []string{"session-redis", "jwt-rs256"}, []string{"jwt-hs256", "session-sealed"}},
		{"keys.third_parties_verify", "true", []string{"jwt-rs256", "hybrid"}, []string{"jwt-hs256", "session-redis", "session-sealed"}},
	} {
		d := Decide(b, ask(t, c.key, c.value), nil)
		for _, arm := range c.meet {
			if o := option(t, d, arm); o.Status != Meets {
				t.Errorf("%s %s: %s is %s: %+v", c.key, c.value, arm, o.Status, o.Checks)
			}
		}
		for _, arm := range c.not {
			o := option(t, d, arm)
			if o.Status != Excluded {
				t.Errorf("%s %s: %s is %s, want it excluded", c.key, c.value, arm, o.Status)
			}
			for _, check := range o.With(Excluded) {
				if check.By == Measured && len(check.Cites) == 0 {
					t.Errorf("%s %s: %s is excluded by a measurement that is not cited", c.key, c.value, arm)
				}
			}
		}
	}
}

// TestArmOfNoRun: an arm that no run has is no choice, whatever it declares.
func TestArmOfNoRun(t *testing.T) {
	d := Decide(read(benchRun(t, 12, "control", "session-redis", "jwt-es256")), ask(t, "store_dies.keep_answering", "any"), nil)
	for _, o := range d.Options {
		if o.Arm == "session-sealed" {
			t.Errorf("it is %s: %+v", o.Status, o.Checks)
		}
	}
}

// TestSealed: a session in its cookie is no record in a node, and takes a key.
func TestSealed(t *testing.T) {
	for _, c := range candidates(board(t)) {
		if c.name != "session-sealed" {
			continue
		}
		if cookie, known := c.cookie(); !c.token() || c.inNode() || c.parts() != 2 || !cookie || !known {
			t.Errorf("token %v, in the node %v, %d parts, cookie %v", c.token(), c.inNode(), c.parts(), cookie)
		}
		return
	}
	t.Error("it is no candidate")
}

// TestLooser: to ask less never removes an arm.
func TestLooser(t *testing.T) {
	b := board(t)
	d := newDecider(b)
	eligible := func(r *Requirements) []string {
		var out, asked []string
		for _, k := range constraints() {
			asked = append(asked, k.asked(r))
		}
		for _, c := range d.candidates {
			if d.meetsAll(c, r, asked) {
				out = append(out, c.name)
			}
		}
		return out
	}
	// From the strictest to the loosest.
	ladders := map[string][]string{
		"revocation.window":                  {"0s", "500ms", "1s", "1m", "65s", "10m", "15m5s", "any"},
		"revocation.log_out_everywhere":      {"true", "false"},
		"revocation.end_one_device":          {"true", "false"},
		"revocation.list_devices":            {"true", "false"},
		"store_dies.users_may_stay_in":       {"0s", "1s", "1m5s", "any"},
		"store_dies.users_may_be_thrown_out": {"false", "true"},
		"store_dies.logged_out_may_return":   returns(),
		"store_dies.keep_answering":          {"any", "5m", "1m", "1s", "0s"},
		"store_dies.unavailable_at_most":     {"0 %", "10 %", "100 %"},
		"clients":                            {"browser,native,third_party,cross_domain", "browser,cross_domain", "browser"},
		"deployment.nodes":                   {"9", "1"},
		"deployment.regions":                 {"3", "1"},
		"deployment.store_round_trip":        {"100ms", "1ms", "0s"},
		"load.request_bytes":                 {"100", "120", "400", "500", "any"},
		"load.p99":                           {"100us", "300us", "500us", "1ms", "any"},
		"keys.shared_secret_allowed":         {"false", "true"},
		"keys.third_parties_verify":          {"true", "false"},
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		r := Defaults()
		for key, values := range ladders {
			if rng.IntN(3) == 0 {
				r, _ = r.With(key, values[rng.IntN(len(values))])
			}
		}
		status, _ := d.candidates[1].hold(r) // what was judged before is judged the same again
		if (status == Meets) != slices.Contains(eligible(r), d.candidates[1].name) {
			t.Fatalf("%s is %s, and was remembered otherwise", d.candidates[1].name, status)
		}
		for key, values := range ladders {
			var last []string
			for i, v := range values {
				next, err := r.With(key, v)
				if err != nil {
					t.Fatal(err)
				}
				now := eligible(next)
				for _, name := range last {
					if !slices.Contains(now, name) {
						t.Fatalf("%s from %s to %s removes %s", key, values[i-1], v, name)
					}
				}
				last = now
			}
		}
	}
	for _, f := range Fields() {
		if _, ok := ladders[f.Key]; !ok && f.Kind != text && f.Section() != "weights" && f.Key != "load.users" && f.Key != "load.requests_per_second" {
			t.Errorf("%s has no ladder in this test", f.Key)
		}
	}
}

// TestMissingNeverWins takes away what shows that the winner meets what is asked.
func TestMissingNeverWins(t *testing.T) {
	bench, chaos := benchRun(t, 12, contract.Arms()...), chaosRun(t, contract.Arms()...)
	req := ask(t, "revocation.window", "20m", "deployment.nodes", "2", "store_dies.logged_out_may_return", "after-a-restore", "revocation.log_out_everywhere", "true")
	winner := Decide(read(bench, chaos), req, nil).Outcome
	if winner.Kind != Recommended {
		t.Fatalf("the whole evidence gives %+v", winner)
	}
	name := winner.Arms[0]
	for what, drop := range map[string]func(results.Trial) bool{
		"log-outs":             func(x results.Trial) bool { return x.Chaos.Settings["how"] == "logout" },
		"log-outs everywhere":  func(x results.Trial) bool { return x.Chaos.Settings["how"] == "everywhere" },
		"losses of data":       func(x results.Trial) bool { return x.Chaos.Fault == "kill-empty" },
		"trials of any kind":   func(results.Trial) bool { return true },
		"trials on many nodes": func(x results.Trial) bool { return x.Chaos.Nodes > 2 },
	} {
		d := Decide(read(bench, without(chaos, func(x results.Trial) bool { return x.Arm == name && drop(x) })), req, nil)
		if slices.Contains(d.Outcome.Arms, name) || option(t, d, name).Status != NotShown {
			t.Errorf("without %s, %s is still %s: %s", what, name, option(t, d, name).Status, describe(d))
		}
		for _, check := range option(t, d, name).With(NotShown) {
			if !strings.HasPrefix(check.Remedy, "authbench run ") {
				t.Errorf("without %s nothing says how to show it: %+v", what, check)
			}
		}
	}
	d := Decide(read(without(bench, func(x results.Trial) bool { return x.Arm == name }), chaos), req, nil)
	if slices.Contains(d.Outcome.Arms, name) {
		t.Errorf("%s has no cost and is still chosen: %s", name, describe(d))
	}
	// A verdict that is unknown or invalid, or a trial that was not completed, is none.
	for _, status := range []string{results.Unknown, results.Invalid} {
		c := *chaos
		c.Verdicts = slices.Clone(chaos.Verdicts)
		for i := range c.Verdicts {
			if c.Verdicts[i].Arm == name && c.Verdicts[i].Check == "bound-violations" {
				c.Verdicts[i].Status = status
			}
		}
		if d := Decide(read(bench, &c), req, nil); slices.Contains(d.Outcome.Arms, name) {
			t.Errorf("%s is chosen on verdicts that are %s", name, status)
		}
	}
}

// TestBroken: an arm that broke a promise is excluded, with the verdict.
func TestBroken(t *testing.T) {
	chaos := chaosRun(t, contract.Arms()...)
	chaos.Verdicts = append(chaos.Verdicts, results.Verdict{Scenario: "revocation", Arm: "session-redis", Block: 1, Check: "identity", Status: results.Fail, Reason: "3 uses named somebody else"})
	d := Decide(read(benchRun(t, 12, contract.Arms()...), chaos), ask(t, "weights.cpu", "1"), nil)
	o := option(t, d, "session-redis")
	if o.Status != Excluded || len(o.Checks[0].Cites) != 1 || !strings.Contains(o.Checks[0].Cites[0].String(), "block 1: identity: 3 uses named somebody else") {
		t.Errorf("a broken promise: %+v", o)
	}
}

// TestOtherSettings: what an arm did with other settings shows nothing of it.
func TestOtherSettings(t *testing.T) {
	chaos := chaosRun(t, "jwt-es256+denylist")
	for i := range chaos.Trials {
		if c := chaos.Trials[i].Chaos; c.Outage != nil {
			c.Settings["on_store_unreachable"] = "open"
			c.Outage.Stages[0].WronglyIn = 3
		}
	}
	d := Decide(read(chaos), ask(t, "store_dies.users_may_stay_in", "0s"), nil)
	if o := option(t, d, "jwt-es256+denylist"); o.Status != NotShown {
		t.Errorf("trials with on_store_unreachable=open count for 503: %+v", o.Checks)
	}
	for i := range chaos.Trials { // the life of a token is no matter for a bound of 0
		chaos.Trials[i].Chaos.Settings["lifetime"] = "2s"
	}
	d = Decide(read(chaos), ask(t, "revocation.window", "0s"), nil)
	if o := option(t, d, "jwt-es256+denylist"); o.Status != Meets {
		t.Errorf("a shorter token shows a bound of 0 too: %+v", o.Checks)
	}
}

// TestScale: only the proportions of weights matter.
func TestScale(t *testing.T) {
	b := board(t)
	rng := rand.New(rand.NewPCG(5, 6))
	d := newDecider(b)
	for range 40 {
		one, many := ask(t, "revocation.window", "20m"), ask(t, "revocation.window", "20m")
		factor := math.Exp(6*rng.Float64() - 3)
		for _, f := range weightFields() {
			w := float64(rng.IntN(5))
			one, _ = one.With(f.Key, strconv.FormatFloat(w, 'g', -1, 64))
			many, _ = many.With(f.Key, strconv.FormatFloat(factor*w, 'g', -1, 64))
		}
		_, x, p := d.evaluate(one)
		_, y, q := d.evaluate(many)
		if p.Key() != q.Key() {
			t.Fatalf("times %v: %s, not %s", factor, q.Key(), p.Key())
		}
		for i := range x.Arms {
			if a, b := x.Arms[i], y.Arms[i]; a.Arm != b.Arm || math.Abs(a.Score.Value/b.Score.Value-1) > 1e-9 {
				t.Fatalf("times %v: %s at %v, not %s at %v", factor, b.Arm, b.Score.Value, a.Arm, a.Score.Value)
			}
		}
	}
}

// TestUnsigned: a run that accuses itself recommends nothing, and still says what
// arms exclude themselves by.
func TestUnsigned(t *testing.T) {
	chaos := chaosRun(t, contract.Arms()...)
	for what, spoil := range map[string]func(*results.Run){
		"profile quick": func(r *results.Run) { r.Profile = "quick" },
		"an invalid check": func(r *results.Run) {
			r.Verdicts = append(r.Verdicts, results.Verdict{Scenario: "steady", Arm: "control", Check: "drift", Status: results.Invalid})
		},
		"no duplicate": func(r *results.Run) {
			*r = *without(r, func(x results.Trial) bool { return x.Arm == "session-redis~aa" })
		},
		"a different twin":    func(r *results.Run) { slower(r, "session-redis~aa", 2) },
		"too few blocks":      func(r *results.Run) { *r = *without(r, func(x results.Trial) bool { return x.Block > 5 }) },
		"a store that is not": func(r *results.Run) { r.Environment.Stores = []results.Store{{Kind: "redis", StandIn: true}} },
	} {
		bench := benchRun(t, 12, contract.Arms()...)
		spoil(bench)
		d := Decide(read(bench, chaos), ask(t, "revocation.window", "0s"), nil)
		if d.Outcome.Kind != Unsigned || len(d.Outcome.Arms) > 0 || d.Outcome.Reason == "" {
			t.Errorf("%s: %s", what, describe(d))
		}
		if option(t, d, "jwt-es256").Status != Excluded {
			t.Errorf("%s: what jwt-es256 declares is not said any more", what)
		}
		var out bytes.Buffer
		if err := d.ADR(&out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "Chosen option: none, because no decision can be signed: ") {
			t.Errorf("%s: the record does not say so", what)
		}
	}
}

// TestNothingAsked: without requirements nothing is recommended.
func TestNothingAsked(t *testing.T) {
	r, err := Parse("r.yaml", []byte("title: Which one\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d := Decide(board(t), r, nil); d.Outcome.Kind != Unsigned || d.Outcome.Reason != "no requirements were given" {
		t.Errorf("with a title alone: %s", describe(d))
	}
	if r, err = Parse("r.yaml", []byte("weights: {cpu: 1}\n")); err != nil {
		t.Fatal(err)
	}
	if d := Decide(board(t), r, nil); d.Outcome.Kind == Unsigned {
		t.Errorf("with a weight: %s", describe(d))
	}
}

func slower(r *results.Run, arm string, factor float64) {
	for i := range r.Trials {
		if t := &r.Trials[i]; t.Arm == arm {
			v := int64(factor * float64(*t.Latency.P50))
			t.Latency.P50 = &v
		}
	}
}

// TestTooClose: an arm that costs the same cannot lose.
func TestTooClose(t *testing.T) {
	bench := benchRun(t, 12, "session-redis", "jwt-es256")
	twin := bundled(t, "session-redis")
	twin.Name = "session-twin"
	bench.Arms = append(bench.Arms, twin)
	for _, x := range bench.Trials {
		if x.Arm == "session-redis~aa" {
			x.Arm = "session-twin"
			bench.Trials = append(bench.Trials, x)
		}
	}
	d := Decide(read(bench), ask(t, "weights.cpu", "1"), nil)
	if d.Outcome.Kind != TooClose || d.Outcome.Key() != "too close: session-redis, session-twin" {
		t.Errorf("two arms that cost the same: %s", describe(d))
	}
	if x := d.Ranking.Arms[1]; x.Place == Worse || !x.Against.Bounded {
		t.Errorf("the second is %+v", x)
	}
	if last := d.Ranking.Arms[2]; last.Arm != "jwt-es256" || last.Place != Worse {
		t.Errorf("the last is %+v", last)
	}
}

// TestUnsettled: a difference that the blocks do not carry names no loser.
func TestUnsettled(t *testing.T) {
	bench := benchRun(t, 12, "session-redis", "session-mysql")
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range bench.Trials {
		if x := &bench.Trials[i]; x.Arm == "session-mysql" {
			x.Saturate.Usage.Target.CPUPerRequest = 36e3 * math.Exp(.5*rng.NormFloat64())
			x.Saturate.Usage.Store.CPUPerRequest = 0
		}
	}
	only := ask(t, "weights.latency", "0", "weights.bytes", "0", "weights.operations", "0")
	d := Decide(read(bench), only, nil)
	if x := d.Ranking.Arms[1]; d.Outcome.Kind != TooClose || x.Place != Unsettled {
		t.Errorf("%s, the second is %s: %+v", describe(d), x.Place, x.Against)
	}
	// As many blocks as the comparison with the best takes, and one less.
	for blocks, want := range map[int]string{6: Worse, 5: Unsettled} {
		r := Ranking{Margin: .05, Needed: 6}
		x := Ranked{Arm: "b", Blocks: blocks, Holm: .03125, Against: Factor{1.5, 1.4, 1.6, true}}
		if x.place(&r, true); x.Place != want {
			t.Errorf("%d blocks: %s, want %s", blocks, x.Place, want)
		}
	}
}

// TestVerdictCounts: a trial whose verdict is no pass shows nothing of the window.
func TestVerdictCounts(t *testing.T) {
	chaos := chaosRun(t, "session-redis")
	for i := range chaos.Verdicts {
		if chaos.Verdicts[i].Check == "bound-violations" {
			chaos.Verdicts[i].Status = results.Unknown
		}
	}
	if o := option(t, Decide(read(chaos), ask(t, "revocation.window", "0s"), nil), "session-redis"); o.Status != NotShown {
		t.Errorf("on unknown verdicts it %s", o.Status)
	}
}

// TestUnavailable: the share of uses without an answer is held against its limit.
func TestUnavailable(t *testing.T) {
	chaos := chaosRun(t, "session-redis+mysql")
	for i := range chaos.Trials {
		if c := chaos.Trials[i].Chaos; c.Outage != nil && c.Settings["store"] == "mysql" {
			c.Outage.Stages[0].Accounting = results.Accounting{Scheduled: 300, OK: 255, Unavailable: 45}
		}
	}
	for most, want := range map[string]string{"14.9 %": Excluded, "15 %": Meets} {
		d := Decide(read(chaos), ask(t, "store_dies.keep_answering", "30s", "store_dies.unavailable_at_most", most), nil)
		if o := option(t, d, "session-redis+mysql"); o.Status != want {
			t.Errorf("at most %s: %s, want %s: %+v", most, o.Status, want, o.Checks)
		}
	}
	// Both of its stores have to be taken away.
	redis := without(chaos, func(x results.Trial) bool { return x.Chaos.Settings["store"] == "mysql" })
	d := Decide(read(redis), ask(t, "store_dies.keep_answering", "30s"), nil)
	if o := option(t, d, "session-redis+mysql"); o.Status != NotShown || !strings.Contains(o.With(NotShown)[0].Remedy, "mysql-outage") {
		t.Errorf("with MySQL never away: %+v", o.Checks)
	}
}

// TestDeclarationsOnly: without costs the declared criteria can still rank.
func TestDeclarationsOnly(t *testing.T) {
	chaos := chaosRun(t, contract.Arms()...)
	only := ask(t, "weights.cpu", "0", "weights.latency", "0", "weights.bytes", "0", "revocation.window", "0s", "deployment.nodes", "2")
	d := Decide(read(chaos), only, nil)
	if d.Outcome.Key() != "too close: session-mysql, session-redis" {
		t.Errorf("by moving parts alone: %s", describe(d))
	}
	with := ask(t, "revocation.window", "0s")
	if d = Decide(read(chaos), with, nil); d.Outcome.Kind != Unranked {
		t.Errorf("without costs: %s", describe(d))
	}
}

// TestRoundTrip: far from the store, asking it costs more than verifying.
func TestRoundTrip(t *testing.T) {
	b := board(t)
	at := func(trip string) string {
		return Decide(b, ask(t, "deployment.store_round_trip", trip, "weights.cpu", "0", "weights.bytes", "0", "weights.operations", "0", "keys.shared_secret_allowed", "false", "deployment.nodes", "2"), nil).Outcome.Key()
	}
	if near, far := at("0s"), at("50ms"); near != "recommended: jwt-es256+memo" || far != near {
		t.Errorf("near %s, far %s", near, far)
	}
	d := Decide(b, ask(t, "deployment.store_round_trip", "10ms", "load.p99", "5ms"), nil)
	for arm, want := range map[string]string{"session-redis": Excluded, "session-redis+cache": Excluded, "jwt-es256+push": Meets, "jwt-es256": Meets} {
		if got := option(t, d, arm).Status; got != want {
			t.Errorf("p99 of %s 10 ms from the store: %s, want %s", arm, got, want)
		}
	}
}

// TestSameBytes: the same inputs give the same bytes.
func TestSameBytes(t *testing.T) {
	req := ask(t, "revocation.window", "2m", "load.requests_per_second", "5000")
	for _, write := range []func(*Decision) func(*bytes.Buffer) error{
		func(d *Decision) func(*bytes.Buffer) error { return func(b *bytes.Buffer) error { return d.Text(b) } },
		func(d *Decision) func(*bytes.Buffer) error { return func(b *bytes.Buffer) error { return d.ADR(b) } },
		func(d *Decision) func(*bytes.Buffer) error { return func(b *bytes.Buffer) error { return d.JSON(b) } },
	} {
		var first, second bytes.Buffer
		if err := write(Decide(board(t), req, nil))(&first); err != nil {
			t.Fatal(err)
		}
		if err := write(Decide(board(t), req, nil))(&second); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Error("two decisions on the same runs differ")
		}
	}
}

// TestNothing: a run without anything to decide on is no crash.
func TestNothing(t *testing.T) {
	run := &results.Run{ID: "empty", NotMeasured: []results.Missing{{Arm: "session-redis", Reason: "no Redis here"}}}
	d := Decide(evidence.Read(evidence.Source{Run: run}), ask(t, "revocation.window", "0s"), nil)
	if d.Outcome.Kind != Nobody || option(t, d, "session-redis").Status != NotShown {
		t.Errorf("of nothing: %s", describe(d))
	}
	var out bytes.Buffer
	if err := d.ADR(&out); err != nil {
		t.Fatal(err)
	}
	if err := d.JSON(&out); err != nil {
		t.Fatal(err)
	}
}
