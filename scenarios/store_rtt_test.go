package scenarios

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// plantedRTT is an experiment whose truth is known: sessions take base + slope * trip +
// waiting, of which base and trip are processor time, and tokens what is given, with
// noise. Microseconds.
type plantedRTT struct {
	blocks  int
	noise   float64            // of a median
	waiting float64            // that no processor time explains
	slope   float64            // round trips that a use waits for
	tokens  map[string]float64 // median; CPU is 60 less
}

// The way to the nearest store, and what a session takes beside it.
const (
	plantedDirect = 30.0
	plantedBase   = 80.0
)

func (p plantedRTT) run(t *testing.T, points string) *rttRun {
	t.Helper()
	at, err := rttPoints(points)
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Arm("session-redis", nil)
	if err != nil {
		t.Fatal(err)
	}
	x := &rttRun{
		t:      &Trial{Testbed: &testbed.Testbed{}, Arm: Arm{Name: c.Name, Contract: c}, Values: Values{"blocks": "12"}},
		kind:   testbed.Redis,
		points: at,
		asked:  results.Accounting{Scheduled: 1000, OK: 1000},
	}
	rng := rand.New(rand.NewPCG(5, 8))
	noisy := func(v float64) float64 { return 1e3 * (v + p.noise*rng.NormFloat64()) }
	for _, name := range []string{"jwt-es256", "jwt-es256+memo", "jwt-rs256", "jwt-hs256"} {
		if _, ok := p.tokens[name]; ok {
			c, err := contract.Arm(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			x.tokens = append(x.tokens, c)
		}
	}
	for range p.blocks {
		b := rttBlock{tokens: map[string]rttAt{}}
		for _, point := range at {
			trip := plantedDirect + point.added.Seconds()*1e6
			if !point.direct {
				trip += 25 // of the link itself
			}
			b.at = append(b.at, rttAt{
				ok: true, cpu: true, counted: true, ops: 1, trip: 1e3 * trip,
				p50: noisy(plantedBase + p.waiting + p.slope*trip),
				// 20 of the base are the node's, besides 60 that no process accounts for.
				node: 1e3 * 32, store: 1e3 * 11, pingNode: 1e3 * 12, pingStore: 1e3 * 11,
			})
		}
		for _, c := range x.tokens {
			name, p50 := c.Name, p.tokens[c.Name]
			b.tokens[name] = rttAt{ok: true, cpu: true, counted: true, p50: noisy(p50), node: 1e3 * (p50 - 60)}
		}
		x.blocks = append(x.blocks, b)
	}
	return x
}

const allPoints = "direct,25us,50us,100us,250us,1ms,5ms,20ms,80ms"

func soundRTT() plantedRTT {
	return plantedRTT{blocks: 12, noise: 4, slope: 1, tokens: map[string]float64{"jwt-es256": 200, "jwt-es256+memo": 160, "jwt-rs256": 130, "jwt-hs256": 100}}
}

func TestBreakEvenIsFound(t *testing.T) {
	x := soundRTT().run(t, allPoints)
	for token, want := range map[string]struct {
		at     float64 // us
		status string
	}{
		"jwt-es256":      {120, evenAt},
		"jwt-es256+memo": {80, evenAt},
		"jwt-rs256":      {50, evenAt}, // between the direct point and the first with a link
		"jwt-hs256":      {20, evenPast},
	} {
		e := x.even(token)
		if e.status != want.status || e.agrees != "yes" || math.Abs(e.measured.Value/1e3-want.at) > 6 || math.Abs(e.predicted.Value/1e3-want.at) > 6 {
			t.Errorf("%s: %v were planted: %+v", token, want, e)
		}
		if e.status == evenAt && (e.measured.Lo > 1e3*(want.at+2) || e.measured.Hi < 1e3*(want.at-2)) {
			t.Errorf("%s: the interval [%.1f, %.1f] is beside %v us", token, e.measured.Lo/1e3, e.measured.Hi/1e3, want.at)
		}
	}
	x.conclude()
	byCheck := verdictsOf(x.t)
	for _, check := range []string{"accepted", CheckStoreOps, "delayed", "waits", "break-even"} {
		if byCheck[check].Status != results.Pass {
			t.Errorf("%s: %+v", check, byCheck[check])
		}
	}
	tables := map[string]*results.Table{}
	for i, table := range x.t.Result.Chaos.Tables {
		tables[table.Name] = &x.t.Result.Chaos.Tables[i]
		for _, r := range table.Rows {
			if len(r.Cells) != len(table.Columns) || (table.Axis.Unit == "us") != (r.X != nil) {
				t.Errorf("%s: row %q is not whole", table.Name, r.Label)
			}
		}
	}
	if c, ok := tables["memo"].Cell("jwt-es256+memo against jwt-es256", "moved by"); !ok || math.Abs(*c.Value+40) > 6 || c.Low == nil {
		t.Errorf("40 us were planted: %+v", c)
	}
	if c, ok := tables["ratios"].Cell("+80ms", "jwt-es256"); !ok || *c.Value > .01 {
		t.Errorf("at 80 ms: %+v", c)
	}
	if got := len(tables["round-trips"].Rows); got != 9 {
		t.Errorf("%d distances", got)
	}
}

func verdictsOf(t *Trial) map[string]results.Verdict {
	out := map[string]results.Verdict{}
	for _, v := range t.Verdicts {
		out[v.Check] = v
	}
	return out
}

// TestBreakEvenClaimsNothing: what is not settled is not named, and what is not as
// predicted is not passed.
func TestBreakEvenClaimsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*plantedRTT)
		then   func(*rttRun)
		status string
		says   string
	}{
		"noise":              {func(p *plantedRTT) { p.noise = 90 }, nil, results.Unknown, evenOpen},
		"too few blocks":     {func(p *plantedRTT) { p.blocks = 5 }, nil, results.Unknown, evenTooFew},
		"waits for no CPU":   {func(p *plantedRTT) { p.waiting = 50 }, nil, results.Fail, "not what is predicted"},
		"asked for too few":  {func(p *plantedRTT) { p.blocks = 3 }, func(x *rttRun) { x.t.Values["blocks"] = "3" }, results.NotApplicable, "3 blocks were asked for"},
		"CPU is not known":   {nil, func(x *rttRun) { each(x, func(at *rttAt) { at.cpu = false }) }, results.Unknown, "CPU times are not known"},
		"all windows failed": {nil, func(x *rttRun) { each(x, func(at *rttAt) { at.ok = false }) }, results.Unknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := soundRTT()
			if c.edit != nil {
				c.edit(&p)
			}
			x := p.run(t, allPoints)
			if c.then != nil {
				c.then(x)
			}
			x.conclude()
			v := verdictsOf(x.t)["break-even"]
			if e := x.even("jwt-es256"); name == "waits for no CPU" && (e.status != evenAt || e.agrees != "no") {
				t.Errorf("%+v", e)
			}
			if v.Status != c.status || !strings.Contains(v.Reason, c.says) {
				t.Errorf("%+v", v)
			}
		})
	}
}

func each(x *rttRun, edit func(*rttAt)) {
	for _, b := range x.blocks {
		for i := range b.at {
			edit(&b.at[i])
		}
		for name, at := range b.tokens {
			edit(&at)
			b.tokens[name] = at
		}
	}
}

// TestRTTChecksFail: each of the other checks can.
func TestRTTChecksFail(t *testing.T) {
	for check, c := range map[string]struct {
		edit   func(*rttRun)
		status string
	}{
		"accepted":    {func(x *rttRun) { x.asked.OK, x.asked.Unavailable = 980, 20 }, results.Fail},
		"waits":       {func(x *rttRun) { each(x, func(at *rttAt) { at.p50 *= 1.6 }) }, results.Fail},
		"delayed":     {func(x *rttRun) { each(x, func(at *rttAt) { at.trip /= 2 }) }, results.Invalid},
		CheckStoreOps: {func(x *rttRun) { each(x, func(at *rttAt) { at.ops = .5 }) }, results.Fail},
	} {
		x := soundRTT().run(t, allPoints)
		c.edit(x)
		x.conclude()
		if v := verdictsOf(x.t)[check]; v.Status != c.status {
			t.Errorf("%s: %+v", check, v)
		}
	}
	near := soundRTT().run(t, "direct,100us,1ms")
	near.conclude()
	if v := verdictsOf(near.t)["waits"]; v.Status != results.NotApplicable {
		t.Errorf("%+v", v)
	}
}

// TestTheLinkIsNoPartOfIt: what the link does to a session beside the round trip does not
// move what is level before the first point that has one.
func TestTheLinkIsNoPartOfIt(t *testing.T) {
	p := soundRTT()
	p.noise = 0
	x := p.run(t, allPoints)
	for _, b := range x.blocks {
		for i := range b.at[1:] {
			b.at[i+1].p50 += 30e3
		}
	}
	if e := x.even("jwt-hs256"); e.status != evenPast || e.slower.Value != 10e3 || math.Abs(e.measured.Value-20e3) > 1 {
		t.Errorf("%+v", e)
	}
	level := plantedRTT{blocks: 12, slope: 1, tokens: map[string]float64{"jwt-rs256": 110.0001}}.run(t, allPoints)
	for i := range level.blocks {
		level.blocks[i].at = x.blocks[i].at
	}
	if e := level.even("jwt-rs256"); math.Abs(e.measured.Value/1e3-plantedDirect) > .01 {
		t.Errorf("as slow as the session with its store at hand: %+v", e)
	}
}

// TestLeftOutWindows: a window that is no evidence takes its block's pair along and
// nothing else.
func TestLeftOutWindows(t *testing.T) {
	x := soundRTT().run(t, allPoints)
	x.blocks[0].at[2].ok = false
	x.blocks[1].tokens["jwt-es256"] = rttAt{}
	if e := x.even("jwt-es256"); e.measured.N != 11 || e.status != evenAt || e.agrees != "yes" {
		t.Errorf("%+v", e)
	}
	if e := x.even("jwt-es256+memo"); e.measured.N != 12 {
		t.Errorf("%+v", e)
	}
}

func TestRTTPoints(t *testing.T) {
	points, err := rttPoints("1ms,direct,25us,100us")
	if err != nil || len(points) != 4 || !points[0].direct || points[1].label != "+20us" && points[1].label != "+30us" || points[3].added != time.Millisecond {
		t.Errorf("%+v, %v", points, err)
	}
	for _, p := range points {
		if p.added/2%(10*time.Microsecond) != 0 {
			t.Errorf("%s is not in whole steps", p.label)
		}
	}
	for _, bad := range []string{"", "direct", "25us,1ms", "direct,5us", "direct,2s", "direct,x", "direct,100us,101us"} {
		if _, err := rttPoints(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestRTTSettings(t *testing.T) {
	load := func(arm string, set map[string]string) (Case, error) {
		return NewCase(StoreRTT(), Target{arm, func(set map[string]string) (*contract.Contract, error) { return contract.Arm(arm, set) }}, set)
	}
	for arm, takesPart := range map[string]bool{
		"session-redis": true, "session-mysql": true, "session-memory": false, "session-redis+cache": false, "session-redis+mysql": false, "jwt-es256": false, "hybrid": false,
	} {
		cs, err := load(arm, nil)
		if err != nil || (cs.Reason == "") != takesPart {
			t.Errorf("%s: %q, %v", arm, cs.Reason, err)
		}
	}
	cs, err := load("session-mysql", map[string]string{"connections": "40"})
	if err != nil || cs.Arm.Contract.Settings["mysql_pool_size"] != "40" {
		t.Fatalf("%v, %v", cs.Changed, err)
	}
	for key, value := range map[string]string{"points": "direct", "against": "session-redis", "rate": "5000"} {
		v, _, err := values(StoreRTT().Params, map[string]string{key: value})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newRTTRun(&Trial{Arm: cs.Arm, Values: v}); err == nil {
			t.Errorf("%s=%s is taken", key, value)
		}
	}
}
