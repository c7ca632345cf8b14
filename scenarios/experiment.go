package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
)

// Experiment measures every arm once in every block, in an order drawn anew for
// each block, so that a machine that drifts drifts for all of them alike.
type Experiment struct {
	Scenario Scenario
	Arms     []Arm
	Seed     uint64
	Workload results.Workload
	Testbed  *testbed.Testbed
	Engine   loadgen.Engine
	// LoadgenCores is how many cores the generator may use.
	LoadgenCores int
	// GapCores are the cores that are probed for standing still before and after
	// each block. None: whichever the process may use.
	GapCores []int

	// Keep stores a finished trial. It is called once a trial, never concurrently.
	Keep func(results.Trial, []results.PhaseHistograms) error
	// KeepBlock stores what is known of a block beside its trials, after they were
	// kept. It may be nil.
	KeepBlock func(results.Block)
	// Tell may be nil.
	Tell func(Step)
}

// Run performs all trials. A trial that cannot be completed is kept with its
// error and the experiment goes on; the joined errors are returned at the end.
// When ctx ends, Run returns its cause and the trial under way is not kept.
func (e *Experiment) Run(ctx context.Context) error {
	p := progress{trials: e.Workload.Blocks * len(e.Arms), began: time.Now()}
	for block := 1; block <= e.Workload.Blocks; block++ {
		if err := e.block(ctx, block, &p); err != nil {
			return err
		}
	}
	return errors.Join(p.failed...)
}

// progress is how far an experiment has come.
type progress struct {
	trials, done int
	began        time.Time
	failed       []error // trials that could not be completed
}

func (e *Experiment) block(ctx context.Context, block int, p *progress) error {
	around := results.Block{Block: block, GapBefore: e.gap(ctx)}
	defer func() {
		around.GapAfter = e.gap(ctx)
		if e.KeepBlock != nil {
			e.KeepBlock(around)
		}
	}()
	for position, i := range Order(e.Seed, block, len(e.Arms)) {
		arm := e.Arms[i]
		e.tell(Step{
			Arm: arm.Name, Block: block, Blocks: e.Workload.Blocks,
			Trial: p.done + 1, Trials: p.trials, Left: left(time.Since(p.began), p.done, p.trials),
		})
		trial, err := e.one(ctx, arm, block, position+1)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			err = fmt.Errorf("block %d, %s: %w", block, arm.Name, err)
			trial.Result.Error = err.Error()
			p.failed = append(p.failed, err)
			e.tell(Step{Message: err.Error()})
		}
		if err := e.Keep(trial.Result, trial.Histograms); err != nil {
			return fmt.Errorf("keep the trial of %s in block %d: %w", arm.Name, block, err)
		}
		p.done++
	}
	return nil
}

func (e *Experiment) one(ctx context.Context, arm Arm, block, position int) (*Trial, error) {
	t := &Trial{
		Arm:      arm,
		Testbed:  e.Testbed,
		Engine:   keepWithin(e.Engine, arm.Contract.Name, arm.Contract.Cap()),
		Workload: e.Workload,
		Seed:     BlockSeed(e.Seed, block),

		LoadgenCores: e.LoadgenCores,
		Result: results.Trial{
			Scenario: e.Scenario.Name, Arm: arm.Name,
			Block: block, Position: position, Started: time.Now().UTC(),
		},
	}
	if err := e.Testbed.Reset(ctx); err != nil {
		return t, fmt.Errorf("reset the stores: %w", err)
	}
	return t, e.Scenario.Run(ctx, t)
}

func (e *Experiment) tell(s Step) {
	if e.Tell != nil {
		e.Tell(s)
	}
}

// Order is the order of the arms in a block: a permutation of 0..arms-1 drawn
// from the seed.
func Order(seed uint64, block, arms int) []int {
	return rand.New(rand.NewPCG(seed, uint64(block))).Perm(arms)
}

// BlockSeed is the seed of everything random inside a block.
func BlockSeed(seed uint64, block int) uint64 {
	return rand.New(rand.NewPCG(seed, ^uint64(block))).Uint64()
}

// left estimates the time that the remaining trials take from the ones done.
func left(elapsed time.Duration, done, all int) time.Duration {
	if done == 0 {
		return 0
	}
	return elapsed / time.Duration(done) * time.Duration(all-done)
}
