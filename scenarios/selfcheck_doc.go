package scenarios

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/results/stat"
)

// WriteMarkdown writes the page of a self-check. The same runs give the same page.
func (s *Self) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Self-check: the harness measured against itself\n\n")
	fmt.Fprintf(&b, "Written by `authbench selfcheck` (`make bench-aa`); not edited by hand.\n\n")
	s.writeHow(&b)
	s.writeRates(&b)
	s.writeAA(&b)
	s.writePlanted(&b)
	s.writeRepeat(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Self) writeHow(b *strings.Builder) {
	run := s.Experiments[0].Run
	wl, env := run.Workload, run.Environment
	fmt.Fprintf(b, "%s of %s each, in which the truth is known.\n\n", several(len(s.Experiments), "experiment"), several(wl.Blocks, "block"))
	fmt.Fprintf(b, "- **A/A**: %s is measured twice under two names. Whatever is found between the two is a false alarm.\n", run.Baseline)
	if s.Handicap > 0 {
		fmt.Fprintf(b, "- **A handicap**: %s once more, on nodes that spin for %s before every use. It has to be found, with the right sign, and the interval of the difference has to hold %s.\n",
			run.Baseline, micros(s.Handicap), micros(s.Handicap))
	}
	fmt.Fprintf(b, "\nEach block measures every arm once, in random order, on fresh nodes and empty stores: %.0f requests/s (%s) for %v after %v of warm-up, %s, %s; then %s in a closed loop for %v. Shorter windows than those of a comparison have a larger spread: what is found here is found there.\n\n",
		wl.Rate, wl.Arrivals, time.Duration(wl.SteadyNS), time.Duration(wl.WarmupNS), several(wl.Users, "user"), several(wl.Connections, "connection"), several(wl.SaturateConns, "connection"), time.Duration(wl.SaturateNS))
	var stores []string
	for _, st := range env.Stores {
		name := st.Product + " " + st.Version
		if st.StandIn {
			name += " (a stand-in, not the product)"
		}
		stores = append(stores, name)
	}
	commit := ""
	if run.Tool.Commit != "" {
		commit = ", commit " + run.Tool.Commit
	}
	first, last := s.Experiments[0].Run, s.Experiments[len(s.Experiments)-1].Run
	fmt.Fprintf(b, "Measured from %s to %s (UTC) on %s (%s), %s %s, %s, engine %s%s; authbench %s%s.\n\n",
		first.Started.UTC().Format("2006-01-02 15:04"), last.Finished.UTC().Format("2006-01-02 15:04"),
		env.CPU, several(env.Cores, "core"), env.OS, env.Kernel, env.Go, env.Engine, strings.Join(append([]string{""}, stores...), ", "), run.Tool.Version, commit)
}

func (s *Self) writeRates(b *strings.Builder) {
	fmt.Fprintf(b, "## What came of it\n\nShares have 95 %% intervals of Wilson. A claim is contradicted where the interval lies beyond it; with few experiments that takes a lot, and a pass says no more than that they do not contradict it. The sharper test is simulated: 2,000 experiments of resampled blocks in `results/stat`.\n\n")
	fmt.Fprintf(b, "| question | seen | claim | verdict |\n|---|---|---|---|\n")
	row := map[string][2]string{
		"false-alarms":      {"A/A experiments that raise an alarm (Holm at 5 % over p50 and CPU)", "at most 5 %"},
		"a-a-coverage":      {"A/A intervals of the p50 ratio that hold 1", "95 %"},
		"handicap-found":    {"experiments that find the handicap in p50, with the right sign (Holm at 5 %)", "9 of 10"},
		"handicap-coverage": {"intervals of the p50 difference that hold " + micros(s.Handicap), "95 %"},
	}
	for _, v := range s.Verdicts() {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", row[v.Check][0], v.Reason, row[v.Check][1], v.Status)
	}
	fmt.Fprintf(b, "| A/A checks that call a run invalid (Holm at 1 %%) | %s | at most 1 %% | |\n", s.Invalid)
	if s.Handicap > 0 {
		fmt.Fprintf(b, "| experiments that find the handicap with the wrong sign | %s | none | |\n", s.Wrong)
	}
	fmt.Fprintln(b)
	if left := len(s.Experiments) - s.Alarms.Of; left > 0 {
		fmt.Fprintf(b, "%s could not raise an alarm at all, with too few blocks or without one of the metrics: left out of the first two rows.\n\n", several(left, "experiment"))
	}
}

func (s *Self) writeAA(b *strings.Builder) {
	fmt.Fprintf(b, "## A/A, by experiment\n\nRatio of the second to the first, 95 %% interval, by itself. *p* is the smallest after Holm. *Shows* is about the least difference that the blocks would have shown at the 1 %% of the A/A check with a probability of 80 %%.\n\n")
	metrics := s.Experiments[0].AA.List
	fmt.Fprint(b, "| experiment | seed |")
	for _, c := range metrics {
		fmt.Fprintf(b, " %s | shows |", c.Metric.Name)
	}
	fmt.Fprintf(b, " p | alarm |\n|---|---|%s---|---|\n", strings.Repeat("---|---|", len(metrics)))
	for _, e := range s.Experiments {
		fmt.Fprintf(b, "| %s | %d |", e.Run.ID, e.Run.Seed)
		for _, c := range e.AA.List {
			if c.Err != nil {
				fmt.Fprintf(b, " n/a: %v | |", c.Err)
				continue
			}
			shows := "nothing"
			if c.Detectable > 0 && !math.IsInf(c.Detectable, 1) {
				shows = fmt.Sprintf("%.0f %%", percent(c.Detectable))
			}
			fmt.Fprintf(b, " %s | %s |", bracketed("x%.3f", c.Ratio, 1), shows)
		}
		fmt.Fprintf(b, " %.3g | %s |\n", e.AA.Holm, said(e.Judged, e.Alarm, "**alarm**", "none"))
	}
	fmt.Fprintln(b)
}

func (s *Self) writePlanted(b *strings.Builder) {
	if s.Handicap == 0 {
		return
	}
	fmt.Fprintf(b, "## A handicap of %s, by experiment\n\nDifferences in microseconds, 95 %% interval, by itself. *p* is after Holm. %s The CPU of a request at saturation is shown beside it and not held to anything.\n\n", micros(s.Handicap), s.truth())
	fmt.Fprintf(b, "| experiment | p50, us | p | found | holds %s | CPU a request, us |\n|---|---|---|---|---|---|\n", micros(s.Handicap))
	for _, e := range s.Experiments {
		if e.P50.Err != nil {
			fmt.Fprintf(b, "| %s | n/a: %v | | | | |\n", e.Run.ID, e.P50.Err)
			continue
		}
		cpu := "n/a"
		if e.CPU.Err == nil {
			cpu = bracketed("%+.1f", e.CPU.Difference, 1e-3)
		}
		fmt.Fprintf(b, "| %s | %s | %.3g | %s | %s | %s |\n", e.Run.ID, bracketed("%+.1f", e.P50.Difference, 1e-3), e.P50.Holm,
			said(e.Planted, e.Found, "yes", "**no**"), said(e.Planted, e.Holds, "yes", "**no**"), cpu)
	}
	fmt.Fprintln(b)
}

// truth says how what was planted becomes response time.
func (s *Self) truth() string {
	if s.Experiments[0].Run.Workload.Arrivals == string(loadgen.Constant) {
		return "Requests arrive at the same distance from each other, farther apart than one takes: nobody waits for another's spin, and the true difference is what was planted."
	}
	return fmt.Sprintf("A request that arrives while another spins waits for it, so that the true difference is above %s, the more so the higher the rate.", micros(s.Handicap))
}

func (s *Self) writeRepeat(b *strings.Builder) {
	fmt.Fprintf(b, "## To repeat it\n\n    make bench-aa\n\nor, with other windows or another arm, `authbench selfcheck --help`. Each experiment is a run of its own, with a report; to analyse runs that are there:\n\n    authbench selfcheck --analyse results/runs/*-selfcheck\n")
}

// bracketed prints an estimate with its interval, scaled.
func bracketed(format string, e stat.Estimate, scale float64) string {
	if !e.Bounded {
		return fmt.Sprintf(format+" [-, -]", e.Value*scale)
	}
	ends := strings.TrimPrefix(format, "x")
	return fmt.Sprintf(format+" ["+ends+", "+ends+"]", e.Value*scale, e.Lo*scale, e.Hi*scale)
}

// said is the word for what was seen, if it could be.
func said(known, seen bool, yes, no string) string {
	switch {
	case !known:
		return "cannot tell"
	case seen:
		return yes
	}
	return no
}

// micros prints whole microseconds.
func micros(d time.Duration) string { return fmt.Sprintf("%d us", d.Microseconds()) }

func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// WritePairs writes the A/A pairs of all experiments, block by block, as JSON: what
// the simulations of package stat draw from. A metric that could not be compared is
// left out.
func (s *Self) WritePairs(w io.Writer) error {
	var b strings.Builder
	run := s.Experiments[0].Run
	about, err := json.Marshal(fmt.Sprintf("%s measured twice in %s, block by block in nanoseconds; windows of %v, %.0f requests/s; %s; written by authbench selfcheck",
		run.Baseline, several(len(s.Experiments), "experiment"), time.Duration(run.Workload.SteadyNS), run.Workload.Rate, run.Environment.CPU))
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "{\n\"about\": %s,\n\"pairs\": [", about)
	comma := "\n"
	for _, e := range s.Experiments {
		dup := slices.IndexFunc(e.Run.Arms, func(a results.Arm) bool { return a.Duplicate })
		base := slices.IndexFunc(e.Run.Arms, func(a results.Arm) bool { return a.Name == e.Run.Baseline })
		for _, m := range stat.Metrics(e.Run.Profile) {
			if c := stat.Compare(e.Run, e.Run.Arms[dup], e.Run.Arms[base], m); c.Err != nil {
				continue
			}
			line, err := json.Marshal(stat.PairUp(e.Run, e.Run.Arms[dup], e.Run.Arms[base], m))
			if err != nil {
				return fmt.Errorf("%s: %w", e.Run.ID, err)
			}
			fmt.Fprintf(&b, "%s%s", comma, line)
			comma = ",\n"
		}
	}
	fmt.Fprint(&b, "\n]\n}\n")
	_, err = io.WriteString(w, b.String())
	return err
}
