package server

import (
	"context"
	"time"

	"authbench/targets/store"
)

// watch turns counts that grow into events: once a second it compares what the node
// knows with what it knew. It runs only where events are logged, and no request
// waits for it.
type watch struct {
	s       *Server
	pools   map[string]store.Pool // by name, as they were
	gone    uint64                // sessions that had vanished
	logins  uint64
	usual   float64 // log-ins a second, see burst
	seconds int     // that usual is about
	late    bool    // the copy was stale
}

// When a second is worth an event.
const (
	watchEvery = time.Second
	// slowWait is the mean wait for a connection that a user would begin to notice.
	slowWait = 5 * time.Millisecond
	// A burst is burstFactor times the usual number of log-ins, and at least burstLeast.
	burstFactor = 5
	burstLeast  = 20
	// usualOver is the time constant of what is usual, in seconds.
	usualOver = 60
)

func newWatch(s *Server) *watch { return &watch{s: s, pools: map[string]store.Pool{}} }

func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look(w.s.reading())
		}
	}
}

// look compares a reading with the one before.
func (w *watch) look(r *reading) {
	e, c := w.s.events, w.s.counters
	for _, p := range r.pools {
		was := w.pools[p.Name]
		w.pools[p.Name] = p
		waits, timeouts := p.Waits-was.Waits, p.Timeouts-was.Timeouts
		mean := time.Duration(0)
		if waits > 0 {
			mean = (p.Waited - was.Waited) / time.Duration(waits)
		}
		if timeouts > 0 || mean >= slowWait {
			e.poolWait(p.Name, waits, timeouts, mean)
		}
	}
	if s := w.s.sightings; s != nil {
		gone := s.vanished.Load()
		if n := gone - w.gone; n > 0 {
			e.vanished(n)
		}
		w.gone = gone
	}
	logins := c.logins()["ok"]
	n := logins - w.logins
	if w.logins = logins; w.burst(float64(n)) {
		e.loginBurst(n, w.usual)
	}
	if r.copied != nil {
		late := r.copied.Age > r.copied.Bound/2
		if late && !w.late {
			e.staleCopy(r.copied.Age, r.copied.Bound)
		}
		w.late = late
	}
}

// burst says whether n log-ins in a second are many, and takes them into what is
// usual: their mean so far, and after usualOver seconds one that forgets. The first
// seconds of a node, when everybody may have to log in again, are not judged.
func (w *watch) burst(n float64) bool {
	many := w.seconds >= 5 && n >= burstLeast && n >= burstFactor*w.usual
	if many { // what goes on for half a minute is usual, what comes once is not
		n = burstFactor * w.usual
	}
	w.seconds = min(w.seconds+1, usualOver)
	w.usual += (n - w.usual) / float64(w.seconds)
	return many
}
