package scenarios

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// rehearsal is one run of a scenario over real nodes, sound ones or with a defect.
type rehearsal struct {
	scenario Scenario
	arm      string
	set      map[string]string
	defect   string // planted into its nodes; "" none
	seed     uint64
	promise  func(*contract.Promises) // a declaration that is not true; nil: none
}

// run has it run on a testbed of its own, so that others can run beside it.
func (c rehearsal) run(t *testing.T) *Trial {
	t.Helper()
	arm, err := contract.Arm(c.arm, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.on(t, bedWith(t, storesOf(arm)...))
}

// on has it run on a testbed.
func (c rehearsal) on(t *testing.T, bed *testbed.Testbed) *Trial {
	t.Helper()
	load := func(set map[string]string) (*contract.Contract, error) {
		arm, err := contract.Arm(c.arm, set)
		if err != nil {
			return nil, err
		}
		if c.promise != nil {
			c.promise(&arm.Promises)
		}
		if c.defect != "" {
			env := map[string]string{defectVar: c.defect, defectSeedVar: fmt.Sprint(7919 * c.seed)}
			maps.Copy(env, arm.Start.Env)
			arm.Start.Env = env
		}
		return arm, nil
	}
	cs, err := NewCase(c.scenario, Target{c.arm, load}, c.set)
	if err != nil {
		t.Fatal(err)
	}
	if cs.Reason != "" {
		t.Fatalf("%s: %s", c.arm, cs.Reason)
	}
	trial, err := runCase(t.Context(), bed, loadgen.For(&loadgen.Plan{}), cs, c.seed, 1)
	if err != nil {
		t.Fatalf("seed %d: %v", c.seed, err)
	}
	return trial
}

// bedWith is a testbed with stores of these kinds; it skips where one is not installed.
func bedWith(t *testing.T, kinds ...string) *testbed.Testbed {
	t.Helper()
	for _, kind := range kinds {
		if len(testbed.ServerPaths(kind)) > 0 {
			continue
		}
		if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), kind) {
			t.Fatalf("%s is required, and its server is not installed", kind)
		}
		t.Skip("no server for " + kind)
	}
	bed, err := testbed.New(t.Context(), testbed.Options{Self: os.Args[0], Provider: "process", Needs: kinds})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bed.Close(); err != nil {
			t.Error(err)
		}
	})
	return bed
}

// settings of a case, from "key=value key=value".
func settings(list string) map[string]string {
	set := map[string]string{}
	for _, kv := range strings.Fields(list) {
		k, v, _ := strings.Cut(kv, "=")
		set[k] = v
	}
	return set
}

func has(t *Trial, check, status string) bool {
	for _, v := range t.Verdicts {
		if v.Check == check && v.Status == status {
			return true
		}
	}
	return false
}

// wholeRows: every row of every table of the trial has a cell for each column.
func wholeRows(t *testing.T, trial *Trial) {
	t.Helper()
	for _, table := range trial.Result.Chaos.Tables {
		for _, r := range table.Rows {
			if len(r.Cells) != len(table.Columns) {
				t.Errorf("table %s, %s: %d cells for %d columns", table.Name, r.Label, len(r.Cells), len(table.Columns))
			}
		}
	}
}

// noneBad: no verdict of the trial fails, is unknown or invalid.
func noneBad(t *testing.T, trial *Trial) {
	t.Helper()
	for _, v := range trial.Verdicts {
		if v.Status == results.Fail || v.Status == results.Invalid || v.Status == results.Unknown {
			t.Errorf("%s is %s: %s", v.Check, v.Status, v.Reason)
		}
	}
}
