package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"time"

	"authbench/report/number"
	"authbench/results"
)

// overTime is a run in the course of time: what the blocks "heatmap" and "timepanels" of
// timeline.tmpl draw.
type overTime struct {
	Heat   *heatSection  // nil: no steady uses were recorded
	Panels *panelSection // nil: nothing was recorded over time
	Note   string        // not empty: why a part is missing
}

// panelSection is the time panels of a run.
type panelSection struct {
	Intro  string
	Panels []*timePanel
	Left   string // what has no panel, and why
}

// arms are panels of arms, faults are panels of trials with a fault: the first few
// are open, and no more than so many are drawn, with so many slots altogether.
const (
	openPanels  = 3
	faultPanels = 24
	faultSlots  = 2400
)

// readOverTime reads the intervals of a run. id begins the ids on the page, so that two
// runs can stand on one; mark is what stands before the name of an arm.
func readOverTime(id string, run *results.Run, src intervalSource, mark func(arm string) template.HTML) *overTime {
	if src == nil {
		return &overTime{Note: "Nothing was recorded over time."}
	}
	heat, arms := costTracks(run)
	faults, left := faultTracks(run)
	o := &overTime{}
	if err := fill(run, src, distinct(heat, arms, faults)); err != nil {
		o.Note = "The log of histograms is damaged: what stands after the damage is missing here. " + err.Error()
	}
	drawn := func(t *track) bool { return t.every == 0 || t.whole().scheduled() == 0 }
	heat, arms, faults = slices.DeleteFunc(heat, drawn), slices.DeleteFunc(arms, drawn), slices.DeleteFunc(faults, drawn)
	if len(heat) > 0 {
		o.Heat = newHeatSection(heat, mark)
	}
	if len(arms)+len(faults) == 0 {
		return o
	}
	o.Panels = &panelSection{Left: left}
	for i, t := range slices.Concat(arms, faults) {
		p := newPanel(fmt.Sprintf("%s%d", id, i+1), t, mark(t.arm))
		p.Folded = i >= openPanels
		o.Panels.Panels = append(o.Panels.Panels, p)
	}
	o.Panels.Intro = intro(arms, faults)
	return o
}

// distinct joins lists; a track that is in two of them is read once.
func distinct(lists ...[]*track) []*track {
	var out []*track
	for _, t := range slices.Concat(lists...) {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// costTracks are those of the steady uses of every arm: one over the whole run for the
// heat maps, and one for the panel, which shows the time within a trial where trials
// are long enough for that, or else the run, block by block.
func costTracks(run *results.Run) (heat, panels []*track) {
	var blocks []int
	byArm := map[string][]int{}
	window := time.Duration(0)
	var names []string
	for _, t := range run.Trials {
		if t.Chaos != nil || t.Error != "" || !t.Usable() {
			continue
		}
		if byArm[t.Arm] == nil {
			names = append(names, t.Arm)
		}
		byArm[t.Arm] = append(byArm[t.Arm], t.Block)
		blocks = append(blocks, t.Block)
		window = max(window, time.Duration(t.DurationNS))
	}
	slices.Sort(blocks)
	blocks = slices.Compact(blocks)
	place := func(name string) int {
		return slices.IndexFunc(run.Arms, func(a results.Arm) bool { return a.Name == name })
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	for _, name := range names {
		course := &track{arm: name, blocks: blocks, limit: maxSlots, window: window}
		heat = append(heat, course)
		if window < brushFrom*time.Second {
			panels = append(panels, course)
			continue
		}
		panels = append(panels, &track{arm: name, blocks: byArm[name], pooled: true, limit: maxSlots, window: window})
	}
	return heat, panels
}

// faultTracks are those of trials with a fault, at most faultPanels: first those in
// which a promise was broken, then those in which most did not end ok.
func faultTracks(run *results.Run) (tracks []*track, left string) {
	var with []*results.Trial
	undated := 0
	for i := range run.Trials {
		t := &run.Trials[i]
		switch {
		case t.Chaos == nil || len(t.Chaos.Faults) == 0 || t.Error != "" || t.DurationNS == 0:
		case t.Timeline == nil:
			undated++
		default:
			with = append(with, t)
		}
	}
	if undated > 0 {
		left = number.Count(undated, "trial") + " with a fault did not note when the load began, so the fault cannot be placed in time. "
	}
	if n := len(with) - faultPanels; n > 0 {
		worst := func(t *results.Trial) float64 {
			return float64(len(t.Chaos.Violations)) + 1 - float64(t.Accounting.OK)/math.Max(1, float64(t.Accounting.Scheduled))
		}
		kept := slices.Clone(with)
		slices.SortStableFunc(kept, func(a, b *results.Trial) int { return cmp.Compare(worst(b), worst(a)) })
		kept = kept[:faultPanels]
		with = slices.DeleteFunc(with, func(t *results.Trial) bool { return !slices.Contains(kept, t) })
		left += number.Count(n, "more trial") + " with a fault are not drawn: those shown broke a promise, or had the largest shares that did not end ok. To see one of the others, run it by itself."
	}
	limit := min(maxSlots, faultSlots/max(1, len(with)))
	for _, t := range with {
		tracks = append(tracks, &track{arm: t.Arm, trial: t, blocks: []int{t.Block}, pooled: true, limit: limit, window: time.Duration(t.DurationNS)})
	}
	return tracks, left
}

// intro says what the panels show.
func intro(arms, faults []*track) string {
	s := ""
	if len(arms) > 0 {
		t := arms[0]
		if t.pooled {
			s = fmt.Sprintf("One panel an arm: the time within a trial, %s together, in steps of %s. ", number.Count(len(t.blocks), "block"), lengthOf(t.every))
		} else {
			s = fmt.Sprintf("One panel an arm: the run in the order in which it was measured, %s of %s, in steps of %s. ", number.Count(len(t.blocks), "block"), lengthOf(t.window), lengthOf(t.every))
		}
	}
	if len(faults) > 0 {
		s += "One panel a trial with a fault; time counts from the start of the load. Above it: when the fault was requested, when it was seen to act, when it was asked to end, and when it was seen to be over. "
	}
	return s + "An arrival belongs to the moment at which it was due. The curve below a panel ranks every arrival, what did not end ok as slower than all that did: it ends where those begin, and is dashed where a few arrivals decide."
}

// lengthOf prints a length of time: "100 ms", "1 s".
func lengthOf(d time.Duration) string { return number.Span(d.Nanoseconds()) }

// label names slot i.
func (t *track) label(i int) string {
	if t.pooled {
		return t.clock(i)
	}
	block := t.blocks[i/t.perBlock]
	if t.perBlock == 1 {
		return fmt.Sprintf("block %d", block)
	}
	return fmt.Sprintf("block %d, %s", block, t.clock(i%t.perBlock))
}

// clock is the time at which slot i of a trial begins.
func (t *track) clock(i int) string { return clockAt(time.Duration(i)*t.every, t.every) }

// clockAt prints an instant with as many digits as the steps have.
func clockAt(at, step time.Duration) string {
	digits := 0
	for s := step; s%time.Second != 0 && digits < 3; digits++ {
		s *= 10
	}
	return fmt.Sprintf("%.*f%ss", digits, at.Seconds(), number.NBSP)
}

// faults are the disturbances of the trial, in percent of the width.
func (t *track) faults() []faultSpan {
	if t.trial == nil || t.trial.Timeline == nil {
		return nil
	}
	whole := float64(len(t.slots)) * float64(t.every)
	var out []faultSpan
	for _, f := range t.trial.Chaos.Faults {
		at := func(ns *int64) float64 {
			if ns == nil {
				return math.NaN()
			}
			return 100 * min(1, max(0, float64(t.trial.Timeline.ZeroNS+*ns)/whole))
		}
		out = append(out, faultSpan{f, at(&f.RequestedNS), at(f.ConfirmedNS), at(f.RecoverNS), at(f.RecoveredNS)})
	}
	return out
}

// faultSpan is one fault on the time axis; NaN: that was not reached.
type faultSpan struct {
	results.Fault
	Requested, Confirmed, Recover, Recovered float64
}

// active is when the fault acted, as far as is known: until the end where it is not
// known to have ended.
func (f faultSpan) active() (from, to float64, ok bool) {
	if math.IsNaN(f.Confirmed) {
		return 0, 0, false
	}
	to = 100
	for _, end := range []float64{f.Recovered, f.Recover} {
		if !math.IsNaN(end) {
			to = end
		}
	}
	return f.Confirmed, to, true
}
