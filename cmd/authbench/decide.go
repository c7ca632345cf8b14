package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"authbench/report"
	"authbench/report/decide"
	"authbench/report/evidence"
	"authbench/results"
)

// decideFlags are the flags of decide as typed.
type decideFlags struct{ file, format, output, expect string }

func decideFormats() []string { return []string{"text", "adr", "json", "html"} }

func newDecideCmd(a *app) *cobra.Command {
	var f decideFlags
	cmd := &cobra.Command{
		Use:   "decide -f requirements.yaml RUN [RUN ...]",
		Short: "Hold the arms of runs against requirements, and say which to choose",
		Long: "Hold the arms of runs against requirements, and say which to choose, why, and what would change\nit. What arms cost is from the first run that measured it, what they promise and keep from all.\n" +
			"\nKeys of the file, all optional (docs/decide.md explains them):\n" + requirementKeys() +
			"\nWith --expect the exit code is 0 if exactly this arm is recommended, 1 if another or none is,\n3 if no decision can be signed on the run, 4 if it is too close to call or was not measured.",
		Example: "  authbench decide -f requirements.yaml results/latest\n  authbench decide -f requirements.yaml bench chaos --format adr --output docs/adr/0042-sessions.md",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{filepath.Join("results", "latest")}
			}
			return a.decide(args, f)
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "file", "f", "", "requirements; without any no decision can be signed")
	fl.StringVar(&f.format, "format", "text", strings.Join(decideFormats(), ", "))
	fl.StringVarP(&f.output, "output", "o", "", "file to write (default: standard output)")
	fl.StringVar(&f.expect, "expect", "", "fail unless this arm is recommended: a gate for CI")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(decideFormats(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func requirementKeys() string {
	var b strings.Builder
	for _, f := range decide.Fields() {
		fmt.Fprintf(&b, "  %-34s %s\n", f.Key, f.Kind)
	}
	return b.String()
}

func (a *app) decide(paths []string, f decideFlags) error {
	if !slices.Contains(decideFormats(), f.format) {
		return usageError("decide: unknown format %q; there is %s", f.format, strings.Join(decideFormats(), ", "))
	}
	req := decide.Defaults()
	if f.file != "" {
		data, err := os.ReadFile(f.file)
		if err != nil {
			return usageError("decide: %v", err)
		}
		if req, err = decide.Parse(f.file, data); err != nil {
			return usageError("%v", err)
		}
	}
	var sources []evidence.Source
	files := map[string]decide.File{}
	for _, path := range paths {
		src, dir, err := openSource(path)
		if err != nil {
			return err // evidence that is damaged is not to be signed
		}
		if slices.ContainsFunc(sources, func(s evidence.Source) bool { return s.Run.ID == src.Run.ID }) {
			return usageError("decide: run %s is given twice", src.Run.ID)
		}
		digest, err := results.Digest(dir)
		if err != nil {
			return err
		}
		files[src.Run.ID] = decide.File{Digest: digest, Path: path}
		sources = append(sources, src)
	}
	board := evidence.Read(sources...)
	d := decide.Decide(board, req, files)
	write := d.Text
	switch f.format {
	case "adr":
		write = d.ADR
	case "json":
		write = d.JSON
	case "html":
		write = func(w io.Writer) error { return report.Decided(w, board, d) }
	}
	err := a.output(f.output, write)
	if f.expect != "" {
		err = errors.Join(err, expected(d, f.expect))
	}
	return err
}

// expected is the gate: an error unless the arm is the one that is recommended.
func expected(d *decide.Decision, arm string) error {
	code := exitBroken
	switch d.Outcome.Kind {
	case decide.Recommended:
		if d.Outcome.Arms[0] == arm {
			return nil
		}
	case decide.Unsigned:
		code = exitInvalid
	case decide.TooClose, decide.Unranked:
		code = exitUnknown
	}
	return exitError{code, fmt.Errorf("expected %s; %s", arm, d.Headline())}
}
