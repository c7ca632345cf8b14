package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"authbench/report/number"
	"authbench/results"
	"authbench/scenarios"
)

func newVerifyCmd(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "verify [RUN]",
		Short: "Check a run: digests, accounting, quantiles and verdicts, recomputed from what was recorded",
		Long: "Check a run (default: results/latest): that its files are what they were when it ended, that every\narrival is accounted for, and that quantiles and verdicts come out again from the histograms and\nthe numbers.\n\n" +
			"Exit code 1: something differs. 4: something could not be checked, which is not the same as right.",
		Example: "  authbench verify results/latest",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := filepath.Join("results", "latest")
			if len(args) == 1 {
				path = args[0]
			}
			switch format {
			case "text", "json":
				return a.verify(path, format)
			}
			return usageError("verify: unknown format %q; there is text, json", format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) verify(path, format string) error {
	run, dir, err := results.Open(path)
	if run == nil {
		if errors.Is(err, fs.ErrNotExist) {
			return usageError("%v: nothing has been measured here yet, or not under that name", err)
		}
		return err
	}
	var findings []results.Finding
	if err != nil {
		findings = append(findings, results.Finding{Check: "intact", About: results.RunFile, Status: results.Differs, Detail: err.Error()})
	}
	findings = append(findings, results.Verify(dir, run, judgeOf(run, dir))...)
	write := verifiedText
	if format == "json" {
		write = verifiedJSON
	}
	if err := write(a.stdout, run, findings); err != nil {
		return err
	}
	return verified(findings)
}

// judgeOf draws the verdicts of a comparison anew. Those of a scenario with faults
// or revocations come from the history of operations, which a run does not keep.
func judgeOf(run *results.Run, dir string) func(*results.Run) []results.Verdict {
	s, err := scenarios.Named(run.Workload.Scenario)
	if err != nil || s.Params != nil {
		return nil
	}
	return func(run *results.Run) []results.Verdict { return scenarios.VerdictsIn(dir, run) }
}

// verified is the exit code. What no run keeps the means to draw anew is said, and is
// no gap of this one: the digest covers it.
func verified(findings []results.Finding) error {
	n := map[string]int{}
	for _, f := range findings {
		n[f.Status]++
	}
	open := n[results.Unchecked]
	switch {
	case n[results.Differs] > 0:
		return exitError{exitBroken, fmt.Errorf("of %s, %s: the run is not what was measured", number.Count(len(findings), "check"), differing(n[results.Differs]))}
	case open > 0:
		return exitError{exitUnknown, fmt.Errorf("%d of %s could not be made; nothing differs", open, number.Count(len(findings), "check"))}
	}
	return nil
}

func differing(n int) string {
	if n == 1 {
		return "1 differs"
	}
	return fmt.Sprintf("%d differ", n)
}

// shownFindings is how many findings of one kind and status the text lists.
const shownFindings = 10

// verifiedText has a line for every kind of check and status, and below it what is
// not ok.
func verifiedText(w io.Writer, run *results.Run, findings []results.Finding) error {
	type kind struct{ check, status string }
	var order []kind
	by := map[kind][]results.Finding{}
	for _, f := range findings {
		k := kind{f.Check, f.Status}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], f)
	}
	fmt.Fprintf(w, "%s, %s\n\n", run.ID, number.Count(len(run.Trials), "trial"))
	for _, k := range order {
		fmt.Fprintf(w, "%-16s  %-10s  %d\n", k.status, k.check, len(by[k]))
		if k.status == results.Same {
			continue
		}
		for i, f := range by[k] {
			if i == shownFindings {
				fmt.Fprintf(w, "    and %d more; --format json has all\n", len(by[k])-i)
				break
			}
			fmt.Fprintf(w, "    %s: %s\n", f.About, f.Detail)
		}
	}
	_, err := fmt.Fprint(w, "\nCPU, bytes, memory, store operations, schedule lag and queueing stand in run.json only:\nthe digest covers them, nothing here recomputes them.\n")
	return err
}

func verifiedJSON(w io.Writer, run *results.Run, findings []results.Finding) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Run      string            `json:"run"`
		Findings []results.Finding `json:"findings"`
	}{run.ID, findings})
}
