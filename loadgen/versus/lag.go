//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
)

// lag offers rates far below what target and generator can do and reads how
// exactly the schedule was kept.
func lag(ctx context.Context, b *bench, p *page) error {
	h, err := b.hello()
	if err != nil {
		return err
	}
	defer b.stop()
	var rows [][]string
	for _, spin := range []bool{true, false} {
		for _, rate := range []float64{1000, 2000, 4000, 10000, 20000} {
			r, err := b.load(ctx, h.url, "--rate", fmt.Sprint(rate), "--duration", "5s", fmt.Sprintf("--spin=%t", spin))
			if err != nil {
				return err
			}
			name, ok := "spinning", us(r.Lag.P50) <= 5 && us(r.Lag.P99) <= 60
			if !spin {
				name, ok = "sleeping", us(r.Lag.P99) <= 150
			}
			off := r.Rate.Achieved / *r.Rate.Offered - 1
			rows = append(rows, []string{
				name, fmt.Sprintf("%.0f/s", rate), fmt.Sprintf("%.1f us", us(r.Lag.P50)), fmt.Sprintf("%.1f us", us(r.Lag.P99)), met(ok),
				fmt.Sprintf("%.0f %%", 100*float64(r.CPU.SpinNS)/float64(r.DurationNS)), fmt.Sprintf("%+.3f %%", 100*off), met(math.Abs(off) <= 0.001),
			})
		}
	}
	p.section("Schedule lag and achieved rate")
	p.line("Poisson arrivals for 5 s on 64 connections, the generator alone on its core. The bounds: p50 at most 5 us and p99 at most 60 us; " +
		"without spinning p99 at most 150 us. Achieved is ok per second against scheduled per second.\n")
	p.table([]string{"", "rate", "lag p50", "lag p99", "within", "core spent spinning", "achieved - offered", "within 0.1 %"}, rows)
	return nil
}
