//go:build !linux

package testbed

import (
	"errors"
	"time"
)

// CanPin reports whether this platform can confine a process to processors.
func CanPin() bool { return false }

// pinThread does nothing: the platform has no such call. CanPin says so.
func pinThread([]int) error { return nil }

func pin(int, []int) error { return errors.ErrUnsupported }

// frozen cannot look: it gives the signal the time that it takes.
func frozen(int) error {
	time.Sleep(50 * time.Millisecond)
	return nil
}

func affinity(int) ([]int, error) { return nil, errors.ErrUnsupported }
