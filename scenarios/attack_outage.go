package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

// outagePatience bounds bringing a store back, also when the case that took it away was
// cut short.
const outagePatience = 20 * time.Second

// outageOf takes away the stores of nodes that reach them over these links, by their
// kind: connections are refused, as where a store has died, and nothing is lost. Without
// links the stores of the testbed themselves are killed, and come back with their data. It
// is nil where there is no store.
func outageOf(tb *testbed.Testbed, links map[string]*testbed.Link) func(ctx context.Context) (restore func() error, err error) {
	var outages []func(ctx context.Context) (func() error, error)
	for _, kind := range slices.Sorted(maps.Keys(links)) {
		if l := links[kind]; l != nil {
			outages = append(outages, func(ctx context.Context) (func() error, error) { return cutLink(ctx, l) })
		}
	}
	if len(outages) == 0 {
		for _, kind := range []string{testbed.Redis, testbed.MySQL} {
			if s := tb.Store(kind); s != nil {
				outages = append(outages, func(ctx context.Context) (func() error, error) { return killStore(ctx, s) })
			}
		}
	}
	if len(outages) == 0 {
		return nil
	}
	return func(ctx context.Context) (func() error, error) {
		var restores []func() error
		restore := func() error {
			var errs []error
			for _, r := range restores {
				errs = append(errs, r())
			}
			return errors.Join(errs...)
		}
		for _, begin := range outages {
			r, err := begin(ctx)
			if err != nil {
				return nil, errors.Join(err, restore())
			}
			restores = append(restores, r)
		}
		return restore, nil
	}
}

// patiently runs f, also when ctx has ended: what was taken away has to come back.
func patiently(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outagePatience)
	defer cancel()
	return f(ctx)
}

func cutLink(ctx context.Context, l *testbed.Link) (func() error, error) {
	restore := func() error {
		return patiently(ctx, func(ctx context.Context) error { return l.Set(ctx, testbed.LinkSetting{}) })
	}
	if err := l.Set(ctx, testbed.LinkSetting{Kind: link.Refuse}); err != nil {
		return nil, errors.Join(err, restore())
	}
	return restore, nil
}

func killStore(ctx context.Context, s *testbed.Store) (func() error, error) {
	if s.StandIn() {
		return nil, fmt.Errorf("%s: %w", s.Kind(), testbed.Unsupported("a stand-in keeps no data over its death"))
	}
	if err := s.Kill(ctx); err != nil {
		return nil, fmt.Errorf("kill %s: %w", s.Kind(), err)
	}
	return func() error { return patiently(ctx, s.Restart) }, nil
}
