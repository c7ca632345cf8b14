package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// handicapSetting is the setting by which a run records the slowdown that was
// planted into an arm.
const handicapSetting = "handicap"

// SelfProfile is what every experiment of the self-check measures: windows so short
// that twenty experiments take about forty minutes, and blocks as many as
// in the default profile, which is what has to be tested.
func SelfProfile() Profile {
	return Profile{
		Name: "selfcheck", Summary: "12 blocks of 1.5 s",
		Blocks: 12, Users: 200,
		Warmup: 300 * time.Millisecond, Steady: 1500 * time.Millisecond, Saturate: 500 * time.Millisecond,
	}
}

// SelfCheck tests the harness against itself by experiments whose truth is known:
// each compares an arm with itself (A/A), where nothing may be found, and with itself
// plus a handicap, which has to be.
type SelfCheck struct {
	Experiments int
	Handicap    time.Duration
	Contract    *contract.Contract // of a bundled arm
	Source      string             // its name
	// Bench is how each experiment is run; Name, Contracts, Sources and Baseline are
	// filled in, and the seed counts up from the one given.
	Bench Bench
}

// Run performs the experiments one after the other, each a run of its own, and
// returns those that were finished; also when ctx ends, with its cause.
func (s *SelfCheck) Run(ctx context.Context) (runs []*results.Run, err error) {
	slowed, err := Handicapped(s.Contract, s.Handicap)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	var errs []error
	for i := range s.Experiments {
		b := s.Bench
		b.Name, b.Baseline, b.Seed = "selfcheck", s.Contract.Name, s.Bench.Seed+uint64(i)
		b.Contracts = []*contract.Contract{s.Contract, slowed}
		b.Sources = []string{s.Source, s.Source + " --handicap " + slowed.Settings[handicapSetting]}
		s.announce(i, b.Seed, time.Since(began))
		_, run, err := b.Run(ctx)
		whole := run != nil && !run.Partial
		if whole {
			runs = append(runs, run)
		}
		switch {
		case ctx.Err() != nil:
			return runs, fmt.Errorf("%d of %d experiments finished: %w", len(runs), s.Experiments, context.Cause(ctx))
		case !whole:
			return runs, fmt.Errorf("experiment %d: %w", i+1, err)
		case err != nil: // some trial of it failed: that is on record, and the next may do better
			errs = append(errs, fmt.Errorf("experiment %d: %w", i+1, err))
		}
	}
	return runs, errors.Join(errs...)
}

func (s *SelfCheck) announce(done int, seed uint64, elapsed time.Duration) {
	what := fmt.Sprintf("experiment %d of %d, seed %d", done+1, s.Experiments, seed)
	if l := left(elapsed, done, s.Experiments); l > 0 {
		what += fmt.Sprintf(", about %v left", l.Round(time.Minute))
	}
	if s.Bench.Tell != nil {
		s.Bench.Tell(Step{Message: what})
	}
}

// Handicapped is the arm once more, under a name of its own, with nodes that spin for
// d before every use. Only what we start ourselves can do that.
func Handicapped(c *contract.Contract, d time.Duration) (*contract.Contract, error) {
	if d <= 0 || d%time.Microsecond != 0 {
		return nil, fmt.Errorf("a handicap of %v: want whole microseconds", d)
	}
	if c.Start == nil || len(c.Start.Command) < 2 || c.Start.Command[0] != "{self}" || c.Start.Command[1] != "serve" {
		return nil, fmt.Errorf("%s is not one of the bundled arms: a handicap cannot be planted there", c.Name)
	}
	size := fmt.Sprintf("%dus", d.Microseconds()) // names and tags are plain ASCII
	slowed, start := *c, *c.Start
	start.Command = append(slices.Clone(start.Command), "--handicap", size)
	slowed.Start = &start
	slowed.Name = c.Name + "~" + size
	slowed.Summary = fmt.Sprintf("%s with a slowdown of %s planted on purpose.", c.Name, size)
	slowed.Notes = append(slices.Clone(c.Notes), fmt.Sprintf("A test of the harness: it spins for %s before every use.", size))
	slowed.Settings = maps.Clone(c.Settings)
	slowed.Settings[handicapSetting] = size
	return &slowed, nil
}
