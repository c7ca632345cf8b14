package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results/stat"
)

// forestRow is one arm of a forest plot.
type forestRow struct {
	arm    *evidence.Arm
	c      stat.Comparison
	status string
	blocks []float64 // the ratio of every block
}

// forest shows the ratios to the baseline by one metric: the estimate with its
// interval, every block behind it, and between which ratios the duplicate of the
// baseline lies, which differs from it in nothing. Nil where nothing is compared.
func forest(b *evidence.Board, m stat.Metric) *chart {
	rows := forestRows(b, m)
	if len(rows) == 0 {
		return nil
	}
	ax := forestAxis(rows)
	c := &chart{
		Name:    fmt.Sprintf("%s, ×"+number.NBSP+"%s", metricTitle(m), b.Run.Baseline),
		Caption: forestCaption(b, rows),
		Head:    []string{"Arm", "Ratio", "95 %", "Difference, µs", "95 %", "p", "p, Holm", "Blocks", "Smallest and largest block", "Would have shown", ""},
	}
	for _, r := range rows {
		v := versusOf(r.c, r.status)
		c.Strips = append(c.Strips, strip{Arm: r.arm, SVG: r.draw(ax, rows).done(), Value: v.Ratio + " " + v.Interval})
		c.Rows = append(c.Rows, []string{
			r.arm.Name, v.Ratio, v.Interval, v.Difference, v.DifferenceInterval, number.P(r.c.Ratio.P), holmText(r.c), fmt.Sprint(r.c.Blocks),
			number.Times(slices.Min(r.blocks)) + " – " + number.Times(slices.Max(r.blocks)), detectableText(r.c), statusWord(r.status),
		})
	}
	var g svg
	g.open("axis", "logarithmic axis, ratio", 20)
	g.ticksX(ax, 7, 0, 4, func(v float64) string { return "×" + trim(v) })
	c.Axis = g.done()
	return c
}

func metricTitle(m stat.Metric) string {
	return map[string]string{"cpu": "CPU per request at saturation", "p50": "Median response time", "p99": "p99 of the response time"}[m.Name]
}

func forestRows(b *evidence.Board, m stat.Metric) []forestRow {
	base := b.Arm(b.Run.Baseline)
	var rows []forestRow
	for _, a := range b.Arms {
		c, status, ok := b.Compared(a.Name, m.Name)
		if !ok || base == nil {
			continue
		}
		for _, twin := range b.AA.List { // judged among themselves
			if twin.Arm == a.Name && twin.Metric.Name == m.Name && twin.Err == nil {
				c, status = twin, "duplicate"
			}
		}
		r := forestRow{arm: a, c: c, status: status}
		pairs := stat.PairUp(b.Run, a.Arm, base.Arm, m)
		for i := range pairs.Blocks {
			r.blocks = append(r.blocks, pairs.ArmNS[i]/pairs.BaselineNS[i])
		}
		rows = append(rows, r)
	}
	return rows
}

// forestAxis covers every interval and every block.
func forestAxis(rows []forestRow) axis {
	ax := axis{1 / 1.25, 1.25, true}
	for _, r := range rows {
		for _, v := range append(slices.Clone(r.blocks), r.c.Ratio.Value) {
			ax.lo, ax.hi = min(ax.lo, v/1.04), max(ax.hi, v*1.04)
		}
		if r.c.Ratio.Bounded {
			ax.lo, ax.hi = min(ax.lo, r.c.Ratio.Lo/1.04), max(ax.hi, r.c.Ratio.Hi*1.04)
		}
	}
	return ax
}

// noise is the interval of the duplicate: what separates two arms that are the
// same.
func noise(rows []forestRow) (stat.Estimate, bool) {
	i := slices.IndexFunc(rows, func(r forestRow) bool { return r.arm.Duplicate && r.c.Ratio.Bounded })
	if i < 0 {
		return stat.Estimate{}, false
	}
	return rows[i].c.Ratio, true
}

func forestCaption(b *evidence.Board, rows []forestRow) string {
	text := "The ratio to " + b.Run.Baseline + ", by block: the marker is the estimate, the bar its 95 % interval, every faint dot one block; the dotted line is equal. "
	if band, ok := noise(rows); ok {
		text += fmt.Sprintf("Shaded: the interval of the duplicate, %s to %s, which differs from %s in nothing: what lies inside is noise. ", number.Times(band.Lo), number.Times(band.Hi), b.Run.Baseline)
	} else {
		text += "There is no duplicate with an interval, so how far noise goes is not known. "
	}
	return text + "The axis is logarithmic. The p adjusted by Holm decides the sentence; the interval shown is unadjusted, each 95 % by itself."
}

// draw is one row, the same in every picture but for its own arm.
func (r forestRow) draw(ax axis, rows []forestRow) *svg {
	const h = 28
	v := versusOf(r.c, r.status)
	g := &svg{}
	g.open("dots", fmt.Sprintf("%s: %s, 95 %% interval %s, blocks from %s to %s", r.arm.Name, v.Ratio, v.Interval, number.Times(slices.Min(r.blocks)), number.Times(slices.Max(r.blocks))), h)
	if band, ok := noise(rows); ok {
		lo, hi := ax.at(band.Lo), ax.at(band.Hi)
		g.rect("zone", lo, 0, hi-lo, h)
	}
	for _, t := range ax.ticks(7) {
		g.vline("grid", ax.at(t), 0, h)
	}
	g.vline("rule", ax.at(1), 0, h)
	for i, ratio := range r.blocks {
		// Apart by block, so that equal ones do not hide each other.
		y := 4 + float64(h-8)*float64(i)/math.Max(1, float64(len(r.blocks)-1))
		g.f(`<circle class="%s" cx="%s%%" cy="%s" r="2.2"/>`, class(r.arm, "faint"), trim2(ax.at(ratio)), trim2(y))
	}
	if r.c.Ratio.Bounded {
		g.f(`<line class="%s" x1="%s%%" x2="%s%%" y1="%d" y2="%d"/>`, class(r.arm, "w"), trim2(ax.at(r.c.Ratio.Lo)), trim2(ax.at(r.c.Ratio.Hi)), h/2, h/2)
	}
	g.mark(r.arm, ax.at(r.c.Ratio.Value), h/2)
	return g
}

// holmText is the adjusted p, of what was judged.
func holmText(c stat.Comparison) string {
	if !c.Metric.Primary {
		return "–"
	}
	return number.P(c.Holm)
}

// detectableText is the smallest effect that as many blocks with this spread would
// have shown, four times in five.
func detectableText(c stat.Comparison) string {
	switch {
	case c.Detectable == 0:
		return "–"
	case math.IsInf(c.Detectable, 1):
		return "nothing"
	}
	return "×" + strings.TrimSpace(number.Times(c.Detectable))
}
