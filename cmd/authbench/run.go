package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"authbench/loadgen"
	"authbench/report"
	"authbench/report/evidence"
	"authbench/results"
	"authbench/scenarios"
	"authbench/targets/contract"
)

// runFlags are the flags of run as typed.
type runFlags struct {
	all         bool
	profile     string
	arms, files []string
	set         []string
	seed        uint64
	out         string
	strict      bool
	owned       bool
	own         bool
	stores      storeFlags
}

func newRunCmd(a *app) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run NAME | run --all",
		Short: "Run a scenario with revocations or faults, and check what the arms promise",
		Long: "Run one scenario for some arms, or, with --all, what a profile lists. Beside run.json it leaves\nreport.html, junit.xml, summary.md and events.jsonl.\n\n" +
			"Profiles of --all:\n" + campaignHelp() + "\nauthbench list explains scenarios, arms and faults.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCampaign(cmd.Context(), a, f, args, cmd.Flags().Changed)
		},
		ValidArgsFunction: cobra.FixedCompletions(campaignScenarios(), cobra.ShellCompDirectiveNoFileComp),
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.all, "all", false, "run what the profile lists")
	fl.StringVar(&f.profile, "profile", "quick", "with --all: smoke, quick, default or full")
	fl.StringArrayVar(&f.arms, "arm", nil, "bundled arm (repeat; default: all)")
	fl.StringArrayVarP(&f.files, "file", "f", nil, "contract of your own target (repeat)")
	fl.StringArrayVar(&f.set, "set", nil, "key=value changes a setting of the scenario or, where it has none of that name, of the arm (repeat)")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of arrivals, victims and faults (default: random, printed)")
	fl.StringVar(&f.out, "out", "", "directory that gets run.json and the rest, empty or new (default: a new one below results/runs, and results/latest)")
	fl.BoolVar(&f.strict, "strict", false, "exit 1 when a check fails, 3 when one is invalid, 4 when one is unknown")
	f.stores.register(fl)
	fl.BoolVar(&f.own, ownFlag, false, ownUsage)
	fl.BoolVar(&f.owned, "i-own-this-store", false, "with --stores external: process and configuration faults may act on it")
	return cmd
}

func campaignHelp() string {
	var b strings.Builder
	for _, p := range scenarios.CampaignProfiles() {
		fmt.Fprintf(&b, "  %-8s %s\n", p.Name, p.Summary)
	}
	return b.String()
}

// campaignScenarios are the names that run takes.
func campaignScenarios() []string {
	var names []string
	for _, s := range scenarios.All() {
		if s.Params != nil {
			names = append(names, s.Name)
		}
	}
	return names
}

func runCampaign(ctx context.Context, a *app, f runFlags, args []string, changed func(string) bool) error {
	c, err := f.campaign(args, changed)
	if err != nil {
		return err
	}
	if !changed("seed") {
		c.Seed = randomSeed()
	}
	if c.Testbed, err = f.stores.options(a); err != nil {
		return err
	}
	c.Testbed.OwnStore = f.owned
	c.Command, c.Tool, c.Root, c.Dir = a.command, tool(), "results", f.out
	c.Placement = place()
	c.Testbed.TargetCores = c.Placement.Target
	c.Engine = loadgen.For(&loadgen.Plan{TLS: c.tls()})
	line := newLive(a.stderr)
	defer line.Close()
	c.Tell = line.Tell
	fmt.Fprintf(a.stderr, "authbench run %s: %d cases, seed %d\n", c.Name, len(c.Cases), c.Seed)
	c.Report = a.writeChaosReports
	dir, run, err := c.Run(ctx)
	line.Close()
	if dir == "" {
		return err
	}
	if terr := printSummary(a, dir, run); terr != nil {
		err = errors.Join(err, terr)
	}
	if err != nil {
		return fmt.Errorf("the run is not complete, what was finished is in %s: %w", dir, err)
	}
	if f.strict {
		return strictly(run)
	}
	return nil
}

// campaign is a campaign with what its contracts need of the engine.
type campaign struct{ scenarios.Campaign }

func (c *campaign) tls() *loadgen.TLS {
	for _, k := range c.Cases {
		if strings.HasPrefix(k.Arm.Contract.URL, "https:") {
			return &loadgen.TLS{}
		}
	}
	return nil
}

// campaign turns flags into cases.
func (f runFlags) campaign(args []string, changed func(string) bool) (*campaign, error) {
	set, err := keyValues(f.set)
	if err != nil {
		return nil, err
	}
	switch {
	case f.all && len(args) > 0:
		return nil, usageError("either a scenario or --all, not both")
	case !f.all && len(args) == 0:
		return nil, usageError("which scenario? %s; or --all", strings.Join(campaignScenarios(), ", "))
	case f.all && (len(f.arms) > 0 || len(f.files) > 0 || len(set) > 0):
		return nil, usageError("--all runs what the profile lists: no --arm, --file or --set")
	case !f.all && changed("profile"):
		return nil, usageError("--profile goes with --all; sizes of one scenario are its settings: --set")
	}
	c := &campaign{scenarios.Campaign{Seed: f.seed}}
	if f.all {
		c.Name, c.Profile = "chaos", f.profile
		c.Cases, err = coveringCases(f.profile)
	} else {
		c.Name, c.Profile = args[0], "one"
		c.Cases, err = f.cases(args[0], set)
	}
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	var targets []*contract.Contract
	for _, k := range c.Cases {
		targets = append(targets, k.Arm.Contract)
	}
	return c, mayReachAll(targets, f.own, "a scenario logs its users in and out and puts load on it")
}

func coveringCases(profile string) ([]scenarios.Case, error) {
	rows, err := scenarios.Covering(profile)
	if err != nil {
		return nil, err
	}
	var cases []scenarios.Case
	for _, r := range rows {
		s, err := scenarios.Named(r.Scenario)
		if err != nil {
			return nil, err
		}
		c, err := scenarios.NewCase(s, bundled(r.Arm), r.Set)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", r.Scenario, r.Arm, err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// cases is one scenario for the arms and files that were asked for. A setting that
// only some of the arms have is for those; the others take part without.
func (f runFlags) cases(name string, set map[string]string) ([]scenarios.Case, error) {
	s, err := scenarios.Named(name)
	if err != nil {
		return nil, err
	}
	if s.Params == nil {
		return nil, fmt.Errorf("%s is what authbench bench measures", name)
	}
	var targets []scenarios.Target
	for _, arm := range f.arms {
		targets = append(targets, bundled(arm))
	}
	for _, file := range f.files {
		targets = append(targets, scenarios.Target{Source: file, Load: func(set map[string]string) (*contract.Contract, error) {
			return contract.Load(file, set)
		}})
	}
	if len(targets) == 0 {
		for _, arm := range contract.Arms() {
			targets = append(targets, bundled(arm))
		}
	}
	var cases []scenarios.Case
	for _, t := range targets {
		c, err := scenarios.NewCase(s, t, set)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func bundled(arm string) scenarios.Target {
	return scenarios.Target{Source: arm, Load: func(set map[string]string) (*contract.Contract, error) { return contract.Arm(arm, set) }}
}

// keyValues reads key=value pairs.
func keyValues(pairs []string) (map[string]string, error) {
	set := map[string]string{}
	for _, kv := range pairs {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return nil, usageError("--set %s: want key=value", kv)
		}
		set[k] = v
	}
	return set, nil
}

// writeChaosReports leaves everything that people and machines read beside run.json.
func (a *app) writeChaosReports(dir string, run *results.Run) error {
	b, err := boardOf(dir, run)
	if err != nil {
		return err
	}
	errs := []error{a.writeReport(dir, run)}
	for _, f := range []struct {
		name  string
		write func(io.Writer, *evidence.Board) error
	}{{"junit.xml", report.JUnit}, {"summary.md", report.Summary}, {"events.jsonl", report.Events}} {
		errs = append(errs, a.output(filepath.Join(dir, f.name), func(w io.Writer) error { return f.write(w, b) }))
	}
	return errors.Join(errs...)
}
