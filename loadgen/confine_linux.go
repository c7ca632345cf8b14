package loadgen

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Cores lists the cores that this process may use.
func Cores() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("read the processor affinity: %w", err)
	}
	var cores []int
	for cpu := 0; len(cores) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cores = append(cores, cpu)
		}
	}
	return cores, nil
}

// onlineCores is how many cores the machine has, those included that this process
// may not use. runtime.NumCPU counts the others.
func onlineCores() int {
	b, err := os.ReadFile("/sys/devices/system/cpu/online") // "0-3,6"
	if err != nil {
		return runtime.NumCPU()
	}
	n := 0
	for part := range strings.SplitSeq(strings.TrimSpace(string(b)), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil {
			return runtime.NumCPU()
		}
		n += to - from + 1
	}
	return n
}

// Confine binds this process to the given cores: the threads that exist, and by
// inheritance those that they start.
func Confine(cores []int) error {
	var set unix.CPUSet
	for _, cpu := range cores {
		set.Set(cpu)
	}
	// A thread that starts while we walk the list inherits from one that is not
	// done yet; the second walk catches it.
	for range 2 {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("list the threads: %w", err)
		}
		for _, t := range tasks {
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				continue
			}
			if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH {
				return fmt.Errorf("bind thread %d to cores %v: %w", tid, cores, err)
			}
		}
	}
	return nil
}
