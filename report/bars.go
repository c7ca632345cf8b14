package report

import (
	"fmt"

	"authbench/report/evidence"
	"authbench/report/number"
)

// cpuChart is a bar an arm: target, then store, per request at saturation.
func cpuChart(b *evidence.Board) *chart {
	c := &chart{
		Name:    "CPU per request at saturation",
		Caption: "Median over trials. Filled: the target's own CPU; hatched: the store's. Without the second part, sessions would look free.",
		Head:    []string{"Arm", "Target, µs", "Store, µs", "Sum, µs"},
	}
	top := 0.0
	for _, a := range b.Arms {
		if a.SatSum.Missing == "" {
			top = max(top, a.SatTarget.Value+a.SatStore.Value)
		}
	}
	if top == 0 {
		return nil
	}
	ax := linearAxis(top)
	for i := range b.Arms {
		a := b.Arms[i]
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
