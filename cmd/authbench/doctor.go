package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"authbench/scenarios/testbed"
)

func newDoctorCmd(a *app) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine has for a benchmark, what is missing, and how to get it",
		Long: `Say what this machine has for a benchmark, what is missing, and the command that
gets it. Nothing is installed, started or downloaded. The exit code is 0 whatever
is missing; with --strict it is 1 unless every arm can be measured on a real store.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return doctor(cmd.Context(), a, strict) },
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "exit 1 unless every arm can be measured on a real store")
	return cmd
}

func doctor(ctx context.Context, a *app, strict bool) error {
	line := func(here bool, name, text string) {
		state := "ok"
		if !here {
			state = "missing"
		}
		fmt.Fprintf(a.stdout, "%-8s %-11s %s\n", state, name, text)
	}
	line(true, "authbench", fmt.Sprintf("%s, %s %s/%s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH))
	doctorMachine(line)

	tools := testbed.Look(ctx)
	docker := false
	for _, t := range tools {
		docker = docker || t.Name == "docker" && t.Found != ""
	}
	given := map[string]string{testbed.Redis: "AUTHBENCH_REDIS_URL", testbed.MySQL: "AUTHBENCH_MYSQL_DSN"}
	var lacking []string
	for _, t := range tools {
		external := t.Store != "" && a.getenv(given[t.Store]) != ""
		switch {
		case external:
			line(true, t.Name, "yours, by "+given[t.Store])
		case t.Found != "":
			line(true, t.Name, t.Found)
		default:
			line(false, t.Name, fmt.Sprintf("for %s; get it: %s", t.Use, install(t)))
		}
		if t.Store != "" && t.Found == "" && !external && !docker {
			lacking = append(lacking, t.Use)
		}
	}
	fmt.Fprintln(a.stdout)
	if len(lacking) == 0 {
		fmt.Fprintln(a.stdout, `Every arm can be measured on a real store here: "make bench", or "authbench bench".`)
		return nil
	}
	fmt.Fprintf(a.stdout, "Not on a real store here: %s. \"make deps\" installs what is missing.\n", strings.Join(lacking, ", "))
	if strict {
		return exitError{exitBroken, errors.New("a real store is missing")}
	}
	return nil
}

// doctorMachine is about processors and connections.
func doctorMachine(line func(here bool, name, text string)) {
	cores := runtime.NumCPU()
	if cores < 2 {
		line(false, "cores", "1: the load generator and the target take time from each other; use a machine with 2 or more")
	} else {
		line(true, "cores", fmt.Sprintf("%d", cores))
	}
	if testbed.CanPin() {
		line(true, "affinity", "processes can be confined to cores")
	} else {
		line(false, "affinity", "processes cannot be confined to cores on "+runtime.GOOS+": expect more noise, or use Linux")
	}
	const enough = 4096
	switch limit, known := testbed.FileLimit(); {
	case !known:
	case limit < enough:
		line(false, "open files", fmt.Sprintf("%d: raise it for many connections: ulimit -n %d", limit, enough))
	default:
		line(true, "open files", fmt.Sprintf("%d", limit))
	}
}

// install is the command that gets a tool on this platform.
func install(t testbed.Tool) string {
	if runtime.GOOS == "darwin" {
		return "brew install " + t.Brew
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "your package manager (Debian calls it " + t.Debian + ")"
	}
	command := "apt-get install --no-install-recommends " + t.Debian
	if os.Geteuid() != 0 {
		command = "sudo " + command
	}
	return command
}
