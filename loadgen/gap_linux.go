package loadgen

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// newSleeper binds the calling thread to a core and returns what puts it to
// sleep until an instant, in nanoseconds since base. By default the kernel would
// be another 50 us late, to save power.
func newSleeper(core int) (func(base time.Time, until int64), error) {
	if core != anyCore {
		var set unix.CPUSet
		set.Set(core)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return nil, fmt.Errorf("bind a thread to core %d: %w", core, err)
		}
	}
	// A kernel that refuses is less exact, and that is seen in the result.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	return func(base time.Time, until int64) {
		for {
			left := until - int64(time.Since(base))
			if left <= 0 {
				return
			}
			ts := unix.NsecToTimespec(left)
			// Woken early by a signal of the runtime: once more.
			_ = unix.Nanosleep(&ts, nil)
		}
	}, nil
}
