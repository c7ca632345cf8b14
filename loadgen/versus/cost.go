//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// peer is another tool in closed loop: as many connections, one request at a
// time on each. What it did is counted by the target.
type peer struct {
	name string
	argv func(url string, conns int, d time.Duration) []string
}

func peers() []peer {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }
	count := func(n int) string { return fmt.Sprint(n) }
	return []peer{
		{"wrk", func(url string, c int, d time.Duration) []string {
			return []string{"wrk", "-t1", "-c" + count(c), "-d" + seconds(d), url}
		}},
		{"bombardier", func(url string, c int, d time.Duration) []string {
			return []string{"bombardier", "-c", count(c), "-d", seconds(d), "-p", "r", url}
		}},
		{"hey", func(url string, c int, d time.Duration) []string {
			return []string{"hey", "-c", count(c), "-z", seconds(d), url}
		}},
		{"oha", func(url string, c int, d time.Duration) []string {
			return []string{"oha", "--no-tui", "-c", count(c), "-z", seconds(d), url}
		}},
	}
}

// cost compares CPU per request in closed loop: user and system time of the whole
// process, from its start to its end, over the requests that the target counted.
func cost(ctx context.Context, b *bench, p *page) error {
	const conns = 64
	ours := func(url string, c int, d time.Duration) []string {
		return []string{b.authbench, "load", url, "--saturate", "--connections", fmt.Sprint(c), "--duration", d.String(), "--quiet"}
	}
	h, err := b.hello()
	if err != nil {
		return err
	}
	defer b.stop()
	var rows [][]string
	var missing []string
	for _, other := range peers() {
		if _, err := exec.LookPath(other.name); err != nil {
			missing = append(missing, other.name)
			continue
		}
		var mine, its, ratios []float64
		for i := range b.pairs {
			order := []func(string, int, time.Duration) []string{ours, other.argv}
			if i%2 == 1 {
				order[0], order[1] = order[1], order[0]
			}
			var got [2]float64
			for j, argv := range order {
				if got[j], err = b.perRequest(ctx, h, argv(h.url, conns, b.each)); err != nil {
					return err
				}
			}
			if i%2 == 1 {
				got[0], got[1] = got[1], got[0]
			}
			mine, its, ratios = append(mine, got[0]), append(its, got[1]), append(ratios, got[0]/got[1])
		}
		rows = append(rows, []string{
			other.name, fmt.Sprintf("%.2f", median(mine)), fmt.Sprintf("%.2f", median(its)), spread("%.3f", ratios), met(median(ratios) <= 1),
		})
	}
	p.section("Cost")
	p.line("Closed loop, %d connections, one request outstanding on each, %d pairs of %v in alternating order; CPU of the whole process, "+
		"user and system, over the requests that the target counted; the ratio is the median of the pairs, with the least and the greatest.\n", conns, b.pairs, b.each)
	p.table([]string{"peer", "authbench, us a request", "peer, us a request", "ratio", "at most 1.00"}, rows)
	for _, m := range missing {
		p.line("%s is not installed here.", m)
	}
	return nil
}

// perRequest runs a generator to its end and returns its CPU in microseconds a
// request.
func (b *bench) perRequest(ctx context.Context, h *hello, argv []string) (float64, error) {
	before, err := h.count()
	if err != nil {
		return 0, err
	}
	cmd := pinned(ctx, b.generator, argv...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%v: %w\n%s", argv, err, out)
	}
	after, err := h.count()
	if err != nil {
		return 0, err
	}
	if after == before {
		return 0, fmt.Errorf("%v sent nothing", argv)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return used.Seconds() * 1e6 / float64(after-before), nil
}
