package report

import (
	"iter"
	"math"
	"slices"
	"time"

	"authbench/results"
)

// intervalSource reads the intervals of a run's log: results.Intervals of its directory.
type intervalSource func(keep func(results.Tag) bool) iter.Seq2[*results.Interval, error]

// track is how uses went in the course of time: a slot is one interval, or a few.
type track struct {
	arm      string
	trial    *results.Trial // of a fault; nil: several trials
	blocks   []int          // in order
	pooled   bool           // the slots are those within a trial, all blocks together
	limit    int            // at most so many slots, about
	every    time.Duration  // length of a slot; 0 until the first interval was read
	perBlock int            // slots of one trial
	window   time.Duration  // of one trial
	slots    []moment

	noStore bool         // the arm needs none: what an idle server does is not its
	cpu     [4][]float64 // a slot: share of a core that target, store, link, generator used; nil: not known
}

// maxSlots bounds what is drawn and embedded for a long run: a screen shows no more.
const maxSlots = 240

// sized lays the slots out, once the length of an interval is known.
func (t *track) sized(interval time.Duration) {
	if t.every != 0 || interval <= 0 {
		return
	}
	blocks := len(t.blocks)
	if t.pooled {
		blocks = 1
	}
	within := ceilDiv(int64(t.window), int64(interval))
	group := max(1, ceilDiv(within*int64(blocks), int64(t.limit)))
	t.every = interval * time.Duration(group)
	t.perBlock = int(ceilDiv(within, group))
	t.slots = make([]moment, blocks*t.perBlock)
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

// slot is where an interval belongs that starts so long after its trial's window.
func (t *track) slot(block int, since time.Duration) int {
	i := min(max(0, int(since/t.every)), t.perBlock-1)
	if !t.pooled {
		i += slices.Index(t.blocks, block) * t.perBlock
	}
	return i
}

// seconds is how much time slot i stands for, over all trials in it.
func (t *track) seconds(i int) float64 {
	within := i % t.perBlock
	covered := min(t.every, t.window-time.Duration(within)*t.every)
	n := 1
	if t.pooled {
		n = len(t.blocks)
	}
	return covered.Seconds() * float64(n)
}

// takes says whether a trial belongs here: one of a fault, or those of an arm that may
// feed a summary.
func (t *track) takes(trial *results.Trial) bool {
	if t.trial != nil {
		return t.trial == trial
	}
	return t.arm == trial.Arm && trial.Chaos == nil && trial.Error == "" && trial.Usable() && slices.Contains(t.blocks, trial.Block)
}

// reading is a trial while its intervals are read.
type reading struct {
	trial   *results.Trial
	start   time.Duration // of its window, since the run started
	started bool
	tracks  []*track
}

type trialKey struct {
	arm   string
	block int
}

// fill reads the log into the tracks. An error is that of a damaged log: what stands
// before the damage has been read.
func fill(run *results.Run, src intervalSource, tracks []*track) error {
	for _, tr := range tracks {
		tr.noStore = slices.ContainsFunc(run.Arms, func(a results.Arm) bool { return a.Name == tr.arm && len(a.Needs) == 0 })
	}
	trials := map[trialKey]*reading{}
	for i := range run.Trials {
		t := &run.Trials[i]
		r := &reading{trial: t}
		for _, tr := range tracks {
			if tr.takes(t) {
				r.tracks = append(r.tracks, tr)
			}
		}
		if len(r.tracks) == 0 {
			continue
		}
		if t.Timeline != nil {
			r.start, r.started = t.Timeline.Started.Sub(run.Started), true
		}
		trials[trialKey{t.Arm, t.Block}] = r
	}
	var failed error
	for i, err := range src(func(t results.Tag) bool {
		return t.Operation == "use" && t.Metric == "latency" && trials[trialKey{t.Arm, t.Block}] != nil
	}) {
		if err != nil {
			failed = err
			break
		}
		r := trials[trialKey{i.Arm, i.Block}]
		if !r.started { // the first interval of a trial stands first
			r.start, r.started = i.Start, true
		}
		for _, tr := range r.tracks {
			tr.sized(i.Length)
			if tr.every > 0 {
				tr.slots[tr.slot(i.Block, i.Start-r.start+i.Length/2)].add(i)
			}
		}
	}
	for _, r := range trials {
		for _, tr := range r.tracks {
			tr.addCPU(r.trial)
		}
	}
	for _, tr := range tracks {
		tr.finish()
	}
	return failed
}

// addCPU adds the CPU over time of one trial.
func (t *track) addCPU(trial *results.Trial) {
	tl := trial.Timeline
	if tl == nil || t.every == 0 || tl.IntervalNS <= 0 {
		return
	}
	store := tl.StoreNS
	if t.noStore {
		store = nil
	}
	for side, ns := range [4][]int64{tl.TargetNS, store, tl.LinkNS, tl.LoadgenNS} {
		for i, v := range ns {
			at := time.Duration(int64(i)*tl.IntervalNS + tl.IntervalNS/2)
			if at >= time.Duration(t.perBlock)*t.every {
				break // after the schedule: the last answers were waited for
			}
			if t.cpu[side] == nil {
				t.cpu[side] = slices.Repeat([]float64{math.NaN()}, len(t.slots))
			}
			to := &t.cpu[side][t.slot(trial.Block, at)]
			if math.IsNaN(*to) {
				*to = 0
			}
			*to += float64(v)
		}
	}
}

// finish cuts off what was never reached and turns CPU time into shares.
func (t *track) finish() {
	if t.trial != nil { // a load that is ended early has fewer intervals than were planned
		last := len(t.slots)
		for last > 0 && t.slots[last-1].scheduled() == 0 {
			last--
		}
		t.slots = t.slots[:last]
		t.perBlock = max(1, last)
	}
	for side := range t.cpu {
		if t.cpu[side] == nil {
			continue
		}
		t.cpu[side] = t.cpu[side][:min(len(t.slots), len(t.cpu[side]))]
		for i := range t.cpu[side] {
			t.cpu[side][i] /= t.seconds(i) * 1e9
		}
	}
}

// whole is all slots together.
func (t *track) whole() *moment {
	var sum moment
	for i := range t.slots {
		sum.merge(&t.slots[i])
	}
	return &sum
}
