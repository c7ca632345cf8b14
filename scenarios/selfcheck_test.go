package scenarios

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/results/stat"
	"authbench/targets/contract"
)

// experiment is one of a self-check whose truth is known: the second measurement of
// the baseline takes aa times the first, the handicapped arm add more.
func experiment(id string, blocks int, aa, add float64, seed uint64) *results.Run {
	run := &results.Run{
		ID: id, Profile: "selfcheck", Baseline: "session-redis", Seed: seed,
		Workload: results.Workload{Scenario: "steady", Blocks: blocks, Rate: 1000, SteadyNS: 2e9},
		Arms: []results.Arm{
			{Name: "session-redis"},
			{Name: "session-redis~aa", Duplicate: true},
			{Name: "session-redis~50us", Settings: map[string]string{handicapSetting: "50us"}},
		},
	}
	rng := rand.New(rand.NewPCG(seed, 71))
	for block := 1; block <= blocks; block++ {
		for i, arm := range run.Arms {
			value := 150_000 * math.Exp(.1*rng.NormFloat64())
			switch i {
			case 1:
				value *= aa
			case 2:
				value += add
			}
			p50, p99 := int64(value), int64(4*value)
			valid := results.Validity{Status: results.ValidityValid}
			run.Trials = append(run.Trials, results.Trial{
				Scenario: "steady", Arm: arm.Name, Block: block,
				Measurement: results.Measurement{DurationNS: 1, Validity: valid, Latency: results.Quantiles{Count: 2000, P50: &p50, P99: &p99}},
				Saturate: &results.Measurement{DurationNS: 1, Validity: valid, Usage: results.Usage{
					Target: results.Process{CPUPerRequest: value / 4, Known: true},
				}},
			})
		}
	}
	return run
}

func experiments(n int, of func(i int) *results.Run) (runs []*results.Run) {
	for i := range n {
		runs = append(runs, of(i))
	}
	return runs
}

func id(i int) string { return "run-" + string(rune('a'+i)) }

func TestJudgeSelf(t *testing.T) {
	for _, c := range []struct {
		name string
		runs []*results.Run
		want map[string]string // by check
	}{
		{
			"as it should be", experiments(20, func(i int) *results.Run { return experiment(id(i), 12, 1, 50_000, uint64(i)) }),
			map[string]string{"false-alarms": results.Pass, "a-a-coverage": results.Pass, "handicap-found": results.Pass, "handicap-coverage": results.Pass},
		},
		{
			"the baseline differs from itself", experiments(20, func(i int) *results.Run { return experiment(id(i), 12, 1.3, 50_000, uint64(i)) }),
			map[string]string{"false-alarms": results.Fail, "a-a-coverage": results.Fail, "handicap-found": results.Pass},
		},
		{
			"no handicap at all", experiments(20, func(i int) *results.Run { return experiment(id(i), 12, 1, 0, uint64(i)) }),
			map[string]string{"false-alarms": results.Pass, "handicap-found": results.Fail, "handicap-coverage": results.Fail},
		},
		{
			"found, and far too large", experiments(20, func(i int) *results.Run { return experiment(id(i), 12, 1, 150_000, uint64(i)) }),
			map[string]string{"handicap-found": results.Pass, "handicap-coverage": results.Fail},
		},
		{
			"the wrong sign", experiments(20, func(i int) *results.Run { return experiment(id(i), 12, 1, -50_000, uint64(i)) }),
			map[string]string{"handicap-found": results.Fail},
		},
		{
			"few", experiments(3, func(i int) *results.Run { return experiment(id(i), 12, 1, 50_000, uint64(i)) }),
			map[string]string{"false-alarms": results.Unknown, "handicap-found": results.Unknown, "handicap-coverage": results.Unknown},
		},
		{
			"few blocks", experiments(20, func(i int) *results.Run { return experiment(id(i), 2, 1.3, 50_000, uint64(i)) }),
			map[string]string{"false-alarms": results.Unknown, "a-a-coverage": results.Unknown, "handicap-found": results.Unknown, "handicap-coverage": results.Unknown},
		},
	} {
		s, err := JudgeSelf(c.runs)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if s.Handicap != 50*time.Microsecond || len(s.Experiments) != len(c.runs) {
			t.Errorf("%s: %v, %d experiments", c.name, s.Handicap, len(s.Experiments))
		}
		for _, v := range s.Verdicts() {
			if want := c.want[v.Check]; want != "" && v.Status != want {
				t.Errorf("%s: %s is %s (%s), want %s", c.name, v.Check, v.Status, v.Reason, want)
			}
		}
		if wrong := c.name == "the wrong sign"; wrong != (s.Wrong.Seen > 10) {
			t.Errorf("%s: the wrong sign in %s", c.name, s.Wrong)
		}
	}
}

// TestJudgeSelfOfABench: an ordinary run has an A/A arm, too.
func TestJudgeSelfOfABench(t *testing.T) {
	s, err := JudgeSelf([]*results.Run{twins(12, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if s.Handicap != 0 || s.Alarms.Of != 1 || s.Found.Of != 0 || len(s.Verdicts()) != 2 {
		t.Errorf("%+v", s)
	}
}

func TestJudgeSelfRefuses(t *testing.T) {
	good := func() *results.Run { return experiment("good", 12, 1, 50_000, 1) }
	other := func(edit func(*results.Run)) []*results.Run {
		run := experiment("other", 12, 1, 50_000, 2)
		edit(run)
		return []*results.Run{good(), run}
	}
	for want, runs := range map[string][]*results.Run{
		"no experiment":                 nil,
		"given twice":                   {good(), good()},
		"other is not complete: Ctrl-C": other(func(r *results.Run) { r.Partial, r.PartialReason = true, "Ctrl-C" }),
		"differ in the workload":        other(func(r *results.Run) { r.Workload.Rate = 2000 }),
		"differ in the machine":         other(func(r *results.Run) { r.Environment.CPU = "another" }),
		"or the stores":                 other(func(r *results.Run) { r.Environment.Stores = []results.Store{{Product: "Valkey"}} }),
		"differ in what was compared":   other(func(r *results.Run) { r.Arms = r.Arms[:2] }),
		"a handicap of 50µs, other one": other(func(r *results.Run) { r.Arms[2].Settings[handicapSetting] = "80us" }),
		"handicap of session-redis~50u": other(func(r *results.Run) { r.Arms[2].Settings[handicapSetting] = "much" }),
		"other: the run has no dup":     other(func(r *results.Run) { r.Arms[1].Duplicate = false }),
	} {
		if _, err := JudgeSelf(runs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestSelfMarkdown(t *testing.T) {
	runs := experiments(12, func(i int) *results.Run { return experiment(id(i), 12, 1, 50_000, uint64(i)) })
	for i := range runs[3].Trials { // one experiment cannot tell
		runs[3].Trials[i].Saturate = nil
	}
	page := func() string {
		s, err := JudgeSelf(runs)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := s.WriteMarkdown(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	text := page()
	if text != page() {
		t.Error("two pages of the same runs differ")
	}
	for _, want := range []string{
		"12 experiments of 12 blocks", "1000 requests/s", "spin for 50 us", "make bench-aa",
		"| 12 of 12, 100.0 % [75.8, 100.0] | 9 of 10 | pass |", "of 11, ", "1 experiment could not raise an alarm",
		"| run-l |", "cannot tell |", "n/a: no block has a usable cpu",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	columns := 0
	for line := range strings.Lines(text) { // a table has as many cells in every row
		switch n := strings.Count(line, "|"); {
		case !strings.HasPrefix(line, "|"):
			columns = 0
		case columns == 0:
			columns = n
		case n != columns:
			t.Errorf("%d cells instead of %d: %s", n-1, columns-1, line)
		}
	}
	if strings.Contains(text, "%!") || strings.Contains(text, "NaN") {
		t.Error("a number is printed badly")
	}
}

func TestWritePairs(t *testing.T) {
	runs := experiments(2, func(i int) *results.Run { return experiment(id(i), 12, 1, 50_000, uint64(i)) })
	s, err := JudgeSelf(runs)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := s.WritePairs(&b); err != nil {
		t.Fatal(err)
	}
	var file struct {
		About string
		Pairs []stat.Pairs
	}
	if err := json.Unmarshal([]byte(b.String()), &file); err != nil {
		t.Fatalf("%v in %s", err, b.String())
	}
	if len(file.Pairs) != 6 || !strings.Contains(file.About, "2 experiments") {
		t.Fatalf("%d comparisons of %s", len(file.Pairs), file.About)
	}
	p := file.Pairs[4]
	c := stat.Compare(runs[1], runs[1].Arms[1], runs[1].Arms[0], stat.Metrics("")[1])
	e, err := stat.Ratio(p.ArmNS, p.BaselineNS, stat.Level)
	if err != nil || p.Run != "run-b" || p.Metric != "cpu" || e != c.Ratio {
		t.Errorf("%+v read back, %+v, %v; want %+v", p, e, err, c.Ratio)
	}
}

func TestHandicapped(t *testing.T) {
	c, err := contract.Arm("session-redis", map[string]string{"redis_timeout": "1s"})
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(c.Start.Command)
	slowed, err := Handicapped(c, 50*time.Microsecond)
	if err != nil {
		t.Fatal(err)
	}
	inv, err := slowed.Invocation(contract.Vars{"self": "authbench", "listen": "127.0.0.1:1", "redis_url": "redis://x", "keys_dir": "k"})
	if err != nil {
		t.Fatal(err)
	}
	command := strings.Join(inv.Command, " ")
	if slowed.Name != "session-redis~50us" || !strings.HasSuffix(command, "--handicap 50us") || !strings.Contains(command, "--set redis_timeout=1s") {
		t.Errorf("%s: %s", slowed.Name, command)
	}
	if slowed.Settings[handicapSetting] != "50us" || !strings.Contains(strings.Join(slowed.Notes, " "), "50us") {
		t.Errorf("not on record: %v, %v", slowed.Settings, slowed.Notes)
	}
	if c.Name != "session-redis" || c.Settings[handicapSetting] != "" || !slices.Equal(c.Start.Command, before) {
		t.Error("the arm itself was changed")
	}
	for _, d := range []time.Duration{0, -time.Second, 1500} {
		if _, err := Handicapped(c, d); err == nil {
			t.Errorf("a handicap of %v", d)
		}
	}
	mine := *c
	mine.Start = &contract.Start{Command: []string{"./mine"}}
	if _, err := Handicapped(&mine, time.Millisecond); err == nil {
		t.Error("a handicap in somebody else's target")
	}
}
