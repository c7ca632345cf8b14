package fault

import "context"

func oom() Fault {
	return Fault{
		Name: "oom", Summary: "Redis has no memory left (maxmemory, noeviction): it deletes and reads, and refuses to write",
		Class: OfStore, Stores: redisOnly(), Unreachable: true, Intermittent: true,
		New: func(Params) (Injector, error) { return &outOfMemory{}, nil },
	}
}

type outOfMemory struct{ redisConfig }

func (o *outOfMemory) Inject(ctx context.Context, p *Place) error {
	if err := o.open(ctx, p.Store); err != nil {
		return err
	}
	return o.change(ctx, map[string]string{"maxmemory": "1", "maxmemory-policy": "noeviction"})
}

func (o *outOfMemory) Active(ctx context.Context, p *Place) error {
	return denied(ctx, p.Store, "OOM")
}

func (o *outOfMemory) Recovered(ctx context.Context, p *Place) error { return o.isBack(ctx, p) }
