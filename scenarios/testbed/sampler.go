package testbed

import (
	"sync"
	"time"

	"authbench/results"
)

// Watch reads what each side has spent at once and then every so often, until stop is
// called, which returns what was spent in each whole interval; its times other than
// IntervalNS are the caller's to fill in. Calling stop again returns the same.
//
// A reading takes some 20 us of the harness's own CPU: no watch stands beside a window
// so short that this could be told from the load.
func (tb *Testbed) Watch(every time.Duration) (stop func() *results.Timeline) {
	w := &sampler{every: every, started: time.Now(), last: tb.Usage()}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				w.read(time.Since(w.started), tb.Usage())
			}
		}
	}()
	return sync.OnceValue(func() *results.Timeline {
		close(quit)
		<-done
		return w.timeline()
	})
}

// sampler turns readings into what was spent in each interval.
type sampler struct {
	every   time.Duration
	started time.Time
	last    Usage
	taken   int                // intervals
	spent   [4][]time.Duration // target, store, link, load generator
	unknown [4]bool
}

func sides(u Usage) [4]Sample { return [4]Sample{u.Target, u.Store, u.Link, u.Loadgen} }

// read takes the reading made so long after the start. One that comes so late that
// intervals were missed is shared out among them: the sum stays right.
func (w *sampler) read(at time.Duration, now Usage) {
	missed := int(at/w.every) - w.taken
	if missed <= 0 {
		return
	}
	was := sides(w.last)
	for i, s := range sides(now) {
		w.unknown[i] = w.unknown[i] || !s.Known || !was[i].Known
		for range missed {
			w.spent[i] = append(w.spent[i], (s.CPU-was[i].CPU)/time.Duration(missed))
		}
	}
	w.taken += missed
	w.last = now
}

// timeline is nil if not one interval passed.
func (w *sampler) timeline() *results.Timeline {
	if w.taken == 0 {
		return nil
	}
	t := &results.Timeline{IntervalNS: w.every.Nanoseconds()}
	for i, to := range []*[]int64{&t.TargetNS, &t.StoreNS, &t.LinkNS, &t.LoadgenNS} {
		sum := time.Duration(0)
		var ns []int64
		for _, d := range w.spent[i] {
			sum += d
			ns = append(ns, d.Nanoseconds())
		}
		if !w.unknown[i] && sum > 0 {
			*to = ns
		}
	}
	return t
}
