package loadgen

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"authbench/results"
)

// One gap of 3.5 ms: the wake-ups that fell into it are late by what was left of
// it, and the time is lost once.
func TestGapCountsMissedWakes(t *testing.T) {
	var g gapProbe
	const ms = int64(time.Millisecond)
	last := int64(0)
	for _, w := range [][2]int64{{1 * ms, 1 * ms}, {2 * ms, 5*ms + ms/2}, {3 * ms, 5*ms + ms/2}, {4 * ms, 5*ms + ms/2}, {5 * ms, 5*ms + ms/2}, {6 * ms, 6*ms + 1000}} {
		g.note(w[0], last, w[1])
		last = w[1]
	}
	if g.late.count != 6 || g.late.max != 3*ms+ms/2 || g.lost != 3*ms+ms/2+1000 {
		t.Errorf("%d wakes, max %d, lost %d", g.late.count, g.late.max, g.lost)
	}
	if sum := int64(g.late.sum); sum != (35+25+15+5)*ms/10+1000 {
		t.Errorf("late by %d in all", sum)
	}
}

func TestGap(t *testing.T) {
	var cores []int
	if all, err := Cores(); err == nil {
		cores = all
	}
	for _, c := range [][]int{nil, cores} {
		g, err := Gap(t.Context(), 50*time.Millisecond, c)
		if err != nil {
			t.Fatal(err)
		}
		want := int64(50 * max(1, len(c)))
		if g.Wakes != want || g.DurationNS != 5e7 || g.MaxNS < g.P99NS || g.P99NS <= 0 || g.LostNS <= 0 {
			t.Errorf("%d wakes wanted: %+v", want, g)
		}
	}
	if _, err := Gap(t.Context(), time.Microsecond, nil); err == nil {
		t.Error("too short: no error")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop)
	if _, err := Gap(ctx, time.Minute, nil); !errors.Is(err, errStop) {
		t.Errorf("interrupted: %v", err)
	}
	if cores != nil {
		if _, err := Gap(t.Context(), 50*time.Millisecond, []int{100_000}); err == nil || !strings.Contains(err.Error(), "core 100000") {
			t.Errorf("a core that is not there: %v", err)
		}
	}
}

func TestStoodStill(t *testing.T) {
	still := &results.Gap{MaxNS: 21e6}
	for _, c := range []struct {
		before, after *results.Gap
		words         string
	}{
		{nil, nil, ""},
		{&results.Gap{MaxNS: 20e6}, &results.Gap{MaxNS: 1e6}, ""},
		{still, &results.Gap{MaxNS: 1e6}, "stood still for 21ms"},
		{nil, still, "stood still for 21ms"},
	} {
		if got := StoodStill(c.before, c.after); !strings.Contains(got, c.words) || (got == "") != (c.words == "") {
			t.Errorf("%v, %v: %q", c.before, c.after, got)
		}
	}
}
