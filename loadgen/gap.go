package loadgen

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"authbench/results"
)

// gapEvery is how often the probe asks to be woken.
const gapEvery = time.Millisecond

// maxGap is the longest that a machine may stand still around a block. Of 40
// probes of 0.1 s on two virtual cores the median was late by 0.25 ms at most and
// the worst by 4 ms; with two busy loops on each core 9 ms and 220 ms.
const maxGap = 20 * time.Millisecond

// Gap sees whether the machine stands still when nothing is asked of it (after
// Gil Tene's jHiccup): for the time d a thread on each of the cores asks to be
// woken every millisecond and notes how much later than that it went on. Without
// cores it is one thread, on whatever core the process may use. A wake-up that
// was missed altogether counts as well, with how late it is by then, so that the
// quantile weighs a gap by its length.
//
// On Linux an idle machine is some 50 us late. Elsewhere it is Go's timer that
// wakes, up to 1.1 ms late by itself.
//
// When ctx ends Gap returns its cause.
func Gap(ctx context.Context, d time.Duration, cores []int) (results.Gap, error) {
	if d < gapEvery {
		return results.Gap{}, fmt.Errorf("gap probe: %v is too short, it wakes every %v", d, gapEvery)
	}
	if len(cores) == 0 {
		cores = []int{anyCore}
	}
	runtime.GC() // the collector's work is not the machine's doing
	probes := make([]gapProbe, len(cores))
	var threads errgroup.Group
	for i, core := range cores {
		threads.Go(func() error { return probes[i].run(ctx, d, core) })
	}
	if err := threads.Wait(); err != nil {
		return results.Gap{}, fmt.Errorf("gap probe: %w", err)
	}
	var late tally
	g := results.Gap{DurationNS: int64(d)}
	for i := range probes {
		late.merge(&probes[i].late)
		g.LostNS += probes[i].lost
	}
	q := late.quantiles(late.count)
	g.Wakes, g.P99NS, g.MaxNS = late.count, *q.P99, *q.Max
	return g, nil
}

// anyCore leaves the thread where it is.
const anyCore = -1

// gapProbe is one thread's findings, in nanoseconds.
type gapProbe struct {
	late tally
	lost int64 // wanted to run and could not
}

func (g *gapProbe) run(ctx context.Context, d time.Duration, core int) error {
	// Never unlocked: the thread ends with the goroutine, and with it what was
	// changed about it.
	runtime.LockOSThread()
	sleepUntil, err := newSleeper(core)
	if err != nil {
		return err
	}
	base := time.Now()
	elapsed := func() int64 { return int64(time.Since(base)) }
	for due, last := int64(gapEvery), int64(0); due <= int64(d); due += int64(gapEvery) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		sleepUntil(base, due)
		now := elapsed()
		g.note(due, last, now)
		last = now
	}
	return nil
}

// note counts a wake-up that was due at one time and came at another, the one
// before having come at last. What was lost is counted once, however many
// wake-ups fell due in it.
func (g *gapProbe) note(due, last, now int64) {
	g.late.add(max(0, now-due))
	g.lost += max(0, now-max(due, last))
}

// StoodStill says, in words, that the machine stood still around a block, or "".
func StoodStill(around ...*results.Gap) string {
	var longest int64
	for _, g := range around {
		if g != nil {
			longest = max(longest, g.MaxNS)
		}
	}
	if longest <= int64(maxGap) {
		return ""
	}
	return fmt.Sprintf("the machine itself stood still for %v while nothing was asked of it: stop what else runs on it, or use one that is not shared",
		time.Duration(longest).Round(100*time.Microsecond))
}
