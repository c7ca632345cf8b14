package scenarios

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/results"
	"authbench/results/stat"
	"authbench/targets/contract"
)

// conclude turns the blocks into tables, sentences and verdicts.
func (x *rttRun) conclude() {
	t := x.t
	c := t.chaos()
	c.Nodes, c.Operations = 1, x.asked.Scheduled-x.asked.Unfinished
	t.Result.Validity = results.Validity{Status: results.ValidityValid, Reasons: []string{}}
	if len(x.left) > 0 {
		t.Result.Validity.Status = results.ValidityDegraded
		t.Result.Validity.Reasons = append([]string{fmt.Sprintf("%d windows are left out", len(x.left))}, x.left[:min(len(x.left), 5)]...)
	}
	var evens []rttEven
	for _, token := range x.tokens {
		evens = append(evens, x.even(token.Name))
	}
	x.tableOfTrips()
	x.tableOfTokens()
	x.tableOfRatios()
	x.tableOfEvens(evens)
	direct := x.over(func(b rttBlock) float64 { return b.session(0, atTrip) })
	for _, e := range evens {
		t.tell("break-even."+e.token, "us", e.measured.Value/1e3, "%s.", e.says(direct.Value))
	}
	x.tableOfMemos()
	t.judge(x.accepted())
	t.judge(x.storeOps())
	t.judge(x.delayed())
	t.judge(x.waits())
	t.judge(x.settled(evens))
}

const micro = 1e-3 // of nanoseconds

// cell is an estimate in microseconds.
func (x *rttRun) cell(get func(rttBlock) float64) results.Cell { return cellOf(x.over(get), micro) }

func cellOf(e stat.Estimate, scale float64) results.Cell {
	if math.IsNaN(e.Value) {
		return none("not measured")
	}
	return within(e, scale)
}

// distant is the figure of one distance.
func distant(i int, get func(rttAt) float64) func(rttBlock) float64 {
	return func(b rttBlock) float64 { return b.session(i, get) }
}

// The tables and their columns, as claims and the report know them.
func (x *rttRun) tableOfTrips() {
	table := newTable("round-trips", "The session's response time at each round trip to its store, as the node measured it",
		results.Column{Name: "round trip", Unit: "us"},
		results.Column{Name: "p50", Unit: "us", Meaning: "response time"},
		results.Column{Name: "beyond the round trip", Unit: "us", Meaning: "p50 less the round trip"},
		results.Column{Name: "off the line", Unit: "us", Meaning: "p50 less the line through the near points with a link"},
		results.Column{Name: "CPU of the node", Unit: "us", Meaning: "per use"},
		results.Column{Name: "CPU of the store", Unit: "us", Meaning: "per use"},
		results.Column{Name: "ping, node", Unit: "us", Meaning: "CPU of one round trip"},
		results.Column{Name: "ping, store", Unit: "us", Meaning: "CPU of one round trip"},
		results.Column{Name: "store operations", Meaning: "per use, as the store counted them"},
	)
	table.Draw = "p50"
	for i, p := range x.points {
		trip := x.over(distant(i, atTrip))
		if math.IsNaN(trip.Value) {
			continue // every window of it was left out
		}
		off, pingNode, pingStore := none("not near"), none("too few pings"), none("too few pings")
		if p.added <= nearPoint {
			off = x.cell(func(b rttBlock) float64 {
				slope, base, _, ok := b.line(x.points)
				if !ok {
					return math.NaN()
				}
				return b.session(i, func(a rttAt) float64 { return a.p50 - base - slope*a.trip })
			})
			pingNode = x.cell(distant(i, func(a rttAt) float64 { return a.pingNode }))
			pingStore = x.cell(distant(i, func(a rttAt) float64 { return a.pingStore }))
		}
		addAt(table, trip.Value*micro, p.label,
			x.cell(distant(i, atP50)), x.cell(distant(i, func(a rttAt) float64 { return a.p50 - a.trip })), off,
			x.cell(distant(i, atNode)), x.cell(distant(i, func(a rttAt) float64 { return a.store })), pingNode, pingStore,
			cellOf(x.over(distant(i, func(a rttAt) float64 { return a.ops })), 1),
		)
	}
	x.t.keep(table)
}

func (x *rttRun) tableOfTokens() {
	table := newTable("tokens", "Tokens in the same blocks, which ask no store: their response time does not depend on the distance",
		results.Column{Name: "arm"},
		results.Column{Name: "p50", Unit: "us", Meaning: "response time"},
		results.Column{Name: "CPU of the node", Unit: "us", Meaning: "per use"},
		results.Column{Name: "CPU against the session", Unit: "times", Meaning: "node and store together, the store reached directly"},
	)
	for _, c := range x.tokens {
		name := c.Name
		addRow(table, name,
			x.cell(func(b rttBlock) float64 { return b.token(name, atP50) }),
			x.cell(func(b rttBlock) float64 { return b.token(name, atNode) }),
			x.ratio(func(b rttBlock) float64 { return b.token(name, atNode) },
				distant(0, func(a rttAt) float64 { return a.node + a.store })),
		)
	}
	x.t.keep(table)
}

// tableOfRatios has a column a token.
func (x *rttRun) tableOfRatios() {
	var columns []results.Column
	for _, c := range x.tokens {
		columns = append(columns, results.Column{Name: c.Name, Unit: "times"})
	}
	table := newTable("ratios", "The median of each token as a share of the session's, paired by block: below 1 the token answers sooner",
		results.Column{Name: "round trip", Unit: "us"}, columns...)
	for i, p := range x.points {
		trip := x.over(distant(i, atTrip))
		if math.IsNaN(trip.Value) {
			continue
		}
		var cells []results.Cell
		for _, c := range x.tokens {
			cells = append(cells, x.ratio(func(b rttBlock) float64 { return b.token(c.Name, atP50) }, distant(i, atP50)))
		}
		addAt(table, trip.Value*micro, p.label, cells...)
	}
	x.t.keep(table)
}

// ratio is over the blocks that have both.
func (x *rttRun) ratio(get, of func(rttBlock) float64) results.Cell {
	var a, b []float64
	for _, block := range x.blocks {
		if v, w := get(block), of(block); v > 0 && w > 0 { // false of NaN
			a, b = append(a, v), append(b, w)
		}
	}
	e, err := stat.Ratio(a, b, stat.Level)
	if err != nil {
		return none("not measured")
	}
	return within(e, 1)
}

func (x *rttRun) tableOfEvens(evens []rttEven) {
	table := newTable("break-even", "The round trip at which a token answers as soon as the session, and what CPU times predict",
		results.Column{Name: "token"},
		results.Column{Name: "verdict"},
		results.Column{Name: "measured", Unit: "us", Meaning: "round trip at which the session's median is the token's"},
		results.Column{Name: "predicted", Unit: "us", Meaning: "from CPU times and the round trip alone"},
		results.Column{Name: "difference", Unit: "us", Meaning: "measured less predicted, by block"},
		results.Column{Name: "agrees"},
		results.Column{Name: "reckoned", Unit: "us", Meaning: "from the medians of the direct point alone"},
		results.Column{Name: "session slower by", Unit: "us", Meaning: "at the direct point"},
	)
	for _, e := range evens {
		agrees := word("%s", e.agrees)
		if e.agrees == "" {
			agrees = none("–")
		}
		addRow(table, e.token, word("%s", e.status), cellOf(e.measured, micro), cellOf(e.predicted, micro), cellOf(e.difference, micro),
			agrees, cellOf(e.reckoned, micro), cellOf(e.slower, micro))
	}
	x.t.keep(table)
}

// tableOfMemos says how far remembering verified tokens moves the break-even of the arm
// that it is added to.
func (x *rttRun) tableOfMemos() {
	table := newTable("memo", "How far remembering verified tokens moves the break-even",
		results.Column{Name: "token"},
		results.Column{Name: "moved by", Unit: "us", Meaning: "measured, by block"},
		results.Column{Name: "predicted", Unit: "us", Meaning: "what it saves the node in CPU"},
	)
	for _, c := range x.tokens {
		plain, ok := strings.CutSuffix(c.Name, "+memo")
		if !ok || !slices.ContainsFunc(x.tokens, func(o *contract.Contract) bool { return o.Name == plain }) {
			continue
		}
		moved := x.over(func(b rttBlock) float64 { return b.even(x.points, c.Name) - b.even(x.points, plain) })
		saved := x.over(func(b rttBlock) float64 { return b.token(c.Name, atNode) - b.token(plain, atNode) })
		addRow(table, c.Name+" against "+plain, cellOf(moved, micro), cellOf(saved, micro))
		if moved.Bounded {
			x.t.tell("break-even.memo", "us", moved.Value*micro, "Remembering verified tokens moves the break-even of %s by %+.1f us [%+.1f, %+.1f] of round trip; it saves the node %.1f us of CPU a use.",
				plain, moved.Value*micro, moved.Lo*micro, moved.Hi*micro, -saved.Value*micro)
		}
	}
	if len(table.Rows) > 0 {
		x.t.keep(table)
	}
}
