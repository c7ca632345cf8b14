package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// strip is one row of a chart: an arm and what is drawn for it.
type strip struct {
	Arm   *evidence.Arm
	SVG   template.HTML
	Value string
	Note  string // beside the name; mostly empty
}

// chart is one figure.
type chart struct {
	Name, Caption string
	Strips        []strip       // rows under one axis
	Axis          template.HTML // drawn once, below the rows
	SVG           template.HTML // or one picture
	YTicks        template.HTML
	Legend        []*evidence.Arm
	Small         bool // strips are small multiples
	Head          []string
	Rows          [][]string // the same as numbers
}

// cpuChart is a bar an arm: target, then store, per request at saturation.
func (s *summary) cpuChart() *chart {
	c := &chart{
		Name:    "CPU per request at saturation",
		Caption: "Median over trials. Filled: the target's own CPU; hatched: the store's. Without the second part, sessions would look free.",
		Head:    []string{"Arm", "Target, µs", "Store, µs", "Sum, µs"},
	}
	top := 0.0
	for _, a := range s.Arms {
		if a.SatSum.Missing == "" {
			top = max(top, a.SatTarget.Value+a.SatStore.Value)
		}
	}
	if top == 0 {
		return nil
	}
	ax := linearAxis(top)
	for i := range s.Arms {
		a := s.Arms[i]
		var g svg
		value := "n/a"
		if a.SatSum.Missing == "" {
			value = number.Micros(a.SatSum.Value)
			g.open("bars", fmt.Sprintf("%s: target %s µs, store %s µs", a.Name, number.Micros(a.SatTarget.Value), number.Micros(a.SatStore.Value)), 22)
			t, st := ax.at(a.SatTarget.Value), ax.at(a.SatStore.Value)
			g.rect(class(a, "b"), 0, 3, t, 16)
			if a.SatStore.Value > 0 {
				g.rect(class(a, "b thin"), t, 3, st, 16)
				g.f(`<rect class="hatch" fill="url(#hatch)" x="%s%%" y="3" width="%s%%" height="16"/>`, trim2(t), trim2(st))
			}
		} else {
			g.open("bars", a.Name+": "+a.SatSum.Missing, 22)
		}
		c.Strips = append(c.Strips, strip{Arm: a, SVG: g.done(), Value: value})
		c.Rows = append(c.Rows, []string{a.Name, cellText(a.SatTarget), cellText(a.SatStore), cellText(a.SatSum)})
	}
	var g svg
	g.open("axis", "axis in microseconds", 20)
	g.ticksX(ax, 5, 0, 4, func(v float64) string { return number0(v/1e3) + " µs" })
	c.Axis = g.done()
	return c
}

// forests show the ratios to the baseline, one picture a primary metric.
func (s *summary) forests() []*chart {
	var out []*chart
	for _, m := range evidence.Primaries(s.Run.Profile) {
		if c := s.forest(m); c != nil {
			out = append(out, c)
		}
	}
	return out
}

func (s *summary) forest(m stat.Metric) *chart {
	c := &chart{
		Name:    fmt.Sprintf("%s, ×"+number.NBSP+"%s", map[string]string{"cpu": "CPU per request at saturation", "p50": "Median response time", "p99": "p99 of the response time"}[m.Name], s.Run.Baseline),
		Caption: "The ratio, by block, with its 95 % interval; dotted: equal; shaded: within 5 % of that.",
		Head:    []string{"Arm", "Ratio", "95 %", "Difference, µs", "95 %", "p", "p, Holm", "Blocks", ""},
	}
	ax := axis{1 / 1.25, 1.25, true}
	type row struct {
		arm    *evidence.Arm
		c      stat.Comparison
		status string
	}
	var rows []row
	for i := range s.Arms {
		a := s.Arms[i]
		if cmp, status, ok := s.Compared(a.Name, m.Name); ok {
			rows = append(rows, row{a, cmp, status})
			lo, hi := cmp.Ratio.Value, cmp.Ratio.Value
			if cmp.Ratio.Bounded {
				lo, hi = cmp.Ratio.Lo, cmp.Ratio.Hi
			}
			ax.lo, ax.hi = min(ax.lo, lo/1.08), max(ax.hi, hi*1.08)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	const h = 26
	for _, r := range rows {
		v := versusOf(r.c, r.status)
		var g svg
		g.open("dots", fmt.Sprintf("%s: %s, 95 %% interval %s", r.arm.Name, v.Ratio, v.Interval), h)
		for _, t := range ax.ticks(5) {
			g.vline("grid", ax.at(t), 0, h)
		}
		lo, hi := ax.at(1/(1+evidence.Margin)), ax.at(1+evidence.Margin)
		g.rect("zone", lo, 0, hi-lo, h)
		g.vline("rule", ax.at(1), 0, h)
		if r.c.Ratio.Bounded {
			g.f(`<line class="%s" x1="%s%%" x2="%s%%" y1="%d" y2="%d"/>`, class(r.arm, "w"), trim2(ax.at(r.c.Ratio.Lo)), trim2(ax.at(r.c.Ratio.Hi)), h/2, h/2)
		}
		g.mark(r.arm, ax.at(r.c.Ratio.Value), h/2)
		c.Strips = append(c.Strips, strip{Arm: r.arm, SVG: g.done(), Value: v.Ratio + " " + v.Interval})
		c.Rows = append(c.Rows, []string{r.arm.Name, v.Ratio, v.Interval, v.Difference, v.DifferenceInterval, number.P(r.c.Ratio.P), number.P(r.c.Holm), fmt.Sprint(r.c.Blocks), strings.ReplaceAll(r.status, "_", " ")})
	}
	var g svg
	g.open("axis", "logarithmic axis, ratio", 20)
	g.ticksX(ax, 7, 0, 4, func(v float64) string { return "×" + trim(v) })
	c.Axis = g.done()
	return c
}

// number0 labels a linear tick.
func number0(v float64) string {
	if v == 0 {
		return "0"
	}
	return trim(v)
}

// dots shows every trial as a marker; within a row block 1 is at the top.
func (s *summary) dots(name, caption string, trials func(*evidence.Arm) []*results.Trial, get func(*evidence.Arm) func(*results.Trial) (float64, bool)) *chart {
	c := &chart{Name: name, Caption: caption, Head: []string{"Arm", "Block", "µs"}}
	lo, hi := math.Inf(1), 0.0
	blocks := 1
	each := func(f func(*evidence.Arm, *results.Trial, float64)) {
		for i := range s.Arms {
			a := s.Arms[i]
			for _, t := range trials(a) {
				if v, ok := get(a)(t); ok {
					f(a, t, v)
				}
			}
		}
	}
	each(func(_ *evidence.Arm, t *results.Trial, v float64) {
		blocks = max(blocks, t.Block)
		if finite(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	})
	if hi == 0 {
		return nil
	}
	ax := logAxis(lo, hi)
	step := min(6, 66/float64(blocks))
	height := int(math.Ceil(step*float64(blocks-1))) + 14
	drawn := map[string]*svg{}
	for i := range s.Arms {
		a := s.Arms[i]
		g := &svg{}
		g.open("dots", fmt.Sprintf("%s of %s, %s", name, a.Name, number.Count(len(trials(a)), "trial")), height)
		for _, v := range ax.ticks(5) {
			g.vline("grid", ax.at(v), 0, float64(height))
		}
		drawn[a.Name] = g
	}
	each(func(a *evidence.Arm, t *results.Trial, v float64) {
		c.Rows = append(c.Rows, []string{a.Name, fmt.Sprint(t.Block), number.Micros(v)})
		if finite(v) {
			drawn[a.Name].mark(a, ax.at(v), 7+step*float64(t.Block-1))
		} else {
			drawn[a.Name].text("tick end", 100, 11+step*float64(t.Block-1), "> timeout")
		}
	})
	for i := range s.Arms {
		a := s.Arms[i]
		c.Strips = append(c.Strips, strip{Arm: a, SVG: drawn[a.Name].done()})
	}
	var g svg
	g.open("axis", "logarithmic axis", 20)
	g.ticksX(ax, 5, 0, 4, duration)
	c.Axis = g.done()
	return c
}

// histograms are small multiples on one logarithmic axis and one scale.
func (s *summary) histograms() *chart {
	const bins = 90
	lo, hi := s.middle()
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
	shares := make([][bins]float64, len(s.Arms))
	top := 0.0
	for i, a := range s.Arms {
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
	for i := range s.Arms {
		a := s.Arms[i]
		if a.Dist.OK == nil {
			continue
		}
		p50, p99 := a.Dist.At(.5), a.Dist.At(.99)
		var g svg
		g.open("hist", fmt.Sprintf("Response times of %s: p50 %s µs, p99 %s µs", a.Name, number.Micros(p50), number.Micros(p99)), h+20)
		g.ticksX(ax, 4, 0, h, duration)
		points := [][2]float64{{0, 100}}
		for b, v := range shares[i] {
			y := 100 * (1 - v/top)
			points = append(points, [2]float64{100 * float64(b) / bins, y}, [2]float64{100 * float64(b+1) / bins, y})
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
func (s *summary) middle() (lo, hi float64) {
	lo = math.Inf(1)
	for _, a := range s.Arms {
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

// curves are the percentile curves: how many arrivals were slower than that.
func (s *summary) curves() *chart {
	const h = 340
	var arms []*evidence.Arm
	deepest, lo, hi := 1.0, math.Inf(1), 0.0
	for i := range s.Arms {
		a := s.Arms[i]
		if a.Dist.OK == nil || a.Dist.OK.TotalCount() == 0 {
			continue
		}
		arms = append(arms, a)
		deepest = max(deepest, nines(1-1/float64(a.Dist.Scheduled)))
		lo = min(lo, a.Dist.At(.001))
		hi = max(hi, float64(a.Dist.OK.Max()))
	}
	if len(arms) == 0 {
		return nil
	}
	x, y := axis{0, deepest, false}, logAxis(lo, hi)
	c := &chart{
		Name:    "Percentile curves, all blocks merged",
		Caption: "Read across: the share of arrivals that were at least as fast; each step to the right is one more nine. Solid where the sample supports the quantile, dashed beyond, where a few arrivals decide. A curve that ends early met arrivals that did not end ok.",
		Legend:  arms,
		Head:    []string{"Arm", "p50, µs", "p90, µs", "p99, µs", "p99.9, µs", "p99.99, µs", "Supported to"},
	}
	var g svg
	g.open("plot", c.Name, h+22)
	g.vline("grid", x.at(nines(.5)), 0, h)
	g.text("tick mid", x.at(nines(.5)), h+16, "p50")
	for n := 1; float64(n) <= deepest; n++ {
		g.vline("grid", x.at(float64(n)), 0, h)
		class := "tick mid"
		if x.at(float64(n)) > 94 {
			class = "tick end"
		}
		g.text(class, x.at(float64(n)), h+16, quantileName(n))
	}
	for _, v := range y.ticks(9) {
		at := h * (1 - y.at(v)/100)
		g.f(`<line class="grid" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
	}
	var paths []string
	for _, a := range arms {
		paths = append(paths, curve(a, x, y, deepest)...)
	}
	g.curve(0, h, paths...)
	for _, a := range arms {
		row := []string{a.Name}
		for _, q := range []float64{.5, .9, .99, .999, .9999} {
			v := a.Dist.At(q)
			switch {
			case a.Dist.Scheduled < evidence.SamplesFor(q):
				row = append(row, "n/a")
			default:
				row = append(row, number.Micros(v))
				if finite(v) {
					g.mark(a, x.at(nines(q)), h*(1-y.at(v)/100))
				}
			}
		}
		c.Rows = append(c.Rows, append(row, fmt.Sprintf("%.4g %%", 100*evidence.Supported(a.Dist.Scheduled))))
	}
	c.SVG = g.done()

	var ya svg
	ya.f(`<svg class="yaxis" aria-hidden="true" width="62" height="%d">`, h+22)
	for _, v := range y.ticks(9) {
		at := h * (1 - y.at(v)/100)
		ya.f(`<text class="tick end" x="54" y="%s">%s</text>`, trim2(min(max(at+4, 11), h)), duration(v))
	}
	c.YTicks = ya.done()
	return c
}

// curve returns the solid and the dashed part of an arm's percentile curve.
func curve(a *evidence.Arm, x, y axis, deepest float64) []string {
	limit := nines(evidence.Supported(a.Dist.Scheduled))
	var solid, dashed [][2]float64
	const step = .04
	end := nines(1 - 1/float64(a.Dist.Scheduled))
	for n := 0.0; n <= min(deepest, end)+step/2; n += step {
		v := a.Dist.At(1 - math.Pow(10, -n))
		if !finite(v) {
			break
		}
		p := [2]float64{x.at(n), 100 - y.at(v)}
		if n <= limit {
			solid = append(solid, p)
			dashed = [][2]float64{p}
		} else {
			dashed = append(dashed, p)
		}
	}
	out := []string{path(class(a, "l"), false, solid)}
	if len(dashed) > 1 {
		out = append(out, path(class(a, "l dash"), false, dashed))
	}
	return out
}

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

// cellText is an estimate in microseconds for a data table.
func cellText(e evidence.Value) string {
	if e.Missing != "" {
		return "n/a"
	}
	return number.Micros(e.Value)
}
