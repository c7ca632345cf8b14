// Command authbench measures and compares authentication mechanisms. A file a
// verb; the work is done in the packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// app is what a verb gets from the outside world.
type app struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	self           string   // path of this binary, to start nodes of bundled arms
	command        []string // as typed
	begun          bool     // a verb has taken over: what fails now is not a mistake in the call
}

// Exit codes of every verb. With several at once the first of usage, broken,
// invalid, unknown stands.
const (
	exitDone    = 0
	exitBroken  = 1 // a promise or gate is broken (--strict), or the work failed
	exitUsage   = 2
	exitInvalid = 3 // --strict: evidence that is not to be trusted
	exitUnknown = 4 // --strict: no evidence
)

// exitError ends the program with code. A nil err prints nothing more.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// usageError is a mistake in what was asked for: exit code 2.
func usageError(format string, args ...any) error {
	return exitError{exitUsage, fmt.Errorf(format, args...)}
}

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintf(stderr, "authbench: cannot tell the path of this program: %v\n", err)
		return exitBroken
	}
	a := &app{stdout: stdout, stderr: stderr, getenv: getenv, self: self, command: append([]string{"authbench"}, maskedArgs(args)...)}
	root := newRoot(a)
	root.SetArgs(args)
	err = root.ExecuteContext(ctx)
	if err != nil && !a.begun {
		err = exitError{exitUsage, err}
	}
	return exitCode(err, stderr)
}

// newRoot builds the command tree. A verb is one file and one line here.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "authbench",
		Short:         "Compare JWT and server-side sessions with evidence instead of opinion",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
		// An unknown verb or a stray argument fails before this is called.
		PersistentPreRun: func(*cobra.Command, []string) { a.begun = true },
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exitError{exitUsage, err} })
	root.AddCommand(
		newReportCmd(a),
		newCompareCmd(a),
		newDecideCmd(a),
		newVerifyCmd(a),
		newBenchCmd(a),
		newRunCmd(a),
		newListCmd(a),
		newInitCmd(a),
		newLoadCmd(a),
		newServeCmd(a),
		newKeysCmd(a),
		newProbeCmd(a),
		newDoctorCmd(a),
		newSelfcheckCmd(a),
		newStandinCmd(a),
		newLinkCmd(a),
	)
	return root
}

// exitCode reports err to the user and translates it.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitDone
	}
	var e exitError
	if errors.As(err, &e) {
		if e.err != nil {
			fmt.Fprintf(stderr, "authbench: %v\n", e.err)
		}
		return e.code
	}
	fmt.Fprintf(stderr, "authbench: %v\n", err)
	return exitBroken
}
