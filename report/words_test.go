package report

import (
	"testing"

	"authbench/results"
)

// Promises that are tried after the comparison of costs are no blocks of it.
func TestBlocks(t *testing.T) {
	run := &results.Run{Workload: results.Workload{Blocks: 2}, Trials: []results.Trial{
		{Scenario: "steady", Block: 1},
		{Scenario: "steady", Block: 2},
		{Scenario: "revocation", Block: 3, Chaos: &results.Chaos{}},
	}}
	if got := blocks(run); got != "2" {
		t.Errorf("two blocks and a log-out are %q blocks", got)
	}
	run.Trials = run.Trials[1:]
	if got := blocks(run); got != "1 of 2" {
		t.Errorf("one block of two is %q", got)
	}
}
