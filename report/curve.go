package report

import (
	"fmt"
	"html/template"
	"math"

	"authbench/report/evidence"
	"authbench/report/number"
)

// curveHeight is in pixels.
const curveHeight = 360.0

// curveAxes are those of the percentile curves: nines to the right, time upwards.
type curveAxes struct{ x, y axis }

// plot is the place of a quantile and a time, in percent of the box.
func (c curveAxes) plot(n, v float64) [2]float64 { return [2]float64{c.x.at(n), 100 - c.y.at(v)} }

// tracedArm is one arm of the percentile curves.
type tracedArm struct {
	arm    *evidence.Arm
	all    evidence.Ranked
	blocks []evidence.Ranked
}

// curves are the percentile curves: how slow the slowest part of the arrivals was.
// Nil where there are no histograms.
func curves(b *evidence.Board) *chart {
	arms := traced(b)
	if len(arms) == 0 {
		return nil
	}
	q, slo, hasSLO := 0.0, 0.0, false
	if len(b.Run.Knees) > 0 {
		q, slo, hasSLO = evidence.Objective(b.Run.Knees[0].Objective)
	}
	axes := fitCurves(arms)
	if hasSLO {
		axes.y.hi = max(axes.y.hi, roundUp(slo*1.02, 1, 1.5, 2, 3, 5))
	}
	c := &chart{
		Name:    "Percentile curves, all blocks merged",
		Caption: curveCaption(hasSLO),
		Head:    []string{"Arm", "p50, µs", "blocks", "p90, µs", "p99, µs", "blocks", "p99.9, µs", "p99.99, µs", "Supported to"},
		YTicks:  yLabels(curveHeight, axes.y, 9, duration),
	}
	var g svg
	g.f(`<svg class="curves" role="img" aria-label="%s" width="100%%" height="%d" data-x-lo="0" data-x-hi="%s" data-y-lo="%s" data-y-hi="%s" data-y-log="1">`,
		c.Name, int(curveHeight)+22, trim2(axes.x.hi), trim(axes.y.lo), trim(axes.y.hi))
	axes.grid(&g)
	var ribbons, lines []string
	for _, t := range arms {
		if p := t.ribbon(axes); p != "" {
			ribbons = append(ribbons, p)
		}
		lines = append(lines, t.lines(axes)...)
	}
	g.curve(0, curveHeight, append(ribbons, lines...)...)
	if hasSLO {
		at := curveHeight * (1 - axes.y.at(slo)/100)
		g.f(`<line class="bound" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
		g.text("tick", .5, at-4, fmt.Sprintf("objective: %s below %s", quantileLabel(q), duration(slo)))
	}
	var data []crossCurve
	for _, t := range arms {
		c.Legend = append(c.Legend, t.arm)
		c.Rows = append(c.Rows, t.marks(&g, axes))
		data = append(data, t.cross(axes.x.hi))
	}
	c.SVG = g.done()
	c.Cross, c.Data = "curve-data", crossData("curve-data", axes.x.hi, data)
	return c
}

func traced(b *evidence.Board) []tracedArm {
	var out []tracedArm
	for _, a := range b.Arms {
		if a.Dist.OK != nil && a.Dist.OK.TotalCount() > 0 {
			out = append(out, tracedArm{a, a.Dist.Rank(), evidence.RankBlocks(b.Costs().Histograms, a.Steady)})
		}
	}
	return out
}

func fitCurves(arms []tracedArm) curveAxes {
	deepest, lo, hi := 1.0, math.Inf(1), 0.0
	for _, t := range arms {
		deepest = max(deepest, nines(1-1/float64(t.all.Scheduled())))
		lo = min(lo, t.all.At(.001))
		hi = max(hi, float64(t.arm.Dist.OK.Max()))
	}
	return curveAxes{axis{0, deepest, false}, logAxis(lo, hi)}
}

func curveCaption(slo bool) string {
	text := "To the right, the share of arrivals that were at least as fast: each step is one more nine, so that the slowest tenth, hundredth and thousandth have as much room as the rest. " +
		"The band is from the fastest to the slowest block’s own curve, as far as one block’s sample goes. " +
		"Solid where the sample of all blocks supports the quantile, dashed beyond, where a few arrivals decide. A curve that ends early met arrivals that did not end ok."
	if slo {
		text += " The dashed line across is the objective of the load sweep, which was held against other rates than this one."
	}
	return text
}

// grid draws the lines and the labels below.
func (c curveAxes) grid(g *svg) {
	tick := func(n float64, label string) {
		x := c.x.at(n)
		g.vline("grid", x, 0, curveHeight)
		class := "tick mid"
		if x > 94 {
			class = "tick end"
		}
		g.text(class, x, curveHeight+16, label)
	}
	tick(nines(.5), "p50")
	for n := 1; float64(n) <= c.x.hi; n++ {
		tick(float64(n), quantileName(n))
	}
	for _, v := range c.y.ticks(9) {
		at := curveHeight * (1 - c.y.at(v)/100)
		g.f(`<line class="grid" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
	}
}

// ribbon covers the curves of all blocks; "" with fewer than two.
func (t tracedArm) ribbon(axes curveAxes) string {
	if len(t.blocks) < 2 {
		return ""
	}
	end := axes.x.hi
	for _, b := range t.blocks {
		end = min(end, nines(evidence.Supported(b.Scheduled())))
	}
	var upper, lower [][2]float64
	for n := 0.0; n <= end; n += nineStep {
		lo, hi := t.between(1 - math.Pow(10, -n))
		if !finite(hi) {
			break
		}
		upper, lower = append(upper, axes.plot(n, hi)), append(lower, axes.plot(n, lo))
	}
	for i := range lower {
		upper = append(upper, lower[len(lower)-1-i])
	}
	return path(class(t.arm, "ribbon"), true, upper)
}

// between is the fastest and the slowest block at the quantile.
func (t tracedArm) between(q float64) (lo, hi float64) {
	lo, hi = math.Inf(1), 0
	for _, b := range t.blocks {
		v := b.At(q)
		lo, hi = min(lo, v), max(hi, v)
	}
	return lo, hi
}

// lines are the solid and the dashed part of the curve.
func (t tracedArm) lines(axes curveAxes) []string {
	limit := nines(evidence.Supported(t.all.Scheduled()))
	var solid, dashed [][2]float64
	for n := 0.0; n <= t.deepest(axes.x.hi)+nineStep/2; n += nineStep {
		v := t.all.At(1 - math.Pow(10, -n))
		if !finite(v) {
			break
		}
		if p := axes.plot(n, v); n <= limit {
			solid, dashed = append(solid, p), [][2]float64{p}
		} else {
			dashed = append(dashed, p)
		}
	}
	out := []string{t.named(path(class(t.arm, "l"), false, solid))}
	if len(dashed) > 1 {
		out = append(out, t.named(path(class(t.arm, "l dash"), false, dashed)))
	}
	return out
}

// deepest is how many nines the arm's sample has at all.
func (t tracedArm) deepest(most float64) float64 {
	return min(most, nines(1-1/float64(t.all.Scheduled())))
}

// named tells a script whose path it is.
func (t tracedArm) named(path string) string {
	return `<path data-arm="` + template.HTMLEscapeString(t.arm.Name) + `"` + path[len("<path"):]
}

// marks puts the arm's markers at the quantiles that its sample supports, and
// returns its row of the table.
func (t tracedArm) marks(g *svg, axes curveAxes) []string {
	row := []string{t.arm.Name}
	for _, q := range []float64{.5, .9, .99, .999, .9999} {
		v := t.all.At(q)
		if t.all.Scheduled() < evidence.SamplesFor(q) {
			row = append(row, "n/a")
		} else {
			row = append(row, number.Micros(v))
			if finite(v) {
				p := axes.plot(nines(q), v)
				g.mark(t.arm, p[0], curveHeight*p[1]/100)
			}
		}
		if q == .5 || q == .99 {
			row = append(row, t.span(q))
		}
	}
	return append(row, fmt.Sprintf("%.4g %%", 100*evidence.Supported(t.all.Scheduled())))
}

// span prints the fastest and the slowest block.
func (t tracedArm) span(q float64) string {
	for _, b := range t.blocks {
		if b.Scheduled() < evidence.SamplesFor(q) {
			return "n/a"
		}
	}
	if len(t.blocks) == 0 {
		return "n/a"
	}
	lo, hi := t.between(q)
	return number.Micros(lo) + " – " + number.Micros(hi)
}

// cross is what the cross-hair reads.
func (t tracedArm) cross(deepest float64) crossCurve {
	c := crossCurve{Name: t.arm.Name, Supported: nines(evidence.Supported(t.all.Scheduled()))}
	for n := 0.0; n <= t.deepest(deepest)+nineStep/2; n += nineStep {
		v := t.all.At(1 - math.Pow(10, -n))
		if !finite(v) {
			break
		}
		c.Values = append(c.Values, int64(v))
	}
	return c
}

// quantileLabel prints a quantile: "p99.9".
func quantileLabel(q float64) string { return "p" + trim(100*q) }

// nines counts how many nines a quantile has: .9 one, .99 two.
func nines(q float64) float64 { return -math.Log10(1 - q) }

func quantileName(n int) string {
	switch n {
	case 1:
		return "p90"
	case 2:
		return "p99"
	}
	name := "p99."
	for range n - 2 {
		name += "9"
	}
	return name
}
