package main

import (
	"github.com/spf13/cobra"

	"authbench/scenarios/testbed/link"
)

// newLinkCmd is what a testbed runs between a node and its store, as a process of
// its own.
func newLinkCmd(a *app) *cobra.Command {
	var cfg link.Config
	cmd := &cobra.Command{
		Use:    link.Verb,
		Short:  "Connect nodes to a store until SIGTERM, and disturb that when told to",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return link.Serve(cmd.Context(), cfg, a.stdout)
		},
	}
	cmd.Flags().StringVar(&cfg.Listen, "listen", "127.0.0.1:0", "`address` for nodes")
	cmd.Flags().StringVar(&cfg.Upstream, "upstream", "", "`address` of the store")
	cmd.Flags().BoolVar(&cfg.Exact, "exact", false, "only delay, in steps of 10 us")
	return cmd
}
