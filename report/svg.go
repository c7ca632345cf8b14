package report

import (
	"fmt"
	"html"
	"html/template"
	"strings"

	"authbench/report/evidence"
)

// svg collects the markup of one chart. Horizontal places are percentages and
// everything else is pixels: a chart is as wide as its place and its text never
// shrinks. There is no viewBox except in curve, where no text is.
type svg struct{ strings.Builder }

func (s *svg) f(format string, args ...any) { fmt.Fprintf(s, format, args...) }

// open begins a chart of the given height. name and desc are for those who do
// not see it.
func (s *svg) open(class, name string, height int) {
	s.f(`<svg class="%s" role="img" aria-label="%s" width="100%%" height="%d">`, class, html.EscapeString(name), height)
}

func (s *svg) done() template.HTML {
	s.WriteString("</svg>")
	return template.HTML(s.String()) // built here; text goes through EscapeString
}

func (s *svg) vline(class string, x, y1, y2 float64) {
	s.f(`<line class="%s" x1="%s%%" x2="%s%%" y1="%s" y2="%s"/>`, class, trim2(x), trim2(x), trim2(y1), trim2(y2))
}

func (s *svg) rect(class string, x, y, w, h float64) {
	s.f(`<rect class="%s" x="%s%%" y="%s" width="%s%%" height="%s"/>`, class, trim2(x), trim2(y), trim2(w), trim2(h))
}

func (s *svg) text(class string, x, y float64, t string) {
	s.f(`<text class="%s" x="%s%%" y="%s">%s</text>`, class, trim2(x), trim2(y), html.EscapeString(t))
}

// mark puts the marker of a series at x percent, y pixels.
func (s *svg) mark(a *evidence.Arm, x, y float64) {
	s.f(`<use class="%s" href="#m%d" x="%s%%" y="%s"/>`, class(a, "k"), marker(a), trim2(x), trim2(y))
}

// curve draws lines through points given in percent of a box at y, h pixels high.
func (s *svg) curve(y, h float64, paths ...string) {
	s.f(`<svg y="%s" width="100%%" height="%s" viewBox="0 0 1000 1000" preserveAspectRatio="none">%s</svg>`,
		trim2(y), trim2(h), strings.Join(paths, ""))
}

// path renders points in percent as a path in the coordinates of curve.
func path(class string, closed bool, points [][2]float64) string {
	var b strings.Builder
	for i, p := range points {
		c := byte('L')
		if i == 0 {
			c = 'M'
		}
		fmt.Fprintf(&b, "%c%s %s", c, trim2(10*p[0]), trim2(10*p[1]))
	}
	if closed {
		b.WriteByte('Z')
	}
	return fmt.Sprintf(`<path class="%s" d="%s"/>`, class, b.String())
}

// ticksX draws the axis below y0..y1 with labels.
func (s *svg) ticksX(a axis, n int, y0, y1 float64, label func(float64) string) {
	for _, v := range a.ticks(n) {
		x := a.at(v)
		s.vline("grid", x, y0, y1)
		class := "tick mid"
		if x < 4 {
			class = "tick"
		} else if x > 96 {
			class = "tick end"
		}
		s.text(class, x, y1+15, label(v))
	}
}

// markers are the shapes of the series, defined once a page. Colour is never
// the only thing that tells two arms apart.
const markers = `<svg class="defs" width="0" height="0" aria-hidden="true"><defs>` +
	`<path id="m0" d="M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z"/>` +
	`<path id="m1" d="M-4 -4H4V4H-4Z"/>` +
	`<path id="m2" d="M0 -5.5L5.5 0L0 5.5L-5.5 0Z"/>` +
	`<path id="m3" d="M0 -5L5 4H-5Z"/>` +
	`<path id="m4" d="M0 5L5 -4H-5Z"/>` +
	`<path id="m5" d="M-5 -2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z"/>` +
	`<path id="m6" d="M-6 -2.5H6V2.5H-6Z"/>` +
	`<path id="m7" d="M-4.5 -4.5H4.5L-4.5 4.5H4.5Z"/>` +
	`<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatchline" d="M0 0V5"/></pattern>` +
	`<pattern id="fault" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="faultline" d="M0 0V5"/></pattern>` +
	`</defs></svg>`

// markerCount is the number of markers of arms that authenticate. It has no divisor in
// common with palette, so it takes many arms until two look the same.
const markerCount = 7

// palette is the number of colours in style.css, control's apart.
const palette = 6

// marker is the shape of an arm; 0 is control's.
func marker(a *evidence.Arm) int {
	if a.Series == 0 {
		return 0
	}
	return (a.Series-1)%markerCount + 1
}

// class names the colour of an arm, prefixed by what it is used for: k marker,
// l line, b bar.
func class(a *evidence.Arm, kind string) string {
	n := 0
	if a.Series > 0 {
		n = (a.Series-1)%palette + 1
	}
	c := fmt.Sprintf("%s c%d", kind, n)
	if a.Hollow {
		c += " hollow"
	}
	return c
}

// trim2 prints a coordinate.
func trim2(v float64) string {
	s := fmt.Sprintf("%.2f", v)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}
