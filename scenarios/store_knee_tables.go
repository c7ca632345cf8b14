package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"authbench/results"
	"authbench/results/stat"
)

// conclude turns the ramps into tables, sentences and verdicts.
func (x *kneeRun) conclude() {
	t := x.t
	c := t.chaos()
	c.Nodes = 1
	for _, s := range x.all() {
		c.Operations += s.m.Accounting.Scheduled - s.m.Accounting.Unfinished
	}
	t.Result.Validity = results.Validity{Status: results.ValidityValid, Reasons: []string{}}
	x.tableOfKnees()
	x.tableOfSteps()
	x.say()
	x.verdicts()
}

// of are the ramps of a share, in the order in which they ran.
func (x *kneeRun) of(s kneeShare) []*kneeRamp {
	return slices.DeleteFunc(slices.Clone(x.ramps), func(k *kneeRamp) bool { return k.share != s })
}

// kneeFigure estimates a figure over blocks, of those that have it.
func kneeFigure(ramps []*kneeRamp, scale float64, why string, get func(k *kneeRamp, met, missed *kneeStep) (float64, bool)) results.Cell {
	var values []float64
	for _, k := range ramps {
		met, missed := kneeOfSteps(k.steps)
		if v, ok := get(k, met, missed); ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return none(why)
	}
	e, err := stat.Location(values, stat.Level)
	if err != nil {
		return none(err.Error())
	}
	return within(e, scale)
}

// ofMet and ofMissed take a figure of the highest rate that was met, of the lowest that
// was missed.
func ofMet(get func(*kneeRamp, *kneeStep) (float64, bool)) func(*kneeRamp, *kneeStep, *kneeStep) (float64, bool) {
	return func(k *kneeRamp, met, _ *kneeStep) (float64, bool) {
		if met == nil {
			return 0, false
		}
		return get(k, met)
	}
}

func ofMissed(get func(*kneeRamp, *kneeStep) (float64, bool)) func(*kneeRamp, *kneeStep, *kneeStep) (float64, bool) {
	return func(k *kneeRamp, _, missed *kneeStep) (float64, bool) {
		if missed == nil {
			return 0, false
		}
		return get(k, missed)
	}
}

func stepOffered(_ *kneeRamp, s *kneeStep) (float64, bool) { return s.offered, true }

func stepNode(_ *kneeRamp, s *kneeStep) (float64, bool) {
	return s.m.Usage.Target.CPUPerRequest, s.m.Usage.Target.Known
}

func stepStore(k *kneeRamp, s *kneeStep) (float64, bool) {
	return s.m.Usage.Store.CPUPerRequest, k.run.own && s.m.Usage.Store.Known
}

func stepOps(_ *kneeRamp, s *kneeStep) (float64, bool) {
	return s.m.StoreOpsPerRequest, s.m.StoreOpsKnown
}

func stepWaits(_ *kneeRamp, s *kneeStep) (float64, bool) {
	return ratio(s.waits, float64(s.m.Accounting.Scheduled)), s.pooled
}

func stepOfShare(k *kneeRamp, s *kneeStep) (float64, bool) {
	return s.ofShare(k.share), k.run.own && s.m.Usage.Store.Known
}

func stepOfCores(k *kneeRamp, s *kneeStep) (float64, bool) {
	node, _ := s.ofCores(k.run.cores)
	return node, s.m.Usage.Target.Known
}

func stepStopped(k *kneeRamp, s *kneeStep) (float64, bool) { return s.stopped(), k.share.limited }

func quantileOf(get func(*results.Measurement) *int64) func(*kneeRamp, *kneeStep) (float64, bool) {
	return func(_ *kneeRamp, s *kneeStep) (float64, bool) {
		if p := get(&s.m); p != nil {
			return float64(*p), true
		}
		return 0, false
	}
}

func stepP50(m *results.Measurement) *int64 { return m.Latency.P50 }
func stepP99(m *results.Measurement) *int64 { return m.Latency.P99 }

// The columns of the table "knee", which the claims read.
const (
	columnMet    = "met"
	columnMissed = "missed"
	columnFull   = "who is full"
)

func (x *kneeRun) tableOfKnees() {
	what := "The store has a share of a core, and load is raised until something is full."
	if !x.own {
		what = "Load is raised until the node is full, beside a store that has a share of a core and is not asked."
	}
	table := newTable("knee", fmt.Sprintf("%s A rate is met while %s.", what, x.objective),
		results.Column{Name: "share", Unit: "%", Meaning: "of a core, that the store may use"},
		results.Column{Name: "predicted", Unit: "1/s", Meaning: "share / CPU of the store for a use, or what a closed loop gets out of the node, whichever is less"},
		results.Column{Name: columnMet, Unit: "1/s", Meaning: "highest rate that was met"},
		results.Column{Name: columnMissed, Unit: "1/s", Meaning: "lowest rate that was missed"},
		results.Column{Name: columnFull, Meaning: "at the rate that was missed; of node and store on one core that is full, the one that takes clearly more of it"},
		results.Column{Name: "store, of its share", Unit: "%", Meaning: "CPU at the rate that was missed"},
		results.Column{Name: "store stopped", Unit: "%", Meaning: "of the periods in which it wanted to run, by the limit, at the rate that was missed"},
		results.Column{Name: "node, of its cores", Unit: "%", Meaning: fmt.Sprintf("CPU at the rate that was missed; node and store have %d between them", x.cores)},
		results.Column{Name: "store CPU", Unit: "us", Meaning: "a use, at the highest rate that was met"},
		results.Column{Name: "node CPU", Unit: "us", Meaning: "a use, at the highest rate that was met"},
		results.Column{Name: "store operations", Meaning: "a use, as the store counts them"},
		results.Column{Name: "had to wait", Unit: "%", Meaning: "of the uses, for a connection of the node to its store, at the rate that was missed"},
		results.Column{Name: "p50", Unit: "ms", Meaning: "response time at the highest rate that was met"},
		results.Column{Name: "p99", Unit: "ms", Meaning: "response time at the highest rate that was met"},
		results.Column{Name: "p99 beyond", Unit: "ms", Meaning: "response time at the rate that was missed"})
	table.Draw = columnMet
	const noMet, noMissed, noStore = "no rate was met", "no rate was missed", "it asks no store"
	for _, s := range x.shares {
		ramps := x.of(s)
		if len(ramps) == 0 {
			why := slices.Repeat([]results.Cell{none(reasonOf(x.unlimited))}, len(table.Columns))
			addAt(table, 100*s.of, s.label, why...)
			continue
		}
		storeWhy := noMissed
		if !x.own {
			storeWhy = noStore
		}
		stoppedWhy := noMissed
		if !s.limited {
			stoppedWhy = "it has no limit"
		}
		addAt(table, 100*s.of, s.label,
			kneeFigure(ramps, 1, "", func(k *kneeRamp, _, _ *kneeStep) (float64, bool) { return k.cost.predicted(k.share), true }),
			kneeFigure(ramps, 1, noMet, ofMet(stepOffered)), kneeFigure(ramps, 1, noMissed, ofMissed(stepOffered)), word("%s", whoFull(ramps)),
			kneeFigure(ramps, 100, storeWhy, ofMissed(stepOfShare)), kneeFigure(ramps, 100, stoppedWhy, ofMissed(stepStopped)), kneeFigure(ramps, 100, noMissed, ofMissed(stepOfCores)),
			kneeFigure(ramps, micro, storeWhy, ofMet(stepStore)), kneeFigure(ramps, micro, noMet, ofMet(stepNode)), kneeFigure(ramps, 1, "the store does not count", ofMet(stepOps)),
			kneeFigure(ramps, 100, "the node counts none", ofMissed(stepWaits)), kneeFigure(ramps, milli, noMet, ofMet(quantileOf(stepP50))),
			kneeFigure(ramps, milli, "too few uses", ofMet(quantileOf(stepP99))), kneeFigure(ramps, milli, "among what was not ok", ofMissed(quantileOf(stepP99))))
	}
	x.t.keep(table)
}

// milli makes milliseconds of nanoseconds.
const milli = 1e-6

// whoFull is who was full in all ramps, or in how many of them.
func whoFull(ramps []*kneeRamp) string {
	n := map[fullness]int{}
	for _, k := range ramps {
		n[k.foundAt()]++
	}
	if len(n) == 1 {
		return string(ramps[0].foundAt())
	}
	var parts []string
	for _, full := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%s in %d", full, n[full]))
	}
	return "not the same in all blocks: " + strings.Join(parts, ", ")
}

// tableOfSteps has every rate of the first block.
func (x *kneeRun) tableOfSteps() {
	table := newTable("steps", "Every rate of the first block, as it was offered.",
		results.Column{Name: "share and part of the predicted rate"},
		results.Column{Name: "offered", Unit: "1/s"},
		results.Column{Name: "achieved", Unit: "%", Meaning: "of the uses ended ok"},
		results.Column{Name: "objective"},
		results.Column{Name: "p50", Unit: "ms"}, results.Column{Name: "p99", Unit: "ms"},
		results.Column{Name: "unavailable", Meaning: "uses answered 503"},
		results.Column{Name: "no answer", Meaning: "in time, or at all"},
		results.Column{Name: "store, of its share", Unit: "%"},
		results.Column{Name: "store stopped", Unit: "%", Meaning: "of the periods in which it wanted to run"},
		results.Column{Name: "node, of its cores", Unit: "%"},
		results.Column{Name: "had to wait", Unit: "%", Meaning: "of the uses, for a connection to the store"},
		results.Column{Name: columnFull})
	for _, share := range x.shares {
		for _, k := range x.of(share) {
			if k.block != 1 {
				continue
			}
			for i := range k.steps {
				s := &k.steps[i]
				cell := func(scale float64, get func(*kneeRamp, *kneeStep) (float64, bool)) results.Cell {
					if v, ok := get(k, s); ok {
						return figure(scale * v)
					}
					return none("not known")
				}
				full := string(s.full)
				if s.status == results.Pass {
					full = "" // nobody has to be
				}
				a := s.m.Accounting
				addRow(table, fmt.Sprintf("%s, %.2f", share.label, s.fraction), figure(s.offered), figure(100*ratio(float64(a.OK), float64(a.Scheduled))), word("%s", s.status),
					milliseconds(s.m.Latency.P50), milliseconds(s.m.Latency.P99), counted(a.Unavailable), counted(a.Timeout+a.Shed+a.ConnectError),
					cell(100, stepOfShare), cell(100, stepStopped), cell(100, stepOfCores), cell(100, stepWaits), word("%s", full))
			}
		}
	}
	x.t.keep(table)
}

// say puts the knees into sentences, and what the CPU of a use foretells of more nodes.
func (x *kneeRun) say() {
	for _, s := range x.shares {
		ramps := x.of(s)
		met, missed := kneeFigure(ramps, 1, "", ofMet(stepOffered)), kneeFigure(ramps, 1, "", ofMissed(stepOffered))
		if met.Value == nil || missed.Value == nil {
			continue
		}
		has := "With " + s.label + " of a core for the store"
		if !s.limited {
			has = "With a whole core for the store"
		}
		x.t.tell("knee."+strings.TrimSuffix(s.label, " %"), "1/s", *met.Value, "%s %.0f uses a second were met and %.0f were not; full was: %s.", has, *met.Value, *missed.Value, whoFull(ramps))
	}
	if !x.own {
		return
	}
	var costs []float64
	var node, store float64
	for _, k := range x.ramps {
		if k.cost.store > 0 {
			costs = append(costs, k.cost.node/k.cost.store)
			node, store = k.cost.node, k.cost.store
		}
	}
	if len(costs) == 0 {
		return
	}
	e, err := stat.Location(costs, stat.Level)
	if err != nil {
		return
	}
	first := "With a core each, one node is full at about the same rate as its store."
	switch more := fullMore / (1 - fullMore); {
	case e.Value > more:
		first = "With a core each, one node is full before its store."
	case e.Value < 1/more:
		first = "With a core each, the store is full before one node is."
	}
	x.t.tell("knee.nodes", "cores", e.Value,
		"In a closed loop a use takes the node %.1f us of CPU and the store %.1f us (last block): it takes %.1f cores of nodes to fill one core of the store. %s",
		node*micro, store*micro, e.Value, first)
}
