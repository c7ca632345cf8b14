package report

import (
	"fmt"
	"math"

	"authbench/report/evidence"
	"authbench/report/number"
)

// roundtrip is what a store further away does, as far as that was measured, and what
// it would do, reckoned.
type roundtrip struct {
	Measured *distances // nil: no run moved a store away
	Chart    *chart
	Rows     []roundtripRow
}

type roundtripRow struct {
	evidence.BreakEven
	Difference, DifferenceInterval string
	At, Interval                   string
}

func roundtripSection(v *view) any {
	r := &roundtrip{Measured: distancesOf(v)}
	if v.Cost != nil {
		for _, e := range v.BreakEvens() {
			r.Rows = append(r.Rows, roundtripRowOf(e))
		}
	}
	switch {
	case len(r.Rows) > 0:
		r.Chart = roundtripChart(v.Board)
	case r.Measured == nil:
		return nil
	}
	return r
}

func roundtripRowOf(e evidence.BreakEven) roundtripRow {
	row := roundtripRow{BreakEven: e}
	if e.Missing == "" {
		row.Difference = number.Signed(e.Difference.Value)
		row.DifferenceInterval = "[" + number.Signed(e.Difference.Lo) + ", " + number.Signed(e.Difference.Hi) + "]"
	}
	span := "[" + number.Micros(max(0, e.Lo)) + ", " + number.Micros(e.Hi) + "]"
	switch e.Status {
	case evidence.EvenPast:
		row.At = "already past at 0"
	case evidence.EvenAt:
		row.At, row.Interval = number.Micros(e.RoundTrip), span
	case evidence.EvenUnsettled:
		row.At, row.Interval = "inconclusive", number.Micros(max(0, e.RoundTrip))+" "+span
	default:
		row.At, row.Interval = "n/a", e.Missing
	}
	return row
}

// roundtripChart draws the median response time of every arm over the round trip:
// what was measured at its left edge, and what follows from it, dashed.
func roundtripChart(b *evidence.Board) *chart {
	const h = 260.0
	far := 200e3 // ns
	for _, e := range b.BreakEvens() {
		if e.Status == evidence.EvenAt || e.Status == evidence.EvenUnsettled {
			far = max(far, 1.3*e.RoundTrip)
		}
	}
	var arms []*evidence.Arm
	top := 0.0
	for _, a := range b.Arms {
		if len(a.Latency) > 0 && a.Latency[0].Missing == "" && finite(a.Latency[0].Value) && a.StoreOps.Missing == "" && !a.Duplicate {
			arms = append(arms, a)
			top = max(top, a.Latency[0].Value+far*a.StoreOps.Value)
		}
	}
	if len(arms) == 0 {
		return nil
	}
	x, y := axis{0, far, false}, linearAxis(top)
	c := &chart{
		Name:    "Median response time over the round trip to the store, reckoned",
		Caption: "At the left edge, what was measured with stores a loopback away. From there on nothing was measured: each store operation of a request is taken to wait for one round trip more, and nothing else to change. Where two lines cross, the two arms would be level.",
		Legend:  arms,
		Head:    []string{"Arm", "Measured p50, µs", "Store operations a request", "+100 µs, reckoned", "+500 µs, reckoned", "+1 ms, reckoned"},
		YTicks:  yLabels(h, y, 6, duration),
	}
	var g svg
	g.open("plot", c.Name, int(h)+22)
	g.ticksX(x, 3, 0, h, func(v float64) string { return "+" + duration(v) })
	for _, v := range y.ticks(6) {
		at := h * (1 - y.at(v)/100)
		g.f(`<line class="grid" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
	}
	at := func(a *evidence.Arm, rtt float64) float64 { return a.Latency[0].Value + rtt*a.StoreOps.Value }
	var lines []string
	for _, a := range arms {
		lines = append(lines, path(class(a, "l dash"), false, [][2]float64{{0, 100 - y.at(at(a, 0))}, {100, 100 - y.at(at(a, far))}}))
	}
	g.curve(0, h, lines...)
	for _, a := range arms {
		g.mark(a, 0, h*(1-y.at(at(a, 0))/100))
		c.Rows = append(c.Rows, []string{
			a.Name, number.Micros(at(a, 0)), number.Short(a.StoreOps.Value),
			number.Micros(at(a, 100e3)), number.Micros(at(a, 500e3)), number.Micros(at(a, 1e6)),
		})
	}
	c.SVG = g.done()
	return c
}

// OpsText prints the operations that a session makes more.
func (r roundtripRow) OpsText() string {
	if math.Abs(r.Ops-math.Round(r.Ops)) < .005 {
		return fmt.Sprintf("%.0f", r.Ops)
	}
	return number.Short(r.Ops)
}
