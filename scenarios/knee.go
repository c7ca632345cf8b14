package scenarios

import (
	"context"
	"fmt"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
)

// KneeObjective is what the highest rate is looked for at.
const KneeObjective = "p99<5ms, errors<0.1%"

// kneeProbe is the length of a probe, kneeRest the pause before the next.
const (
	kneeProbe = 2 * time.Second
	kneeRest  = 200 * time.Millisecond
)

// Knees looks for the highest rate at which each arm meets KneeObjective: one
// pass, on fresh nodes and reset stores. It explores: there is nothing to compare
// it with, so no interval and no winner. keep is called once an arm.
func Knees(ctx context.Context, e *Experiment, keep func(results.Knee)) error {
	objective, err := loadgen.ParseObjective(KneeObjective)
	if err != nil {
		return err
	}
	for _, arm := range e.Arms {
		if arm.Duplicate || arm.Contract.Cap().Rate > 0 {
			continue
		}
		e.tell(Step{Arm: arm.Name, Message: fmt.Sprintf("the highest rate of %s at %s", arm.Name, KneeObjective)})
		if err := e.Testbed.Reset(ctx); err != nil {
			return err
		}
		t := &Trial{Arm: arm, Testbed: e.Testbed, Engine: e.Engine, Workload: e.Workload, Seed: e.Seed, LoadgenCores: e.LoadgenCores}
		err := t.atWork(ctx, func(ctx context.Context, session loadgen.Session) error {
			b, err := t.knee(ctx, session, objective)
			if err == nil {
				keep(kneeOf(arm.Name, &b))
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("highest rate of %s: %w", arm.Name, err)
		}
	}
	return nil
}

func (t *Trial) knee(ctx context.Context, session loadgen.Session, objective loadgen.Objective) (loadgen.Bracket, error) {
	phase := t.phase()
	phase.Duration, phase.Seed, phase.InFlight = kneeProbe, t.Seed, 0
	var before, after testbed.Usage
	phase.OnBegin = func() { before = t.Testbed.Usage() }
	phase.OnEnd = func() { after = t.Testbed.Usage() }
	return loadgen.Search(ctx, session, phase, objective, loadgen.SearchOptions{
		Start: t.Workload.Rate, Rest: kneeRest,
		Judge: func(rec *loadgen.Recording) loadgen.Validity {
			cpu := after.Sub(before).PerRequest(rec.Answered).Loadgen.CPUNS
			return loadgen.Judge(rec, time.Duration(cpu), t.LoadgenCores)
		},
	})
}

func kneeOf(arm string, b *loadgen.Bracket) results.Knee {
	k := results.Knee{
		Arm: arm, Objective: KneeObjective, Summary: b.String(),
		MetPerSecond: b.Lo, MissedPerSecond: b.Hi, GeneratorLimitPerSecond: b.Limit,
	}
	for _, p := range b.Probes {
		k.Probes = append(k.Probes, results.KneeProbe{
			PerSecond: p.Rate, Result: string(p.Result), Accounting: p.Recording.Accounting, Latency: p.Recording.Latency,
			Validity: results.Validity{Status: p.Validity.Status, Reasons: p.Validity.Reasons},
		})
	}
	return k
}
