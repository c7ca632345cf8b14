package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime reads the CPU clock of a process (clock_getcpuclockid(3)): user and
// system time of all its threads, in nanoseconds.
func cpuTime(pid int) (time.Duration, error) {
	const perProcess = 2 // CPUCLOCK_SCHED
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|perProcess), &ts); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}
