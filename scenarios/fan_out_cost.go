package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/results/stat"
	"authbench/scenarios/testbed"
)

// tierCell is one way of telling services who the user is, with so many services.
type tierCell struct {
	fleet   *fleet
	shape   shape
	width   int
	plan    loadgen.Plan
	windows []tierWindow // one a block
}

// label names the row of the cell.
func (c *tierCell) label() string { return rowLabel(c.shape.label, c.width) }

func rowLabel(shape string, width int) string {
	if width == 1 {
		return shape + ", 1 service"
	}
	return fmt.Sprintf("%s, %d services", shape, width)
}

// tierWindow is what one stretch of load on one cell measured.
type tierWindow struct {
	answered, wrong, refused, bad int64   // bad: whatever else was no 200
	took                          []int64 // ns from the intended time, of what was answered 200
	scheduled                     int64
	edge, services, store         time.Duration // CPU
	cpuKnown, storeKnown          bool
	ops                           int64
	opsKnown                      bool
}

// fanOutConns are open between the users and the edge.
const fanOutConns = 16

// fanOutWarm is how long a cell is warmed up before each window, so that connections
// are open.
const fanOutWarm = 100 * time.Millisecond

// warmUp is longer where answers are held for a while: as many of them have to be
// held, and to end, as in the long run. What all users left behind when they first
// came ends together, when the hold is over; half of one more is enough for that to
// have spread.
func (c *tierCell) warmUp(t *Trial) time.Duration {
	if !c.shape.holds {
		return fanOutWarm
	}
	return max(fanOutWarm, t.Values.duration("hold")*3/2)
}

// fanOutCosts offers the same load to every way with every number of services, block
// by block in an order drawn anew, on nodes that stay up for all of it.
func (t *Trial) fanOutCosts(ctx context.Context, list []shape, widths []int) (cells []*tierCell, err error) {
	var fleets []*fleet
	defer func() {
		for _, f := range fleets {
			err = errors.Join(err, f.stop())
		}
	}()
	most := 0
	for _, w := range widths {
		most = max(most, w)
	}
	for _, s := range list {
		f, err := t.startFleet(ctx, s, t.Arm.Contract, most)
		if err != nil {
			return nil, err
		}
		fleets = append(fleets, f)
		users, err := f.rig(t, false).logIn(ctx, t.Values.number("users"))
		if err != nil {
			return nil, err
		}
		plan, err := usePlan(f.c, []*testbed.Node{f.edge}, users)
		if err != nil {
			return nil, err
		}
		for _, w := range widths {
			cells = append(cells, &tierCell{fleet: f, shape: s, width: w, plan: plan})
		}
	}
	for block := 1; block <= t.Values.number("blocks"); block++ {
		for _, i := range Order(t.Seed, block, len(cells)) {
			c := cells[i]
			w, err := c.measure(ctx, t, BlockSeed(t.Seed, block))
			if err != nil {
				return nil, fmt.Errorf("%s, block %d: %w", c.label(), block, err)
			}
			c.windows = append(c.windows, w)
		}
	}
	return cells, nil
}

// measure is one window. The arrivals of a block are the same for all cells.
func (c *tierCell) measure(ctx context.Context, t *Trial, seed uint64) (w tierWindow, err error) {
	if err := c.fleet.use(ctx, c.width); err != nil {
		return w, err
	}
	session, err := t.Engine.Open(ctx, c.plan, fanOutConns)
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, session.Close(), c.fleet.alive(t)) }()
	phase := loadgen.Phase{Operation: "use", Rate: float64(t.Values.number("rate")), Timeout: opTimeout}
	warm := phase
	warm.Duration, warm.Seed = c.warmUp(t), seed+1
	if _, err := session.Run(ctx, warm); err != nil {
		return w, err
	}
	before, err := t.Testbed.StoreOps(ctx)
	if err != nil {
		return w, err
	}
	var from, to tierSpent
	phase.Duration, phase.Seed, phase.Log = t.Values.duration("window"), seed, true
	phase.OnBegin = func() { from = c.spent(t) }
	phase.OnEnd = func() { to = c.spent(t) }
	rec, err := session.Run(ctx, phase)
	if err != nil {
		return w, err
	}
	after, err := t.Testbed.StoreOps(ctx)
	if err != nil {
		return w, err
	}
	if err := rec.Accounting.Check(); err != nil {
		return w, err
	}
	ops := after.Sub(before)
	w = windowOf(rec)
	w.ops, w.opsKnown = ops.Total(), ops.Known
	w.edge, w.services, w.store = to.edge-from.edge, to.services-from.services, to.store-from.store
	w.cpuKnown, w.storeKnown = to.known && from.known, to.storeKnown && from.storeKnown
	return w, nil
}

func windowOf(rec *loadgen.Recording) tierWindow {
	a := rec.Accounting
	w := tierWindow{scheduled: a.Scheduled, answered: rec.Answered, wrong: rec.WrongSubject, refused: a.Rejected + a.Forbidden}
	w.bad = a.Scheduled - a.OK - w.refused - w.wrong
	for _, e := range rec.Exchanges {
		if e.Outcome == results.OK {
			w.took = append(w.took, int64(e.Done-e.Due))
		}
	}
	return w
}

// tierSpent is the CPU that each tier has spent so far.
type tierSpent struct {
	edge, services, store time.Duration
	known, storeKnown     bool
}

// spent reads the clocks of the nodes that the cell uses.
func (c *tierCell) spent(t *Trial) tierSpent {
	e := c.fleet.edge.Sample()
	s := tierSpent{edge: e.CPU, known: e.Known, storeKnown: true}
	for _, kind := range storesOf(c.fleet.c) {
		one := t.Testbed.Store(kind).Sample()
		s.store += one.CPU
		s.storeKnown = s.storeKnown && one.Known
	}
	for _, n := range c.fleet.services[:c.width] {
		one := n.Sample()
		s.services += one.CPU
		s.known = s.known && one.Known
	}
	return s
}

// Figures of one window, per request in microseconds where they are CPU.
func (w tierWindow) perRequest(d time.Duration) float64 {
	return ratio(float64(d.Nanoseconds())/1e3, float64(w.answered))
}

func (w tierWindow) edgeCPU() (float64, bool) { return w.perRequest(w.edge), w.cpuKnown }

func (w tierWindow) servicesCPU() (float64, bool) { return w.perRequest(w.services), w.cpuKnown }

func (w tierWindow) storeCPU() (float64, bool) { return w.perRequest(w.store), w.storeKnown }

// behind is what the request costs behind the edge: services and store.
func (w tierWindow) behind() (float64, bool) {
	return w.perRequest(w.services + w.store), w.cpuKnown && w.storeKnown
}

func (w tierWindow) all() (float64, bool) {
	return w.perRequest(w.edge + w.services + w.store), w.cpuKnown && w.storeKnown
}

func (w tierWindow) storeOps() (float64, bool) {
	return ratio(float64(w.ops), float64(w.answered)), w.opsKnown
}

func (w tierWindow) median() (float64, bool) {
	q := quantilesOf(w.took, w.scheduled)
	if q.P50 == nil {
		return 0, false
	}
	return float64(*q.P50) / 1e3, true
}

// usable is a window of which the figures stand for the load that was offered.
func (w tierWindow) usable() bool { return w.answered > 0 && w.bad+w.refused+w.wrong == 0 }

// values is a figure of all windows that have it.
func (c *tierCell) values(figureOf func(tierWindow) (float64, bool)) []float64 {
	var out []float64
	for _, w := range c.windows {
		if v, ok := figureOf(w); ok && w.usable() {
			out = append(out, v)
		}
	}
	return out
}

// estimate is a figure over the blocks.
func (c *tierCell) estimate(figureOf func(tierWindow) (float64, bool)) results.Cell {
	x := c.values(figureOf)
	if len(x) == 0 {
		return none("not measured: no window without a failed request")
	}
	e, err := stat.Location(x, 0.95)
	if err != nil {
		return none(err.Error())
	}
	return within(e, 1)
}

// slow is the 99th percentile of all windows together.
func (c *tierCell) slow() results.Cell {
	var took []int64
	var n int64
	for _, w := range c.windows {
		took, n = append(took, w.took...), n+w.scheduled
	}
	if need := stat.SamplesFor(.99); n < need {
		return none(fmt.Sprintf("n/a: %d requests, of %d needed", n, need))
	}
	q := quantilesOf(took, n)
	if q.P99 == nil {
		return none("> timeout")
	}
	return figure(float64(*q.P99) / 1e3)
}
