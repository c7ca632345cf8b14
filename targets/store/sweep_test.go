package store_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"authbench/targets/store"
)

// flaky is a store whose every second sweep fails.
type flaky struct {
	store.Store
	sweeps int
}

var errAway = errors.New("away")

func (f *flaky) Sweep(context.Context, time.Time) (int, error) {
	if f.sweeps++; f.sweeps%2 == 0 {
		return 0, errAway
	}
	return 1, nil
}

func TestSweepEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var f flaky
		var reported []error
		done := make(chan struct{})
		go func() {
			defer close(done)
			store.SweepEvery(ctx, &f, time.Minute, time.Now, func(err error) { reported = append(reported, err) })
		}()
		time.Sleep(4*time.Minute + time.Second)
		cancel()
		<-done
		if f.sweeps != 4 || len(reported) != 2 || !errors.Is(reported[0], errAway) {
			t.Errorf("%d sweeps, reported %v, want 4 and 2 failures", f.sweeps, reported)
		}
	})
}
