package loadgen

import (
	"math"
	"runtime"
	"runtime/debug"
)

// memoryLimit is where the garbage collector comes back, whatever else was
// asked for: a measurement that is disturbed beats a machine that swaps.
const memoryLimit = 2 << 30

// quieten collects the garbage, turns the collector off and provides for at
// least n processors, which on a single core are threads that take turns: one to
// spin for the next arrival, one to wait for the network. It returns what
// restores all that.
func quieten(n int) (restore func()) {
	runtime.GC()
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		debug.SetMemoryLimit(memoryLimit)
	}
	percent := debug.SetGCPercent(-1)
	procs := runtime.GOMAXPROCS(0)
	if procs < n {
		runtime.GOMAXPROCS(n)
	}
	return func() {
		if procs < n {
			runtime.GOMAXPROCS(procs)
		}
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
		runtime.GC()
	}
}
