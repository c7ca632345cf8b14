package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"authbench/report"
	"authbench/report/evidence"
)

func newReportCmd(a *app) *cobra.Command {
	var format, output string
	formats := report.Formats()
	var names, list []string
	for _, f := range formats {
		names = append(names, f.Name)
		list = append(list, fmt.Sprintf("  %-8s %s", f.Name, f.Short))
	}
	cmd := &cobra.Command{
		Use:   "report [RUN]",
		Short: "Render a run that was measured before",
		Long: "Render a run that was measured before: its directory, its run.json, or results/latest\n" +
			"(the default). A run that was interrupted or damaged is rendered as far as it goes, and\nsays so.\n\nFormats:\n" + strings.Join(list, "\n"),
		Example: "  authbench report\n  authbench report results/latest --format html --output report.html",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError("report: one run at a time, got %d", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			path := filepath.Join("results", "latest")
			if len(args) == 1 {
				path = args[0]
			}
			for _, f := range formats {
				if f.Name == format {
					return a.report(f, path, output)
				}
			}
			return usageError("report: unknown format %q; there is %s", format, strings.Join(names, ", "))
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", strings.Join(names, ", "))
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write (default: standard output)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// report renders the run at path. Damage is an error even when something could
// be saved and rendered.
func (a *app) report(f report.Format, path, output string) error {
	src, dir, openErr := openSource(path)
	if src.Run == nil {
		return openErr
	}
	in := report.Input{Board: evidence.Read(src), Dir: dir}
	if html := filepath.Join(dir, "report.html"); exists(html) {
		in.Path = html
	}
	var b bytes.Buffer
	if err := f.Write(&b, in); err != nil {
		return err
	}
	var err error
	if output == "" {
		_, err = a.stdout.Write(b.Bytes())
	} else {
		err = os.WriteFile(output, b.Bytes(), 0o644)
	}
	return errors.Join(openErr, err)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
