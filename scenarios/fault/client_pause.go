package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/scenarios/testbed"
)

func clientPause() Fault {
	return Fault{
		Name: "client-pause", Summary: "Redis keeps all its clients waiting (CLIENT PAUSE)",
		Class: OfStore, Stores: redisOnly(), Unreachable: true,
		Params: []Param{
			{"duration", "3s", "after which it ends by itself; with mode all nothing can end it before"},
			{"mode", "all", "all commands, or only those that write"},
		},
		New: newClientPause,
	}
}

type paused struct {
	admin    *redis.Client
	duration time.Duration
	mode     string
}

func newClientPause(p Params) (_ Injector, err error) {
	c := &paused{}
	if c.duration, err = p.duration("duration"); err != nil {
		return nil, err
	}
	if c.duration < 2*patience || c.duration > recoverTimeout/2 {
		return nil, fmt.Errorf("parameter duration: %v is not between %v and %v", c.duration, 2*patience, recoverTimeout/2)
	}
	c.mode, err = p.one("mode", "all", "write")
	return c, err
}

func (c *paused) Inject(ctx context.Context, p *Place) (err error) {
	if c.admin, err = p.Store.AdminRedis(); err != nil {
		return err
	}
	return c.admin.Do(ctx, "client", "pause", c.duration.Milliseconds(), c.mode).Err()
}

func (c *paused) Active(ctx context.Context, p *Place) error {
	if c.mode == "all" {
		return fresh(p.Store, nil, func(probe *testbed.Probe) error { return silent(ctx, probe) })
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := tryWrite(ctx, p.Store); err == nil || !timedOut(err) {
		return fmt.Errorf("a write does not wait: %w", orWorks(err))
	}
	return nil
}

// Recover waits with everybody else when all commands are paused.
func (c *paused) Recover(ctx context.Context, p *Place) error {
	if err := p.Store.Check(); err != nil {
		return hopeless{fmt.Errorf("it has ended meanwhile: %w", err)}
	}
	if c.admin == nil {
		return nil
	}
	return c.admin.ClientUnpause(ctx).Err()
}

func (c *paused) Recovered(ctx context.Context, p *Place) error { return tryWrite(ctx, p.Store) }

func (c *paused) Close() error {
	if c.admin == nil {
		return nil
	}
	return c.admin.Close()
}
