//go:build !linux

package loadgen

func platformEngines() []Engine { return nil }
