//go:build unix && !linux

package storetest

import "syscall"

// sysProcAttr puts a server in a process group of its own, so that Ctrl-C in a
// terminal reaches the test first.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
