package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"authbench/report/number"
)

// heatSection is a heat map an arm over the course of the run, all on one scale.
type heatSection struct {
	Caption string
	Maps    []heatMap
	Scale   []heatStep
	Head    []string
	Rows    [][]string
}

// heatMap is one arm.
type heatMap struct {
	Name string
	Mark template.HTML
	Y    template.HTML
	Pic  template.HTML
	Axis template.HTML
}

// heatStep is one colour and the counts that have it.
type heatStep struct {
	Swatch template.HTML
	Counts string
}

const (
	heatDigits = 2 // four rows a power of two
	heatLevels = 7
	heatHeight = 112.0
)

// heatAxis is the rows of heat maps: buckets of latency from below.
type heatAxis struct {
	lo, hi int   // buckets, both inclusive
	most   int64 // in any cell
}

func (a heatAxis) rows() int { return a.hi - a.lo + 1 }

// latencyRows spans what the tracks hold, and finds the fullest cell.
func latencyRows(tracks []*track) heatAxis {
	a := heatAxis{lo: math.MaxInt}
	for _, t := range tracks {
		for i := range t.slots {
			for row, n := range heatColumn(&t.slots[i]) {
				a.lo, a.hi, a.most = min(a.lo, row), max(a.hi, row), max(a.most, n)
			}
		}
	}
	if a.most == 0 {
		return heatAxis{lo: 0, hi: 0, most: 1}
	}
	a.lo, a.hi = max(0, a.lo-1), a.hi+1
	return a
}

// heatColumn counts a slot's latencies by row.
func heatColumn(m *moment) map[int]int64 {
	out := map[int]int64{}
	m.ok.each(func(bucket int, n int64) bool {
		from, _ := octaveRange(bucket, binDigits)
		out[octave(from, heatDigits)] += n
		return true
	})
	return out
}

// level is the colour of a count, 1 to heatLevels, on a logarithmic scale.
func (a heatAxis) level(n int64) int {
	if a.most <= 1 {
		return heatLevels
	}
	return 1 + int(math.Round(float64(heatLevels-1)*math.Log(float64(n))/math.Log(float64(a.most))))
}

// heat draws one track. The cells of one colour are one path, neighbours in a column
// one rectangle: thousands of cells take some kilobytes.
func (t *track) heat(name string, a heatAxis) template.HTML {
	var paths [heatLevels + 1]strings.Builder
	rows := a.rows()
	for x := range t.slots {
		column := heatColumn(&t.slots[x])
		for row := a.hi; row >= a.lo; {
			n := column[row]
			if n == 0 {
				row--
				continue
			}
			level, from := a.level(n), row
			for row >= a.lo && column[row] > 0 && a.level(column[row]) == level {
				row--
			}
			fmt.Fprintf(&paths[level], "M%d %dh1v%dh-1z", x, a.hi-from, from-row)
		}
	}
	whole := t.whole()
	desc := fmt.Sprintf("%s: response times over time; half of all arrivals took at most %s, the slowest ok %s", name, lasting(whole.quantile(.5)), lasting(float64(whole.max)))
	var g svg
	g.open("tprow", desc, int(heatHeight))
	g.f(`<rect class="heatbox" x="0" y="0" width="100%%" height="%s"/>`, trim2(heatHeight))
	g.f(`<svg width="100%%" height="%s" viewBox="0 0 %d %d" preserveAspectRatio="none">`, trim2(heatHeight), len(t.slots), rows)
	for level := 1; level <= heatLevels; level++ {
		if paths[level].Len() > 0 {
			g.f(`<path class="heat h%d" d="%s"/>`, level, paths[level].String())
		}
	}
	g.WriteString("</svg>")
	for _, f := range t.faults() {
		if from, to, ok := f.active(); ok {
			g.rect("fwindow", from, 0, to-from, heatHeight)
			g.f(`<rect fill="url(#fault)" x="%s%%" y="0" width="%s%%" height="7"/>`, trim2(from), trim2(to-from))
		}
	}
	if !t.pooled {
		for b := 1; b < len(t.blocks); b++ {
			g.vline("heatrule", 100*float64(b)/float64(len(t.blocks)), 0, heatHeight)
		}
	}
	return g.done()
}

// labels are the latencies at the left of a heat map.
func (a heatAxis) labels(h float64) template.HTML {
	var g svg
	g.openY(h)
	from, _ := octaveRange(a.lo, heatDigits)
	_, to := octaveRange(a.hi, heatDigits)
	for _, v := range (axis{max(1, float64(from)), float64(to), true}).ticks(4) {
		at := h * (1 - (octaveAt(v, heatDigits)-float64(a.lo))/float64(a.rows()))
		g.yLabel(min(max(at+4, 10), h-1), duration(v))
	}
	return g.done()
}

// steps lists the colours with the counts that have them.
func (a heatAxis) steps() []heatStep {
	var out []heatStep
	from := int64(1)
	for level := 1; level <= heatLevels && from <= a.most; level++ {
		to := from
		for to <= a.most && a.level(to) <= level { // counts of one level are neighbours
			to = max(to+1, int64(float64(to)*1.002))
		}
		for to > from && (to > a.most || a.level(to) > level) {
			to--
		}
		if a.level(from) != level {
			continue
		}
		counts := number.Integer(from)
		if to > from {
			counts += " – " + number.Integer(to)
		}
		out = append(out, heatStep{template.HTML(fmt.Sprintf(`<svg class="sw" width="18" height="14" aria-hidden="true"><rect class="heat h%d" width="18" height="14"/></svg>`, level)), counts})
		from = to + 1
	}
	return out
}

func newHeatSection(tracks []*track, mark func(string) template.HTML) *heatSection {
	a := latencyRows(tracks)
	first := tracks[0]
	s := &heatSection{
		Caption: fmt.Sprintf("Every response time that ended ok, in the order in which it was measured: from left to right %s, each in steps of %s; from bottom to top the response time, on a logarithmic axis; the darker (in dark mode: the brighter), the more answers. All arms have the same axes and colours, the colours are logarithmic. What did not end ok is not in these pictures.",
			number.Count(len(first.blocks), "block"), lengthOf(first.every)),
		Scale: a.steps(),
		Head:  []string{"Arm", "Block", "Arrivals", "ok", "p50, µs", "p99, µs", "Slowest ok, µs"},
	}
	for _, t := range tracks {
		s.Maps = append(s.Maps, heatMap{Name: t.arm, Mark: mark(t.arm), Y: a.labels(heatHeight), Pic: t.heat(t.arm, a), Axis: t.axisRow()})
		for b, block := range t.blocks {
			var sum moment
			for i := range t.perBlock {
				sum.merge(&t.slots[b*t.perBlock+i])
			}
			if sum.scheduled() == 0 {
				continue
			}
			s.Rows = append(s.Rows, []string{
				t.arm, fmt.Sprint(block), number.Integer(sum.scheduled()), number.Integer(sum.n[0]),
				quantileOf(&sum, .5), quantileOf(&sum, .99), number.Micros(float64(sum.max)),
			})
		}
	}
	return s
}

// quantileOf prints a quantile in microseconds, or n/a where the sample does not
// support it.
func quantileOf(m *moment, q float64) string {
	if !supportsQuantile(m.scheduled(), q) {
		return "n/a"
	}
	return number.Micros(m.quantile(q))
}
