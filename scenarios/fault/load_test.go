//go:build unix

package fault

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authbench/scenarios/testbed"
)

// TestUnderLoad begins and ends every fault of a process or a store while clients
// that never give up reconnect and write: they must not keep it from being
// confirmed, nor from being undone, and are served again afterwards.
func TestUnderLoad(t *testing.T) {
	need(t, testbed.Redis, testbed.MySQL)
	tb := newBed(t, testbed.Options{Needs: []string{testbed.Redis, testbed.MySQL}})
	for _, f := range All() {
		if f.NeedsLink {
			continue
		}
		for _, kind := range f.Stores {
			t.Run(f.Name+"/"+kind, func(t *testing.T) {
				place := newPlace(t, tb, f, kind)
				before := count(t, place.Store)
				served, end := hammer(t, place.Store)
				a, err := Begin(t.Context(), f, shorter()[f.Name], place)
				if err != nil {
					t.Error(err)
				}
				if err == nil {
					if err := a.End(t.Context()); err != nil {
						t.Error(err)
					}
				}
				was := served.Load()
				for begin := time.Now(); served.Load() < was+10; time.Sleep(time.Millisecond) {
					if time.Since(begin) > 10*time.Second {
						t.Error("clients are not served any more")
						break
					}
				}
				end()
				if d := before.diff(count(t, place.Store)); len(d) > 0 {
					t.Errorf("it left:\n%v", d)
				}
			})
		}
	}
}

// hammer writes from a few connections until end is called, and counts what worked.
func hammer(t *testing.T, s *testbed.Store) (served *atomic.Int64, end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	served = new(atomic.Int64)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				p, err := s.Probe(nil)
				if err != nil {
					t.Error(err)
					return
				}
				for range 50 {
					if err = write(ctx, p); err != nil {
						break
					}
					served.Add(1)
				}
				p.Close()
				time.Sleep(time.Millisecond)
			}
		})
	}
	return served, func() { cancel(); wg.Wait() }
}

func write(ctx context.Context, p *testbed.Probe) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if db := p.MySQL(); db != nil {
		_, err = db.ExecContext(ctx, "UPDATE authbench_t SET v = v + 1 WHERE id = 1")
		return err
	}
	return p.Redis().Set(ctx, sample+":0", "x", time.Minute).Err()
}
