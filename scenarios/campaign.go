package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// Case is one scenario for one arm with one choice of settings.
type Case struct {
	Scenario Scenario
	Arm      Arm
	Declared Arm // as by its contract, without what is changed for the case
	Values   Values
	Changed  map[string]string // settings of the arm that are not those of its contract
	Reason   string            // why the arm cannot take part; "" if it can
	load     func(set map[string]string) (*contract.Contract, error)
}

// Target makes the contract of an arm with some of its settings changed.
type Target struct {
	Source string // arm name or file
	Load   func(set map[string]string) (*contract.Contract, error)
}

// NewCase puts a case together. set changes settings of the scenario and, where it
// has none of that name, of the arm; one that neither has is an error.
func NewCase(s Scenario, target Target, set map[string]string) (Case, error) {
	v, rest, err := values(s.Params, set)
	if err != nil {
		return Case{}, err
	}
	c, err := target.Load(nil)
	if err != nil {
		return Case{}, err
	}
	for _, key := range slices.Sorted(maps.Keys(rest)) {
		if _, ok := c.Settings[key]; !ok {
			return Case{}, fmt.Errorf("--set %s=%s: neither scenario %s nor arm %s has such a setting", key, rest[key], s.Name, c.Name)
		}
	}
	cs := Case{Scenario: s, Values: v, Declared: Arm{Name: c.Name, Contract: c, Source: target.Source}, load: target.Load}
	if s.Applies != nil {
		cs.Reason = s.Applies(c, v)
	}
	if err := capRate(c, v, set["rate"] != ""); err != nil {
		return Case{}, err
	}
	if s.Settings != nil && cs.Reason == "" {
		for key, value := range s.Settings(c, v) {
			if _, typed := rest[key]; !typed { // what was asked for stands
				rest[key] = value
			}
		}
	}
	if len(rest) > 0 {
		if c, err = target.Load(rest); err != nil {
			return Case{}, err
		}
	}
	cs.Arm, cs.Changed = Arm{Name: c.Name, Contract: c, Source: target.Source}, rest
	return cs, nil
}

// Campaign runs cases one after the other on one testbed, and leaves one run
// behind that says of every promise whether it was kept.
type Campaign struct {
	Name      string // of the run
	Profile   string
	Cases     []Case
	Seed      uint64
	Command   []string // as typed
	Tool      results.Tool
	Root      string // results directory
	Dir       string // if set, the run goes here instead
	Testbed   testbed.Options
	Engine    loadgen.Engine
	Placement results.Placement
	Tell      func(Step)
	// Report writes what goes beside run.json.
	Report func(dir string, run *results.Run) error
}

// caseLimit bounds one case: nothing hangs a pull request.
const caseLimit = 5 * time.Minute

// Run performs the cases. One that cannot be completed is kept with its error and
// its checks are invalid; the others go on. When ctx ends, what is finished is kept.
func (c *Campaign) Run(ctx context.Context) (dir string, run *results.Run, err error) {
	c.Testbed.Needs = c.needs()
	bed, err := testbed.New(ctx, c.Testbed)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, bed.Close()) }()
	run = c.newRun(bed)
	w, err := c.writer(run)
	if err != nil {
		return "", nil, err
	}
	began, done := time.Now(), 0
	for i, cs := range c.Cases {
		if reason := lacking(cs.Arm.Contract, bed.Missing()); reason != "" && cs.Reason == "" {
			c.missing(run, cs, reason)
			continue
		}
		if cs.Reason != "" {
			run.Verdicts = append(run.Verdicts, notApplicable(cs))
			continue
		}
		c.tell(Step{Arm: cs.describe(), Block: i + 1, Blocks: len(c.Cases), Trial: i + 1, Trials: len(c.Cases), Left: left(time.Since(began), i, len(c.Cases))})
		trial, cerr := runCase(ctx, bed, c.Engine, cs, c.Seed, i+1)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
			break
		}
		if cerr != nil {
			cerr = fmt.Errorf("%s: %w", cs.describe(), cerr)
			trial.Result.Error = cerr.Error()
			trial.judge(results.Verdict{Check: CheckCompleted, Status: results.Invalid, Reason: cerr.Error()})
			c.tell(Step{Message: cerr.Error()})
		}
		run.Verdicts = append(run.Verdicts, trial.Verdicts...)
		if err = w.Add(trial.Result, trial.Histograms); err != nil {
			break
		}
		done++
	}
	run.Finished = time.Now().UTC()
	if err != nil {
		run.Partial, run.PartialReason = true, fmt.Sprintf("%d of %d cases finished: %v", done, len(c.Cases), err)
	}
	return w.Dir(), run, errors.Join(err, c.Report(w.Dir(), run), w.Finish())
}

// CheckCompleted is the verdict on a case that could not be brought to its end.
const CheckCompleted = "completed"

func (c *Campaign) writer(run *results.Run) (*results.Writer, error) {
	if c.Dir != "" {
		return results.CreateIn(c.Dir, c.Name, run)
	}
	return results.Create(c.Root, c.Name, run)
}

// campaignConns are the open connections of the background load.
const campaignConns = 32

// describe names a case: redis-outage, jwt-es256+denylist, kill-empty.
func (cs Case) describe() string {
	s := cs.Scenario.Name + ", " + cs.Arm.Name
	t := Trial{Values: cs.Values}
	if f := t.Fault(); f != "" {
		s += ", " + f
	}
	if how := cs.Values["how"]; how != "" && how != "logout" {
		s += ", " + how
	}
	return s
}

func notApplicable(cs Case) results.Verdict {
	t := Trial{Values: cs.Values}
	return results.Verdict{
		Scenario: cs.Scenario.Name, Arm: cs.Arm.Name, Fault: t.Fault(),
		Check: "applicable", Status: results.NotApplicable, Reason: cs.Reason,
	}
}

func (c *Campaign) missing(run *results.Run, cs Case, reason string) {
	m := results.Missing{Arm: cs.Arm.Name, Reason: reason}
	if !slices.Contains(run.NotMeasured, m) {
		run.NotMeasured = append(run.NotMeasured, m)
	}
}

func (c *Campaign) needs() []string {
	var cs []*contract.Contract
	for _, k := range c.Cases {
		if k.Reason == "" {
			cs = append(cs, k.Arm.Contract)
		}
	}
	return needs(cs)
}

func (c *Campaign) newRun(bed *testbed.Testbed) *results.Run {
	env := Machine()
	env.Engine, env.Placement, env.Stores = c.Engine.Name(), c.Placement, bed.Stores()
	run := &results.Run{
		SchemaVersion: results.SchemaVersion, Name: c.Name, Profile: c.Profile, Command: c.Command,
		Tool: c.Tool, Seed: c.Seed, Started: time.Now().UTC(), Environment: env,
		Workload: results.Workload{
			Scenario: c.Name, Blocks: len(c.Cases), Connections: campaignConns,
			Arrivals: string(loadgen.Poisson), Popularity: string(loadgen.Uniform), TimeoutNS: opTimeout.Nanoseconds(),
		},
		Arms: []results.Arm{}, NotMeasured: []results.Missing{}, Trials: []results.Trial{},
		Verdicts: []results.Verdict{}, Warnings: []string{},
	}
	for _, cs := range c.Cases {
		if !slices.ContainsFunc(run.Arms, func(a results.Arm) bool { return a.Name == cs.Arm.Name }) {
			run.Arms = append(run.Arms, describeArm(cs.Declared))
		}
	}
	return run
}

func (c *Campaign) tell(s Step) {
	if c.Tell != nil {
		c.Tell(s)
	}
}
