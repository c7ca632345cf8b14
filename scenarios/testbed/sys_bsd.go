//go:build unix && !linux

package testbed

import "syscall"

// childAttr makes a child the leader of its own group, out of reach of the
// terminal's Ctrl-C: the harness stops it in order.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
