package testbed

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// CanPin reports whether this platform can confine a process to processors.
func CanPin() bool { return true }

// childAttr makes a child the leader of its own group, out of reach of the
// terminal's Ctrl-C (the harness stops it in order), and lets the kernel kill it
// when the harness dies.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// pinThread confines the calling thread to cores.
func pinThread(cores []int) error {
	if len(cores) == 0 {
		return nil
	}
	return pin(0, cores)
}

// pin confines one thread (0: the calling one) to cores.
func pin(tid int, cores []int) error {
	var set unix.CPUSet
	for _, c := range cores {
		set.Set(c)
	}
	if err := unix.SchedSetaffinity(tid, &set); err != nil {
		return fmt.Errorf("confine to processors %v: %w", cores, err)
	}
	return nil
}

// frozen is nil when every thread of the process is stopped (state T, see
// proc_pid_stat(5)). A thread stops where it leaves the kernel: what it was
// writing has been written.
func frozen(pid int) error {
	tasks, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "stat")) // only a bad pattern is an error
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		if i := bytes.LastIndexByte(b, ')'); i < 0 || i+2 >= len(b) || b[i+2] != 'T' {
			return fmt.Errorf("%s: not stopped yet", task)
		}
	}
	return nil
}

// affinity lists the processors that a process may run on.
func affinity(pid int) ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &set); err != nil {
		return nil, err
	}
	var cores []int
	for c := 0; len(cores) < set.Count(); c++ {
		if set.IsSet(c) {
			cores = append(cores, c)
		}
	}
	return cores, nil
}
