package poll

import "testing"

func TestLatenessFollowsThe99thPercentile(t *testing.T) {
	l := newLateness()
	if l.window != firstWindow {
		t.Errorf("a window of %d ns before any observation", l.window)
	}
	// 98 of 100 wake up 20 us late, two 70 us: the 99th percentile is 70.
	for i := range 10 * fadeEvery {
		d := int64(20_500)
		if i%50 == 0 {
			d = 70_500
		}
		l.add(d)
	}
	if l.window != 71_000 {
		t.Errorf("a window of %d ns, want 71,000", l.window)
	}
	// Old observations fade.
	for range 20 * fadeEvery {
		l.add(5_500)
	}
	if l.window != 6_000 {
		t.Errorf("a window of %d ns after the machine became quiet, want 6,000", l.window)
	}
	// The window has a bound, whatever happens.
	for range fadeEvery {
		l.add(30_000_000)
	}
	if l.window != maxWindow {
		t.Errorf("a window of %d ns, want %d", l.window, maxWindow)
	}
	l.add(-5) // woken early: as good as in time
}
