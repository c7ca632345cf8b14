package report

import (
	"fmt"
	"math"

	"authbench/report/evidence"
	"authbench/report/number"
)

// histograms are small multiples on one logarithmic axis and one scale.
func histograms(b *evidence.Board) *chart {
	const bins = 90
	lo, hi := middle(b.Arms)
	if hi == 0 {
		return nil
	}
	ax := logAxis(lo, hi)
	c := &chart{
		Name:    "Response times, all blocks merged",
		Caption: "One panel an arm, all on the same axes; the height is the share of all arrivals. The axis is logarithmic. Lines mark p50 and p99; up to 0.5 % of the arrivals of an arm lie beyond the right edge, and so does what did not end ok.",
		Small:   true,
		Head:    []string{"Arm", "Arrivals", "ok", "Slowest ok, µs"},
	}
	shares := make([][bins]float64, len(b.Arms))
	top := 0.0
	for i, a := range b.Arms {
		if a.Dist.OK == nil {
			continue
		}
		for _, bar := range a.Dist.OK.Distribution() {
			if bar.Count == 0 {
				continue
			}
			mid := (float64(bar.From) + float64(bar.To)) / 2
			if mid > ax.hi {
				continue
			}
			bin := int(ax.at(mid) / 100 * bins)
			shares[i][min(bin, bins-1)] += float64(bar.Count) / float64(a.Dist.Scheduled)
		}
		for _, v := range shares[i] {
			top = max(top, v)
		}
	}
	const h = 88
	for i := range b.Arms {
		a := b.Arms[i]
		if a.Dist.OK == nil {
			continue
		}
		p50, p99 := a.Dist.At(.5), a.Dist.At(.99)
		var g svg
		g.open("hist", fmt.Sprintf("Response times of %s: p50 %s µs, p99 %s µs", a.Name, number.Micros(p50), number.Micros(p99)), h+20)
		g.ticksX(ax, 4, 0, h, duration)
		points := [][2]float64{{0, 100}}
		for k, v := range shares[i] {
			y := 100 * (1 - v/top)
			points = append(points, [2]float64{100 * float64(k) / bins, y}, [2]float64{100 * float64(k+1) / bins, y})
		}
		points = append(points, [2]float64{100, 100})
		g.curve(0, h, path(class(a, "area"), true, points))
		g.f(`<line class="base" x1="0%%" x2="100%%" y1="%d" y2="%d"/>`, h, h)
		for _, v := range []float64{p50, p99} {
			if finite(v) {
				g.vline("rule", ax.at(v), 0, h)
			}
		}
		c.Strips = append(c.Strips, strip{Arm: a, SVG: g.done(), Value: fmt.Sprintf("p50 %s · p99 %s µs", number.Micros(p50), number.Micros(p99))})
		c.Rows = append(c.Rows, []string{a.Name, number.Integer(a.Dist.Scheduled), number.Integer(a.Dist.OK.TotalCount()), number.Micros(float64(a.Dist.OK.Max()))})
	}
	return c
}

// middle spans the bulk of all distributions: from the fastest arrival to the
// largest p99.5; 0 if there is none.
func middle(arms []*evidence.Arm) (lo, hi float64) {
	lo = math.Inf(1)
	for _, a := range arms {
		if a.Dist.OK == nil || a.Dist.OK.TotalCount() == 0 {
			continue
		}
		lo = min(lo, float64(a.Dist.OK.Min()))
		top := a.Dist.At(.995)
		if !finite(top) {
			top = float64(a.Dist.OK.Max())
		}
		hi = max(hi, top)
	}
	return lo, hi
}
