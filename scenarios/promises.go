package scenarios

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/fault"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// PromiseCases are what a comparison of costs tries of every target besides: log
// its users out, and kill its store. Cost without these is half of a decision. They
// are as short as they can be and still tell; authbench run tries more.
func PromiseCases(targets []Target) ([]Case, error) {
	var cases []Case
	add := func(s Scenario, t Target, set map[string]string) error {
		c, err := NewCase(s, t, set)
		if err == nil && c.Reason == "" {
			cases = append(cases, c)
		}
		return err
	}
	for _, t := range targets {
		c, err := t.Load(nil)
		if err != nil {
			return nil, err
		}
		revoke, err := NewCase(Revocation(), t, revocationSizes(c))
		if err != nil {
			return nil, err
		}
		cases = append(cases, revoke) // also where there is nothing to revoke: with the reason
		for _, s := range []Scenario{RedisOutage(), MySQLOutage()} {
			if err := add(s, t, map[string]string{"users": "120", "revoked": "30", "before": "500ms", "during": "1s", "after": "1s"}); err != nil {
				return nil, err
			}
		}
	}
	return cases, nil
}

// revocationSizes keep a revocation short. A token that cannot be revoked is given
// a life that can be watched to its end.
func revocationSizes(c *contract.Contract) map[string]string {
	// Two devices a user: one is logged out, and what becomes of the other is seen.
	set := map[string]string{"users": "60", "devices": "2", "revocations": "60", "over": "1500ms", "rate": "300"}
	// Whoever writes a life as a duration takes another one.
	if _, err := time.ParseDuration(c.Settings["lifetime"]); err != nil || c.Start == nil {
		return set
	}
	set["lifetime"], set["watch"] = "2s", "6s"
	if _, late := c.Settings["leeway"]; late {
		set["leeway"] = "1s"
	}
	return set
}

// promises runs the cases after the comparison. Their blocks go on counting, so that
// no histogram of theirs is taken for one of the comparison.
func (b *Bench) promises(ctx context.Context, bed *testbed.Testbed, w *results.Writer, cases []Case) (vs []results.Verdict, err error) {
	for i, cs := range cases {
		if cs.Reason != "" {
			vs = append(vs, notApplicable(cs))
			continue
		}
		if b.Tell != nil {
			b.Tell(Step{Arm: cs.describe(), Block: b.Profile.Blocks + i + 1, Blocks: b.Profile.Blocks + len(cases), Trial: i + 1, Trials: len(cases)})
		}
		trial, err := runCase(ctx, bed, b.Engine, cs, b.Seed, b.Profile.Blocks+i+1)
		if ctx.Err() != nil {
			return vs, context.Cause(ctx)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", cs.describe(), err)
			trial.Result.Error = err.Error()
			trial.judge(results.Verdict{Check: CheckCompleted, Status: results.Invalid, Reason: err.Error()})
		}
		if err := w.Add(trial.Result, trial.Histograms); err != nil {
			return vs, err
		}
		vs = append(vs, trial.Verdicts...)
	}
	return vs, nil
}

// trialsOf is how many of the cases are tried.
func trialsOf(cases []Case) int {
	n := 0
	for _, cs := range cases {
		if cs.Reason == "" {
			n++
		}
	}
	return n
}

// possible are the cases whose store is there: the run says already which arms could
// not be measured, and why.
func possible(cases []Case, missing map[string]string) []Case {
	return slices.DeleteFunc(slices.Clone(cases), func(cs Case) bool { return lacking(cs.Arm.Contract, missing) != "" })
}

// runCase runs a case on reset stores, as the trial of the given block.
func runCase(ctx context.Context, bed *testbed.Testbed, engine loadgen.Engine, cs Case, seed uint64, block int) (*Trial, error) {
	t := &Trial{
		Arm: cs.Arm, Testbed: bed, Engine: keepWithin(engine, cs.Arm.Contract.Name, halved(cs.Arm.Contract.Cap())), Values: cs.Values, Changed: cs.Changed, Load: cs.load,
		Seed:     BlockSeed(seed, block),
		Workload: results.Workload{Connections: campaignConns},
		Result: results.Trial{
			Scenario: cs.Scenario.Name, Arm: cs.Arm.Name, Block: block, Position: 1, Started: time.Now().UTC(),
		},
	}
	limit := cmp.Or(cs.Scenario.Limit, caseLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it took longer than %s", limit))
	defer cancel()
	if err := bed.Reset(ctx); err != nil {
		return t, fmt.Errorf("reset the stores: %w", err)
	}
	err := cs.Scenario.Run(ctx, t)
	if fault.NotApplicable(err) {
		v := notApplicable(cs)
		v.Reason = err.Error()
		t.Verdicts = append(t.Verdicts, v)
		return t, nil
	}
	return t, err
}
