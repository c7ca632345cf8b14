//go:build unix

package testbed

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"authbench/scenarios/testbed/link"
)

// A delay link is never early, in steps of 10 us, and close: at best it adds less
// than toxiproxy's clock can tell.
func TestDelayIsExact(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux only")
	}
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis}})
	l := newTestLink(t, tb, true)
	p := probeOf(t, tb, l)
	for _, d := range []time.Duration{0, 10 * time.Microsecond, 250 * time.Microsecond, 2 * time.Millisecond} {
		if err := l.Set(t.Context(), LinkSetting{Kind: link.Delay, Delay: d}); err != nil {
			t.Fatal(err)
		}
		took := make([]time.Duration, 100)
		for i := range took {
			var err error
			if took[i], err = p.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(took)
		t.Logf("%v each way: a round trip takes %v at best, median %v", d, took[0], took[50])
		if took[0] < 2*d {
			t.Errorf("%v each way, and a round trip took %v", d, took[0])
		}
	}
}

// The same seed draws the same jitter; one direction alone can be delayed.
func TestDelaySettings(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux only")
	}
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis}})
	l := newTestLink(t, tb, true)
	p := probeOf(t, tb, l)
	draw := func(seed uint64) []int {
		s := LinkSetting{Kind: link.Delay, Delay: link.Step, Jitter: 40 * time.Millisecond, Seed: seed, Direction: link.Up}
		if err := l.Set(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		var ms []int
		for range 6 {
			took, err := p.Ping(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ms = append(ms, int(took.Milliseconds()))
		}
		return ms
	}
	if _, err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A machine can only be late: of a few runs the earliest of each are compared.
	earliest := func(seed uint64) []int {
		best := draw(seed)
		for range 2 {
			for i, ms := range draw(seed) {
				best[i] = min(best[i], ms)
			}
		}
		return best
	}
	a, b, c := earliest(1), earliest(1), earliest(2)
	near := func(a, b []int) bool {
		for i := range a {
			if d := a[i] - b[i]; d < -3 || d > 3 {
				return false
			}
		}
		return true
	}
	if !near(a, b) || near(a, c) {
		t.Errorf("round trips in ms: seed 1 %v, again %v, seed 2 %v", a, b, c)
	}
	for _, s := range []LinkSetting{
		{Kind: link.Delay, Delay: 15 * time.Microsecond},
		{Kind: link.Delay, Delay: -link.Step},
		{Kind: link.Delay, Delay: link.Step, Direction: "sideways"},
		{Kind: link.Blackhole},
	} {
		if l.Set(t.Context(), s) == nil {
			t.Errorf("a delay link takes %+v", s)
		}
	}
}
