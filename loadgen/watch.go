package loadgen

import (
	"sync"
	"time"
)

// watchInterval is how often Phase.Watch is told.
const watchInterval = 250 * time.Millisecond

// watch carries what a recorder notes to whoever watches the phase. The recorder
// fills its own sketches without a lock and hands them over now and then.
type watch struct {
	latency, lag sketch
	scheduled    int64 // of the accounting, when it was handed over last
	due          int64 // when to hand over next, nanoseconds since the phase began

	mu   sync.Mutex
	over handed // guarded by mu
}

type handed struct {
	scheduled    int64
	latency, lag sketch
}

// publish hands over what was noted since the last time, if it is time to. It
// takes a microsecond.
func (r *recorder) publish(now int64) {
	w := r.watch
	if w == nil || now < w.due {
		return
	}
	w.due = now + int64(watchInterval)/5
	w.mu.Lock()
	w.over.scheduled += r.rec.Accounting.Scheduled - w.scheduled
	w.over.latency.merge(&w.latency)
	w.over.lag.merge(&w.lag)
	w.mu.Unlock()
	w.scheduled = r.rec.Accounting.Scheduled
	w.latency, w.lag = sketch{}, sketch{}
}

func (w *watch) take() handed {
	w.mu.Lock()
	defer w.mu.Unlock()
	over := w.over
	w.over = handed{}
	return over
}

// observe tells p.Watch how the recorders of a phase go until stop is called.
func observe(p *Phase, recs ...*recorder) (stop func()) {
	if p.Watch == nil {
		return func() {}
	}
	for _, r := range recs {
		r.watch = &watch{}
	}
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		began, last := time.Now(), time.Now()
		ticks := time.NewTicker(watchInterval)
		defer ticks.Stop()
		for {
			select {
			case <-end:
				return
			case <-ticks.C:
			}
			var sum handed
			for _, r := range recs {
				over := r.watch.take()
				sum.scheduled += over.scheduled
				sum.latency.merge(&over.latency)
				sum.lag.merge(&over.lag)
			}
			now := time.Now()
			p.Watch(Progress{
				Elapsed: now.Sub(began), Interval: now.Sub(last), Scheduled: sum.scheduled,
				OK: sum.latency.ok, NotOK: sum.latency.notOK,
				P50: sum.latency.quantile(0.5), P99: sum.latency.quantile(0.99), LagP99: sum.lag.quantile(0.99),
			})
			last = now
		}
	})
	return func() {
		close(end)
		wg.Wait()
	}
}
