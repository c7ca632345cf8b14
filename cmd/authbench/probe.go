package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// probeFlags are what probe can be told.
type probeFlags struct {
	url     string
	set     []string
	json    bool
	timeout time.Duration
	wait    time.Duration
	own     bool
	stores  storeFlags
}

func newProbeCmd(a *app) *cobra.Command {
	var f probeFlags
	cmd := &cobra.Command{
		Use:   "probe FILE|ARM",
		Short: "Walk a target through log in, use, refresh and log-out, and report each step",
		Long: `Read a contract (docs/contract.md), reach or start its target, and walk it through
log in, wrong password, use, use without a credential, refresh, revoke, use after
revoke, and log-out everywhere. Every answer is held against the contract and
against what the target promises.

Exit code 0: everything as promised. 1: something is broken. 2: the contract cannot
be used.`,
		Example: `  authbench probe shop.yaml
  authbench probe shop.yaml --url http://127.0.0.1:3000
  authbench probe jwt-hs256 --set lifetime=2s --set leeway=0s`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("probe wants one contract file or arm (arms: %s)", strings.Join(contract.Arms(), ", "))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return contract.Arms(), cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.probe(cmd.Context(), a, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "reach the target here (scheme, host, port, path prefix), instead of where the contract says")
	flags.StringArrayVar(&f.set, "set", nil, "change a setting of the contract: `key=value`; may be given several times")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON")
	flags.DurationVar(&f.timeout, "timeout", 5*time.Second, "longest time for one step")
	flags.DurationVar(&f.wait, "wait", 10*time.Second, "longest time to wait for a revocation bound to pass")
	flags.BoolVar(&f.own, "i-own-this-target", false, "allow a target that is not on this machine")
	f.stores.register(flags)
	return cmd
}

func (f *probeFlags) probe(ctx context.Context, a *app, name string) error {
	set := map[string]string{}
	for _, kv := range f.set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return usageError("--set %s: want key=value", kv)
		}
		set[k] = v
	}
	if f.timeout <= 0 || f.wait < 0 {
		return usageError("--timeout and --wait are lengths of time")
	}
	c, err := contract.Resolve(name, set)
	if err != nil {
		return usageError("%w", err)
	}
	if f.url != "" {
		c.URL, c.Start = f.url, nil
	}
	if c.Start != nil {
		return f.start(ctx, a, c)
	}
	return f.walk(ctx, a, c, c.URL)
}

// start brings the target up with its stores, walks it, and takes all of it away.
func (f *probeFlags) start(ctx context.Context, a *app, c *contract.Contract) (err error) {
	opts, err := f.stores.options(a)
	if err != nil {
		return err
	}
	opts.Needs = c.Start.Needs
	tb, err := testbed.New(ctx, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tb.Close()) }()
	if err := tb.Reset(ctx); err != nil {
		return err
	}
	node, err := tb.StartNode(ctx, c)
	if err != nil {
		return err
	}
	return f.walk(ctx, a, c, "http://"+node.Addr())
}

// walk does the walk at base and reports it.
func (f *probeFlags) walk(ctx context.Context, a *app, c *contract.Contract, base string) error {
	client, err := contract.NewClient(c, base, f.timeout)
	if err != nil {
		return usageError("%w", err)
	}
	if !client.Loopback() && !f.own {
		return usageError("%s is not on this machine: a probe tries wrong passwords and logs users out; with --i-own-this-target it will", client.Host)
	}
	report, err := contract.Walk(ctx, client, contract.WalkOptions{MaxWait: f.wait})
	if err != nil {
		return err
	}
	if f.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		err = printWalk(a.stdout, report)
	}
	if err == nil && report.Count(results.Fail) > 0 {
		err = exitError{exitBroken, nil}
	}
	return err
}

// printWalk prints a line a check, and what there is to say below it.
func printWalk(w io.Writer, r *contract.Report) error {
	name, sent := 0, 1
	for _, c := range r.Checks {
		name, sent = max(name, len(c.Name)), max(sent, len(c.Sent))
	}
	mark := map[string]string{results.Pass: "PASS", results.Fail: "FAIL", results.Unknown: "?", results.NotApplicable: "n/a"}
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s\n\n", r.Contract, r.Target)
	for _, c := range r.Checks {
		got := cmp.Or(c.Outcome, "-")
		if c.Status != 0 {
			got = fmt.Sprintf("%d %s", c.Status, c.Outcome)
		}
		fmt.Fprintf(&b, "%-4s  %-*s  %-*s  %s\n", mark[c.Verdict], name, c.Name, sent, cmp.Or(c.Sent, "-"), got)
		if c.Verdict == results.Fail {
			fmt.Fprintf(&b, "        expected: %s\n", c.Expected)
		}
		if c.Detail != "" {
			fmt.Fprintf(&b, "        %s\n", c.Detail)
		}
	}
	verdict := "Everything is as promised"
	switch {
	case r.Count(results.Fail) > 0:
		verdict = "Not as promised"
	case r.Count(results.Unknown) > 0:
		verdict = "Some of it could not be told"
	}
	fmt.Fprintf(&b, "\n%s: %d passed, %d failed, %d unknown, %d not applicable.\n", verdict,
		r.Count(results.Pass), r.Count(results.Fail), r.Count(results.Unknown), r.Count(results.NotApplicable))
	_, err := io.WriteString(w, b.String())
	return err
}
