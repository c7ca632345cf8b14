//go:build !linux

package loadgen

import (
	"errors"
	"time"
)

// newSleeper returns what puts the calling thread to sleep until an instant, in
// nanoseconds since base.
func newSleeper(core int) (func(base time.Time, until int64), error) {
	if core != anyCore {
		return nil, errors.New("a thread can be bound to a core on Linux only")
	}
	return func(base time.Time, until int64) { time.Sleep(time.Duration(until) - time.Since(base)) }, nil
}
