package testbed

import (
	"os"
	"syscall"
)

func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// terminateGroup has no gentle form here.
func terminateGroup(pid int) error { return killGroup(pid) }

func killGroup(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil // gone already
	}
	return p.Kill()
}

func pauseGroup(int) error {
	return Unsupported("processes cannot be stopped and continued on Windows")
}

func resumeGroup(int) error { return nil }

// tryLock never succeeds: without file locks nobody can tell whose directory it
// is, and nothing is swept.
func tryLock(*os.File) bool { return false }

// FileLimit is how many files, and so connections, this process may have open.
func FileLimit() (limit uint64, known bool) { return 0, false }
