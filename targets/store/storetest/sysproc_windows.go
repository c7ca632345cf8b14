package storetest

import "syscall"

// Windows cannot freeze a process by a signal: Pause and Resume fail there, and
// say so.
const sigStop, sigCont = syscall.Signal(0x13), syscall.Signal(0x12)

func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
