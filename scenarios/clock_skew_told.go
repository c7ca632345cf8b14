package scenarios

import (
	"context"
	"fmt"
	"math"
	"time"

	"authbench/results"
)

// skew plays one of the plans in which clocks are off, and tells what came of it.
func (d *dials) skew(ctx context.Context) error {
	v := d.t.Values
	how, n := v["how"], max(1, v.number("credentials"))
	if how == "sweep" || how == "issuer" {
		skews := skewsOf(d.life)
		tallies, err := d.play(ctx, sweepPlan(d.life, skews, n, how == "issuer"), len(skews))
		if err != nil {
			return err
		}
		d.tellSkews(how, skews, tallies)
		d.judgeNodes(tallies)
		return nil
	}
	phases := stepPhases(v.duration("over"), v.duration("skew"))
	if how == "drift" {
		phases = driftPhases(v.duration("over"), v.duration("skew"))
	}
	tallies, err := d.play(ctx, phasePlan(phases, d.life, phaseEvery), 2*len(phases))
	if err != nil {
		return err
	}
	d.tellPhases(how, phases, tallies)
	d.judgeNodes(tallies)
	return nil
}

// phaseEvery is how often a credential is issued, and another used.
const phaseEvery = 25 * time.Millisecond

// tallyColumns are the columns of a tally.
func tallyColumns() []results.Column {
	return []results.Column{
		{Name: "uses", Meaning: "each of another credential, at another age"},
		{Name: "wrong by the node's clock", Meaning: "accepted after the end, or refused before it, by the clock of the node that answered: a defect"},
		{Name: "wrongly refused", Meaning: "in true time: of uses of credentials that had not expired; an effect of the skew"},
		{Name: "wrongly accepted", Meaning: "in true time: of uses later than expiry and leeway; an effect of the skew"},
	}
}

func tallyCells(t skewTally) []results.Cell {
	return []results.Cell{
		counted(t.uses), part(t.nodeAccepts+t.nodeRefuses, t.live+t.ended),
		part(t.trueRefuses, t.trueLive), part(t.trueAccepts, t.trueEnded),
	}
}

// endMoved is the column that a sweep draws.
const endMoved = "end moved by"

func (d *dials) tellSkews(how string, skews []time.Duration, tallies []skewTally) {
	whose := "the node that is asked"
	if how == "issuer" {
		whose = "the node that logs in"
	}
	columns := append(tallyColumns(), results.Column{
		Name: endMoved, Unit: "s",
		Meaning: "how much later than its true end, leeway included, a credential stopped working: between the last accepted and the first refused use",
	})
	table := newTable(how, fmt.Sprintf("The clock of %s is off, all others are right: what is wrongly refused, and what lives too long?", whose),
		results.Column{Name: "clock ahead by", Unit: "s"}, columns...)
	table.Draw = endMoved
	for i, t := range tallies {
		addAt(table, skews[i].Seconds(), fmt.Sprintf("%+g s", skews[i].Seconds()), append(tallyCells(t), moved(t))...)
	}
	d.t.keep(table)
	within, beyond := summed(skews, tallies, func(s time.Duration) bool { return s.Abs() <= d.life.leeway }),
		summed(skews, tallies, func(s time.Duration) bool { return s.Abs() > d.life.leeway })
	d.tell(how+".within", "uses", float64(within.trueRefuses),
		"With %s off by no more than the leeway (%s) %d of %d uses of live credentials were wrongly refused, and %d of %d of ended ones wrongly accepted.",
		whose, d.life.leeway, within.trueRefuses, within.trueLive, within.trueAccepts, within.trueEnded)
	d.tell(how+".beyond", "uses", float64(beyond.trueRefuses),
		"Off by more it was %d of %d of live ones refused, and %d of %d of ended ones accepted.",
		beyond.trueRefuses, beyond.trueLive, beyond.trueAccepts, beyond.trueEnded)
	if how == "sweep" {
		d.tellStored(skews, tallies)
	}
}

// tellStored says whose clock ends what a store keeps.
func (d *dials) tellStored(skews []time.Duration, tallies []skewTally) {
	if !d.life.stored {
		return
	}
	behind := summed(skews, tallies, func(s time.Duration) bool { return s < 0 })
	text := "A node that is behind accepted %d of %d sessions that had ended: the store ends them by the clocks of nodes."
	if behind.trueAccepts == 0 {
		text = "A node that is behind accepted %d of %d sessions that had ended: the store ends them by a clock of its own."
	}
	d.tell("sweep.store", "uses", float64(behind.trueAccepts), text, behind.trueAccepts, behind.trueEnded)
}

// moved is the bracket of where the end was.
func moved(t skewTally) results.Cell {
	switch {
	case t.last == nil && t.first == nil && t.early > 0:
		return none("refused as not yet valid")
	case t.last == nil && t.first == nil:
		return none("nothing was used")
	case t.first == nil:
		return none(fmt.Sprintf("later than %.1f s: never refused", t.last.Seconds()))
	case t.last == nil:
		return none(fmt.Sprintf("earlier than %.1f s: never accepted", t.first.Seconds()))
	}
	low, high := min(t.last.Seconds(), t.first.Seconds()), max(t.last.Seconds(), t.first.Seconds())
	c := figure(math.Round(50*(low+high)) / 100)
	c.Text = fmt.Sprintf("between %.2f and %.2f", low, high)
	return c
}

// summed adds up the tallies of some skews.
func summed(skews []time.Duration, tallies []skewTally, of func(time.Duration) bool) skewTally {
	var sum skewTally
	for i, t := range tallies {
		if of(skews[i]) {
			sum.plus(t)
		}
	}
	return sum
}

func (t *skewTally) plus(o skewTally) {
	t.uses += o.uses
	t.unanswered += o.unanswered
	t.undecided += o.undecided
	t.byStore += o.byStore
	t.early += o.early
	t.live += o.live
	t.ended += o.ended
	t.nodeAccepts += o.nodeAccepts
	t.nodeRefuses += o.nodeRefuses
	t.trueLive += o.trueLive
	t.trueEnded += o.trueEnded
	t.trueAccepts += o.trueAccepts
	t.trueRefuses += o.trueRefuses
}

func (d *dials) tellPhases(how string, phases []phase, tallies []skewTally) {
	what := "steps"
	if how == "drift" {
		what = "drifts away, and then jumps forth and back"
	}
	table := newTable(how, fmt.Sprintf("The clock of one node %s while both issue and check: what is wrong meanwhile, and on which of them?", what),
		results.Column{Name: "phase, and node asked"}, tallyColumns()...)
	for i, p := range phases {
		addRow(table, p.label+": moved node", tallyCells(tallies[2*i])...)
		addRow(table, p.label+": right node", tallyCells(tallies[2*i+1])...)
	}
	d.t.keep(table)
	var moved, right skewTally
	for i, t := range tallies {
		if i%2 == 0 {
			moved.plus(t)
		} else {
			right.plus(t)
		}
	}
	d.tell(how+".moved", "uses", float64(moved.trueRefuses+moved.trueAccepts),
		"On the node whose clock moved %d of %d uses of live credentials were refused and %d of %d of ended ones accepted, against true time.",
		moved.trueRefuses, moved.trueLive, moved.trueAccepts, moved.trueEnded)
	d.tell(how+".right", "uses", float64(right.trueRefuses+right.trueAccepts),
		"On the node whose clock was right, because of credentials that the other one had issued, %d of %d and %d of %d.",
		right.trueRefuses, right.trueLive, right.trueAccepts, right.trueEnded)
}

// judgeNodes holds every answer to the clock of the node that gave it.
func (d *dials) judgeNodes(tallies []skewTally) {
	var all skewTally
	for _, t := range tallies {
		all.plus(t)
	}
	d.t.judge(nodeVerdict(all))
}

// unansweredLimit is the share of uses without an answer from which nothing is said.
const unansweredLimit = 0.02

func nodeVerdict(all skewTally) results.Verdict {
	wrong := all.nodeAccepts + all.nodeRefuses
	v := results.Verdict{
		Check: "node-clock", Status: results.Pass, Unit: "uses", Measured: number(float64(wrong)), Bound: number(0),
		Reason: fmt.Sprintf("by the clock of the node that answered %d of %d uses were accepted after the end and %d of %d refused before it; %d were too close to an end to tell, and %d were refused because the store, whose clock is right, had ended them",
			all.nodeAccepts, all.ended, all.nodeRefuses, all.live, all.undecided, all.byStore),
	}
	switch {
	case wrong > 0:
		v.Status = results.Fail
	case all.live == 0 || all.ended == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, fmt.Sprintf("%d uses of live credentials and %d of ended ones: both are needed", all.live, all.ended)
	case float64(all.unanswered) > unansweredLimit*float64(all.uses):
		v.Status, v.Reason = results.Unknown, fmt.Sprintf("%d of %d uses were not answered with accepted or refused", all.unanswered, all.uses)
	}
	return v
}
