package scenarios

import (
	"context"
	"fmt"
	"math"
	"time"

	"authbench/loadgen"
	"authbench/results"
)

// steadyShare of the slowest arm's capacity is the rate of steady load: low
// enough that no arm queues behind itself, high enough that all are at work.
const steadyShare = 0.20

// Calibration windows are short: the rate has to be about right, and is then
// the same for all.
const (
	calibrateUsers  = 64
	calibrateWarmup = 150 * time.Millisecond
	calibrateWindow = 350 * time.Millisecond
)

// Calibrate saturates every arm that may be saturated for a moment and returns the
// slowest one's capacity and name, and 20 % of it, rounded down to two digits.
func Calibrate(ctx context.Context, e *Experiment, conns int) (rate, capacity float64, slowest string, err error) {
	capacity = math.Inf(1)
	for _, arm := range e.Arms {
		if arm.Duplicate || arm.Contract.Cap().Rate > 0 {
			continue
		}
		e.tell(Step{Arm: arm.Name, Message: ""})
		t := &Trial{
			Arm: arm, Testbed: e.Testbed, Engine: e.Engine, Seed: e.Seed, LoadgenCores: e.LoadgenCores,
			Workload: results.Workload{
				Users: min(calibrateUsers, e.Workload.Users), Connections: conns, SaturateConns: conns,
				TimeoutNS: e.Workload.TimeoutNS,
			},
		}
		got, err := t.capacity(ctx)
		if err != nil {
			return 0, 0, "", fmt.Errorf("calibrate %s: %w", arm.Name, err)
		}
		if got < capacity {
			capacity, slowest = got, arm.Name
		}
	}
	if slowest == "" { // limits bind them all
		return 0, 0, "", nil
	}
	return roundDown(capacity * steadyShare), capacity, slowest, nil
}

// capacity is the arm's closed-loop throughput in requests per second.
func (t *Trial) capacity(ctx context.Context) (perSecond float64, err error) {
	if err := t.Testbed.Reset(ctx); err != nil {
		return 0, err
	}
	err = t.atWork(ctx, func(ctx context.Context, session loadgen.Session) error {
		phase := loadgen.Phase{Operation: "use", Duration: calibrateWarmup, Seed: t.Seed, Timeout: time.Duration(t.Workload.TimeoutNS)}
		if _, err := session.Run(ctx, phase); err != nil {
			return err
		}
		phase.Duration = calibrateWindow
		rec, err := session.Run(ctx, phase)
		if err != nil {
			return err
		}
		if rec.Accounting.OK == 0 {
			return fmt.Errorf("no use of a fresh credential was accepted: statuses %v, %v", rec.Statuses, rec.Problems)
		}
		perSecond = float64(rec.Accounting.OK) / rec.Elapsed.Seconds()
		return nil
	})
	return perSecond, err
}

// roundDown keeps two significant digits, so that the rate reads well and two
// runs on one machine are likely to share it. Below 10/s it keeps the value.
func roundDown(x float64) float64 {
	if x < 10 {
		return x
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-1)
	return math.Floor(x/unit) * unit
}
