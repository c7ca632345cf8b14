package scenarios

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/server"
	"authbench/targets/store"
)

// distanceDefect is what a session store does wrong that store-rtt has to see.
func distanceDefect(name string) defect {
	wrap := func(get func(next getter) getter) defect {
		return func(o *server.Options, _ uint64) {
			o.WrapStore = func(s store.Store) store.Store { return otherGet{s, get(s.Get)} }
		}
	}
	return map[string]defect{
		"waits for more than its store": wrap(func(next getter) getter {
			return func(ctx context.Context, key store.Key) (store.Record, bool, error) {
				time.Sleep(40 * time.Millisecond)
				return next(ctx, key)
			}
		}),
		"remembers sessions": wrap(func(next getter) getter {
			var seen sync.Map
			return func(ctx context.Context, key store.Key) (store.Record, bool, error) {
				if rec, ok := seen.Load(key); ok {
					return rec.(store.Record), true, nil
				}
				rec, found, err := next(ctx, key)
				if found {
					seen.Store(key, rec)
				}
				return rec, found, err
			}
		}),
		"fails one look-up in 20": wrap(func(next getter) getter {
			hit := oneIn(20, 0)
			return func(ctx context.Context, key store.Key) (store.Record, bool, error) {
				if hit() {
					return store.Record{}, false, errors.New("on purpose")
				}
				return next(ctx, key)
			}
		}),
	}[name]
}

type getter func(context.Context, store.Key) (store.Record, bool, error)

type otherGet struct {
	store.Store
	get getter
}

func (o otherGet) Get(ctx context.Context, key store.Key) (store.Record, bool, error) {
	return o.get(ctx, key)
}

// TestStoreRTT runs the scenario over real nodes: every check that a short run can make
// passes, and each of the defects turns its own red.
func TestStoreRTT(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the link that delays by microseconds is one for Linux")
	}
	bed := bedWith(t, testbed.Redis)
	for defect, check := range map[string]string{
		"":                              "",
		"waits for more than its store": "waits",
		"remembers sessions":            CheckStoreOps,
		"fails one look-up in 20":       "accepted",
	} {
		t.Run(cmp.Or(defect, "sound"), func(t *testing.T) {
			trial := rehearsal{scenario: StoreRTT(), arm: "session-redis", defect: defect, set: map[string]string{
				"points": "direct,20ms", "against": "jwt-hs256", "blocks": "1", "repeats": "1", "rate": "300", "window": "200ms", "warmup": "100ms",
			}}.on(t, bed)
			got := verdictsOf(trial)
			for _, name := range []string{"accepted", CheckStoreOps, "delayed", "waits"} {
				switch v := got[name]; {
				case name == check && v.Status != results.Fail:
					t.Errorf("%s is not seen: %+v", defect, v)
				case defect == "" && v.Status != results.Pass:
					t.Errorf("%+v", v)
				}
			}
			if v := got["break-even"]; v.Status != results.NotApplicable {
				t.Errorf("one block names a break-even: %+v", v)
			}
		})
	}
}
