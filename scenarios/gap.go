package scenarios

import (
	"context"
	"slices"
	"time"

	"authbench/loadgen"
	"authbench/results"
)

// gapTime is how long the machine is probed before and after a block.
const gapTime = 100 * time.Millisecond

// gap probes whether the machine stands still; nil where that is not possible.
func (e *Experiment) gap(ctx context.Context) *results.Gap {
	g, err := loadgen.Gap(ctx, gapTime, e.GapCores)
	if err != nil {
		return nil
	}
	return &g
}

// cores is all that the two sides of an experiment run on: a target whose core
// stands still measures the machine as much as a generator does.
func cores(p results.Placement) []int {
	all := slices.Concat(p.Loadgen, p.Target, p.Store)
	slices.Sort(all)
	return slices.Compact(all)
}

// keepBlock adds a block to the run. If the machine stood still around it, that
// is said of every phase of its trials.
func keepBlock(run *results.Run, b results.Block) {
	run.Blocks = append(run.Blocks, b)
	reason := loadgen.StoodStill(b.GapBefore, b.GapAfter)
	if reason == "" {
		return
	}
	for i := range run.Trials {
		if t := &run.Trials[i]; t.Block == b.Block {
			for _, m := range []*results.Measurement{&t.Measurement, t.Login, t.Saturate} {
				degrade(m, reason)
			}
		}
	}
}

// degrade adds a finding to a phase that was measured.
func degrade(m *results.Measurement, reason string) {
	if m == nil || m.DurationNS == 0 {
		return
	}
	v := &m.Validity
	if v.Status == results.ValidityValid {
		v.Status = results.ValidityDegraded
	}
	v.Reasons = append(v.Reasons, reason)
}
