package server

import (
	"strconv"
	"sync/atomic"
)

// counters are bare atomics, found by index: counting a request must not cost a
// label look-up. The metrics page reads them when it is asked for.
type counters struct {
	arm       string
	mechanism string

	requests   [routes][statuses]atomic.Uint64
	rejections map[string]*atomic.Uint64 // by reason; never changed after start
	storeErrs  atomic.Uint64
	turnedAway atomic.Uint64
	sweptTotal atomic.Uint64
}

const (
	firstStatus = 100
	statuses    = 500 // 100 to 599
)

// rejectionReasons are the words that mechanisms use, and "other".
func rejectionReasons() []string {
	return []string{
		"absent", "malformed", "unknown-session", "wrong-password", "wrong-type", "crit-header",
		"wrong-algorithm", "unknown-key", "bad-signature", "expired", "not-yet-valid", "wrong-claims",
		"revoked", "reused", "disabled", "other",
	}
}

func newCounters(arm string, s Settings) *counters {
	c := &counters{arm: arm, mechanism: s.Mechanism, rejections: map[string]*atomic.Uint64{}}
	for _, r := range rejectionReasons() {
		c.rejections[r] = new(atomic.Uint64)
	}
	return c
}

func (c *counters) request(r route, status int) {
	if i := status - firstStatus; i >= 0 && i < statuses {
		c.requests[r][i].Add(1)
	}
}

func (c *counters) rejection(reason string) {
	n := c.rejections[reason]
	if n == nil {
		n = c.rejections["other"]
	}
	n.Add(1)
}

func (c *counters) storeError() { c.storeErrs.Add(1) }
func (c *counters) refused()    { c.turnedAway.Add(1) }
func (c *counters) swept(n int) { c.sweptTotal.Add(uint64(n)) }

// each calls f for every request counter that has counted.
func (c *counters) each(f func(route, code string, n uint64)) {
	for r := range routes {
		for i := range statuses {
			if n := c.requests[r][i].Load(); n > 0 {
				f(r.String(), strconv.Itoa(firstStatus+i), n)
			}
		}
	}
}
