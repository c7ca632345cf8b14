package scenarios

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"authbench/results"
)

func TestStillMachineDegradesItsBlock(t *testing.T) {
	run := &results.Run{}
	for block := 1; block <= 2; block++ {
		m := results.Measurement{DurationNS: 1, Validity: results.Validity{Status: results.ValidityValid}}
		saturate := m
		saturate.Validity.Status = results.ValidityInvalid
		run.Trials = append(run.Trials, results.Trial{Block: block, Measurement: m, Saturate: &saturate})
	}
	keepBlock(run, results.Block{Block: 1, GapBefore: &results.Gap{MaxNS: 1e6}})
	keepBlock(run, results.Block{Block: 2, GapBefore: &results.Gap{MaxNS: 1e6}, GapAfter: &results.Gap{MaxNS: 300e6}})
	one, two := run.Trials[0], run.Trials[1]
	if one.Validity.Status != results.ValidityValid || len(one.Saturate.Validity.Reasons) != 0 {
		t.Errorf("block 1: %+v", one)
	}
	if two.Validity.Status != results.ValidityDegraded || len(two.Validity.Reasons) != 1 ||
		two.Saturate.Validity.Status != results.ValidityInvalid || len(two.Saturate.Validity.Reasons) != 1 {
		t.Errorf("block 2: %+v, saturate %+v", two.Validity, two.Saturate.Validity)
	}
	if len(run.Blocks) != 2 {
		t.Errorf("%d blocks", len(run.Blocks))
	}
}

func TestExperimentProbesAroundEveryBlock(t *testing.T) {
	var blocks []results.Block
	e := &Experiment{Workload: results.Workload{Blocks: 2}, KeepBlock: func(b results.Block) { blocks = append(blocks, b) }}
	if err := e.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(blocks) != 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for i, b := range blocks {
		if b.Block != i+1 || b.GapBefore == nil || b.GapAfter == nil || b.GapBefore.DurationNS != int64(gapTime) || b.GapAfter.Wakes != int64(gapTime/time.Millisecond) {
			t.Errorf("block %d: %+v, %+v", b.Block, b.GapBefore, b.GapAfter)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("Ctrl-C"))
	blocks = nil
	_ = e.Run(ctx)
	if len(blocks) == 0 || blocks[0].GapBefore != nil {
		t.Errorf("interrupted before it began: %+v", blocks)
	}
}

func TestCoresOfBothSides(t *testing.T) {
	if got := cores(results.Placement{Loadgen: []int{2}, Target: []int{1}, Store: []int{1}}); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("%v", got)
	}
}
