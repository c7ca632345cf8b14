package scenarios

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/results/stat"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// DuplicateSuffix marks the second copy of the baseline: the A/A arm.
const DuplicateSuffix = "~aa"

// calibrateConns saturate a server on one core without queueing far behind it.
const calibrateConns = 16

// Bench is what one comparison asks for.
type Bench struct {
	Name      string
	Profile   Profile
	Scenario  Scenario
	Contracts []*contract.Contract
	Sources   []string // of Contracts, in the same order: arm names or files
	Baseline  string   // name of the arm that the others are compared with and that is duplicated
	Seed      uint64
	Rate      float64 // 0: calibrate
	Arrivals  loadgen.Arrivals
	// Popularity is the choice of the next user.
	Popularity  loadgen.Popularity
	Connections int
	Timeout     time.Duration
	// Margin is the share of the baseline up to which a difference does not matter;
	// 0: stat.DefaultMargin.
	Margin float64
	// Spreads are what to expect of an experiment is reckoned from; nil: those that
	// are assumed.
	Spreads []stat.Spread
	// Promises are tried when the comparison is done: see PromiseCases.
	Promises  []Case
	Command   []string // as typed
	Tool      results.Tool
	Root      string // results directory
	Testbed   testbed.Options
	Engine    loadgen.Engine
	Placement results.Placement
	Tell      func(Step)
	// Report writes what goes beside run.json, before results/latest leads there.
	Report func(dir string, run *results.Run) error
}

// Run brings the testbed up, calibrates, measures all trials and leaves a run
// directory behind, also when it is interrupted. It returns the directory, "" if
// nothing was written, and the run. An arm whose store cannot be had is not
// measured, with the reason, and is not an error.
func (b *Bench) Run(ctx context.Context) (dir string, run *results.Run, err error) {
	b.Testbed.Needs = needs(b.Contracts)
	bed, err := testbed.New(ctx, b.Testbed)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, bed.Close()) }()

	b.keepToLimits()
	run = b.newRun(bed)
	arms := b.arms(bed.Missing(), run)
	if len(arms) == 0 {
		return "", nil, fmt.Errorf("no arm can be measured here: %s", reasons(run.NotMeasured))
	}
	e := &Experiment{
		Scenario: b.Scenario, Arms: arms, Seed: b.Seed, Workload: run.Workload,
		Testbed: bed, Engine: b.Engine, Tell: b.Tell,
		LoadgenCores: len(b.Placement.Loadgen), GapCores: cores(b.Placement),
	}
	if e.LoadgenCores == 0 {
		e.LoadgenCores = runtime.NumCPU()
	}
	if err := b.expect(e, run); err != nil {
		return "", nil, err
	}
	if err := b.setRate(ctx, e, run); err != nil {
		return "", nil, err
	}
	w, err := results.Create(b.Root, b.Name, run)
	if err != nil {
		return "", nil, err
	}
	e.Keep, e.KeepBlock = w.Add, func(b results.Block) { keepBlock(run, b) }
	err = e.Run(ctx)
	cases := possible(b.Promises, bed.Missing())
	var kept []results.Verdict
	if ctx.Err() == nil { // a trial that failed is no reason to leave the rest out
		var perr error
		kept, perr = b.promises(ctx, bed, w, cases)
		err = errors.Join(err, perr)
	}
	if err == nil && b.Profile.Knee {
		err = Knees(ctx, e, func(k results.Knee) { run.Knees = append(run.Knees, k) })
	}
	run.Finished = time.Now().UTC()
	if done, all := len(run.Trials), run.Workload.Blocks*len(arms)+trialsOf(cases); done < all {
		run.Partial = true
		run.PartialReason = fmt.Sprintf("%d of %d trials finished: %v", done, all, err)
	}
	run.Verdicts = append(VerdictsIn(w.Dir(), run), kept...)
	return w.Dir(), run, errors.Join(err, b.Report(w.Dir(), run), w.Finish())
}

// newRun is everything that is known before the first trial.
func (b *Bench) newRun(bed *testbed.Testbed) *results.Run {
	env := Machine()
	env.Engine, env.Placement, env.Stores = b.Engine.Name(), b.Placement, bed.Stores()
	return &results.Run{
		SchemaVersion: results.SchemaVersion,
		Name:          b.Name,
		Profile:       b.Profile.Name,
		Command:       b.Command,
		Tool:          b.Tool,
		Seed:          b.Seed,
		Started:       time.Now().UTC(),
		Environment:   env,
		Baseline:      b.Baseline,
		Workload: results.Workload{
			Scenario: b.Scenario.Name, Blocks: b.Profile.Blocks, Users: b.Profile.Users,
			Connections: b.Connections, SaturateConns: min(calibrateConns, b.Connections),
			Arrivals: string(b.Arrivals), Popularity: string(b.Popularity),
			WarmupNS: b.Profile.Warmup.Nanoseconds(), SteadyNS: b.Profile.Steady.Nanoseconds(),
			SaturateNS: b.Profile.Saturate.Nanoseconds(), TimeoutNS: b.Timeout.Nanoseconds(),
			Margin: b.Margin,
		},
		Arms: []results.Arm{}, NotMeasured: []results.Missing{}, Trials: []results.Trial{},
		Verdicts: []results.Verdict{}, Warnings: b.warnings(),
	}
}

func (b *Bench) warnings() []string {
	ws := []string{}
	if runtime.NumCPU() < 2 {
		ws = append(ws, "one core: the generator and the target take time from each other; latencies are not to be trusted")
	}
	return ws
}

// arms lists what can be measured, the duplicate right behind its original, and
// notes in run what is measured and what is not.
func (b *Bench) arms(missing map[string]string, run *results.Run) []Arm {
	var arms []Arm
	for i, c := range b.Contracts {
		if reason := lacking(c, missing); reason != "" {
			run.NotMeasured = append(run.NotMeasured, results.Missing{Arm: c.Name, Reason: reason})
			continue
		}
		arms = append(arms, Arm{Name: c.Name, Contract: c, Source: b.Sources[i]})
		if c.Name == b.Baseline {
			arms = append(arms, Arm{Name: c.Name + DuplicateSuffix, Contract: c, Source: b.Sources[i], Duplicate: true})
		}
	}
	for _, a := range arms {
		run.Arms = append(run.Arms, describeArm(a))
	}
	return arms
}

// describeArm is an arm as a run records it.
func describeArm(a Arm) results.Arm {
	asks := ""
	if a.Contract.Start != nil {
		asks = a.Contract.Start.UseAsks
	}
	return results.Arm{
		Name: a.Name, Summary: a.Contract.Summary, Mechanism: a.Contract.Mechanism, Contract: a.Source,
		Duplicate: a.Duplicate, Needs: storesOf(a.Contract), UseAsks: asks, Settings: a.Contract.Settings,
		Promises: a.Contract.Promises.Map(), Notes: notesOf(a.Contract),
	}
}

// notesOf is what a reader of the results has to know of a target.
func notesOf(c *contract.Contract) []string {
	notes := append([]string{}, c.Notes...)
	if why := loginNotMeasured(c); why != "" {
		notes = append(notes, "Logging in is not measured: "+why+".")
	}
	if most := c.Cap().Rate; most > 0 {
		notes = append(notes, fmt.Sprintf("Its capacity is not measured: it may be sent at most %d requests a second (limits.rate).", most))
	}
	return notes
}

// expect says, before the first trial, how large a difference would have to be to be
// found, and keeps that in run.
func (b *Bench) expect(e *Experiment, run *results.Run) (err error) {
	compared := 0
	for _, a := range run.Arms {
		if !a.Duplicate && a.Name != run.Baseline {
			compared++
		}
	}
	if b.Spreads == nil {
		b.Spreads = stat.AssumedSpreads()
	}
	if run.Expected, err = stat.Expect(run.Profile, compared, run.Workload.Blocks, b.Spreads); err != nil {
		return err
	}
	for _, x := range run.Expected {
		blocks, among := several(run.Workload.Blocks, "block"), several(x.Comparisons, "comparison")
		what := fmt.Sprintf("%s: %s cannot show any difference among %s", x.Metric, blocks, among)
		if x.Detectable > 0 {
			what = fmt.Sprintf("%s: %s would show a difference of about %.0f %% among %s (the spread of blocks is %s)",
				x.Metric, blocks, percent(x.Detectable), among, x.From)
		}
		e.tell(Step{Message: what})
	}
	return nil
}

// setRate fixes the rate of steady load, by calibration unless it was given.
func (b *Bench) setRate(ctx context.Context, e *Experiment, run *results.Run) error {
	w := &run.Workload
	if b.Rate > 0 {
		w.Rate, w.RateFrom = b.Rate, "--rate"
	} else {
		rate, capacity, slowest, err := Calibrate(ctx, e, calibrateConns)
		if err != nil {
			return err
		}
		if slowest != "" {
			w.Rate, w.CalibratedRate, w.CalibratedArm = rate, capacity, slowest
			w.RateFrom = fmt.Sprintf("%.0f %% of the slowest arm's capacity (%s, %.0f/s in a closed loop)", steadyShare*100, slowest, capacity)
		}
		if most, whose := b.most(func(l contract.Limits) int { return l.Rate }); most > 0 && (slowest == "" || w.Rate > float64(most)) {
			w.Rate, w.RateFrom = float64(most), "what "+whose+" may be sent (limits.rate)"
		}
	}
	w.InFlightCap = max(1024, int(5*w.Rate))
	e.Workload = *w
	e.tell(Step{Message: fmt.Sprintf("steady load: %.0f requests/s for every arm, %s", w.Rate, w.RateFrom)})
	return nil
}

// most is the least of a limit of the contracts, and whose it is; 0: there is none.
func (b *Bench) most(of func(contract.Limits) int) (least int, whose string) {
	for _, c := range b.Contracts {
		if n := of(c.Cap()); n > 0 && (least == 0 || n < least) {
			least, whose = n, c.Name
		}
	}
	return least, whose
}

// keepToLimits lowers the connections, which are the same for all, to what every target
// may be sent.
func (b *Bench) keepToLimits() {
	conns, who := b.most(func(l contract.Limits) int { return l.Connections })
	if conns > 0 && b.Connections > conns {
		b.Connections = conns
		if b.Tell != nil {
			b.Tell(Step{Message: fmt.Sprintf("%d connections for every arm: %s may have no more (limits.connections)", conns, who)})
		}
	}
}

// lacking says why an arm cannot be measured, or "".
func lacking(c *contract.Contract, missing map[string]string) string {
	for _, kind := range storesOf(c) {
		if reason, ok := missing[kind]; ok {
			return reason
		}
	}
	return ""
}

func storesOf(c *contract.Contract) []string {
	if c.Start == nil {
		return []string{}
	}
	return append([]string{}, c.Start.Needs...)
}

// needs is the union of the stores that the contracts need.
func needs(cs []*contract.Contract) []string {
	var all []string
	for _, c := range cs {
		for _, kind := range storesOf(c) {
			if !slices.Contains(all, kind) {
				all = append(all, kind)
			}
		}
	}
	return all
}

func reasons(ms []results.Missing) string {
	s := ""
	for _, m := range ms {
		s += "\n  " + m.Arm + ": " + m.Reason
	}
	return s
}
