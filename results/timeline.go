package results

import "time"

// Timeline is what each side spent over the time of a measurement: CPU[i] is what it
// spent from i to i+1 intervals after the start. What came after the last whole
// interval is left out. A side is absent where it could not be read, or there was none.
type Timeline struct {
	Started    time.Time `json:"started"`     // of the window, on the clock of the run's start
	ZeroNS     int64     `json:"zero_ns"`     // zero of the instants in chaos, since the window started: mostly negative. 0 elsewhere
	IntervalNS int64     `json:"interval_ns"` //
	TargetNS   []int64   `json:"target_cpu_ns,omitempty"`
	StoreNS    []int64   `json:"store_cpu_ns,omitempty"`
	LinkNS     []int64   `json:"link_cpu_ns,omitempty"`
	LoadgenNS  []int64   `json:"loadgen_cpu_ns,omitempty"`
}
