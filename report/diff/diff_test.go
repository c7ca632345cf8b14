package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
)

// made is a run of made-up numbers: control, a baseline with its duplicate and two
// arms. spread is the standard deviation of the logarithms of a trial's numbers;
// change multiplies the p99 of an arm.
func made(seed uint64, blocks int, spread float64, change map[string]float64) *results.Run {
	rng := rand.New(rand.NewPCG(seed, 1))
	run := &results.Run{
		SchemaVersion: results.SchemaVersion, ID: fmt.Sprintf("made-%d", seed), Profile: "default", Seed: seed,
		Started: time.Date(2026, 1, 2, 3, 4, int(seed), 0, time.UTC), Baseline: "session-redis",
		Environment: results.Environment{CPU: "made up", Cores: 2, Kernel: "6.18.1", Go: "go1.26", Stores: []results.Store{{Kind: "redis", Product: "Redis", Version: "7.0.15", Settings: map[string]string{"appendonly": "yes"}}}},
		Workload:    results.Workload{Scenario: "steady", Blocks: blocks, Rate: 2000, Users: 1000, Connections: 64},
		Arms: []results.Arm{
			{Name: "control", Mechanism: "none"},
			{Name: "session-redis", Needs: []string{"redis"}, Settings: map[string]string{"idle_timeout": "30m"}},
			{Name: "session-redis~aa", Needs: []string{"redis"}, Duplicate: true},
			{Name: "jwt-hs256"},
		},
	}
	for b := 1; b <= blocks; b++ {
		for i, arm := range run.Arms {
			factor := change[arm.Name]
			if factor == 0 {
				factor = 1
			}
			run.Trials = append(run.Trials, madeTrial(rng, arm.Name, b, i+1, spread, factor))
		}
	}
	return run
}

func madeTrial(rng *rand.Rand, arm string, block, position int, spread, factor float64) results.Trial {
	around := func(v float64) float64 { return v * math.Exp(spread*rng.NormFloat64()) }
	ns := func(v float64) *int64 { n := int64(around(v)); return &n }
	valid := results.Validity{Status: results.ValidityValid}
	return results.Trial{
		Scenario: "steady", Arm: arm, Block: block, Position: position,
		Measurement: results.Measurement{
			DurationNS: 3e9, Accounting: results.Accounting{Scheduled: 6000, OK: 6000}, RequestBytes: 110, ResponseBytes: 170, StoreOpsKnown: true,
			Latency:  results.Quantiles{Count: 6000, P50: ns(150e3), P90: ns(250e3), P95: ns(300e3), P99: ns(500e3 * factor)},
			Usage:    results.Usage{Target: results.Process{Known: true, RSSBytes: 30 << 20}},
			Validity: valid,
		},
		Saturate: &results.Measurement{
			DurationNS: 1e9, Achieved: around(20e3), Validity: valid,
			Usage: results.Usage{Target: results.Process{Known: true, CPUPerRequest: around(25e3)}, Store: results.Process{Known: true, CPUPerRequest: around(10e3)}},
		},
	}
}

func mustBounds(t *testing.T, expr string) []Bound {
	t.Helper()
	b, err := ParseBounds(expr)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func compareRuns(t *testing.T, old, new *results.Run, expr string, o Options) *Report {
	t.Helper()
	if expr != "" {
		o.Bounds = mustBounds(t, expr)
	}
	r, err := Runs(old, new, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rowOf(t *testing.T, r *Report, arm, metric string) Row {
	t.Helper()
	for _, row := range r.Rows {
		if row.Arm == arm && row.Metric == metric {
			return row
		}
	}
	t.Fatalf("no %s of %s in %+v", metric, arm, r.Rows)
	return Row{}
}

func TestAPlantedRegressionIsFound(t *testing.T) {
	old, new := made(1, 12, .04, nil), made(2, 12, .04, map[string]float64{"jwt-hs256": 1.2})
	r := compareRuns(t, old, new, "p99>+10%, p50>+10%", Options{})
	if r.Status != Regressed || r.Refused || r.Design != Ranks || r.Beside != "control" {
		t.Fatalf("%+v", r)
	}
	row := rowOf(t, r, "jwt-hs256", "p99")
	if row.Status != Regressed || row.Change.Value < .15 || row.Change.Value > .25 || *row.Change.Lo <= .10 || *row.Holm > .05 {
		t.Errorf("%+v, change %+v, p %v", row, row.Change, *row.Holm)
	}
	if row.Control == nil || row.Control.Value < .12 || row.Control.Value > .28 {
		t.Errorf("beside control: %+v", row.Control)
	}
	for _, arm := range []string{"control", "session-redis"} {
		for _, m := range []string{"p50", "p99"} {
			if row := rowOf(t, r, arm, m); row.Status != Pass {
				t.Errorf("%s %s: %s (%s)", arm, m, row.Status, row.Reason)
			}
		}
	}
	// The other way round it is an improvement.
	if r := compareRuns(t, new, old, "p99>+10%", Options{}); r.Status != Pass {
		t.Errorf("an improvement is %s", r.Status)
	}
	// A bound that the change keeps.
	if r := compareRuns(t, old, new, "p99>+40%", Options{}); r.Status != Pass {
		t.Errorf("%+v", r.Rows)
	}
	// In its own unit.
	if r := compareRuns(t, old, new, "p99>+50us", Options{}); rowOf(t, r, "jwt-hs256", "p99").Status != Regressed || rowOf(t, r, "control", "p99").Status != Pass {
		t.Errorf("%+v", r.Rows)
	}
}

func TestNoiseCannotBeTold(t *testing.T) {
	r := compareRuns(t, made(1, 12, .5, nil), made(2, 12, .5, nil), "p99>+10%", Options{})
	if r.Status != Unknown {
		t.Errorf("%+v", r)
	}
	for _, row := range r.Rows {
		if row.Status == Unknown && row.Reason != "the interval holds the bound" {
			t.Errorf("%+v", row)
		}
	}
	few := compareRuns(t, made(1, 3, .01, nil), made(2, 3, .01, map[string]float64{"jwt-hs256": 3}), "p99>+10%", Options{})
	if row := rowOf(t, few, "jwt-hs256", "p99"); row.Status != Unknown || !strings.Contains(row.Reason, "3 and 3 trials cannot show") || row.Change.Lo != nil {
		t.Errorf("%+v", row)
	}
}

// TestFalseAlarms: no change at all, 28 comparisons at a bound of 0; at most 5 % of the
// experiments may call anything regressed.
func TestFalseAlarms(t *testing.T) {
	alarms := 0
	const n = 120
	bounds := mustBounds(t, "p50>+0%, p99>+0%, cpu>+0%, rate<-0%")
	for i := range uint64(n) {
		r, err := Runs(made(2*i, 12, .1, nil), made(2*i+1, 12, .1, nil), Options{Bounds: bounds, Anyway: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.Status == Regressed {
			alarms++
		}
	}
	if alarms > 13 { // 6 are expected at most; three standard errors
		t.Errorf("%d of %d comparisons of equal runs regressed", alarms, n)
	}
}

// TestBesideControl: a slower machine is no regression of the arms.
func TestBesideControl(t *testing.T) {
	slower := map[string]float64{"control": 1.3, "session-redis": 1.3, "session-redis~aa": 1.3, "jwt-hs256": 1.3}
	old, new := made(1, 12, .02, nil), made(2, 12, .02, slower)
	r := compareRuns(t, old, new, "p99>+10%", Options{})
	if r.Status != Regressed || !strings.Contains(strings.Join(r.Warnings, " "), "that is the machine, or what all arms share") {
		t.Errorf("%s, %v", r.Status, r.Warnings)
	}
	r = compareRuns(t, old, new, "p99>+10%", Options{Control: true})
	if r.Status != Pass || len(r.Rows) != 2 {
		t.Errorf("beside control: %+v", r.Rows)
	}
	slower["jwt-hs256"] = 1.3 * 1.25
	r = compareRuns(t, old, made(2, 12, .02, slower), "p99>+10%", Options{Control: true})
	if rowOf(t, r, "jwt-hs256", "p99").Status != Regressed || rowOf(t, r, "session-redis", "p99").Status != Pass {
		t.Errorf("beside control: %+v", r.Rows)
	}
}

func TestTwoArmsOfOneRunArePairs(t *testing.T) {
	run := made(1, 12, .02, map[string]float64{"jwt-hs256": 1.3})
	// A drift that hides the change from who does not pair.
	for i := range run.Trials {
		q := run.Trials[i].Latency.P99
		*q = int64(float64(*q) * math.Exp(.15*float64(run.Trials[i].Block)))
	}
	r, err := Arms(run, "session-redis", "jwt-hs256", Options{Bounds: mustBounds(t, "p99>+10%,p50>+10%")})
	if err != nil || r.Design != Pairs || r.Status != Regressed || rowOf(t, r, "jwt-hs256", "p99").Status != Regressed || rowOf(t, r, "jwt-hs256", "p50").Status != Pass {
		t.Errorf("%+v, %v", r, err)
	}
	// A block that one of them lacks is no pair.
	run.Trials = slices.DeleteFunc(run.Trials, func(t results.Trial) bool { return t.Arm == "jwt-hs256" && t.Block == 1 })
	r, err = Arms(run, "session-redis", "jwt-hs256", Options{Bounds: mustBounds(t, "p99>+10%")})
	if err != nil || r.Status != Regressed || len(r.Rows[0].judged.x) != 11 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = Arms(run, "jwt-hs256", "session-redis", Options{Bounds: mustBounds(t, "p99>+10%")}); err != nil || r.Status != Pass {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := Arms(run, "session-redis", "nobody", Options{}); err == nil || !strings.Contains(err.Error(), `no arm "nobody"; there is control, session-redis, jwt-hs256`) {
		t.Error(err)
	}
}

func TestRunsThatDifferAreRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		edit    func(*results.Run)
		what    string
		matters bool
	}{
		{"processor", func(r *results.Run) { r.Environment.CPU = "another" }, "CPU", true},
		{"cores", func(r *results.Run) { r.Environment.Cores = 4 }, "cores", true},
		{"placement", func(r *results.Run) { r.Environment.Placement.Target = []int{3} }, "cores of the target", true},
		{"kernel, major", func(r *results.Run) { r.Environment.Kernel = "7.0" }, "kernel, major version", true},
		{"kernel, minor", func(r *results.Run) { r.Environment.Kernel = "6.19.2" }, "kernel", false},
		{"Go", func(r *results.Run) { r.Environment.Go = "go1.27" }, "Go", false},
		{"store version", func(r *results.Run) { r.Environment.Stores[0].Version = "7.2.0" }, "redis", true},
		{"store setting", func(r *results.Run) { r.Environment.Stores[0].Settings["appendonly"] = "no" }, "redis, appendonly", true},
		{"a store less", func(r *results.Run) { r.Environment.Stores = nil }, "redis", true},
		{"rate", func(r *results.Run) { r.Workload.Rate = 2100 }, "requests/s", true},
		{"users", func(r *results.Run) { r.Workload.Users = 1 }, "users", true},
		{"arm's setting", func(r *results.Run) { r.Arms[1].Settings["idle_timeout"] = "5m" }, "session-redis, idle_timeout", true},
		{"commit", func(r *results.Run) { r.Tool.Commit = "abc" }, "authbench", false},
	} {
		new := made(2, 12, .02, nil)
		c.edit(new)
		r := compareRuns(t, made(1, 12, .02, nil), new, "p99>+30%", Options{})
		found := false
		for _, d := range r.Differences {
			found = found || d.What == c.what && d.Matters == c.matters
		}
		if !found || r.Refused != c.matters || c.matters && len(r.Rows) > 0 {
			t.Errorf("%s: refused %t, %+v", c.name, r.Refused, r.Differences)
		}
		if r := compareRuns(t, made(1, 12, .02, nil), new, "p99>+30%", Options{Anyway: true}); r.Refused || r.Status != Pass {
			t.Errorf("%s, anyway: %+v", c.name, r)
		}
	}
}

func TestWhatIsNotMeasuredIsNoPass(t *testing.T) {
	old := made(1, 12, .02, nil)
	t.Run("an arm is gone", func(t *testing.T) {
		new := made(2, 12, .02, nil)
		new.Arms = new.Arms[:3]
		new.NotMeasured = []results.Missing{{Arm: "jwt-hs256", Reason: "it would not start"}}
		row := rowOf(t, compareRuns(t, old, new, "p99>+30%", Options{}), "jwt-hs256", "p99")
		if row.Status != Unknown || !strings.Contains(row.Reason, "it would not start") {
			t.Errorf("%+v", row)
		}
	})
	t.Run("invalid trials", func(t *testing.T) {
		new := made(2, 12, .02, nil)
		for i := range new.Trials {
			new.Trials[i].Validity.Status = results.ValidityInvalid
		}
		if r := compareRuns(t, old, new, "p99>+30%", Options{}); r.Status != Unknown {
			t.Errorf("%+v", r.Rows)
		}
	})
	t.Run("the duplicate differs", func(t *testing.T) {
		new := made(2, 12, .001, nil)
		for i := range new.Trials {
			if tr := &new.Trials[i]; tr.Arm == "session-redis~aa" {
				*tr.Latency.P50 *= 2
			}
		}
		if r := compareRuns(t, old, new, "p99>+30%", Options{}); r.Status != Invalid {
			t.Errorf("%+v", r.Rows)
		}
	})
	t.Run("a stand-in", func(t *testing.T) {
		new := made(2, 12, .02, nil)
		new.Environment.Stores[0].StandIn = true
		r := compareRuns(t, old, new, "p99>+30%", Options{Anyway: true})
		if rowOf(t, r, "session-redis", "p99").Status != Invalid || rowOf(t, r, "jwt-hs256", "p99").Status != Pass {
			t.Errorf("%+v", r.Rows)
		}
	})
	t.Run("everything times out", func(t *testing.T) {
		new := made(2, 12, .02, nil)
		for i := range new.Trials {
			if tr := &new.Trials[i]; tr.Arm == "jwt-hs256" {
				tr.Latency.P99, tr.Accounting.OK, tr.Accounting.Timeout = nil, 3500, 2500
			}
		}
		r := compareRuns(t, old, new, "p99>+30%, errors>+0.1pp", Options{})
		row := rowOf(t, r, "jwt-hs256", "p99")
		if row.Status != Regressed || row.Change != nil || row.New != nil || !strings.Contains(row.Reason, "12 of 12 of NEW") {
			t.Errorf("%+v", row)
		}
		if row := rowOf(t, r, "jwt-hs256", "errors"); row.Status != Regressed || math.Abs(row.Change.Value-2500./6000) > 1e-9 {
			t.Errorf("%+v", row)
		}
		if row := rowOf(t, r, "control", "errors"); row.Status != Pass {
			t.Errorf("%+v", row)
		}
	})
}

func TestWithoutBounds(t *testing.T) {
	r := compareRuns(t, made(1, 12, .03, nil), made(2, 12, .03, map[string]float64{"jwt-hs256": .7}), "", Options{Arms: []string{"control", "jwt-hs256"}})
	if r.Status != "" || len(r.Rows) != 6 || rowOf(t, r, "jwt-hs256", "p99").Status != Lower || rowOf(t, r, "control", "cpu").Status != Unknown {
		t.Errorf("%+v", r.Rows)
	}
}

func TestConstantsAndNothing(t *testing.T) {
	r := compareRuns(t, made(1, 12, .03, nil), made(2, 12, .03, nil), "bytes>+0%, ops>+1%, memory>+5%", Options{})
	if r.Status != Pass {
		t.Errorf("%+v", r.Rows)
	}
}

func TestBounds(t *testing.T) {
	for expr, want := range map[string]string{
		"p99>+10%":               "p99>+10%",
		" p50 > +50us ,rate<-5%": "p50>+50us rate<-5%",
		"errors>+0.1pp":          "errors>+0.1pp",
		"p99>-5%":                "p99>-5%",
	} {
		b, err := ParseBounds(expr)
		var got []string
		for _, x := range b {
			got = append(got, x.Text)
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %v, %v", expr, got, err)
		}
	}
	for expr, want := range map[string]string{
		"p99>10%":            "column 5: want a change with its sign",
		"p99":                "column 4: want > or <",
		"p99.9>+1%":          "p99.9 belongs to the machine",
		"p50>+1%, speed>+1%": "column 10: no such figure; there is p50",
		"errors>+1%":         "+0.1pp (percentage points)",
		"cpu>+1pp":           "want a change such as +10% or +50us",
		"rate<-100%":         "nothing can fall by 100 %",
		"p99>+":              "want a change",
		"":                   "column 1: no such figure",
		"bytes>+1us":         "want a change such as +10%",
		"p99>+NaN%":          "want a change",
	} {
		_, err := ParseBounds(expr)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", expr, err, want)
		}
	}
}

func FuzzParseBounds(f *testing.F) {
	f.Add("p99>+10%, p50>+50us,rate<-5%")
	f.Add("errors>+0.1pp")
	f.Fuzz(func(t *testing.T, expr string) {
		bounds, err := ParseBounds(expr)
		if err != nil {
			_ = err.Error() // the caret fits into the line
			return
		}
		for _, b := range bounds {
			again, err := ParseBounds(b.Text)
			if err != nil || len(again) != 1 || again[0].Text != b.Text {
				t.Errorf("%q: %v, %v", b.Text, again, err)
			}
		}
	})
}

// TestOutputs: text is ASCII, markdown holds nothing that a name could break out
// with, JSON has no infinities.
func TestOutputs(t *testing.T) {
	old, new := made(1, 12, .04, nil), made(2, 12, .04, map[string]float64{"jwt-hs256": 1.2})
	new.Environment.Kernel = "6.19 | `x` <b>"
	r := compareRuns(t, old, new, "p99>+10%", Options{})
	var text, markdown, doc bytes.Buffer
	for _, err := range []error{r.Text(&text), r.Markdown(&markdown), r.JSON(&doc)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range text.String() {
		if c > 126 {
			t.Errorf("%q in text", c)
		}
	}
	for _, want := range []string{"Regressed: 1 regressed, 2 pass of 3 comparisons.", "they share no blocks", "jwt-hs256", ">+10%", "noted"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if s := markdown.String(); !strings.HasPrefix(s, "**Regressed: 1 regressed") || strings.Contains(s, "<b>") || !strings.Contains(s, "| jwt-hs256 | p99 |") {
		t.Errorf("%s", s)
	}
	if !json.Valid(doc.Bytes()) {
		t.Error("not JSON")
	}
}

// TestThePublishedRunAgainstItself: nothing changed, so nothing may regress; and a
// comparison of two such runs can settle what it is wide enough for.
func TestThePublishedRunAgainstItself(t *testing.T) {
	found, err := filepath.Glob(filepath.Join("..", "..", "results", "published", "*-bench", results.RunFile))
	if err != nil || len(found) == 0 {
		t.Fatalf("no published run of bench: %v", err)
	}
	run, _, err := results.Open(found[0])
	if err != nil {
		t.Fatal(err)
	}
	r := compareRuns(t, run, run, "p50>+50%, p99>+1%, cpu>+50%, bytes>+1%", Options{})
	for _, row := range r.Rows {
		if row.Change == nil || row.Change.Value != 0 {
			t.Errorf("%s %s: change %+v", row.Arm, row.Metric, row.Change)
		}
		if want := map[bool]string{true: Unknown, false: Pass}[row.Metric == "p99"]; row.Status != want {
			t.Errorf("%s %s: %s %s, want %s", row.Arm, row.Metric, row.Status, row.Change.text(row.metric.unit), want)
		}
	}
	if r.Status != Unknown || !strings.Contains(strings.Join(r.Warnings, " "), "the same run") {
		t.Errorf("%s, %v", r.Status, r.Warnings)
	}
}
