package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newKeysCmd(_ *app) *cobra.Command {
	var (
		f   armFlags
		out string
	)
	cmd := &cobra.Command{
		Use:   "keys --arm NAME --out DIR",
		Short: "Make the key files that several nodes of an arm share",
		Long: `Make fresh key files for "serve --keys DIR": a ring with one signing key for a
token arm, a CSRF key for a session arm. Only their owner can read them.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			settings, err := f.settings()
			if err != nil {
				return err
			}
			if out == "" {
				return usageError("--out is missing: want the directory for the key files")
			}
			if err := settings.GenerateKeys(out); err != nil {
				return fmt.Errorf("keys for %s: %w", f.arm, err)
			}
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "directory for the key files; made if it does not exist")
	return cmd
}
