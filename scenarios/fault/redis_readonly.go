package fault

import (
	"context"
	"fmt"
	"strings"

	"authbench/scenarios/testbed"
)

func redisReadonly() Fault {
	return Fault{
		Name: "redis-readonly", Summary: "Redis has become a replica, as the loser of a failover does: it reads and refuses to write (READONLY)",
		Class: OfStore, Stores: redisOnly(), Unreachable: true, Intermittent: true,
		New: func(Params) (Injector, error) { return &demoted{}, nil },
	}
}

// demoted makes the server follow a primary that does not exist. It keeps its
// data, since it never hears of other data.
type demoted struct {
	redisConfig
	began bool
}

func (d *demoted) Inject(ctx context.Context, p *Place) error {
	if err := d.open(ctx, p.Store); err != nil {
		return err
	}
	if err := d.role(ctx, "master"); err != nil {
		return testbed.Unsupported(err.Error())
	}
	d.began = true
	return d.admin.ReplicaOf(ctx, "127.0.0.1", "1").Err()
}

func (d *demoted) Active(ctx context.Context, p *Place) error {
	return denied(ctx, p.Store, "READONLY")
}

func (d *demoted) Recover(ctx context.Context, p *Place) error {
	if err := d.redisConfig.Recover(ctx, p); err != nil || !d.began {
		return err
	}
	return d.admin.ReplicaOf(ctx, "NO", "ONE").Err()
}

func (d *demoted) Recovered(ctx context.Context, p *Place) error {
	if d.began {
		if err := d.role(ctx, "master"); err != nil {
			return err
		}
	}
	return tryWrite(ctx, p.Store)
}

// role is nil when the server has that role.
func (d *demoted) role(ctx context.Context, want string) error {
	text, err := d.admin.Info(ctx, "replication").Result()
	if err == nil && !strings.Contains(text, "role:"+want+"\r\n") {
		err = fmt.Errorf("it is no %s: %s", want, text)
	}
	return err
}
