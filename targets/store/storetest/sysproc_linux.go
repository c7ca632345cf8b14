package storetest

import "syscall"

// sysProcAttr puts a server in a process group of its own, so that Ctrl-C in a
// terminal reaches the test first, and has the kernel kill it should the test
// process die without running its cleanups.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
