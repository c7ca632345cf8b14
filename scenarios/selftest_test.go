package scenarios

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"authbench/results"
	"authbench/scenarios/testbed"
)

// selfTests are the scenarios in which each planted defect has to show, and the
// check that has to say so.
var selfTests = []struct {
	defect   string
	check    string
	scenario Scenario
	arm      string
	set      map[string]string
}{
	{"ignores one revocation in 100", "bound-violations", Revocation(), "session-redis", map[string]string{
		"nodes": "2", "users": "200", "revocations": "200", "over": "2s", "rate": "200",
	}},
	{"a touch resurrects a session", "resurrections", Revocation(), "session-redis", map[string]string{
		"nodes": "2", "users": "60", "revocations": "60", "over": "1s", "rate": "200",
	}},
	{"401 on store failure", "mislabelled", RedisOutage(), "session-redis", map[string]string{
		"fault": "kill", "users": "60", "revoked": "10", "before": "300ms", "during": "500ms", "after": "500ms",
	}},
	{"acknowledges in spite of 503", "bound-violations", RedisOutage(), "session-redis", map[string]string{
		"fault": "kill", "users": "60", "revoked": "10", "before": "300ms", "during": "500ms", "after": "2s",
	}},
	{"leeway off by one second", "bound-violations", Revocation(), "jwt-es256", map[string]string{
		"nodes": "2", "users": "40", "revocations": "40", "over": "1s", "rate": "100", "lifetime": "2s", "leeway": "1s",
	}},
	{"bleeds a subject in 10,000", "identity", Revocation(), "session-memory", map[string]string{
		"users": "100", "revocations": "10", "over": "4s", "rate": "8000",
	}},
	{"denylist keyed by bytes", "bound-violations", Revocation(), "jwt-es256+denylist", map[string]string{
		"nodes": "1", "users": "30", "revocations": "30", "over": "1s", "rate": "100",
	}},
}

// TestSelf plants defects into a node and has the scenarios find them; on sound
// nodes the same scenarios find nothing, however busy the machine is.
// AUTHBENCH_REPEAT says how often (make chaos-selftest: 20 times).
func TestSelf(t *testing.T) {
	repeat := 1
	if s := os.Getenv("AUTHBENCH_REPEAT"); s != "" {
		var err error
		if repeat, err = strconv.Atoi(s); err != nil {
			t.Fatalf("AUTHBENCH_REPEAT=%s: %v", s, err)
		}
	}
	bed := bedWith(t, testbed.Redis)
	burn(t, 2)
	for _, s := range selfTests {
		t.Run(s.defect, func(t *testing.T) {
			found := 0
			for i := range repeat {
				c := rehearsal{scenario: s.scenario, arm: s.arm, set: s.set, defect: s.defect, seed: uint64(i)}
				if has(c.on(t, bed), s.check, results.Fail) {
					found++
				}
			}
			t.Logf("found in %d of %d", found, repeat)
			if found < repeat {
				t.Errorf("%s did not fail in %d of %d trials", s.check, repeat-found, repeat)
			}
		})
		t.Run("sound, "+s.scenario.Name+", "+s.arm, func(t *testing.T) {
			for i := range repeat {
				trial := rehearsal{scenario: s.scenario, arm: s.arm, set: s.set, seed: uint64(i)}.on(t, bed)
				for _, v := range trial.Verdicts {
					if v.Status == results.Fail || v.Status == results.Invalid || v.Status == results.Unknown {
						t.Errorf("seed %d: %s is %s: %s", i, v.Check, v.Status, v.Reason)
					}
				}
				for _, v := range trial.Result.Chaos.Violations {
					t.Errorf("seed %d: %s: %s", i, v.Check, v.Summary)
				}
			}
		})
	}
}

// burn keeps n processes busy for the length of the test.
func burn(t *testing.T, n int) {
	for range n {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
}
