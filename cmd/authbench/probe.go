package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authbench/results"
	"authbench/scenarios"
	"authbench/scenarios/attack"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// probeFlags are what probe can be told.
type probeFlags struct {
	arm, url        string
	set             []string
	only            string
	list            bool
	json            bool
	junit, markdown string
	timeout, wait   time.Duration
	maxTime         time.Duration
	rate            float64
	samples         int
	strict          bool
	own             bool
	stores          storeFlags
}

// Requests a second, at most, to a target that is not started by us: on this machine, and
// elsewhere. Ours is attacked as fast as it answers.
const (
	probeRateHere  = 500
	probeRateAway  = 50
	probeRateUnset = -1
)

func newProbeCmd(a *app) *cobra.Command {
	var f probeFlags
	cmd := &cobra.Command{
		Use:   "probe [FILE | ARM | --arm ARM]",
		Short: "Walk a target through its contract, then try what an attacker would try",
		Long: `Read a contract (docs/contract.md), reach or start its target, walk it through log in,
use, refresh and log-out, and then try the attack cases (docs/probe.md): forged and
altered tokens, fixed sessions, replays, requests from other sites, leaks. Before and
after each case a credential that no case touches has to be good.

A case passes, fails, does not apply (and why), or is unknown (and why). On standard
output there is the report, or with --json the same for machines; progress goes to
standard error.

Exit code 0: nothing failed. 1: something failed. 2: the contract or the target cannot
be used. 4: with --strict, something is unknown.`,
		Example: `  authbench probe --arm session-redis
  authbench probe shop.yaml --url http://127.0.0.1:3000 --only A,D4
  authbench probe jwt-hs256 --set lifetime=2s --json
  authbench probe --list`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return contract.Arms(), cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), a, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.arm, "arm", "", "bundled arm, which is started")
	flags.StringVar(&f.url, "url", "", "reach the target here (scheme, host, port, path prefix), instead of where the contract says")
	flags.StringArrayVar(&f.set, "set", nil, "change a setting of the contract: `key=value`; may be given several times")
	flags.StringVar(&f.only, "only", "", "classes, cases or walk, with commas: A,D4,walk (default: everything)")
	flags.BoolVar(&f.list, "list", false, "list the cases, and what they refer to")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON")
	flags.StringVar(&f.junit, "junit", "", "write the cases to a `file` as JUnit XML")
	flags.StringVar(&f.markdown, "markdown", "", "write the report to a `file` as Markdown; - is standard output, in place of the text")
	flags.DurationVar(&f.timeout, "timeout", 5*time.Second, "longest time for one request")
	flags.DurationVar(&f.wait, "wait", 10*time.Second, "longest time to wait in the walk for a revocation bound to pass")
	flags.DurationVar(&f.maxTime, "max-time", 10*time.Minute, "longest time for all of it: cases that are not done by then are unknown")
	flags.Float64Var(&f.rate, "rate", probeRateUnset, "requests a second, at most; 0 is no limit (default: none for a target that is started, else 500 on this machine and 50 elsewhere)")
	flags.IntVar(&f.samples, "samples", 0, "random ids that are drawn, to look for a defect (default 100,000)")
	flags.BoolVar(&f.strict, "strict", false, "exit 4 when something is unknown")
	flags.BoolVar(&f.own, ownFlag, false, ownUsage)
	f.stores.register(flags)
	return cmd
}

func (f *probeFlags) run(ctx context.Context, a *app, args []string) error {
	if f.list {
		if len(args) > 0 || f.arm != "" {
			return usageError("--list lists the cases: it needs no target")
		}
		return a.output("", func(w io.Writer) error { return listCases(w, f.json) })
	}
	p, err := f.probing()
	if err != nil {
		return err
	}
	load, err := f.contract(args)
	if err != nil {
		return err
	}
	c, err := load(nil)
	if err != nil {
		return usageError("%w", err)
	}
	if more := scenarios.ProbeSettings(c); more != nil {
		if c, err = load(more); err != nil {
			return err
		}
	}
	progress := newProbeProgress(a.stderr, p)
	p.Checked, p.Tried = progress.checked, progress.tried
	var report *attack.Report
	if c.Start != nil {
		report, err = f.start(ctx, a, c, p)
	} else {
		report, err = f.at(ctx, c, p)
	}
	progress.close()
	if report == nil {
		return err
	}
	return errors.Join(f.write(a, report), err, f.verdict(report))
}

// probing is what was asked for.
func (f *probeFlags) probing() (scenarios.Probing, error) {
	p := scenarios.Probing{Nodes: 2, Samples: f.samples, Rate: max(0, f.rate), Timeout: f.timeout, Wait: f.wait, Until: time.Now().Add(f.maxTime)}
	if f.timeout <= 0 || f.wait < 0 || f.maxTime <= 0 {
		return p, usageError("--timeout, --wait and --max-time are lengths of time")
	}
	if f.rate < 0 && f.rate != probeRateUnset || f.samples < 0 {
		return p, usageError("--rate and --samples are not negative")
	}
	if f.json && f.markdown == "-" {
		return p, usageError("--json and --markdown - both want standard output")
	}
	var err error
	if p.Walk, p.Classes, err = scenarios.ProbeOnly(f.only); err != nil {
		return p, usageError("--only %s: %w", f.only, err)
	}
	return p, nil
}

// contract says which target was asked for, as a function that makes its contract with
// more of its settings changed.
func (f *probeFlags) contract(args []string) (func(more map[string]string) (*contract.Contract, error), error) {
	name := f.arm
	switch {
	case len(args) == 1 && f.arm != "":
		return nil, usageError("either --arm %s or %s, not both", f.arm, args[0])
	case len(args) == 1:
		name = args[0]
	case f.arm == "":
		return nil, usageError("probe wants one contract file or arm (arms: %s)", strings.Join(contract.Arms(), ", "))
	}
	if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
		return nil, usageError("a URL does not say how to log in: authbench init %s begins a contract, then authbench probe FILE --url %s", name, name)
	}
	set, err := keyValues(f.set)
	if err != nil {
		return nil, err
	}
	return func(more map[string]string) (*contract.Contract, error) {
		all := map[string]string{}
		for _, from := range []map[string]string{more, set} { // what was asked for stands
			for k, v := range from {
				all[k] = v
			}
		}
		resolve := contract.Resolve
		if f.arm != "" {
			resolve = contract.Arm
		}
		c, err := resolve(name, all)
		if err == nil && f.url != "" {
			c.URL, c.Start = f.url, nil
		}
		return c, err
	}, nil
}

// start brings nodes up with their stores, probes them, and takes all of it away.
func (f *probeFlags) start(ctx context.Context, a *app, c *contract.Contract, p scenarios.Probing) (report *attack.Report, err error) {
	opts, err := f.stores.options(a)
	if err != nil {
		return nil, err
	}
	opts.Needs = c.Start.Needs
	tb, err := testbed.New(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tb.Close()) }()
	if err := tb.Reset(ctx); err != nil {
		return nil, err
	}
	return p.Started(ctx, &scenarios.Trial{Arm: scenarios.Arm{Name: c.Name, Contract: c}, Testbed: tb})
}

// at probes a target that runs already.
func (f *probeFlags) at(ctx context.Context, c *contract.Contract, p scenarios.Probing) (*attack.Report, error) {
	client, err := contract.NewClient(c, c.URL, f.timeout)
	if err != nil {
		return nil, usageError("%w", err)
	}
	if err := mayReach(c.Remote(), f.own, "a probe tries wrong passwords, forges credentials and logs users out"); err != nil {
		return nil, err
	}
	if f.rate == probeRateUnset {
		p.Rate = probeRateAway
		if client.Loopback() {
			p.Rate = probeRateHere
		}
	}
	if most := float64(c.Cap().Rate); most > 0 && (p.Rate == 0 || p.Rate > most) {
		if f.rate > most {
			return nil, usageError("--rate %g: %s may be sent at most %g requests a second (limits.rate)", f.rate, c.Name, most)
		}
		p.Rate = most
	}
	return p.At(ctx, client)
}

// write leaves the report where it was asked for.
func (f *probeFlags) write(a *app, r *attack.Report) error {
	var errs []error
	switch {
	case f.json:
		errs = append(errs, a.output("", func(w io.Writer) error { return probeJSON(w, r) }))
	case f.markdown == "-":
		errs = append(errs, a.output("", func(w io.Writer) error { return probeMarkdown(w, r) }))
	default:
		errs = append(errs, a.output("", func(w io.Writer) error { return probeText(w, r) }))
	}
	if f.markdown != "" && f.markdown != "-" {
		errs = append(errs, a.output(f.markdown, func(w io.Writer) error { return probeMarkdown(w, r) }))
	}
	if f.junit != "" {
		errs = append(errs, a.output(f.junit, func(w io.Writer) error { return probeJUnit(w, r) }))
	}
	return errors.Join(errs...)
}

// verdict is the exit code of a probe.
func (f *probeFlags) verdict(r *attack.Report) error {
	failed, unknown := r.Count(results.Fail), r.Count(results.Unknown)
	if r.Walk != nil {
		failed, unknown = failed+r.Walk.Count(results.Fail), unknown+r.Walk.Count(results.Unknown)
	}
	switch {
	case failed > 0:
		return exitError{exitBroken, nil}
	case f.strict && unknown > 0:
		return exitError{exitUnknown, nil}
	}
	return nil
}
