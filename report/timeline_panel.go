package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// timePanel is one track, drawn: rates, latencies, errors and CPU under one axis of time.
type timePanel struct {
	ID, Title string
	Mark      template.HTML
	What      string // in a sentence
	Folded    bool
	Rows      []panelRow
	Axis      template.HTML
	AxisName  string
	Slots     int
	Brush     bool // there is enough time to choose a part of it
	Curve     *panelPlot
	Hist      *panelPlot
	Head      []string
	Body      template.HTML // rows of the table; the script reads the cross-hair's values there
	Data      template.HTML // for the script

	track *track
}

// brushFrom is the number of slots, or seconds of a trial, from which a part can be
// chosen.
const brushFrom = 5

func newPanel(id string, t *track, mark template.HTML) *timePanel {
	whole := t.whole()
	p := &timePanel{track: t, ID: id, Title: t.arm, Mark: mark, Slots: len(t.slots), Brush: len(t.slots) >= brushFrom, Axis: t.axisRow(), AxisName: t.axisName()}
	if t.trial != nil {
		p.Title = strings.Join(nonEmpty([]string{t.arm, t.trial.Scenario, t.trial.Chaos.Fault}), " · ")
		if lanes, ok := t.lanes(); ok {
			p.Rows = append(p.Rows, lanes)
		}
		ax := latencyRows([]*track{t})
		p.Rows = append(p.Rows, panelRow{Name: "Response times; colour: how many, on a logarithmic scale", Y: ax.labels(heatHeight), Pic: t.heat(p.Title, ax)})
	}
	p.What = t.sentence(whole)
	classes := t.classes(whole)
	p.Rows = append(p.Rows, t.latencyRow(), t.rateRow(), t.errorRow(classes), t.cpuRow())
	p.Head, p.Body = t.table(classes)
	if p.Brush && whole.ok.count > 0 {
		plots := newPlots(whole)
		p.Curve, p.Hist = plots.curve(p.Title), plots.hist(p.Title)
		p.Data = t.embed(id, plots, classes)
	}
	return p
}

// sentence says what the panel shows.
func (t *track) sentence(whole *moment) string {
	n, bad := whole.scheduled(), whole.bad()
	s := ""
	for _, f := range t.faults() {
		s += t.story(f) + " "
	}
	s += number.Integer(n) + " arrivals"
	switch {
	case bad == 0:
		s += ", all ok."
	default:
		var parts []string
		for o := range results.Outcome(results.Outcomes) {
			if k := whole.n[o]; k > 0 && o != results.OK {
				parts = append(parts, number.Integer(k)+" "+outcomeName(o))
			}
		}
		s += fmt.Sprintf(", of which %s did not end ok (%s)", number.Integer(bad), strings.Join(parts, ", "))
		first, last := t.badSlots()
		if first == last {
			s += ", all due at " + t.label(first) + "."
		} else {
			s += ", due from " + t.label(first) + " to " + t.label(last) + "."
		}
	}
	low, high := math.Inf(1), 0.0
	for i := range t.slots {
		if v := t.slots[i].quantile(.5); finite(v) && t.slots[i].scheduled() >= evidence.SamplesFor(.5) {
			low, high = min(low, v), max(high, v)
		}
	}
	if high > 0 {
		s += fmt.Sprintf(" The median of a step lies between %s and %s; the slowest ok took %s.", lasting(low), lasting(high), lasting(float64(whole.max)))
	}
	return s
}

// lasting prints a time that may fall among what did not end ok.
func lasting(ns float64) string {
	switch {
	case math.IsNaN(ns):
		return "n/a"
	case math.IsInf(ns, 1):
		return "the timeout or more"
	}
	return number.Lasted(int64(ns))
}

// badSlots are the first and the last slot with an arrival that did not end ok.
func (t *track) badSlots() (first, last int) {
	first = -1
	for i := range t.slots {
		if t.slots[i].bad() > 0 {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	return max(first, 0), last
}

// outcomeName is an outcome in words.
func outcomeName(o results.Outcome) string { return strings.ReplaceAll(o.String(), "_", " ") }

// classes are the ways of not ending ok that occurred.
func (t *track) classes(whole *moment) []results.Outcome {
	var out []results.Outcome
	for o := range results.Outcome(results.Outcomes) {
		if o != results.OK && whole.n[o] > 0 {
			out = append(out, o)
		}
	}
	return out
}

// values computes one value a slot.
func (t *track) values(f func(i int, m *moment) float64) []float64 {
	out := make([]float64, len(t.slots))
	for i := range t.slots {
		out[i] = f(i, &t.slots[i])
	}
	return out
}

// quantiles are those of every slot; NaN where the slot does not support them.
func (t *track) quantiles(q float64) []float64 {
	return t.values(func(_ int, m *moment) float64 {
		if m.scheduled() < evidence.SamplesFor(q) {
			return math.NaN()
		}
		return m.quantile(q)
	})
}

func (t *track) slowest() []float64 {
	return t.values(func(_ int, m *moment) float64 {
		if m.max == 0 {
			return math.NaN()
		}
		return float64(m.max)
	})
}

// perSecond turns counts into rates; a slot that is hardly covered has none.
func (t *track) perSecond(count func(m *moment) int64) []float64 {
	return t.values(func(i int, m *moment) float64 {
		s := t.seconds(i)
		if s < t.every.Seconds()/5 || m.scheduled() == 0 && !t.pooled {
			return math.NaN()
		}
		return float64(count(m)) / s
	})
}

func (t *track) latencyRow() panelRow {
	all := []series{
		{"p50", "p50", 0, 0, t.quantiles(.5)},
		{"p99", "p99", 1, 3, t.quantiles(.99)},
		{"max", "slowest ok", 2, 2, t.slowest()},
	}
	lo, hi := math.Inf(1), 0.0
	for _, s := range all {
		for _, v := range s.values {
			if finite(v) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	if hi == 0 {
		return panelRow{Name: "Response time", Note: "No arrival ended ok."}
	}
	name := "Response time"
	if !t.supports(.99) {
		name += fmt.Sprintf(" (p99 takes %d arrivals, a step has fewer)", evidence.SamplesFor(.99))
		all = append(all[:1], all[2])
	}
	return t.lines(name, "Response time over time: "+t.spread(all), 110, logAxis(lo, hi), duration, 4, all)
}

// supports says whether any slot has a sample for q.
func (t *track) supports(q float64) bool {
	for i := range t.slots {
		if t.slots[i].scheduled() >= evidence.SamplesFor(q) {
			return true
		}
	}
	return false
}

// spread says between which values each series lies, for those who do not see it.
func (t *track) spread(all []series) string {
	var parts []string
	for _, s := range all {
		lo, hi := math.Inf(1), 0.0
		for _, v := range s.values {
			if finite(v) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		if hi > 0 {
			parts = append(parts, fmt.Sprintf("%s %s to %s", s.name, lasting(lo), lasting(hi)))
		}
	}
	return strings.Join(parts, "; ")
}

func (t *track) rateRow() panelRow {
	offered := t.perSecond((*moment).scheduled)
	ok := t.perSecond(func(m *moment) int64 { return m.n[results.OK] })
	top := greatest(offered)
	return t.lines("Rate, 1/s", fmt.Sprintf("Rate over time: up to %s offered and %s answered ok a second", number.Short(top), number.Short(greatest(ok))),
		64, linearAxis(max(top, 1)), number0, 3, []series{{"offered", "offered", 1, 6, offered}, {"ok", "ended ok", 0, 0, ok}})
}

func greatest(values []float64) float64 {
	top := 0.0
	for _, v := range values {
		if finite(v) {
			top = max(top, v)
		}
	}
	return top
}

func (t *track) errorRow(classes []results.Outcome) panelRow {
	const name = "Did not end ok, 1/s"
	if len(classes) == 0 {
		return panelRow{Name: name, Note: "None: every arrival ended ok."}
	}
	var all []series
	top := 0.0
	for k, o := range classes {
		s := series{o.String(), outcomeName(o), k % dashCount, k % markerCount, t.perSecond(func(m *moment) int64 { return m.n[o] })}
		top = max(top, greatest(s.values))
		all = append(all, s)
	}
	var parts []string
	for _, s := range all {
		parts = append(parts, fmt.Sprintf("%s up to %s", s.name, number.Short(greatest(s.values))))
	}
	return t.lines(name, "Arrivals a second that did not end ok, over time: "+strings.Join(parts, "; "), 64, linearAxis(max(top, 1e-3)), number0, 3, all)
}

// cpuSides are the processes whose CPU is told apart, in the order of results.Timeline.
func cpuSides() [4]string { return [4]string{"target", "store", "link", "generator"} }

func (t *track) cpuRow() panelRow {
	const name = "CPU, % of one core"
	var all []series
	var parts []string
	top := 0.0
	for side, what := range cpuSides() {
		if t.cpu[side] == nil {
			continue
		}
		s := series{what, what, side, [...]int{0, 3, 2, 6}[side], t.percent(side)}
		top = max(top, greatest(s.values))
		parts = append(parts, fmt.Sprintf("%s up to %s %%", what, number.Short(greatest(s.values))))
		all = append(all, s)
	}
	if len(all) == 0 {
		return panelRow{Name: name, Note: "Not measured over time: windows below 5 s are left alone."}
	}
	return t.lines(name, "CPU over time: "+strings.Join(parts, "; "), 64, linearAxis(top), number0, 3, all)
}

func (t *track) percent(side int) []float64 {
	out := make([]float64, len(t.slots))
	for i := range out {
		out[i] = math.NaN()
		if i < len(t.cpu[side]) {
			out[i] = 100 * t.cpu[side][i]
		}
	}
	return out
}

// table is the panel as numbers, a row a slot.
func (t *track) table(classes []results.Outcome) (head []string, body template.HTML) {
	type column struct {
		name  string
		value func(i int) string
	}
	print := func(values []float64, as func(float64) string) func(int) string {
		return func(i int) string {
			if math.IsNaN(values[i]) {
				return "n/a"
			}
			return as(values[i])
		}
	}
	columns := []column{
		{"offered, 1/s", print(t.perSecond((*moment).scheduled), number.Short)},
		{"ok, 1/s", print(t.perSecond(func(m *moment) int64 { return m.n[results.OK] }), number.Short)},
		{"p50, µs", print(t.quantiles(.5), number.Micros)},
		{"p99, µs", print(t.quantiles(.99), number.Micros)},
		{"slowest ok, µs", print(t.slowest(), number.Micros)},
	}
	for _, o := range classes {
		columns = append(columns, column{outcomeName(o), func(i int) string { return number.Integer(t.slots[i].n[o]) }})
	}
	for side, what := range cpuSides() {
		if t.cpu[side] != nil {
			columns = append(columns, column{what + " CPU, %", print(t.percent(side), number.Short)})
		}
	}
	head = []string{map[bool]string{true: "From", false: "Step"}[t.pooled]}
	for _, c := range columns {
		head = append(head, c.name)
	}
	var b strings.Builder // end tags of rows and cells may be left out, and there are thousands
	for i := range t.slots {
		fmt.Fprintf(&b, `<tr><th scope="row">%s`, html.EscapeString(t.label(i)))
		for _, c := range columns {
			b.WriteString("<td>" + html.EscapeString(c.value(i)))
		}
		b.WriteByte('\n')
	}
	return head, template.HTML(b.String())
}
