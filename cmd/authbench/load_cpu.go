package main

import "time"

// cpuTime is CPU of this process. The system tells user from system by ticks;
// their sum is exact.
type cpuTime struct {
	user, system time.Duration
	known        bool
}

// total is 0 where it is not known.
func (c cpuTime) total() time.Duration { return c.user + c.system }

// cpuClock takes the CPU that is spent between Begin and End.
type cpuClock struct{ begin, end cpuTime }

func newCPUClock() *cpuClock { return &cpuClock{} }

func (c *cpuClock) Begin() { c.begin = processCPU() }
func (c *cpuClock) End()   { c.end = processCPU() }

// Used is what was spent between the last Begin and the last End.
func (c *cpuClock) Used() cpuTime {
	if !c.begin.known || !c.end.known {
		return cpuTime{}
	}
	return cpuTime{c.end.user - c.begin.user, c.end.system - c.begin.system, true}
}
