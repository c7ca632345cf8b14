//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// memory watches the resident memory of a long run, and opens ten thousand
// connections.
func memory(ctx context.Context, b *bench, p *page) error {
	h, err := b.hello()
	if err != nil {
		return err
	}
	defer b.stop()
	p.section("Memory")
	for _, c := range []struct {
		conns, rate int
		d           time.Duration
	}{{1000, 5000, b.soak}, {10000, 2000, 10 * time.Second}} {
		rss, err := b.watch(ctx, h, c.conns, c.rate, c.d)
		if err != nil {
			return err
		}
		if len(rss) < 4 {
			return fmt.Errorf("the run of %v was too short to be watched", c.d)
		}
		early, late := rss[len(rss)/4], rss[len(rss)-1]
		p.line("%d connections, %d requests a second, %v: resident %.1f MiB after a quarter of the time, %.1f MiB at the end, at most %.1f MiB (at most 64: %s).\n",
			c.conns, c.rate, c.d, early, late, slices.Max(rss), met(slices.Max(rss) <= 64))
	}
	return nil
}

// watch runs our generator and reads its resident memory in MiB, 40 times.
func (b *bench) watch(ctx context.Context, h *hello, conns, rate int, d time.Duration) ([]float64, error) {
	cmd := pinned(ctx, b.generator, b.authbench, "load", h.url, "--connections", fmt.Sprint(conns), "--rate", fmt.Sprint(rate), "--duration", d.String(), "--quiet")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var rss []float64
	for ticks := time.NewTicker(d / 40); ; {
		select {
		case err := <-ended:
			ticks.Stop()
			if err != nil {
				return nil, fmt.Errorf("%v: %w\n%s", cmd.Args, err, out.Bytes())
			}
			return rss, nil
		case <-ticks.C:
			if r, err := resident(cmd.Process.Pid); err == nil {
				rss = append(rss, r)
			}
		}
	}
}

// resident is VmRSS in MiB.
func resident(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := bytes.Cut(status, []byte("VmRSS:"))
	fields := bytes.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0, fmt.Errorf("process %d has no VmRSS", pid)
	}
	kb, err := strconv.ParseFloat(string(fields[0]), 64)
	return kb / 1024, err
}
