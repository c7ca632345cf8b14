package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"authbench/scenarios/testbed"
)

// patience is how long a look waits before it calls a store silent.
const patience = 300 * time.Millisecond

// probeLimit bounds a look that is not about time.
const probeLimit = 5 * time.Second

// onLinks is what the faults of links have in common: a setting for every link,
// and how one sees that it acts. An open connection is looked at as well as a new
// one: a fault that only new ones feel is none to a node with a pool.
type onLinks struct {
	setting testbed.LinkSetting
	// acts is nil when the fault is seen on that link.
	acts func(ctx context.Context, l looked) error

	links []looked
}

// looked is a link with a connection through it that was open before the fault.
type looked struct {
	*testbed.Link
	store *testbed.Store
	open  *testbed.Probe
}

func (o *onLinks) Inject(ctx context.Context, p *Place) error {
	for _, l := range p.Links {
		open, err := p.Store.Probe(l)
		if err != nil {
			return err
		}
		o.links = append(o.links, looked{l, p.Store, open})
		if _, err := open.Ping(ctx); err != nil {
			return fmt.Errorf("%s does not answer through the link, before anything was done to it: %w", p.Store.Kind(), err)
		}
	}
	s := o.setting
	s.Seed = p.Seed
	return o.set(ctx, p, s)
}

// set gives all links a setting at once.
func (o *onLinks) set(ctx context.Context, p *Place, s testbed.LinkSetting) error {
	return each(p.Links, func(l *testbed.Link) error { return l.Set(ctx, s) })
}

// each does it for all at once.
func each[T any](all []T, do func(T) error) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, one := range all {
		wg.Go(func() { errs[i] = do(one) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (o *onLinks) Active(ctx context.Context, _ *Place) error {
	return each(o.links, func(l looked) error { return o.acts(ctx, l) })
}

func (o *onLinks) Recover(ctx context.Context, p *Place) error {
	for _, l := range p.Links {
		if gone(l.Exited()) {
			return hopeless{fmt.Errorf("the process of the link at %s has ended", l.Addr())}
		}
	}
	return o.set(ctx, p, testbed.LinkSetting{})
}

func (o *onLinks) Recovered(ctx context.Context, p *Place) error {
	return each(p.Links, func(l *testbed.Link) error {
		s, err := l.State(ctx)
		if err != nil {
			return err
		}
		if s.Setting.Kind != "" {
			return fmt.Errorf("the link at %s still has the setting %q", l.Addr(), s.Setting.Kind)
		}
		return answers(ctx, p.Store, l)
	})
}

func (o *onLinks) Close() error {
	for _, l := range o.links {
		_ = l.open.Close() // broken, as intended
	}
	return nil
}

func gone(exited <-chan struct{}) bool {
	select {
	case <-exited:
		return true
	default:
		return false
	}
}

// fresh runs look on a connection that does not exist yet. Nil is the direct path.
func fresh(s *testbed.Store, l *testbed.Link, look func(*testbed.Probe) error) error {
	p, err := s.Probe(l)
	if err != nil {
		return err
	}
	return errors.Join(look(p), p.Close())
}

// answers is nil when the store answers on a new connection.
func answers(ctx context.Context, s *testbed.Store, l *testbed.Link) error {
	return fresh(s, l, func(p *testbed.Probe) error {
		ctx, cancel := context.WithTimeout(ctx, probeLimit)
		defer cancel()
		_, err := p.Ping(ctx)
		return err
	})
}

// either looks at the open connection and at a new one.
func (l looked) either(look func(*testbed.Probe) error) error {
	return each([]bool{true, false}, func(open bool) error {
		if open {
			if err := look(l.open); err != nil {
				return fmt.Errorf("a connection that was open: %w", err)
			}
			return nil
		}
		if err := fresh(l.store, l.Link, look); err != nil {
			return fmt.Errorf("a new connection: %w", err)
		}
		return nil
	})
}

// silent is nil when a store does not answer for as long as we have patience.
func silent(ctx context.Context, p *testbed.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch _, err := p.Ping(ctx); {
	case err == nil:
		return errors.New("the store answers")
	case !timedOut(err):
		return fmt.Errorf("the store is not silent: %w", err)
	}
	return nil
}

// broken is nil when a store's answer ends in an error at once.
func broken(ctx context.Context, p *testbed.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	switch _, err := p.Ping(ctx); {
	case err == nil:
		return errors.New("the store answers")
	case timedOut(err):
		return fmt.Errorf("the connection does not break: %w", err)
	}
	return nil
}

// slow is nil when a round trip takes at least d.
func slow(ctx context.Context, p *testbed.Probe, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d+probeLimit)
	defer cancel()
	switch took, err := p.Ping(ctx); {
	case err != nil:
		return err
	case took < d:
		return fmt.Errorf("a round trip takes %v, not %v", took, d)
	}
	return nil
}

// dial is what connecting gives: nil when it works.
func dial(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return c.Close()
}

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}
