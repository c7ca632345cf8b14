package main

import (
	"os"
	"path/filepath"
	"testing"

	"authbench/results"
	"authbench/results/stat"
	"authbench/targets/contract"
)

// TestRunIsWhole holds a run of the whole comparison to what every such run has
// to show. AUTHBENCH_RUN names the run; the committed reference run otherwise.
func TestRunIsWhole(t *testing.T) {
	path := os.Getenv("AUTHBENCH_RUN")
	if path == "" {
		published, err := filepath.Glob(filepath.Join("..", "..", "results", "published", "*-bench", results.RunFile))
		if err != nil || len(published) == 0 {
			t.Fatalf("no published run to check: %v", err)
		}
		path = filepath.Dir(published[0])
	}
	run, dir, err := results.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if run.Partial {
		t.Fatalf("partial: %s", run.PartialReason)
	}
	if want := len(contract.BenchArms()) + 1; len(run.Arms) < want || len(run.NotMeasured) != 0 {
		t.Errorf("%d arms measured, want at least %d; not measured: %+v", len(run.Arms), want, run.NotMeasured)
	}
	if len(run.Environment.Stores) != 2 {
		t.Errorf("stores: %+v, want Redis and MySQL", run.Environment.Stores)
	}
	for _, s := range run.Environment.Stores {
		if s.StandIn || s.Version == "" {
			t.Errorf("store %+v: want a real server that says its version", s)
		}
	}
	blocks := map[string]map[int]bool{}
	needs := map[string]results.Arm{}
	for _, a := range run.Arms {
		blocks[a.Name], needs[a.Name] = map[int]bool{}, a
	}
	for i := range run.Trials {
		trial := &run.Trials[i]
		if !stat.OfCost(trial) { // a promise that was tried besides
			continue
		}
		blocks[trial.Arm][trial.Block] = true
		checkTrial(t, trial, needs[trial.Arm])
	}
	for arm, seen := range blocks {
		if len(seen) != run.Workload.Blocks {
			t.Errorf("%s: %d blocks, want %d", arm, len(seen), run.Workload.Blocks)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "report.html")); err != nil || info.Size() == 0 {
		t.Errorf("report.html: %v", err)
	}
}

func checkTrial(t *testing.T, trial *results.Trial, arm results.Arm) {
	t.Helper()
	stored := len(arm.Needs) > 0
	always := stored && (arm.UseAsks == "" || arm.UseAsks == "always")
	if trial.Error != "" {
		t.Errorf("block %d, %s: %s", trial.Block, trial.Arm, trial.Error)
	}
	if err := trial.Check(); err != nil {
		t.Errorf("block %d, %s: %v", trial.Block, trial.Arm, err)
	}
	if trial.Accounting.Scheduled == 0 {
		t.Errorf("block %d, %s: nothing was scheduled", trial.Block, trial.Arm)
	}
	if !trial.StoreOpsKnown || always && trial.StoreOpsPerRequest < 1 || !stored && trial.StoreOps != 0 {
		t.Errorf("block %d, %s: %d store operations, %.3f a request (counted: %t)",
			trial.Block, trial.Arm, trial.StoreOps, trial.StoreOpsPerRequest, trial.StoreOpsKnown)
	}
	if !trial.Usage.Target.Known || trial.Usage.Target.CPUNS <= 0 {
		t.Errorf("block %d, %s: no CPU of the target", trial.Block, trial.Arm)
	}
}
