package scenarios

import (
	"context"
	"fmt"
	"time"

	"authbench/loadgen"
)

// Warming goes on in stretches of warmStretch, and is given up after warmLimit: a
// target that is as slow as that is not made faster by it.
const (
	warmStretch = 200 * time.Millisecond
	warmLimit   = 20 * time.Second
)

// warm uses credentials in a closed loop until the contract's ready.uses are done.
// Nothing of it is kept. A runtime that compiles while it runs (Node, the JVM) costs
// twice as much at first as it does a few thousand requests later, and open-loop load at
// a fifth of its capacity takes minutes to get it there.
func (t *Trial) warm(ctx context.Context, session loadgen.Session) error {
	left := int64(t.Arm.Contract.Ready.Uses)
	if t.Arm.Contract.Cap().Rate > 0 { // a closed loop knows no rate
		return nil
	}
	phase := loadgen.Phase{
		Operation: "use", Duration: warmStretch, Conns: t.Workload.SaturateConns,
		Timeout: time.Duration(t.Workload.TimeoutNS),
	}
	for n := uint64(1); left > 0 && time.Duration(n)*warmStretch <= warmLimit; n++ {
		phase.Seed = t.Seed + n
		rec, err := session.Run(ctx, phase)
		if err != nil {
			return fmt.Errorf("warm it: %w", err)
		}
		left -= rec.Answered
	}
	return nil
}
