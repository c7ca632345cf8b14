package main

import (
	"github.com/spf13/cobra"

	"authbench/scenarios/testbed"
)

// newStandinCmd is what the embedded store provider runs as a process of its own.
func newStandinCmd(a *app) *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:    testbed.StandinVerb,
		Short:  "Serve a stand-in for Redis until SIGTERM",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return testbed.Standin(cmd.Context(), listen, a.stdout)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "`address` to listen on")
	return cmd
}
