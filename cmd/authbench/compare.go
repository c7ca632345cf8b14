package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"authbench/report/diff"
	"authbench/results"
)

// compareFlags are the flags of compare as typed.
type compareFlags struct {
	failOn         []string
	arms           []string
	oldArm, newArm string
	control        bool
	anyway         bool
	format, output string
}

func newCompareCmd(a *app) *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Compare two runs arm by arm, or two arms of one run, and fail on a regression",
		Long: "Compare two runs arm by arm, or, with --old-arm and --new-arm, two arms of one run block by block.\n\nFigures:\n" + figures() +
			"\nA change fails if it is beyond the bound, tested exactly and adjusted for all that was asked;\nit passes if its whole interval is within. Exit code 1: something regressed. 3: the runs differ\nin what matters (see --anyway), or one is invalid. 4: it cannot be told.",
		Example: "  authbench compare old new --fail-on 'p99>+10%, cpu>+5%'\n  authbench compare results/latest --old-arm shop-v1 --new-arm shop-v2 --fail-on 'p50>+50us'",
		Args:    cobra.RangeArgs(1, 2),
		RunE:    func(_ *cobra.Command, args []string) error { return a.compare(args, f) },
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.failOn, "fail-on", nil, "bounds such as 'p99>+10%, p50>+50us, errors>+0.1pp, rate<-5%' (repeat; joined by commas)")
	fl.StringArrayVar(&f.arms, "arm", nil, "compare this arm only (repeat; default: all that OLD has)")
	fl.StringVar(&f.oldArm, "old-arm", "", "with one run: the arm that --new-arm is compared with")
	fl.StringVar(&f.newArm, "new-arm", "", "with one run: see --old-arm")
	fl.BoolVar(&f.control, "beside-control", false, "judge what is left of a change when that of the control is taken out")
	fl.BoolVar(&f.anyway, "anyway", false, "compare runs that differ in what matters")
	fl.StringVar(&f.format, "format", "text", "text, markdown, json")
	fl.StringVarP(&f.output, "output", "o", "", "file to write (default: standard output)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "markdown", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func figures() string {
	var b strings.Builder
	for _, f := range diff.Figures() {
		fmt.Fprintf(&b, "  %-7s %s\n", f[0], f[1])
	}
	return b.String()
}

func (a *app) compare(args []string, f compareFlags) error {
	o := diff.Options{Arms: f.arms, Control: f.control, Anyway: f.anyway}
	for _, expr := range f.failOn {
		bounds, err := diff.ParseBounds(expr)
		if err != nil {
			return usageError("--fail-on: %v", err)
		}
		o.Bounds = append(o.Bounds, bounds...)
	}
	r, err := f.run(args, o)
	if err != nil {
		return err
	}
	write := r.Text
	switch f.format {
	case "text":
	case "markdown":
		write = r.Markdown
	case "json":
		write = r.JSON
	default:
		return usageError("compare: unknown format %q; there is text, markdown, json", f.format)
	}
	if err := a.output(f.output, write); err != nil {
		return err
	}
	return compared(r)
}

// run compares two runs, or two arms of one.
func (f compareFlags) run(args []string, o diff.Options) (*diff.Report, error) {
	arms := f.oldArm != "" && f.newArm != ""
	switch {
	case len(args) == 2 && (f.oldArm != "" || f.newArm != ""):
		return nil, usageError("--old-arm and --new-arm are for two arms of one run")
	case len(args) == 1 && !arms:
		return nil, usageError("one run: say which two arms of it, with --old-arm and --new-arm; or give two runs")
	case arms && len(f.arms) > 0:
		return nil, usageError("--arm is for two runs")
	}
	var runs []*results.Run
	for _, path := range args {
		// Damage is no ground for a comparison.
		run, _, err := results.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usageError("%v", err)
		}
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	var r *diff.Report
	var err error
	if arms {
		r, err = diff.Arms(runs[0], f.oldArm, f.newArm, o)
	} else {
		r, err = diff.Runs(runs[0], runs[1], o)
	}
	if err != nil {
		return nil, usageError("compare: %v", err)
	}
	return r, nil
}

// compared is the exit code.
func compared(r *diff.Report) error {
	switch {
	case r.Refused:
		return exitError{exitInvalid, errors.New("the runs differ in what matters: not compared")}
	case r.Status == diff.Regressed:
		return exitError{exitBroken, errors.New("regressed")}
	case r.Status == diff.Invalid:
		return exitError{exitInvalid, errors.New("invalid: nothing can be concluded from these runs")}
	case r.Status == diff.Unknown:
		return exitError{exitUnknown, errors.New("it cannot be told whether all bounds are kept")}
	}
	return nil
}
