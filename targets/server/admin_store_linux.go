package server

import (
	"time"

	"golang.org/x/sys/unix"
)

// processCPU is the processor time that this process has used so far; 0 where it cannot
// be read.
func processCPU() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
