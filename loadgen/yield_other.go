//go:build !linux

package loadgen

import "runtime"

// yield lets other goroutines run.
func yield() { runtime.Gosched() }
