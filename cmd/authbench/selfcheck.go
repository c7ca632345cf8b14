package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios"
	"authbench/targets/contract"
)

// selfcheckFlags are the flags of selfcheck as typed.
type selfcheckFlags struct {
	experiments   int
	arm           string
	handicap      time.Duration
	blocks        int
	users         int
	rate          float64
	arrivals      string
	steady        time.Duration
	saturate      time.Duration
	seed          uint64
	out           string
	analyse       bool
	output, pairs string
	stores        storeFlags
}

func newSelfcheckCmd(a *app) *cobra.Command {
	f := selfcheckFlags{}
	p := scenarios.SelfProfile()
	cmd := &cobra.Command{
		Use:   "selfcheck [--analyse RUN...]",
		Short: "Test the harness against itself: how often it finds what is not there, and misses what is",
		Long: `Test the harness against itself by experiments whose truth is known. Each measures
an arm, the same arm again (A/A: whatever is found there is a false alarm), and the
same arm with a slowdown of 50 us planted in its handler, which has to be found.
Requests arrive one after the other at the same distance, so that nobody waits for
another's slowdown and the truth is known; --arrivals poisson is as in a comparison,
where what is planted delays those behind it as well.

It tells you how far to trust a comparison made on this machine. The default, 20
experiments, takes about forty minutes; leave the machine alone meanwhile.
Each experiment is a run of its own below the results directory. Ctrl-C keeps those
that are finished, and the page is about them. --analyse does the same for runs that
are there, ordinary bench runs (without a handicap) included.

It exits 1 when the experiments contradict what the harness claims.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.analyse != (len(args) > 0) {
				return usageError("selfcheck: --analyse takes runs, and only --analyse does")
			}
			return selfcheck(cmd.Context(), a, f, args, cmd.Flags().Changed("seed"))
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&f.experiments, "experiments", 20, "how many")
	fl.StringVar(&f.arm, "arm", "session-redis", "bundled arm to compare with itself")
	fl.DurationVar(&f.handicap, "handicap", 50*time.Microsecond, "slowdown to plant")
	fl.IntVar(&f.blocks, "blocks", p.Blocks, "blocks of an experiment")
	fl.IntVar(&f.users, "users", p.Users, "size of the population")
	fl.Float64Var(&f.rate, "rate", 1000, "steady arrivals per second, the same in all experiments")
	fl.StringVar(&f.arrivals, "arrivals", string(loadgen.Constant), "constant, or poisson")
	fl.DurationVar(&f.steady, "steady", p.Steady, "window of steady load")
	fl.DurationVar(&f.saturate, "saturate", p.Saturate, "window of the closed loop")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of the first experiment; the next have the numbers after it (default: random, printed)")
	fl.StringVar(&f.out, "out", "results", "directory of results")
	fl.BoolVar(&f.analyse, "analyse", false, "measure nothing, analyse the runs given")
	fl.StringVar(&f.output, "output", "", "`FILE` for the page, markdown (default: stdout)")
	fl.StringVar(&f.pairs, "pairs", "", "`FILE` for the A/A values of all blocks, JSON")
	f.stores.register(fl)
	return cmd
}

func selfcheck(ctx context.Context, a *app, f selfcheckFlags, args []string, seeded bool) error {
	var runs []*results.Run
	var failed error
	if f.analyse {
		for _, arg := range args {
			run, _, err := results.Open(arg)
			if err != nil {
				return err
			}
			if run.Partial {
				fmt.Fprintf(a.stderr, "authbench: %s is left out: %s\n", run.ID, run.PartialReason)
				continue
			}
			runs = append(runs, run)
		}
	} else {
		s, err := f.selfCheck(a, seeded)
		if err != nil {
			return err
		}
		line := newLive(a.stderr)
		s.Bench.Tell = line.Tell
		runs, failed = s.Run(ctx)
		line.Close()
	}
	self, err := scenarios.JudgeSelf(runs)
	if err != nil {
		return errors.Join(failed, err)
	}
	if err := f.write(a, self); err != nil {
		return errors.Join(failed, err)
	}
	for _, v := range self.Verdicts() {
		fmt.Fprintf(a.stderr, "%s: %s (%s)\n", v.Check, v.Status, v.Reason)
		if v.Status == results.Fail {
			failed = errors.Join(failed, fmt.Errorf("%s contradicts what the harness claims: %s", v.Check, v.Reason))
		}
	}
	return failed
}

// selfCheck turns flags into what to measure.
func (f selfcheckFlags) selfCheck(a *app, seeded bool) (*scenarios.SelfCheck, error) {
	switch {
	case f.experiments < 1 || f.blocks < 1 || f.users < 1:
		return nil, usageError("--experiments, --blocks and --users: at least 1")
	case !(f.rate > 0) || f.steady <= 0 || f.saturate <= 0:
		return nil, usageError("--rate, --steady and --saturate have to be positive")
	case f.arrivals != string(loadgen.Constant) && f.arrivals != string(loadgen.Poisson):
		return nil, usageError("--arrivals %s: constant or poisson", f.arrivals)
	}
	c, err := contract.Arm(f.arm, nil)
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	if _, err := scenarios.Handicapped(c, f.handicap); err != nil {
		return nil, usageError("--handicap: %w", err)
	}
	if !seeded {
		f.seed = randomSeed()
	}
	p := scenarios.SelfProfile()
	p.Blocks, p.Users, p.Steady, p.Saturate = f.blocks, f.users, f.steady, f.saturate
	s := &scenarios.SelfCheck{
		Experiments: f.experiments, Handicap: f.handicap, Contract: c, Source: f.arm,
		Bench: scenarios.Bench{
			Profile: p, Scenario: scenarios.Steady(), Seed: f.seed, Rate: f.rate,
			Arrivals: loadgen.Arrivals(f.arrivals), Popularity: loadgen.Uniform, Connections: 64, Timeout: 5 * time.Second,
			Command: a.command, Tool: tool(), Root: f.out, Engine: loadgen.For(&loadgen.Plan{}),
			Report: a.writeReport,
		},
	}
	if s.Bench.Testbed, err = f.stores.options(a); err != nil {
		return nil, err
	}
	s.Bench.Placement = place()
	s.Bench.Testbed.TargetCores = s.Bench.Placement.Target
	return s, nil
}

// write leaves the page and the pairs where they were asked for.
func (f selfcheckFlags) write(a *app, self *scenarios.Self) error {
	if f.pairs != "" {
		if err := a.output(f.pairs, self.WritePairs); err != nil {
			return err
		}
	}
	if f.output == "" {
		return self.WriteMarkdown(a.stdout)
	}
	if err := a.output(f.output, self.WriteMarkdown); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.stdout, f.output)
	return err
}
