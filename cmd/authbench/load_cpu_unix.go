//go:build unix

package main

import (
	"time"

	"golang.org/x/sys/unix"
)

func processCPU() cpuTime {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		return cpuTime{}
	}
	return cpuTime{time.Duration(ru.Utime.Nano()), time.Duration(ru.Stime.Nano()), true}
}
