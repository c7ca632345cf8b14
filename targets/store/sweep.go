package store

import (
	"context"
	"time"
)

// SweepEvery sweeps s until ctx ends, and reports each failure; the next sweep
// comes anyway. A store that is away makes a sweep fail, never a request.
func SweepEvery(ctx context.Context, s Store, every time.Duration, now func() time.Time, report func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := s.Sweep(ctx, now()); err != nil && ctx.Err() == nil {
				report(err)
			}
		}
	}
}
