package server

import (
	"sync/atomic"
	"time"
)

// clock is the node's wall clock, which the admin plane can move or freeze.
// Untouched, it costs one atomic load more than time.Now.
type clock struct {
	moved atomic.Pointer[clockSetting]
}

// clockSetting is either an offset from the machine's clock or an instant at
// which time stands still.
type clockSetting struct {
	offset time.Duration
	frozen time.Time
}

func (c *clock) now() time.Time {
	m := c.moved.Load()
	if m == nil {
		return time.Now()
	}
	if !m.frozen.IsZero() {
		return m.frozen
	}
	return time.Now().Add(m.offset)
}
