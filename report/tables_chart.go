package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// wideSpan is the ratio of the largest to the smallest above which an axis is
// logarithmic.
const wideSpan = 20

// tableChart draws the column that the table names over its axis, a line an arm, with
// a bar where there is an interval; nil where there is nothing to draw.
func tableChart(ts []evidence.Tabled) *chart {
	first := ts[0].Table
	k := slices.IndexFunc(first.Columns, func(c results.Column) bool { return c.Name == first.Draw })
	if first.Axis.Unit == "" || k < 0 {
		return nil
	}
	var xs, ys []float64
	for _, t := range ts {
		for _, p := range plottedOf(t, first.Draw) {
			xs, ys = append(xs, p.x), append(ys, p.low, p.high)
		}
	}
	if len(xs) < 2 {
		return nil
	}
	const h = 280.0
	x, y := fitAxis(xs), fitAxis(ys)
	unit, of := unitText(first.Axis.Unit), unitText(first.Columns[k].Unit)
	c := &chart{
		Name:    fmt.Sprintf("%s over %s", capital(unitName(first.Columns[k])), unitName(first.Axis)),
		Caption: sentence(first.Title),
		YTicks:  yLabels(h, y, 6, func(v float64) string { return compact(v) + "\u00a0" + of }),
		Head:    []string{"Arm", unitName(first.Axis), unitName(first.Columns[k]), "95 % interval"},
	}
	var g svg
	g.open("plot", c.Name, int(h)+22)
	g.ticksX(x, 5, 0, h, func(v float64) string { return compact(v) + "\u00a0" + unit })
	for _, v := range y.ticks(6) {
		at := h * (1 - y.at(v)/100)
		g.f(`<line class="grid" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
	}
	var lines []string
	for _, t := range ts {
		if !slices.Contains(c.Legend, t.Ref) {
			c.Legend = append(c.Legend, t.Ref)
		}
		var points [][2]float64
		for _, p := range plottedOf(t, first.Draw) {
			points = append(points, [2]float64{x.at(p.x), 100 - y.at(p.y)})
		}
		lines = append(lines, path(class(t.Ref, "l"), false, points))
	}
	g.curve(0, h, lines...)
	for _, t := range ts {
		for _, p := range plottedOf(t, first.Draw) {
			at := x.at(p.x)
			span := "–"
			if p.high > p.low {
				g.vline(class(t.Ref, "l"), at, h*(1-y.at(p.high)/100), h*(1-y.at(p.low)/100))
				span = fmt.Sprintf("%s to %s", number.Short(p.low), number.Short(p.high))
			}
			g.mark(t.Ref, at, h*(1-y.at(p.y)/100))
			c.Rows = append(c.Rows, []string{t.Arm, plain(p.x), plain(p.y), span})
		}
	}
	c.SVG = g.done()
	return c
}

// sentence begins with a capital and ends with a full stop, unless it asks.
func sentence(s string) string {
	if strings.HasSuffix(s, "?") || strings.HasSuffix(s, ".") {
		return capital(s)
	}
	return capital(s) + "."
}

// plotted is one figure of a chart; low and high are y where there is no interval.
type plotted struct{ x, y, low, high float64 }

func plottedOf(t evidence.Tabled, column string) []plotted {
	k := slices.IndexFunc(t.Table.Columns, func(c results.Column) bool { return c.Name == column })
	var out []plotted
	for _, r := range t.Table.Rows {
		if k < 0 || k >= len(r.Cells) || r.X == nil || r.Cells[k].Value == nil {
			continue
		}
		c := r.Cells[k]
		p := plotted{*r.X, *c.Value, *c.Value, *c.Value}
		if c.Low != nil && c.High != nil {
			p.low, p.high = *c.Low, *c.High
		}
		// Not finite: that wants positive figures, and a skew or a gain may be negative.
		if sum := p.x + p.y + p.low + p.high; !math.IsNaN(sum) && !math.IsInf(sum, 0) {
			out = append(out, p)
		}
	}
	return out
}

// fitAxis covers the values: in powers where they span several and are positive.
func fitAxis(vs []float64) axis {
	lo, hi := slices.Min(vs), slices.Max(vs)
	switch {
	case lo > 0 && hi/lo >= wideSpan:
		return logAxis(lo, hi)
	case lo < 0:
		span := max(math.Abs(lo), math.Abs(hi))
		return axis{-1.04 * span, 1.04 * span, false}
	}
	return linearAxis(hi)
}

// compact labels a tick: 250, 1.5k, 2M.
func compact(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e6:
		return trim(v/1e6) + "M"
	case a >= 1e4:
		return trim(v/1e3) + "k"
	}
	return trim(v)
}
