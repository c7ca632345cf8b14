package scenarios

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
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
	if len(testbed.ServerPaths(testbed.Redis)) == 0 {
		if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), testbed.Redis) {
			t.Fatal("redis is required, and no redis-server is installed")
		}
		t.Skip("no redis-server")
	}
	repeat := 1
	if s := os.Getenv("AUTHBENCH_REPEAT"); s != "" {
		var err error
		if repeat, err = strconv.Atoi(s); err != nil {
			t.Fatalf("AUTHBENCH_REPEAT=%s: %v", s, err)
		}
	}
	burn(t, 2)
	bed, err := testbed.New(t.Context(), testbed.Options{Self: os.Args[0], Provider: "process", Needs: []string{testbed.Redis}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bed.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, s := range selfTests {
		t.Run(s.defect, func(t *testing.T) {
			found := 0
			for i := range repeat {
				t.Setenv(defectVar, s.defect)
				t.Setenv(defectSeedVar, fmt.Sprint(7919*i))
				if has(selfTrial(t, bed, s.scenario, s.arm, s.set, uint64(i)), s.check, results.Fail) {
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
				trial := selfTrial(t, bed, s.scenario, s.arm, s.set, uint64(i))
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

func selfTrial(t *testing.T, bed *testbed.Testbed, s Scenario, arm string, set map[string]string, seed uint64) *Trial {
	t.Helper()
	load := func(set map[string]string) (*contract.Contract, error) { return contract.Arm(arm, set) }
	cs, err := NewCase(s, Target{arm, load}, set)
	if err != nil {
		t.Fatal(err)
	}
	if cs.Reason != "" {
		t.Fatalf("%s: %s", arm, cs.Reason)
	}
	trial, err := runCase(t.Context(), bed, loadgen.For(&loadgen.Plan{}), cs, seed, 1)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return trial
}

func has(t *Trial, check, status string) bool {
	for _, v := range t.Verdicts {
		if v.Check == check && v.Status == status {
			return true
		}
	}
	return false
}
