package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authbench/loadgen"
	"authbench/report"
	"authbench/results"
	"authbench/scenarios"
)

func newBenchCmd(a *app) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Compare the arms: interleaved trials, a control, a duplicate of the baseline, one report",
		Long: "Compare the arms: every arm once in every block, in random order, on fresh nodes and reset stores.\n\nProfiles:\n" +
			profileHelp() + "\nCtrl-C keeps the finished trials and marks the run partial.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench(cmd.Context(), a, f, cmd.Flags().Changed("seed"))
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.profile, "profile", "default", "quick, default or full")
	fl.StringArrayVar(&f.arms, "arm", nil, "bundled arm to measure (repeat; default: all)")
	fl.StringArrayVarP(&f.files, "file", "f", nil, "contract of your own target to put beside them (repeat)")
	fl.StringArrayVar(&f.set, "set", nil, "arm:key=value changes a setting of one arm, and the promises that refer to it (repeat)")
	fl.StringVar(&f.baseline, "baseline", "", "arm to compare with; it is measured twice (default: session-redis, or the first that authenticates)")
	fl.IntVar(&f.blocks, "blocks", 0, "number of blocks (default: the profile's)")
	fl.IntVar(&f.users, "users", 0, "size of the population (default: the profile's)")
	fl.Float64Var(&f.rate, "rate", 0, "steady arrivals per second (default: 20 % of the slowest arm's capacity)")
	fl.StringVar(&f.arrivals, "arrivals", string(loadgen.Poisson), "poisson or constant")
	fl.StringVar(&f.popularity, "popularity", string(loadgen.Uniform), "which user comes next: uniform or zipf")
	fl.IntVar(&f.connections, "connections", 64, "open connections under steady load")
	fl.BoolVar(&f.knee, "knee", false, "also look for each arm's highest rate at "+scenarios.KneeObjective+" (profile full does)")
	fl.BoolVar(&f.promises, "promises", false, "also log users out of every arm and kill its store, once (profiles default and full do)")
	fl.BoolVar(&f.costsOnly, "costs-only", false, "leave that out")
	fl.StringVar(&f.engine, "engine", "", "epoll (Linux, http) or portable (default: the first that can do all arms)")
	fl.DurationVar(&f.timeout, "timeout", 5*time.Second, "an arrival without an answer by then has timed out; counts from its intended time")
	fl.StringVar(&f.margin, "margin", "5%", "a difference up to this does not matter to you: an arm that is within it is called equivalent")
	fl.StringVar(&f.spreadFrom, "spread-from", "", "an earlier `RUN`: what this one can show is reckoned from its spread (default: an assumed one)")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of the order and the arrivals (default: random, printed)")
	fl.StringVar(&f.out, "out", "results", "directory of results")
	fl.BoolVar(&f.strict, "strict", false, "exit 1 when a check fails, 3 when a trial is invalid, 4 when a check is unknown")
	f.stores.register(fl)
	fl.BoolVar(&f.own, ownFlag, false, ownUsage)
	return cmd
}

func profileHelp() string {
	var b strings.Builder
	for _, p := range scenarios.Profiles() {
		fmt.Fprintf(&b, "  %-8s %s\n", p.Name, p.Summary)
	}
	return b.String()
}

func bench(ctx context.Context, a *app, f benchFlags, seeded bool) error {
	b, err := f.bench(a)
	if err != nil {
		return err
	}
	if !seeded {
		b.Seed = randomSeed()
	}
	line := newLive(a.stderr)
	defer line.Close()
	b.Tell = line.Tell
	fmt.Fprintf(a.stderr, "authbench bench: profile %s, seed %d\n", b.Profile.Name, b.Seed)
	b.Report = a.writeReport
	dir, run, err := b.Run(ctx)
	line.Close()
	if dir == "" {
		return err
	}
	if terr := printSummary(a, dir, run); terr != nil {
		err = errors.Join(err, terr)
	}
	if err != nil {
		return fmt.Errorf("the run is not complete, what was finished is in %s: %w", dir, err)
	}
	if f.strict {
		return strictly(run)
	}
	return nil
}

// writeReport leaves report.html beside run.json.
func (a *app) writeReport(dir string, run *results.Run) error {
	b, err := boardOf(dir, run)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, reportFile)
	if err := a.output(path, func(w io.Writer) error { return report.HTML(w, b) }); err != nil {
		return err
	}
	a.warnOfSize(path)
	return nil
}

// largePage is what is too much to attach to a ticket.
const largePage = 3 << 20

func (a *app) warnOfSize(path string) {
	if info, err := os.Stat(path); err == nil && info.Size() > largePage {
		fmt.Fprintf(a.stderr, "%s has %.1f MB: more than people like to open; a run of fewer arms, or a report of one run, has less\n", path, float64(info.Size())/1e6)
	}
}

const reportFile = "report.html"

// printSummary ends with the answer and the report's path.
func printSummary(a *app, dir string, run *results.Run) error {
	b, err := boardOf(dir, run)
	if err != nil {
		return err
	}
	return report.Terminal(a.stdout, b, filepath.Join(dir, reportFile))
}

func randomSeed() uint64 {
	var b [4]byte
	rand.Read(b[:])
	return uint64(binary.LittleEndian.Uint32(b[:])) // short enough to retype
}

// place confines this process to the first core and names the second for
// everything that is measured. On one core, or where affinity cannot be set,
// nobody is confined and the result says so by being empty.
func place() results.Placement {
	cores, err := loadgen.Cores()
	if err != nil || len(cores) < 2 {
		return results.Placement{}
	}
	if err := loadgen.Confine(cores[:1]); err != nil {
		return results.Placement{}
	}
	return results.Placement{Loadgen: cores[:1], Target: cores[1:2], Store: cores[1:2]}
}

// strictly turns verdicts into the exit code: broken before invalid before unknown.
func strictly(run *results.Run) error {
	code, first := exitDone, results.Verdict{}
	rank := map[string]int{results.Fail: exitBroken, results.Invalid: exitInvalid, results.Unknown: exitUnknown}
	for _, v := range run.Verdicts {
		if c := rank[v.Status]; c != 0 && (code == exitDone || c < code) {
			code, first = c, v
		}
	}
	if code == exitDone && len(run.NotMeasured) > 0 {
		m := run.NotMeasured[0]
		return exitError{exitUnknown, fmt.Errorf("%s was not measured: %s", m.Arm, m.Reason)}
	}
	judged := func(v results.Verdict) bool { return v.Status != results.NotApplicable }
	if code == exitDone && !slices.ContainsFunc(run.Verdicts, judged) {
		return exitError{exitUnknown, errors.New("nothing was judged: no arm could take part")}
	}
	if code == exitDone {
		return nil
	}
	return exitError{code, fmt.Errorf("%s: %s is %s: %s", first.Arm, first.Check, first.Status, first.Reason)}
}
