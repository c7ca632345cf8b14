package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"authbench/results"
	"authbench/results/stat"
	"authbench/scenarios/fault"
)

// poolSizes is the word of Param how for the sweep over the size of the pool.
const poolSizes = "pool-sizes"

// The sweep: a store 2 ms away each way, so that one connection carries less than 250
// uses a second.
const (
	sweepAway = 2.0 // ms
	sweepRuns = 3   // steps of time at each size
)

func sweepSizes() []int { return []int{1, 2, 4, 8, 16} }

// poolSeen is what was seen with one size.
type poolSeen struct {
	size          int
	uses, bad     int64
	waits, gaveUp float64 // as the node counted
	waited        float64 // s
	p50, p99      *int64
	counted       bool
}

// runPoolSizes offers the same load to nodes that differ in the size of their pool, in
// random order.
func runPoolSizes(ctx context.Context, t *Trial) error {
	sizes := sweepSizes()
	rng := rand.New(rand.NewPCG(t.Seed, 0))
	order := slices.Clone(sizes)
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	found := map[int]poolSeen{}
	for _, size := range order {
		s, err := t.withPool(ctx, size)
		if err != nil {
			return fmt.Errorf("%d connections: %w", size, err)
		}
		found[size] = s
	}
	var all []poolSeen
	for _, size := range sizes {
		all = append(all, found[size])
	}
	t.keep(poolTable(all, t.Values.number("rate")))
	t.judge(poolVerdict(all))
	if least, most := all[0], all[len(all)-1]; most.uses > 0 && least.uses > 0 {
		t.tell("pool.waits", "%", ofUses(least.waits+least.gaveUp, least.uses),
			"With %d connection %.0f of 100 uses had to wait for it, with %d %.0f of 100; %d of %d uses were not ok, against %d of %d.",
			least.size, ofUses(least.waits+least.gaveUp, least.uses), most.size, ofUses(most.waits+most.gaveUp, most.uses),
			least.bad, least.uses, most.bad, most.uses)
	}
	return nil
}

func ofUses(part float64, of int64) float64 { return 100 * ratio(part, float64(of)) }

// withPool is one size: fresh nodes, a population, load, the counters around it.
func (t *Trial) withPool(ctx context.Context, size int) (s poolSeen, err error) {
	s.size = size
	set := map[string]string{}
	for _, key := range poolKeys(t.Arm.Contract) {
		set[key] = strconv.Itoa(size)
	}
	c, err := t.variant(set)
	if err != nil {
		return s, err
	}
	delay, _ := fault.ByName("delay")
	r, err := t.setUp(ctx, setup{
		nodes: t.Values.number("nodes"), users: t.Values.number("users"), fault: delay,
		node: func(_ int, n *nodeSpec) error { n.contract = c; return nil },
	})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.delay(ctx, sweepAway); err != nil {
		return s, err
	}
	before, err := r.scrape(ctx)
	if err != nil {
		return s, err
	}
	wait, err := r.background(ctx, r.users, float64(t.Values.number("rate")), sweepRuns*t.Values.duration("step"))
	if err != nil {
		return s, err
	}
	rec, err := wait()
	if err = errors.Join(err, r.nodesAlive()); err != nil {
		return s, err
	}
	after, err := r.scrape(ctx)
	if err != nil {
		return s, err
	}
	if err := rec.Accounting.Check(); err != nil {
		return s, err
	}
	s.uses, s.bad = rec.Accounting.Scheduled, rec.Accounting.NotOK()
	s.p50, s.p99 = rec.Latency.P50, rec.Latency.P99
	s.waits, s.counted = counterGrew(before, after, "authbench_store_pool_waits_total")
	s.gaveUp, _ = counterGrew(before, after, "authbench_store_pool_timeouts_total")
	s.waited, _ = counterGrew(before, after, "authbench_store_pool_wait_seconds_total")
	r.chaos()
	return s, nil
}

// counterGrew is by how much a counter grew between two readings.
func counterGrew(before, after metricsRead, metric string) (float64, bool) {
	was, _ := before.sum(metric, nil)
	is, ok := after.sum(metric, nil)
	return is - was, ok
}

// The columns of the table "pool-sizes", which the claims read.
const (
	columnWaited = "had to wait"
	columnNotOK  = "not ok"
)

func poolTable(all []poolSeen, rate int) *results.Table {
	table := newTable("pool-sizes", fmt.Sprintf("The same %d uses a second with pools of several sizes, the store 2 ms away each way: who had to wait for a connection", rate),
		results.Column{Name: "connections", Unit: "connections"},
		results.Column{Name: columnWaited, Unit: "%", Meaning: "of the uses, as the nodes counted; with those that gave up"},
		results.Column{Name: "mean wait", Unit: "ms", Meaning: "of those that then got a connection"},
		results.Column{Name: "gave up", Meaning: "uses for which no connection became free in time"},
		results.Column{Name: columnNotOK, Unit: "%", Meaning: "of the uses"},
		results.Column{Name: "p50", Unit: "ms", Meaning: "of all uses; one that is not ok is slower than every other"},
		results.Column{Name: "p99", Unit: "ms"},
	)
	table.Draw = columnWaited
	for _, s := range all {
		wait := none("nobody waited")
		if s.waits > 0 {
			wait = figure(1000 * s.waited / s.waits)
		}
		waited := none("the nodes do not count them")
		if s.counted {
			waited = waitShare(int64(s.waits+s.gaveUp), s.uses)
		}
		addAt(table, float64(s.size), strconv.Itoa(s.size), waited, wait, counted(int64(s.gaveUp)), waitShare(s.bad, s.uses), milliseconds(s.p50), milliseconds(s.p99))
	}
	return table
}

// waitShare is a percentage with Wilson's interval. A use can wait more than once.
func waitShare(part, of int64) results.Cell {
	part = min(part, of)
	low, high, err := stat.Wilson(int(part), int(of), stat.Level)
	if err != nil {
		return none(err.Error())
	}
	c := figure(ofUses(float64(part), of))
	low, high = 100*low, 100*high
	c.Low, c.High = &low, &high
	return c
}

func milliseconds(ns *int64) results.Cell {
	if ns == nil {
		return none("among what was not ok")
	}
	return figure(float64(*ns) / float64(time.Millisecond))
}

// poolVerdict: where uses fail for want of a connection, the node's counters have to
// say so.
func poolVerdict(all []poolSeen) results.Verdict {
	v := results.Verdict{Check: CheckSignals, Status: results.Pass, Unit: "sizes that went wrong unseen", Measured: number(0), Bound: number(0)}
	var unseen []string
	waited := false
	for _, s := range all {
		waited = waited || s.waits+s.gaveUp > 0
		if s.bad > 0 && s.waits+s.gaveUp == 0 {
			unseen = append(unseen, strconv.Itoa(s.size))
		}
	}
	switch {
	case len(unseen) > 0:
		v.Status, v.Measured = results.Fail, number(float64(len(unseen)))
		v.Reason = "uses failed and the nodes counted no wait with this many connections: " + strings.Join(unseen, ", ")
	case !waited:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "nobody had to wait for a connection, with any size"
	}
	return v
}
