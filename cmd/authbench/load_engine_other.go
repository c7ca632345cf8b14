//go:build !linux

package main

import "authbench/loadgen"

// tuneEngine has nothing to set: the epoll engine is Linux's.
func tuneEngine(e loadgen.Engine, _ int, _ bool) (loadgen.Engine, int, bool) { return e, 0, false }
