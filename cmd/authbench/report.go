package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"authbench/report"
	"authbench/report/evidence"
	"authbench/results"
)

// reportFlags are the flags of report as typed.
type reportFlags struct{ format, output, arm, operation string }

func newReportCmd(a *app) *cobra.Command {
	var f reportFlags
	var names, list []string
	for _, r := range report.Formats() {
		names = append(names, r.Name)
		list = append(list, fmt.Sprintf("  %-8s %s", r.Name, r.Short))
	}
	cmd := &cobra.Command{
		Use:   "report [RUN ...]",
		Short: "Render a run that was measured before",
		Long: "Render a run that was measured before: its directory, its run.json, or results/latest\n" +
			"(the default). Several runs make one report: what arms cost is from the first that measured it,\nwhat they promise from all.\n\n" +
			"A run that was interrupted or damaged is rendered as far as it goes, and says so; damage is\nexit code 1.\n\nFormats:\n" + strings.Join(list, "\n"),
		Example: "  authbench report\n  authbench report results/latest --format html --output report.html\n  authbench report results/latest --format hgrm --arm jwt-es256",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{filepath.Join("results", "latest")}
			}
			for _, r := range report.Formats() {
				if r.Name != f.format {
					continue
				}
				if !r.Select && (f.arm != "" || f.operation != "") {
					return usageError("report: --arm and --operation are for hlog and hgrm; %s shows all arms", r.Name)
				}
				return a.report(r, args, f)
			}
			return usageError("report: unknown format %q; there is %s", f.format, strings.Join(names, ", "))
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "text", strings.Join(names, ", "))
	fl.StringVarP(&f.output, "output", "o", "", "file to write (default: standard output)")
	fl.StringVar(&f.arm, "arm", "", "for hlog and hgrm: one arm")
	fl.StringVar(&f.operation, "operation", "", "for hlog and hgrm: use, login or saturate (hgrm: use unless set)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// report renders the runs at paths. Damage is an error even when something could
// be saved and rendered.
func (a *app) report(r report.Format, paths []string, f reportFlags) error {
	var sources []evidence.Source
	dirs := map[*results.Run]string{}
	var damage []error
	for _, path := range paths {
		src, dir, err := openSource(path)
		if src.Run == nil {
			return err
		}
		if err != nil {
			damage = append(damage, err)
		}
		sources = append(sources, src)
		dirs[src.Run] = dir
	}
	in := report.Input{Board: evidence.Read(sources...), Arm: f.arm, Operation: f.operation}
	in.Dir = dirs[in.Run]
	if html := filepath.Join(in.Dir, reportFile); exists(html) {
		in.Path = html
	}
	var b bytes.Buffer
	err := r.Write(&b, in)
	var choice *report.SelectionError
	var cutOff *results.LogError
	switch {
	case errors.As(err, &choice):
		return usageError("report: %v", err)
	case errors.As(err, &cutOff) && b.Len() > 0: // what is intact
		if len(damage) == 0 {
			damage = append(damage, err)
		}
	case err != nil:
		return errors.Join(append(damage, err)...)
	}
	err = a.output(f.output, func(w io.Writer) error { _, err := b.WriteTo(w); return err })
	return errors.Join(append(damage, err)...)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
