package scenarios

import (
	"runtime"
	"slices"
	"strings"

	"authbench/results"
	"authbench/results/stat"
)

// keepCosts keeps what was measured, cell by cell, and every way beside that of a
// check in each service, paired by block.
func (t *Trial) keepCosts(cells []*tierCell) {
	us := func(name, meaning string) results.Column {
		return results.Column{Name: name, Unit: "us", Meaning: meaning}
	}
	table := newTable("fan-out", "One request of a user through an edge and its services, by who checks the credential",
		results.Column{Name: "who checks"},
		us("p50", "from the intended time"), us("p99", "of all blocks"),
		us("edge CPU", "per request"), us("services CPU", "of all of them"), us("store CPU", "idle included"), us("CPU in all", ""),
		results.Column{Name: "store operations", Meaning: "as it counts them"},
		results.Column{Name: "requests"}, results.Column{Name: "failed"})
	var requests, failed int64
	for _, c := range cells {
		var n, bad int64
		for _, w := range c.windows {
			n, bad = n+w.scheduled, bad+w.bad+w.refused+w.wrong
		}
		requests, failed = requests+n, failed+bad
		addRow(table, c.label(), c.estimate(tierWindow.median), c.slow(),
			c.estimate(tierWindow.edgeCPU), c.estimate(tierWindow.servicesCPU), c.estimate(tierWindow.storeCPU), c.estimate(tierWindow.all),
			c.estimate(tierWindow.storeOps), counted(n), counted(bad))
	}
	t.keep(table)
	t.keepAgainst(cells)
	t.tell("requests", "requests", float64(requests),
		"%d requests at %d a second in %d blocks, every way in an order drawn anew for each; %d failed.",
		requests, t.Values.number("rate"), t.Values.number("blocks"), failed)
	t.tellWays(cells)
	t.tellHeld(cells)
	t.tell("placement", "cores", float64(runtime.NumCPU()),
		"Edge, services and store share the machine: on %d cores the calls of a request wait for each other as they would not on machines of their own. CPU per request is what to rank the ways by; latency belongs to the placement. At so low a rate every process sleeps between two requests, and waking up is a part of its CPU.",
		runtime.NumCPU())
}

// tellWays says what the ways are.
func (t *Trial) tellWays(cells []*tierCell) {
	var ways []string
	for _, c := range cells {
		if way := c.shape.label + " (" + c.shape.about + ")"; !slices.Contains(ways, way) {
			ways = append(ways, way)
		}
	}
	t.tell("ways", "ways", float64(len(ways)), "What was compared: %s.", strings.Join(ways, "; "))
}

// tellHeld says how often the ways that hold answers for a while have to ask again: a
// user whose answer has ended comes back after users / rate on average, so that one
// request asks for every 1 + hold x rate / users.
func (t *Trial) tellHeld(cells []*tierCell) {
	if !slices.ContainsFunc(cells, func(c *tierCell) bool { return c.shape.holds }) {
		return
	}
	every := ratio(float64(t.Values.number("users")), float64(t.Values.number("rate")))
	hold := t.Values.duration("hold")
	one := 1 + ratio(hold.Seconds(), every)
	t.tell("held", "requests", one,
		"A user comes back every %.2g s on average and an answer is held for %s: in the long run one request in %.2g of a user finds nothing that is held. A longer hold makes introspection and phantom tokens cheaper, and a log-out later known.",
		every, hold, one)
}

// keepAgainst compares within blocks. Below six blocks there are no intervals.
func (t *Trial) keepAgainst(cells []*tierCell) {
	ratio := func(name, meaning string) results.Column {
		return results.Column{Name: name, Unit: "×", Meaning: meaning}
	}
	table := newTable("against-each", "CPU per request of a user, as a share of what it is with a check in each service",
		results.Column{Name: "who checks"},
		ratio("edge", "CPU of the edge"), ratio("services", "CPU of the services"),
		ratio("behind the edge", "CPU of services and store"), ratio("in all", "CPU of edge, services and store"))
	for _, c := range cells {
		for _, base := range cells {
			if base.shape.name != "each" || c.shape.name == "each" || base.width != c.width {
				continue
			}
			addRow(table, c.label(), ofEach(c, base, tierWindow.edgeCPU), ofEach(c, base, tierWindow.servicesCPU),
				ofEach(c, base, tierWindow.behind), ofEach(c, base, tierWindow.all))
		}
	}
	if len(table.Rows) > 0 {
		t.keep(table)
	}
}

// ofEach is a figure of c over that of base, over the blocks in which both have it.
func ofEach(c, base *tierCell, figureOf func(tierWindow) (float64, bool)) results.Cell {
	var x, y []float64
	for i := range min(len(c.windows), len(base.windows)) {
		a, okA := figureOf(c.windows[i])
		b, okB := figureOf(base.windows[i])
		if okA && okB && a > 0 && b > 0 && c.windows[i].usable() && base.windows[i].usable() {
			x, y = append(x, a), append(y, b)
		}
	}
	if len(x) == 0 {
		return none("not measured")
	}
	e, err := stat.Ratio(x, y, 0.95)
	if err != nil {
		return none(err.Error())
	}
	return within(e, 1)
}
