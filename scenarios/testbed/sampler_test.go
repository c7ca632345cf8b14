//go:build unix

package testbed

import (
	"slices"
	"testing"
	"time"
)

// TestSamplerSharesOut: readings come at 1, 2 and, late, 4 intervals.
func TestSamplerSharesOut(t *testing.T) {
	const ms = time.Millisecond
	use := func(target, store time.Duration, known bool) Usage {
		return Usage{Target: Sample{CPU: target, Known: true}, Store: Sample{CPU: store, Known: known}, Link: Sample{Known: true}}
	}
	w := &sampler{every: 100 * ms, last: use(5*ms, 0, true)}
	w.read(99*ms, use(6*ms, 0, true)) // too early: no interval is over
	w.read(101*ms, use(15*ms, 1*ms, true))
	w.read(200*ms, use(16*ms, 2*ms, false))
	w.read(437*ms, use(56*ms, 3*ms, true))
	got := w.timeline()
	if want := []int64{10e6, 1e6, 20e6, 20e6}; !slices.Equal(got.TargetNS, want) {
		t.Errorf("target %v, want %v", got.TargetNS, want)
	}
	if got.StoreNS != nil || got.LinkNS != nil || got.LoadgenNS != nil || got.IntervalNS != 100e6 {
		t.Errorf("a side that was not known once, was not there or cannot be read: %+v", got)
	}
	if (&sampler{every: ms}).timeline() != nil {
		t.Error("a timeline without an interval")
	}
}

func TestWatchABusyNode(t *testing.T) {
	needUsage(t)
	tb := newBed(t, Options{})
	if _, err := tb.StartNode(t.Context(), nodeContract("announces", "busy")); err != nil {
		t.Fatal(err)
	}
	before := tb.Usage()
	stop := tb.Watch(20 * time.Millisecond)
	time.Sleep(130 * time.Millisecond)
	got := stop()
	most := tb.Usage().Sub(before).Target.CPU
	if got == nil || len(got.TargetNS) < 3 || got != stop() {
		t.Fatalf("%+v", got)
	}
	sum := int64(0)
	for _, ns := range got.TargetNS {
		if ns < 0 {
			t.Errorf("a clock went back: %v", got.TargetNS)
		}
		sum += ns
	}
	if sum == 0 || sum > most.Nanoseconds() {
		t.Errorf("%d ns in intervals, %v altogether", sum, most)
	}
}
