package diff

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/results"
	"authbench/results/stat"
)

// What became of a bound, or of a figure without one.
const (
	Regressed = "regressed"   // the change is beyond the bound, after Holm
	Pass      = "pass"        // the whole interval is within the bound
	Unknown   = "cannot tell" // neither
	Invalid   = "invalid"     // the evidence of a run is not to be trusted
	Higher    = "higher"      // without a bound: it changed, after Holm
	Lower     = "lower"       //
)

// Designs of a comparison.
const (
	Ranks = "ranks" // two runs: two independent samples of trials
	Pairs = "pairs" // two arms of one run: pairs of trials by block
)

// Options say what is compared.
type Options struct {
	Bounds  []Bound  // none: the change of p50, p99 and cpu is shown, nothing fails
	Arms    []string // only these; empty: all that OLD has
	Control bool     // judge the change beside that of the control
	Anyway  bool     // compare although what matters differs
}

// Report is what comparing came to.
type Report struct {
	Old         RunInfo      `json:"old"`
	New         RunInfo      `json:"new"`
	Design      string       `json:"design"`         // ranks or pairs
	Beside      string       `json:"beside_control"` // the control that changes stand beside; "" if none
	ByControl   bool         `json:"judged_beside_control"`
	Differences []Difference `json:"differences"`
	Refused     bool         `json:"refused"` // the runs differ in what matters
	Status      string       `json:"status"`  // of all rows: regressed, invalid, cannot tell, pass; "" without bounds
	Compared    int          `json:"compared"`
	Rows        []Row        `json:"rows"`
	Warnings    []string     `json:"warnings"`
}

// RunInfo names one side.
type RunInfo struct {
	ID      string `json:"id"`
	Profile string `json:"profile"`
	Blocks  int    `json:"blocks"`
	Seed    uint64 `json:"seed"`
	Tool    string `json:"authbench"`
	Arm     string `json:"arm,omitempty"` // of a comparison of two arms
}

// Row is one figure of one arm, against one bound.
type Row struct {
	Arm    string `json:"arm"`
	Metric string `json:"metric"`
	Unit   string `json:"unit"`  // of Old and New: ns, share, bytes, count, per_second
	Bound  string `json:"bound"` // as written; "" without one

	Old  *float64 `json:"old"` // median over trials; null where none has it or it lies beyond the timeout
	New  *float64 `json:"new"`
	NOld int      `json:"old_trials"`
	NNew int      `json:"new_trials"`

	Change  *Change  `json:"change"`
	Control *Change  `json:"change_beside_control"`
	P       *float64 `json:"p"` // of "no further than the bound" ("no change" without one), two-sided
	Holm    *float64 `json:"p_holm"`
	Status  string   `json:"status"`
	Reason  string   `json:"reason,omitempty"`
	// Needed is about how many trials a side (blocks, of two arms of one run) would
	// settle what cannot be told, if the change is what it looks like; null where none
	// is known.
	Needed *int `json:"trials_needed"`

	metric metric
	bound  *Bound
	est    stat.Estimate
	ok     bool // there is an estimate
	broken bool // the estimate lies beyond the bound
	judged comparison
}

// Change is an estimate with its 95 % interval, not adjusted. Relative: a share of
// the old value, 0.1 is 10 % more; else in the unit of the row. Lo and Hi are null
// where the trials are too few for an interval.
type Change struct {
	Relative bool     `json:"relative"`
	Value    float64  `json:"value"`
	Lo       *float64 `json:"lo"`
	Hi       *float64 `json:"hi"`
}

// side is one arm in one run.
type side struct {
	run *results.Run
	arm results.Arm
}

// Runs compares the arms of two runs.
func Runs(old, new *results.Run, o Options) (*Report, error) {
	if !hasCost(old) || !hasCost(new) {
		return nil, fmt.Errorf("nothing to compare: %s has no trials under steady load", map[bool]string{true: new.ID, false: old.ID}[hasCost(old)])
	}
	arms, err := armsOf(old, new, o.Arms)
	if err != nil {
		return nil, err
	}
	r := &Report{Old: infoOf(old), New: infoOf(new), Design: Ranks, ByControl: o.Control, Differences: environments(old, new, arms.both), Rows: []Row{}, Warnings: []string{}}
	if !o.Anyway && slices.ContainsFunc(r.Differences, func(d Difference) bool { return d.Matters }) {
		r.Refused, r.Status = true, Invalid
		return r, nil
	}
	if old.ID == new.ID && old.Started.Equal(new.Started) {
		r.warn("Both are the same run: every change is 0, and the intervals show what a comparison of two such runs can tell.")
	}
	control := controlOf(old)
	if control != "" && slices.ContainsFunc(new.Arms, func(a results.Arm) bool { return a.Name == control }) {
		r.Beside = control
	} else if o.Control {
		return nil, fmt.Errorf("no control stands in both runs: changes cannot be judged beside it")
	}
	for _, name := range arms.both {
		if o.Control && name == r.Beside {
			continue // it would stand beside itself
		}
		r.rows(side{old, armNamed(old, name)}, side{new, armNamed(new, name)}, o)
	}
	for _, name := range arms.lost {
		for _, b := range bounds(o) {
			r.Rows = append(r.Rows, Row{Arm: name, Metric: b.metric.name, Unit: b.metric.unit.String(), Bound: b.Text, Status: Unknown, Reason: "NEW did not measure it" + whyMissing(new, name)})
		}
	}
	if len(arms.added) > 0 {
		r.warn("Only in NEW, so not compared: %s.", strings.Join(arms.added, ", "))
	}
	r.conclude(old, new, o)
	return r, nil
}

// Arms compares two arms of one run, block by block.
func Arms(run *results.Run, oldArm, newArm string, o Options) (*Report, error) {
	for _, name := range []string{oldArm, newArm} {
		if !slices.ContainsFunc(run.Arms, func(a results.Arm) bool { return a.Name == name }) {
			return nil, fmt.Errorf("%s has no arm %q; there is %s", run.ID, name, strings.Join(armNames(run), ", "))
		}
	}
	if o.Control {
		return nil, fmt.Errorf("two arms of one run share its blocks: there is nothing that a control could take out")
	}
	r := &Report{Old: infoOf(run), New: infoOf(run), Design: Pairs, Differences: []Difference{}, Rows: []Row{}, Warnings: []string{}}
	r.Old.Arm, r.New.Arm = oldArm, newArm
	r.rows(side{run, armNamed(run, oldArm)}, side{run, armNamed(run, newArm)}, o)
	r.conclude(run, run, o)
	return r, nil
}

// bounds are those that were asked for or, without any, the figures that are shown.
func bounds(o Options) []Bound {
	if len(o.Bounds) > 0 {
		return o.Bounds
	}
	var out []Bound
	for _, name := range []string{"p50", "p99", "cpu"} {
		m, _ := metricNamed(name)
		out = append(out, Bound{metric: m, above: true, relative: true})
	}
	return out
}

// rows compares one arm by all that was asked.
func (r *Report) rows(old, new side, o Options) {
	for _, b := range bounds(o) {
		row := Row{Arm: new.arm.Name, Metric: b.metric.name, Unit: b.metric.unit.String(), Bound: b.Text, metric: b.metric, bound: &b}
		x, lostX := b.metric.read(old.run, old.arm)
		y, lostY := b.metric.read(new.run, new.arm)
		row.NOld, row.NNew = len(x), len(y)
		row.Old, row.New = finite(x.median()), finite(y.median())
		if lostX+lostY > 0 {
			row.Reason = fmt.Sprintf("%d trials of OLD and %d of NEW have no usable number", lostX, lostY)
		}
		switch {
		case standIn(old) || standIn(new):
			row.Status, row.Reason = Invalid, "the store is a stand-in: no verdict is drawn from it"
		case len(x) == 0 || len(y) == 0:
			row.Status, row.Reason = Unknown, "no trial of "+map[bool]string{true: "OLD", false: "NEW"}[len(x) == 0]+" has a usable number"
		default:
			r.estimate(&row, x, y, old, new, o)
		}
		r.Rows = append(r.Rows, row)
	}
}

// estimate fills in the change, the same beside control, and the test of the bound.
func (r *Report) estimate(row *Row, x, y sample, old, new side, o Options) {
	b := row.bound
	if r.Design == Pairs {
		x, y = paired(x, y)
	}
	judged := comparison{x.values(), y.values(), r.Design == Pairs, b.relative}
	est, err := judged.estimate()
	row.Change = changeOf(est, err, b.relative)
	if r.Beside != "" && row.Arm != r.Beside {
		cx, _ := b.metric.read(old.run, armNamed(old.run, r.Beside))
		cy, _ := b.metric.read(new.run, armNamed(new.run, r.Beside))
		beside := comparison{x.against(cx, b.relative).values(), y.against(cy, b.relative).values(), false, b.relative}
		besideEst, besideErr := beside.estimate()
		row.Control = changeOf(besideEst, besideErr, b.relative)
		if o.Control {
			judged, est, err = beside, besideEst, besideErr
		}
	}
	row.judged = judged
	if x.beyond()+y.beyond() > 0 {
		row.Reason = fmt.Sprintf("%s lies beyond the timeout in %d of %d trials of OLD, %d of %d of NEW", row.Metric, x.beyond(), len(x), y.beyond(), len(y))
	}
	row.est, row.ok = est, err == nil
	if err != nil && row.Reason == "" {
		row.Reason = err.Error()
	}
	p, above, err := judged.test(b.change)
	if err != nil {
		if row.Reason == "" {
			row.Reason = err.Error()
		}
		return
	}
	row.P, row.broken = &p, above == b.above
	if row.Bound != "" && !row.broken {
		row.P = new1(1.0)
	}
}

func new1[T any](v T) *T { return &v }

func finite(v float64, ok bool) *float64 {
	if !ok || math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// paired keeps the blocks that both have.
func paired(x, y sample) (sample, sample) {
	a, b := sample{}, sample{}
	for block, v := range x {
		if w, ok := y[block]; ok {
			a[block], b[block] = v, w
		}
	}
	return a, b
}

func standIn(s side) bool {
	return slices.ContainsFunc(s.run.Environment.Stores, func(st results.Store) bool { return st.StandIn && slices.Contains(s.arm.Needs, st.Kind) })
}

func hasCost(run *results.Run) bool {
	return slices.ContainsFunc(run.Trials, func(t results.Trial) bool { return t.Chaos == nil })
}

func infoOf(run *results.Run) RunInfo {
	return RunInfo{ID: run.ID, Profile: run.Profile, Blocks: run.Workload.Blocks, Seed: run.Seed, Tool: tool(run.Tool)}
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

func (u unit) String() string {
	return [...]string{"ns", "share", "bytes", "count", "per_second"}[u]
}
