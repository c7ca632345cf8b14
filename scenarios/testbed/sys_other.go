//go:build !linux

package testbed

import "errors"

// CanPin reports whether this platform can confine a process to processors.
func CanPin() bool { return false }

// pinThread does nothing: the platform has no such call. CanPin says so.
func pinThread([]int) error { return nil }

func pin(int, []int) error { return errors.ErrUnsupported }

func affinity(int) ([]int, error) { return nil, errors.ErrUnsupported }
