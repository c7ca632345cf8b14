package examples

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"authbench/results"
	"authbench/results/stat"
	"authbench/targets/contract"
)

// weak are cases of the probe by which a weakness of an example shows: fixation, a log-in that
// goes on with the id that it was sent, a change by GET, an algorithm that nobody asked
// for, and 403 for a bad token.
var weak = map[string][]string{
	"express-session":       {"F1", "F3", "G10"},
	"express-session-mysql": {"F1", "F3", "G10"},
	"express-jwt":           {"A10", "H7"},
	"express-jwt-key":       {"A10", "H7"},
	"scs":                   nil,
}

// TestReport holds a run of "make examples" to what it has to show: every example
// measured, with the operations that the store counted for a use, logged out, attacked,
// and named in the report. AUTHBENCH_RUN names the run of bench; the probe's is beside it.
func TestReport(t *testing.T) {
	path := os.Getenv("AUTHBENCH_RUN")
	if path == "" {
		t.Skip("AUTHBENCH_RUN names no run of make examples")
	}
	path, err := filepath.EvalSymlinks(path) // results/examples/latest
	if err != nil {
		t.Fatal(err)
	}
	run, dir, err := results.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if run.Partial || len(run.NotMeasured) > 0 {
		t.Errorf("partial: %t %s; not measured: %+v", run.Partial, run.PartialReason, run.NotMeasured)
	}
	probe, _, err := results.Open(strings.TrimSuffix(dir, "-bench") + "-probe")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{} // "scs F1" to its status
	for _, v := range probe.Verdicts {
		found[v.Arm+" "+v.Check] = v.Status
	}
	page, err := os.ReadFile(filepath.Join(dir, "..", "..", "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range examples {
		c, err := contract.Load(e.file, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), c.Name) {
			t.Errorf("the report does not name %s", c.Name)
		}
		var ops int64
		for _, n := range e.perUse {
			ops += n
		}
		costs, others := 0, map[string]int{}
		for i := range run.Trials {
			trial := &run.Trials[i]
			if trial.Arm != c.Name {
				continue
			}
			if !stat.OfCost(trial) {
				others[trial.Scenario]++
				continue
			}
			costs++
			// A little less than a whole number where a use is cut off by the end of a window.
			if per := trial.StoreOpsPerRequest; !trial.StoreOpsKnown || math.Round(per) != float64(ops) {
				t.Errorf("%s, block %d: %.2f store operations a use (counted: %t), want %d", c.Name, trial.Block, per, trial.StoreOpsKnown, ops)
			}
		}
		for _, id := range []string{"F1", "F3", "G10", "A10", "H7"} {
			fails := slices.Contains(weak[c.Name], id)
			if got := found[c.Name+" "+id]; got == "" || (got == results.Fail) != fails {
				t.Errorf("%s: the probe says %q of %s; a weakness of it: %t", c.Name, got, id, fails)
			}
		}
		if costs != run.Workload.Blocks || others["revocation"] == 0 {
			t.Errorf("%s: %d trials of cost in %d blocks, besides %v", c.Name, costs, run.Workload.Blocks, others)
		}
	}
}
