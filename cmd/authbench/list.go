package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"authbench/scenarios"
	"authbench/scenarios/fault"
	"authbench/targets/contract"
)

func newListCmd(a *app) *cobra.Command {
	var settings bool
	lists := map[string]func(w *tabwriter.Writer) error{
		"scenarios": func(w *tabwriter.Writer) error {
			for _, s := range scenarios.All() {
				fmt.Fprintf(w, "%s\t%s\n", s.Name, s.Summary)
				for _, p := range s.Params {
					if settings {
						fmt.Fprintf(w, "\t  %s=%s\t%s\n", p.Key, p.Default, p.Meaning)
					}
				}
			}
			return nil
		},
		"arms": func(w *tabwriter.Writer) error {
			for _, name := range contract.Arms() {
				c, err := contract.Arm(name, nil)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "%s\t%s\n", name, c.Summary)
			}
			return nil
		},
		"faults": func(w *tabwriter.Writer) error {
			for _, f := range fault.All() {
				fmt.Fprintf(w, "%s\t%s\n", f.Name, f.Summary)
			}
			return nil
		},
	}
	cmd := &cobra.Command{
		Use:       "list scenarios|arms|faults",
		Short:     "Explain scenarios, arms or faults, a line each",
		ValidArgs: []string{"scenarios", "arms", "faults"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(_ *cobra.Command, args []string) error {
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			if err := lists[args[0]](w); err != nil {
				return err
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&settings, "settings", false, "list the settings of scenarios, too")
	return cmd
}
