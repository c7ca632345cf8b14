package attack

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"authbench/results"
)

// Sizes of the race.
const (
	races   = 8
	racers  = 4 // that use, beside one that refreshes
	headway = 15 * time.Millisecond
)

// raced has several use, and one refresh, what one logs out meanwhile. No use that was
// begun after the acknowledgement and the bound may be accepted.
func raced(ctx context.Context, t *Target, y *Tally) error {
	g, racing := errgroup.WithContext(ctx)
	for range races {
		u, err := t.LogIn(ctx)
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		g.Go(func() error { return race(racing, t, y, u) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return t.bystander(ctx, y)
}

func race(ctx context.Context, t *Target, y *Tally, u *User) error {
	var until time.Time // once out is closed; zero: it was not logged out
	out := make(chan struct{})
	logged := func() bool {
		select {
		case <-out:
			return true
		default:
			return false
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(out)
		pause(ctx, headway)
		acked, err := t.logOut(ctx, 0, &User{u.N, u.Vars})
		if err == nil {
			until = t.Contract.Promises.Bound().Until(acked, acked)
		}
		return err
	})
	// after waits for the bound and uses what a racer is left with.
	after := func(name string, left *User) error {
		if <-out; until.IsZero() {
			return nil
		}
		pause(ctx, time.Until(until))
		a, err := t.Use(ctx, left)
		if err == nil {
			y.Check(name, a, Refused())
		}
		return err
	}
	for range racers {
		g.Go(func() error {
			for !logged() && ctx.Err() == nil {
				if _, err := t.Use(ctx, u); err != nil {
					return err
				}
				pause(ctx, time.Millisecond)
			}
			return after("a use that was begun after the log-out", u)
		})
	}
	if t.Contract.Refresh != nil {
		g.Go(func() error {
			last := u
			for !logged() && ctx.Err() == nil {
				a, err := t.Do(ctx, 0, t.Contract.Refresh, last.Vars)
				if err != nil {
					return err
				}
				if a.Outcome == results.OK {
					last = &User{u.N, a.Vars}
				}
				pause(ctx, time.Millisecond)
			}
			return after("what a refresh during the log-out gave", last)
		})
	}
	return g.Wait()
}
