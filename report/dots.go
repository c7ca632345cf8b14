package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// ordered is one trial in the order in which the run made them.
type ordered struct {
	arm *evidence.Arm
	t   *results.Trial
	ns  float64 // Inf beyond the timeout
	ok  bool    // it has a number that can be used
}

// inOrder lists all trials of the arms, by block and place within the block.
func inOrder(arms []*evidence.Arm, usable func(*evidence.Arm) []*results.Trial, get func(*evidence.Arm, *results.Trial) (float64, bool)) []ordered {
	var out []ordered
	for _, a := range arms {
		used := usable(a)
		for _, t := range a.All {
			o := ordered{arm: a, t: t}
			if slices.Contains(used, t) {
				o.ns, o.ok = get(a, t)
			}
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b ordered) int {
		return cmp.Or(cmp.Compare(a.t.Block, b.t.Block), cmp.Compare(a.t.Position, b.t.Position))
	})
	return out
}

// trialsHeight is in pixels.
const trialsHeight = 300.0

// trials shows every trial as a marker in the order in which it ran: what drifts
// slants, what depends on the place in the block shows between two lines. Nil
// without a number.
func trials(name, what string, list []ordered) *chart {
	lo, hi := math.Inf(1), 0.0
	for _, o := range list {
		if o.ok && finite(o.ns) {
			lo, hi = min(lo, o.ns), max(hi, o.ns)
		}
	}
	if hi == 0 {
		return nil
	}
	y := logAxis(lo, hi)
	c := &chart{
		Name: name, YTicks: yLabels(trialsHeight, y, 7, duration),
		Head: []string{"Arm", "Block", "Place in it", "µs"},
		Caption: what + " One marker a trial, from left to right in the order in which they ran; a line joins those of an arm. Vertical lines part the blocks, within which the order is random. " +
			"All arms that go up or down together are the machine; one that does by itself drifts.",
	}
	var g svg
	g.open("plot", fmt.Sprintf("%s, %s in the order in which they ran", name, number.Count(len(list), "trial")), int(trialsHeight)+22)
	for _, v := range y.ticks(7) {
		at := trialsHeight * (1 - y.at(v)/100)
		g.f(`<line class="grid" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
	}
	x := func(i int) float64 { return 100 * (float64(i) + .5) / float64(len(list)) }
	blockLines(&g, list)
	paths, out := map[*evidence.Arm][][2]float64{}, 0
	for i, o := range list {
		at := fmt.Sprintf("%d", o.t.Position)
		switch {
		case !o.ok:
			out++
			c.Rows = append(c.Rows, []string{o.arm.Name, fmt.Sprint(o.t.Block), at, "left out"})
			continue
		case !slices.Contains(c.Legend, o.arm):
			c.Legend = append(c.Legend, o.arm)
		}
		c.Rows = append(c.Rows, []string{o.arm.Name, fmt.Sprint(o.t.Block), at, number.Micros(o.ns)})
		v := o.ns
		if !finite(v) {
			v = y.hi
		}
		paths[o.arm] = append(paths[o.arm], [2]float64{x(i), 100 - y.at(v)})
	}
	legendOrder(c)
	var lines []string
	for _, a := range c.Legend {
		lines = append(lines, path(class(a, "l thread"), false, paths[a]))
	}
	g.curve(0, trialsHeight, lines...)
	for _, a := range c.Legend {
		for _, p := range paths[a] {
			g.mark(a, p[0], trialsHeight*p[1]/100)
		}
	}
	c.SVG = g.done()
	if out > 0 {
		c.Caption += " " + number.Count(out, "trial") + " that cannot be used: in the table only."
	}
	return c
}

// legendOrder puts control first and the others by their number, a duplicate
// behind what it duplicates.
func legendOrder(c *chart) {
	slices.SortStableFunc(c.Legend, func(a, b *evidence.Arm) int {
		hollow := func(a *evidence.Arm) int {
			if a.Hollow {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(a.Series, b.Series), cmp.Compare(hollow(a), hollow(b)))
	})
}

// blockLines parts the blocks and numbers them, as many as have room.
func blockLines(g *svg, list []ordered) {
	x := func(i int) float64 { return 100 * float64(i) / float64(len(list)) }
	blocks := list[len(list)-1].t.Block
	every := (blocks + 11) / 12
	for i := 0; i < len(list); {
		end := i
		for end < len(list) && list[end].t.Block == list[i].t.Block {
			end++
		}
		if i > 0 {
			g.vline("base", x(i), 0, trialsHeight)
		}
		if (list[i].t.Block-1)%every == 0 {
			g.text("tick mid", (x(i)+x(end))/2, trialsHeight+16, fmt.Sprint(list[i].t.Block))
		}
		i = end
	}
}
