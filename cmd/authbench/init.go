package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"authbench/targets/contract"
)

// initFlags are the flags of init as typed.
type initFlags struct {
	out     string
	timeout time.Duration
	own     bool
}

func newInitCmd(a *app) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init URL",
		Short: "Look at a running service and write a first contract for it",
		Long: `Send a service some twenty GET requests without a credential (log-in pages,
descriptions of its API, health checks), one after the other, and write a contract
with comments: what was seen, and what is a guess and has to be put right. A service
that does not answer gets a contract to fill in. What was sent is listed on standard
error.

An existing file is never replaced.`,
		Example: `  authbench init http://127.0.0.1:3000 -o shop.yaml
  authbench probe shop.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("init wants one URL, such as http://127.0.0.1:3000")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.look(cmd.Context(), a, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.out, "out", "o", "", "`file` to write, which must not exist (default: standard output)")
	fl.DurationVar(&f.timeout, "timeout", 2*time.Second, "longest time for one request")
	fl.BoolVar(&f.own, ownFlag, false, ownUsage)
	return cmd
}

func (f *initFlags) look(ctx context.Context, a *app, base string) error {
	u, err := parseTarget(base)
	if err != nil {
		return err
	}
	if f.timeout <= 0 {
		return usageError("--timeout %v: has to be positive", f.timeout)
	}
	if err := mayReach(u.Hostname(), f.own, "this looks around on it"); err != nil {
		return err
	}
	if _, err := os.Lstat(f.out); f.out != "" && err == nil {
		return usageError("%s is there already, and is not replaced", f.out)
	}
	sketch, err := contract.Look(ctx, base, f.timeout)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "sent to %s, without a credential:\n", u.Host)
	for _, s := range sketch.Sent {
		fmt.Fprintf(a.stderr, "  %s\n", s)
	}
	if f.out == "" {
		_, err = io.WriteString(a.stdout, sketch.Text)
		return err
	}
	file, err := os.OpenFile(f.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(sketch.Text)
	return errors.Join(err, file.Close())
}
