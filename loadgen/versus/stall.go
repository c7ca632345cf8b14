//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"syscall"
	"time"
)

// stall freezes the target for a while under open load and compares the
// quantiles with the closed form (docs/engine.md derives it). How fast the backlog
// was worked off is what the target itself has seen.
func stall(ctx context.Context, b *bench, p *page) error {
	h, err := b.hello("-pace")
	if err != nil {
		return err
	}
	defer b.stop()
	var rows [][]string
	for _, c := range []struct {
		freeze time.Duration
		rate   float64
	}{
		{300 * time.Millisecond, 2000},
		{300 * time.Millisecond, 12000},
		{700 * time.Millisecond, 6000},
		{1000 * time.Millisecond, 5000},
		{1500 * time.Millisecond, 2000},
		{1500 * time.Millisecond, 12000},
	} {
		capacity, err := b.load(ctx, h.url, "--saturate", "--duration", "1s")
		if err != nil {
			return err
		}
		length := 5 * c.freeze
		frozen := make(chan time.Duration, 1)
		go func() { frozen <- freeze(h, length/5, c.freeze) }()
		r, err := b.load(ctx, h.url, "--rate", fmt.Sprint(c.rate), "--duration", length.String(), "--arrivals", "constant")
		if err != nil {
			return err
		}
		s := <-frozen
		pace, err := h.pace(int(c.rate * s.Seconds()))
		if err != nil {
			return err
		}
		for _, q := range []struct {
			name string
			q    float64
			got  *int64
		}{
			{"p90", 0.90, r.Latency.P90},
			{"p95", 0.95, r.Latency.P95},
			{"p99", 0.99, r.Latency.P99},
			{"p99.9", 0.999, r.Latency.P999},
			{"max", 1, r.Latency.Max},
		} {
			want := truth(s, time.Duration(r.DurationNS), c.rate, pace, q.q)
			got := us(q.got) / 1e3
			off := got - want
			rows = append(rows, []string{
				fmt.Sprintf("%.3f s", s.Seconds()), fmt.Sprintf("%.0f/s", c.rate), fmt.Sprintf("%.0f/s (%.0f)", pace, capacity.Rate.Achieved), q.name, fmt.Sprintf("%.1f ms", want), fmt.Sprintf("%.1f ms", got),
				fmt.Sprintf("%+.1f ms", off), met(math.Abs(off) <= max(5, 0.02*want) && r.OK == r.Scheduled),
			})
		}
	}
	p.section("Truth under a stall")
	p.line("The target is stopped (SIGSTOP) and continued under constant arrivals, 64 connections, for five times as long as it is stopped. The pace " +
		"is how fast the target, by its own clock, worked off what had piled up, beside its capacity in a closed loop right before. " +
		"Nothing may be lost: scheduled = ok.\n")
	p.table([]string{"frozen", "rate", "pace (capacity)", "quantile", "closed form", "measured", "error", "within 2 % or 5 ms, nothing lost"}, rows)
	return nil
}

// freeze stops the target after a while, for d, and returns for how long it did.
func freeze(h *hello, after, d time.Duration) time.Duration {
	time.Sleep(after + 200*time.Millisecond) // the generator starts
	_ = h.cmd.Process.Signal(syscall.SIGSTOP)
	began := time.Now()
	time.Sleep(d)
	_ = h.cmd.Process.Signal(syscall.SIGCONT)
	return time.Since(began)
}

// pace is how many requests a second the target answered while it worked off the
// first n after its last pause.
func (h *hello) pace(n int) (float64, error) {
	ns, err := number(h.counter + "pace?n=" + strconv.Itoa(n))
	if err != nil || ns <= 0 {
		return 0, fmt.Errorf("the target did not see %d requests after its pause (%d, %w)", n, ns, err)
	}
	return float64(n-1) / (float64(ns) / 1e9), nil
}

// truth is quantile q of the response time, in milliseconds: who is due x after
// the freeze began waits s - x(1 - rate/pace), drain included.
func truth(s, length time.Duration, rate, pace, q float64) float64 {
	slope := 1 - rate/pace
	return max(0, s.Seconds()-(1-q)*slope*length.Seconds()) * 1e3
}
