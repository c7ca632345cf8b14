package report

import (
	"fmt"
	"math"
	"slices"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// distances is what scenario store-rtt measured, put beside what is reckoned.
type distances struct {
	Charts []*chart
	Rows   []distanceRow
	Memos  []memoRow
}

// distanceRow is one token against one session, in microseconds.
type distanceRow struct {
	Token, Session        *evidence.Arm
	Direct                string
	At                    tableCell
	Predicted, Difference tableCell
	Agrees                string // "agrees", "does not agree"; "" where it cannot be said
	FromDirect, FromCosts tableCell
}

type memoRow struct {
	Session          *evidence.Arm
	What             string
	Moved, Predicted tableCell
}

func distancesOf(v *view) *distances {
	list := v.Distances()
	if len(list) == 0 {
		return nil
	}
	known := newCast(v.Board)
	out := &distances{}
	reckoned := v.BreakEvens()
	for _, d := range list {
		session := known.arm(d.Session)
		out.Charts = append(out.Charts, distanceChart(d, known))
		for i := range d.Tokens {
			t := &d.Tokens[i]
			row := distanceRow{
				Token: known.arm(t.Arm), Session: session, Direct: number.Short(d.Direct()),
				At: evenCell(t), Predicted: cellOf(t.Predicted), Difference: cellOf(t.Difference), FromDirect: cellOf(t.Reckoned),
				FromCosts: tableCell{Missing: "no comparison of costs beside it"},
				Agrees:    map[string]string{"yes": "agrees", "no": "does not agree"}[t.Agrees],
			}
			for _, e := range reckoned {
				if e.Token.Name == t.Arm && e.Session.Name == d.Session {
					row.FromCosts = fromCosts(e, d.Direct())
				}
			}
			out.Rows = append(out.Rows, row)
		}
		for _, m := range d.Memos {
			out.Memos = append(out.Memos, memoRow{session, m.What, cellOf(m.Moved), cellOf(m.Predicted)})
		}
	}
	return out
}

// evenCell prints a break-even: a round trip where one may be named, else why not.
func evenCell(t *evidence.DistanceToken) tableCell {
	c := cellOf(t.Measured)
	switch t.Status {
	case evidence.MeasuredAt:
		return c
	case evidence.MeasuredOpen:
		return tableCell{Value: t.Status, Spread: "near " + c.Value + " " + c.Spread}
	case "":
		return tableCell{Missing: "not measured"}
	}
	return tableCell{Value: t.Status}
}

// fromCosts is what a comparison of costs reckons, with the round trip of the nearest
// point added: there it counts on top of it.
func fromCosts(e evidence.BreakEven, direct float64) tableCell {
	switch e.Status {
	case evidence.EvenPast:
		return tableCell{Value: "already past at 0"}
	case evidence.EvenAt, evidence.EvenUnsettled:
		c := tableCell{
			Value:  number.Short(direct + e.RoundTrip/1e3),
			Spread: fmt.Sprintf("[%s, %s]", number.Short(direct+e.Lo/1e3), number.Short(direct+e.Hi/1e3)),
		}
		if e.Status == evidence.EvenUnsettled {
			c.Value, c.Spread = "inconclusive", c.Value+" "+c.Spread
		}
		return c
	}
	return tableCell{Missing: e.Missing}
}

// cast finds arms by name, and makes those up that no run lists: a token is measured
// beside a session as part of its trial.
type cast struct {
	board *evidence.Board
	made  map[string]*evidence.Arm
	next  int
}

func newCast(b *evidence.Board) *cast {
	c := &cast{b, map[string]*evidence.Arm{}, 1}
	arms := b.Arms
	if b.Promises != nil {
		arms = append(arms[:len(arms):len(arms)], b.Promises.Arms...)
	}
	for _, a := range arms {
		c.next = max(c.next, a.Series+1)
	}
	return c
}

func (c *cast) arm(name string) *evidence.Arm {
	if a := c.board.Known(name); a != nil {
		return a
	}
	if c.made[name] == nil {
		c.made[name] = &evidence.Arm{Arm: results.Arm{Name: name}, Series: c.next}
		c.next++
	}
	return c.made[name]
}

// level is one figure of the chart: an arm at a round trip, or at any.
type level struct {
	arm          *evidence.Arm
	trip         float64 // of a session; NaN: at any
	at, low, top float64
}

// levels are the session's along the way, then the tokens'.
func levels(d *evidence.Distance, known *cast) []level {
	var out []level
	add := func(name string, trip float64, c results.Cell) {
		if c.Value == nil {
			return
		}
		l := level{known.arm(name), trip, *c.Value, *c.Value, *c.Value}
		if c.Low != nil && c.High != nil {
			l.low, l.top = *c.Low, *c.High
		}
		out = append(out, l)
	}
	for _, p := range d.Points {
		add(d.Session, p.Trip, p.P50)
	}
	for _, t := range d.Tokens {
		add(t.Arm, math.NaN(), t.P50)
	}
	return out
}

// distanceChart draws the session's median over the round trip, and every token's as
// the level that it is: where a line crosses a level the two answer alike.
func distanceChart(d *evidence.Distance, known *cast) *chart {
	const h = 300.0
	list := levels(d, known)
	var xs, ys []float64
	for _, l := range list {
		if !math.IsNaN(l.trip) {
			xs = append(xs, l.trip)
		}
		ys = append(ys, l.low, l.top)
	}
	if len(xs) < 2 {
		return nil
	}
	x, y := fitAxis(xs), fitAxis(ys)
	c := &chart{
		Name:    fmt.Sprintf("Median response time of %s over the round trip to its store, beside tokens", d.Session),
		Caption: "Every point was measured, in blocks of all of them in random order. A token asks no store, so its median is one level at every distance. Where the line crosses a level, the two answer alike; to the right of it the token answers sooner. Bars are 95 % intervals over blocks.",
		Head:    []string{"Arm", "Round trip at the node, µs", "p50, µs", "95 % interval"},
		YTicks:  yLabels(h, y, 6, func(v float64) string { return duration(v * 1e3) }),
	}
	var g svg
	g.open("plot", c.Name, int(h)+22)
	g.ticksX(x, 5, 0, h, func(v float64) string { return duration(v * 1e3) })
	for _, v := range y.ticks(6) {
		at := h * (1 - y.at(v)/100)
		g.f(`<line class="grid" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
	}
	var way [][2]float64
	var lines []string
	for _, l := range list {
		at := 100 - y.at(l.at)
		if math.IsNaN(l.trip) {
			lines = append(lines, path(class(l.arm, "l dash"), false, [][2]float64{{0, at}, {100, at}}))
			continue
		}
		way = append(way, [2]float64{x.at(l.trip), at})
	}
	g.curve(0, h, append(lines, path(class(known.arm(d.Session), "l"), false, way))...)
	for _, l := range list {
		place, trip := 0.0, "any"
		if !math.IsNaN(l.trip) {
			place, trip = x.at(l.trip), number.Short(l.trip)
		}
		span := "–"
		if l.top > l.low {
			g.vline(class(l.arm, "l"), place, h*(1-y.at(l.top)/100), h*(1-y.at(l.low)/100))
			span = number.Short(l.low) + " to " + number.Short(l.top)
		}
		g.mark(l.arm, place, h*(1-y.at(l.at)/100))
		if !slices.Contains(c.Legend, l.arm) {
			c.Legend = append(c.Legend, l.arm)
		}
		c.Rows = append(c.Rows, []string{l.arm.Name, trip, number.Short(l.at), span})
	}
	c.SVG = g.done()
	return c
}
