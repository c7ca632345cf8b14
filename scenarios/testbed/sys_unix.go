//go:build unix

package testbed

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminateGroup asks the process and all of its descendants to end.
func terminateGroup(pid int) error { return signalGroup(pid, syscall.SIGTERM) }

// killGroup ends the process and all of its descendants.
func killGroup(pid int) error { return signalGroup(pid, syscall.SIGKILL) }

// pauseGroup freezes the process and all of its descendants until resumeGroup.
func pauseGroup(pid int) error { return signalGroup(pid, syscall.SIGSTOP) }

func resumeGroup(pid int) error { return signalGroup(pid, syscall.SIGCONT) }

func signalGroup(pid int, sig syscall.Signal) error {
	err := syscall.Kill(-pid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return nil // gone already
	}
	return err
}

// tryLock takes the lock of an open file unless somebody has it. It goes with
// the process that holds it, however that ends.
func tryLock(f *os.File) bool { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil }

// FileLimit is how many files, and so connections, this process may have open.
func FileLimit() (limit uint64, known bool) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, false
	}
	return r.Cur, true
}
