package main

import "authbench/loadgen"

// tuneEngine sets what only the epoll engine can be told, and says how many loops
// it has.
func tuneEngine(e loadgen.Engine, loops int, spin bool) (loadgen.Engine, int, bool) {
	epoll, ok := e.(loadgen.Epoll)
	if !ok {
		return e, 0, false
	}
	epoll.Loops, epoll.NoSpin = loops, !spin
	return epoll, max(1, loops), true
}
