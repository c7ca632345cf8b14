package report

import (
	"fmt"
	"math"
	"slices"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// sweep is the highest rate at an objective, and the rates that were tried.
type sweep struct {
	Objective string
	Chart     *chart
	Rows      []sweepRow
	Missing   string
}

type sweepRow struct {
	Ref *evidence.Arm
	results.Knee
}

func sweepSection(v *view) any {
	if v.Cost == nil {
		return nil
	}
	s := &sweep{}
	for _, k := range v.Run.Knees {
		if a := v.Arm(k.Arm); a != nil {
			s.Rows = append(s.Rows, sweepRow{a, k})
		}
	}
	if len(s.Rows) == 0 {
		s.Missing = "Not measured in this run: authbench bench --knee, or the profile full, looks for the highest rate at which each arm still meets an objective."
		return s
	}
	s.Objective = s.Rows[0].Objective
	s.Chart = sweepChart(s.Rows, s.Objective)
	return s
}

// probe is one rate that was tried and has a p99.
type probe struct {
	results.KneeProbe
	achieved, p99 float64 // 1/s; ns, Inf beyond the timeout
}

// probesOf are those of an arm that its sample supports, by rate; what was beyond
// the generator says nothing of the target.
func probesOf(k results.Knee) []probe {
	var out []probe
	for _, p := range k.Probes {
		v, ok := evidence.Quantile(p.Latency, p.Latency.P99, .99)
		if !ok || p.Result == "generator_limit" || p.Accounting.Scheduled == 0 {
			continue
		}
		out = append(out, probe{p, p.PerSecond * float64(p.Accounting.OK) / float64(p.Accounting.Scheduled), v})
	}
	slices.SortStableFunc(out, func(a, b probe) int { return int(math.Copysign(1, a.PerSecond-b.PerSecond)) })
	return out
}

// sweepChart draws p99 over the rate that was answered.
func sweepChart(rows []sweepRow, objective string) *chart {
	const h = 300.0
	x, y := axis{math.Inf(1), 0, true}, axis{math.Inf(1), 0, true}
	for _, r := range rows {
		for _, p := range probesOf(r.Knee) {
			if finite(p.p99) && finite(p.achieved) {
				x.lo, x.hi = min(x.lo, p.achieved), max(x.hi, p.achieved)
				y.lo, y.hi = min(y.lo, p.p99), max(y.hi, p.p99)
			}
		}
	}
	if y.hi == 0 {
		return nil
	}
	_, slo, hasSLO := evidence.Objective(objective)
	if hasSLO {
		y.lo, y.hi = min(y.lo, slo), max(y.hi, slo)
	}
	x, y = logAxis(x.lo, x.hi), logAxis(y.lo, y.hi)
	c := &chart{
		Name:    "p99 over the rate that was answered",
		Caption: "One pass of rates an arm, in search of the highest that meets the objective: filled markers met it, hollow ones did not. Rates beyond the generator are left out. It explores: there is one measurement of each rate, so no interval and no comparison.",
		YTicks:  yLabels(h, y, 7, duration),
		Head:    []string{"Arm", "Offered, 1/s", "Answered ok, 1/s", "p99, µs", "Result"},
	}
	var g svg
	g.open("plot", c.Name, int(h)+22)
	g.ticksX(x, 5, 0, h, func(v float64) string { return trim(v/1e3) + "k/s" })
	for _, v := range y.ticks(7) {
		at := h * (1 - y.at(v)/100)
		g.f(`<line class="grid" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
	}
	if hasSLO {
		at := h * (1 - y.at(slo)/100)
		g.f(`<line class="bound" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
		g.text("tick", .5, at-4, "objective: "+objective)
	}
	var lines []string
	for _, r := range rows {
		c.Legend = append(c.Legend, r.Ref)
		lines = append(lines, path(class(r.Ref, "l thread"), false, r.points(x, y)))
	}
	g.curve(0, h, lines...)
	for _, r := range rows {
		r.marks(&g, c, x, y, h)
	}
	c.SVG = g.done()
	return c
}

func (r sweepRow) points(x, y axis) [][2]float64 {
	var out [][2]float64
	for _, p := range probesOf(r.Knee) {
		if finite(p.p99) && finite(p.achieved) {
			out = append(out, [2]float64{x.at(p.achieved), 100 - y.at(p.p99)})
		}
	}
	return out
}

// marks draws the markers of an arm and appends its rows to the table.
func (r sweepRow) marks(g *svg, c *chart, x, y axis, h float64) {
	for _, p := range probesOf(r.Knee) {
		c.Rows = append(c.Rows, []string{r.Arm, number.Short(p.PerSecond), number.Short(p.achieved), number.Micros(p.p99), statusWord(p.Result)})
		if !finite(p.p99) || !finite(p.achieved) {
			continue
		}
		kind := "k"
		if p.Result != "met" {
			kind = "k missed"
		}
		g.f(`<use class="%s" href="#m%d" x="%s%%" y="%s"/>`, class(r.Ref, kind), marker(r.Ref), trim2(x.at(p.achieved)), trim2(h*(1-y.at(p.p99)/100)))
	}
}

// Highest prints the rate that met the objective.
func (r sweepRow) Highest() string {
	if r.MetPerSecond == 0 {
		return "none met it"
	}
	return number.Integer(int64(r.MetPerSecond)) + "/s"
}

// Then prints what is known of rates above.
func (r sweepRow) Then() string {
	switch {
	case r.MissedPerSecond > 0:
		return fmt.Sprintf("missed at %s/s", number.Integer(int64(r.MissedPerSecond)))
	case r.GeneratorLimitPerSecond > 0:
		return fmt.Sprintf("the generator’s limit at %s/s", number.Integer(int64(r.GeneratorLimitPerSecond)))
	}
	return "not known"
}
