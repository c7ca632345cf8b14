package loadgen

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// yield lets any other thread of this core run, at once.
//
// Subtle: it is a raw system call. runtime.Gosched would only look for other
// goroutines, and those that wait for the network are not found by looking: it
// takes a thread that sleeps in epoll_wait, and on a single core that thread
// runs when the kernel is told that ours can wait.
func yield() { _, _, _ = syscall.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
