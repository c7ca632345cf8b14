package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"authbench/report/number"
)

// series is one line of a row: a value a slot, NaN or Inf where there is none.
type series struct {
	key    string // in the page's address, and the class of its colour
	name   string
	dash   int // line style, below dashCount
	marker int
	values []float64
}

// dashCount is the number of line styles in timeline.css.
const dashCount = 6

// panelRow is one chart of a panel; all rows share the axis of time below the last.
type panelRow struct {
	Name string
	Keys []panelKey
	Note string        // in place of a picture
	Y    template.HTML // labels
	Pic  template.HTML
}

// panelKey is an entry of a row's legend.
type panelKey struct {
	Series, Name string
	Swatch       template.HTML
}

func (s series) swatch() template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="sw" width="30" height="14" aria-hidden="true"><path class="l s-%s d%d" d="M0 7H30"/><use class="k s-%s" href="#m%d" x="15" y="7"/></svg>`, s.key, s.dash, s.key, s.marker))
}

// lines draws a row of series over n slots.
func (t *track) lines(name, desc string, h float64, y axis, label func(float64) string, ticks int, all []series) panelRow {
	row := panelRow{Name: name}
	var g svg
	g.open("tprow", desc, int(h))
	for _, v := range y.ticks(ticks) {
		at := h * (1 - y.at(v)/100)
		g.f(`<line class="grid" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
	}
	t.bands(&g, h)
	for k, s := range all {
		row.Keys = append(row.Keys, panelKey{s.key, s.name, s.swatch()})
		g.f(`<g data-s="%s">`, s.key)
		g.curve(0, h, fmt.Sprintf(`<path class="l s-%s d%d" d="%s"/>`, s.key, s.dash, t.linePath(s.values, y)))
		for i, v := range s.values {
			if drawable(v) && v != 0 && t.marked(i, k, len(all)) {
				g.f(`<use class="k s-%s" href="#m%d" x="%s%%" y="%s"/>`, s.key, s.marker, trim2(t.x(i)), trim2(h*(1-y.at(v)/100)))
			}
		}
		g.WriteString("</g>")
	}
	row.Pic = g.done()
	row.Y = yLabels(h, y, ticks, label)
	return row
}

// x is the middle of slot i, in percent.
func (t *track) x(i int) float64 { return 100 * (float64(i) + .5) / float64(len(t.slots)) }

// marked says whether a series has its marker on slot i: on about a dozen, each series
// on others, so that lines that lie on one another can be told apart.
func (t *track) marked(i, series, of int) bool {
	every := max(1, len(t.slots)/12)
	return i%every == (series*every/max(1, of)+every/2)%every
}

// linePath joins values that stand beside each other; whole thousandths of the box.
func (t *track) linePath(values []float64, y axis) string {
	var b strings.Builder
	on := false
	for i, v := range values {
		newBlock := !t.pooled && i%t.perBlock == 0
		if !drawable(v) {
			on = false
			continue
		}
		c := byte('L')
		if !on || newBlock {
			c = 'M'
		}
		fmt.Fprintf(&b, "%c%.0f %.0f", c, 10*t.x(i), 1000-10*y.at(v))
		on = true
	}
	return b.String()
}

// drawable says whether there is a value; 0 is one.
func drawable(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func yLabels(h float64, y axis, ticks int, label func(float64) string) template.HTML {
	var g svg
	g.openY(h)
	for _, v := range y.ticks(ticks) {
		g.yLabel(min(max(h*(1-y.at(v)/100)+4, 10), h-1), label(v))
	}
	return g.done()
}

// openY begins the column of labels at the left of a chart; its width is in the style
// sheet, because it grows with the font.
func (s *svg) openY(h float64) {
	s.f(`<svg class="yaxis" aria-hidden="true" height="%s">`, trim2(h))
}

func (s *svg) yLabel(y float64, text string) {
	s.f(`<text class="tick end" x="100%%" dx="-8" y="%s">%s</text>`, trim2(y), text)
}

// bands shades when a fault acted.
func (t *track) bands(g *svg, h float64) {
	for _, f := range t.faults() {
		if from, to, ok := f.active(); ok {
			g.rect("zone", from, 0, to-from, h)
			g.vline("fedge", from, 0, h)
			g.vline("fedge", to, 0, h)
		}
	}
}

// lanes are when a fault was requested, acted, was asked to end and was over: one above
// the other, so that the words need no colour.
func (t *track) lanes() (panelRow, bool) {
	spans := t.faults()
	if len(spans) == 0 {
		return panelRow{}, false
	}
	const step, bar = 17.0, 9.0
	names := [...]string{"requested", "confirmed", "recovering", "healed"}
	var told []string
	var g, y svg
	var body svg
	y.openY(step * float64(len(names)))
	for k, name := range names {
		top := step*float64(k) + (step-bar)/2
		y.yLabel(top+bar-.5, name)
		body.f(`<line class="grid" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(top+bar/2), trim2(top+bar/2))
	}
	for _, f := range spans {
		told = append(told, t.story(f))
		ends := [...]float64{f.Requested, f.Confirmed, f.Recover, f.Recovered, 100}
		for k := range names {
			from, to := ends[k], ends[k+1]
			if math.IsNaN(from) {
				break
			}
			if math.IsNaN(to) { // nothing is known of what came after
				to = 100
			}
			body.rect(fmt.Sprintf("lane lane%d", k), from, step*float64(k)+(step-bar)/2, max(to-from, .4), bar)
		}
	}
	g.open("tprow", strings.Join(told, " "), int(step)*len(names))
	g.WriteString(body.String())
	return panelRow{Name: "Fault", Y: y.done(), Pic: g.done()}, true
}

// story tells one fault in a sentence.
func (t *track) story(f faultSpan) string {
	at := func(ns *int64) string {
		if ns == nil {
			return ""
		}
		return number.Short(float64(t.trial.Timeline.ZeroNS+*ns)/1e9) + number.NBSP + "s"
	}
	s := fmt.Sprintf("%s on %s: requested at %s", f.Name, f.On, at(&f.RequestedNS))
	if f.ConfirmedNS == nil {
		return s + ", never seen to act."
	}
	s += ", seen to act at " + at(f.ConfirmedNS)
	if f.RecoverNS != nil {
		s += ", asked to end at " + at(f.RecoverNS)
	}
	if f.RecoveredNS == nil {
		return s + ", never seen to be over."
	}
	return s + ", seen to be over at " + at(f.RecoveredNS) + "."
}

// axisRow labels the time.
func (t *track) axisRow() template.HTML {
	var g svg
	g.f(`<svg class="tprow" aria-hidden="true" width="100%%" height="20">`)
	tick := func(x float64, label string) {
		g.vline("grid", x, 0, 4)
		class := "tick mid"
		if x < 3 {
			class = "tick"
		} else if x > 97 {
			class = "tick end"
		}
		g.text(class, x, 16, label)
	}
	if !t.pooled {
		every := max(1, (len(t.blocks)+11)/12)
		for i := 0; i < len(t.blocks); i += every {
			tick(100*(float64(i)+.5)/float64(len(t.blocks)), fmt.Sprint(t.blocks[i]))
		}
		return g.done()
	}
	whole := float64(len(t.slots)) * t.every.Seconds()
	step := roundUp(whole/6, 1, 2, 5)
	for v := 0.0; v <= whole*1.0001; v += step {
		tick(100*v/whole, trim(v)+number.NBSP+"s")
	}
	return g.done()
}

// axisName is what the time is.
func (t *track) axisName() string {
	switch {
	case t.trial != nil:
		return "since the load began"
	case t.pooled:
		return "within a trial"
	}
	return "block"
}
