package scenarios

import (
	"testing"
	"time"

	"authbench/results"
	"authbench/targets/server"
)

// clockDefects are planted into nodes, and each has to be found by a check that reads
// clocks.
var clockDefects = []struct {
	defect   string
	check    string
	scenario Scenario
	arm      string
	set      map[string]string
}{
	{"leeway off by one second", "edge-expiry", ClockSkew(), "jwt-es256", nil},
	{"leeway a second short", "edge-expiry", ClockSkew(), "jwt-es256", nil},
	{"leeway a second short", "edge-not-before", ClockSkew(), "jwt-es256", nil},
	{"leeway off by one second", "node-clock", ClockSkew(), "jwt-es256", map[string]string{"how": "sweep", "lifetime": "1s", "leeway": "1s", "credentials": "20"}},
	{"no absolute timeout", "edge-absolute", ClockSkew(), "session-memory", nil},
	{"no absolute timeout", "timeouts", Lifetime(), "session-memory", map[string]string{"how": "timeouts"}},
	{"idle timeout a second short", "edge-idle", ClockSkew(), "session-memory", nil},
	{"forgets log-outs at expiry", "max-skew", ClockSkew(), "jwt-es256+denylist", map[string]string{"how": "store", "credentials": "10"}},
	{"grace of a minute", "grace", Lifetime(), "jwt-es256+short", map[string]string{"how": "races", "users": "3"}},
}

// clockDefect is the defect of that name, or nil.
func clockDefect(name string) defect {
	return map[string]defect{
		"leeway a second short":       func(o *server.Options, _ uint64) { o.Settings.Leeway -= time.Second },
		"no absolute timeout":         func(o *server.Options, _ uint64) { o.Settings.AbsoluteTimeout *= 100 },
		"idle timeout a second short": func(o *server.Options, _ uint64) { o.Settings.IdleTimeout -= time.Second },
		"forgets log-outs at expiry":  func(o *server.Options, _ uint64) { o.Settings.MaxSkew = 0 },
		"grace of a minute":           func(o *server.Options, _ uint64) { o.Settings.RefreshGrace = time.Minute },
	}[name]
}

// clockSound are cases in which a sound node must not be accused.
var clockSound = []struct {
	scenario Scenario
	arm      string
	set      map[string]string
}{
	{ClockSkew(), "jwt-es256", nil},
	{ClockSkew(), "jwt-es256+memo", nil},
	{ClockSkew(), "session-memory", nil},
	{ClockSkew(), "session-sealed", nil},
	{ClockSkew(), "jwt-es256", map[string]string{"how": "step", "over": "3s"}},
	{ClockSkew(), "session-memory", map[string]string{"how": "drift", "over": "3s"}},
	{ClockSkew(), "session-redis", map[string]string{"how": "store", "credentials": "10"}},
	{Lifetime(), "session-memory", map[string]string{"how": "timeouts"}},
	{Lifetime(), "jwt-es256+short", map[string]string{"how": "races", "users": "3"}},
}

func TestClockDefects(t *testing.T) {
	for _, c := range clockDefects {
		t.Run(c.defect+", "+c.check, func(t *testing.T) {
			t.Parallel()
			trial := rehearsal{scenario: c.scenario, arm: c.arm, set: c.set, defect: c.defect}.run(t)
			if !has(trial, c.check, results.Fail) {
				t.Errorf("%s did not fail: %+v", c.check, trial.Verdicts)
			}
		})
	}
}

func TestClocksSound(t *testing.T) {
	for _, c := range clockSound {
		t.Run(c.scenario.Name+", "+c.arm+", "+c.set["how"], func(t *testing.T) {
			t.Parallel()
			trial := rehearsal{scenario: c.scenario, arm: c.arm, set: c.set}.run(t)
			for _, v := range trial.Verdicts {
				if v.Status != results.Pass {
					t.Errorf("%s is %s: %s", v.Check, v.Status, v.Reason)
				}
			}
			if len(trial.Verdicts) == 0 || trial.Result.Chaos.Operations == 0 {
				t.Errorf("%d verdicts, %d operations", len(trial.Verdicts), trial.Result.Chaos.Operations)
			}
			for _, table := range trial.Result.Chaos.Tables {
				for _, r := range table.Rows {
					if len(r.Cells) != len(table.Columns) || (r.X != nil) != (table.Axis.Unit != "") {
						t.Errorf("table %s, row %s: %d cells", table.Name, r.Label, len(r.Cells))
					}
				}
			}
		})
	}
}

// TestLivesSound lives through the short lives.
func TestLivesSound(t *testing.T) {
	t.Parallel()
	trial := rehearsal{scenario: Lifetime(), arm: "jwt-es256", set: settings("users=4 for=300ms rate=200")}.run(t)
	for _, check := range []string{"exposure", "refreshed-in-time"} {
		if !has(trial, check, results.Pass) {
			t.Errorf("%s: %+v", check, trial.Verdicts)
		}
	}
	table := trial.Result.Chaos.Tables[0]
	if c, ok := table.Cell("15m", "longest exposure"); !ok || c.Value == nil || *c.Value != 901 || c.Text != byReckoning {
		t.Errorf("15m: %+v", c)
	}
	if c, ok := table.Cell("4s", "longest exposure"); !ok || c.Value == nil || *c.Value <= 2 || c.Text != "" {
		t.Errorf("4s: %+v", c)
	}
}
