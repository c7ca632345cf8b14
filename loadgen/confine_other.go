//go:build !linux

package loadgen

import "errors"

// Cores is unknown on this platform.
func Cores() ([]int, error) {
	return nil, errors.New("processor affinity: only Linux can be asked")
}

// Confine is not possible on this platform.
func Confine([]int) error {
	return errors.New("processor affinity: only Linux can be asked")
}
