package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authbench/loadgen"
	"authbench/results"
)

func newLoadCmd(a *app) *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load URL",
		Short: "Offer load to any URL: a rate, a ramp, as much as goes, or the highest rate that meets an objective",
		Long: `Offer load to an http or https URL and report the whole distribution.

Requests leave on a seeded schedule, whether or not the target keeps up, and
response time counts from the instant a request was due. Every arrival is
accounted for; one that did not end ok is slower than all that did. The generator
watches itself and says whether its figures are to be trusted.

2xx and 3xx are ok (redirects are not followed); 408, 429 and 5xx unavailable; other
4xx rejected.

Objectives (--assert, --search) are bounds joined by commas:
  p99<5ms             p50 p90 p95 p99 p99.9 p99.99 max mean of the response time;
                      service.p99 and lag.p99 of the service time, the schedule lag
  errors<0.1%         share of the scheduled requests that did not end ok
  rate>4990           ok per second
  within(5ms)>=99.9%  share of the scheduled requests that were ok within 5 ms

Exit code 0: done, every assertion holds. 1: an assertion fails, the work failed
or was interrupted. 2: a mistake in the call. 3: assertions were made and the
recording is invalid. 4: an assertion is unknown.`,
		Example: `  authbench load http://127.0.0.1:8080/me --rate 5000 --duration 30s
  authbench load https://shop.test/cart --header 'Cookie: id=1' --assert 'p99<50ms, errors<0.1%' --i-own-this-target
  authbench load http://127.0.0.1:8080/ --saturate --connections 16
  authbench load http://127.0.0.1:8080/ --search 'p99<5ms, errors<0.1%'
  authbench load http://127.0.0.1:8080/ --stages '10s@1000,30s@1000..5000' --json result.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("load wants one URL, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			job, err := f.job(args[0], cmd.Flags().Changed)
			if err != nil {
				return err
			}
			return job.run(cmd.Context(), a)
		},
	}
	f.register(cmd.Flags())
	for flag, values := range map[string][]string{
		"arrivals": {string(loadgen.Poisson), string(loadgen.Constant)},
		"engine":   engineNames(),
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

func engineNames() (names []string) {
	for _, e := range loadgen.Engines() {
		names = append(names, e.Name())
	}
	return names
}

// The modes of load.
const (
	modeRate     = "rate"
	modeStages   = "stages"
	modeSaturate = "saturate"
	modeSearch   = "search"
)

// searchRest is the pause between the probes of a search.
const searchRest = 500 * time.Millisecond

// loadJob is a checked call of load: nothing in it can be a mistake in the call.
type loadJob struct {
	url       string
	mode      string
	plan      loadgen.Plan
	phase     loadgen.Phase
	start     float64 // the first rate of a search
	objective loadgen.Objective
	asserts   []loadgen.Objective
	conns     int
	warmup    time.Duration
	engine    loadgen.Engine
	cores     int // that the generator can use; 0: not known
	json      string
	hlog      string
	quiet     bool
	remote    bool // the target is on another machine
}

func (j *loadJob) run(ctx context.Context, a *app) error {
	session, err := j.engine.Open(ctx, j.plan, j.conns)
	if err != nil {
		return fmt.Errorf("%s: %w", j.url, err)
	}
	defer session.Close()
	line := newLoadLive(a.stderr, j.quiet)
	defer line.Close()
	if err := j.warm(ctx, session, line); err != nil {
		return err
	}
	out, runErr := j.measure(ctx, session, line)
	line.Close()
	if out == nil {
		return fmt.Errorf("%s: nothing was measured: %w", j.url, runErr)
	}
	out.Interrupted = runErr != nil && ctx.Err() != nil
	if err := j.report(a, out); err != nil {
		return errors.Join(runErr, err)
	}
	if runErr != nil {
		return fmt.Errorf("%s: not complete, the figures are of what was done: %w", j.url, runErr)
	}
	return judged(out)
}

// warm offers the same load for a while, and forgets it.
func (j *loadJob) warm(ctx context.Context, session loadgen.Session, line *loadLive) error {
	if j.warmup == 0 {
		return nil
	}
	p := j.phase
	p.Duration, p.Seed, p.Stages = j.warmup, j.phase.Seed+1, nil
	switch j.mode {
	case modeSearch:
		p.Rate = j.start
	case modeStages: // a closed loop would be no warm-up for what follows
		p.Rate = max(j.phase.Stages[0].Rate, j.phase.Stages[0].To)
	}
	line.Begin("warming up", j.warmup)
	p.Watch = line.Watch()
	if _, err := session.Run(ctx, p); err != nil {
		return fmt.Errorf("warm up: nothing was measured: %w", err)
	}
	return nil
}

// measure runs what was asked for. Beside an error there may be a result.
func (j *loadJob) measure(ctx context.Context, session loadgen.Session, line *loadLive) (*loadResult, error) {
	clock := newCPUClock()
	phase := j.phase
	phase.OnBegin, phase.OnEnd = clock.Begin, clock.End
	phase.Watch = line.Watch()
	if j.mode == modeSearch {
		return j.search(ctx, session, phase, clock, line)
	}
	line.Begin("", phase.Duration)
	rec, err := session.Run(ctx, phase)
	if rec == nil {
		return nil, err
	}
	cpu := clock.Used()
	v := loadgen.Judge(rec, cpu.total(), j.cores)
	out := j.result(rec, v, cpu)
	out.assert(j.asserts, rec, v)
	return out, err
}

func (j *loadJob) search(ctx context.Context, session loadgen.Session, phase loadgen.Phase, clock *cpuClock, line *loadLive) (*loadResult, error) {
	spent := map[*loadgen.Recording]cpuTime{}
	line.Begin("searching", 0)
	bracket, err := loadgen.Search(ctx, session, phase, j.objective, loadgen.SearchOptions{
		Start: j.start,
		Rest:  searchRest,
		Judge: func(rec *loadgen.Recording) loadgen.Validity {
			spent[rec] = clock.Used()
			return loadgen.Judge(rec, spent[rec].total(), j.cores)
		},
		Tell: func(p loadgen.Probe) { line.Say(probeLine(p)) },
	})
	best := bracket.Best()
	if best == nil {
		return nil, err
	}
	out := j.result(best.Recording, best.Validity, spent[best.Recording])
	out.Search = searchOf(j.objective, &bracket)
	out.assert(j.asserts, best.Recording, best.Validity)
	if bracket.Lo == 0 {
		out.assertWithout(&bracket)
	}
	return out, err
}

// report writes everything that was asked for.
func (j *loadJob) report(a *app, out *loadResult) error {
	text := a.stdout
	if j.json == "-" {
		text = a.stderr
		if err := out.writeJSON(a.stdout); err != nil {
			return err
		}
	} else if j.json != "" {
		if err := a.output(j.json, out.writeJSON); err != nil {
			return err
		}
	}
	if j.hlog != "" {
		err := a.output(j.hlog, func(w io.Writer) error {
			return results.WriteLog(w, "load", out.recording.Start, out.recording.Histograms)
		})
		if err != nil {
			return err
		}
	}
	return out.writeText(text)
}

// judged turns assertions into the exit code: failed before invalid before
// unknown. Without assertions everything is 0.
func judged(out *loadResult) error {
	if len(out.Asserts) == 0 {
		return nil
	}
	first := func(status string) string {
		for _, f := range out.Asserts {
			if f.Status == status {
				return strings.TrimSuffix(f.Expression+": "+f.Reason, ": ")
			}
		}
		return ""
	}
	switch {
	case first(results.Fail) != "":
		return exitError{exitBroken, fmt.Errorf("assertion failed: %s", first(results.Fail))}
	case out.Validity.Status == results.Invalid:
		return exitError{exitInvalid, fmt.Errorf("the recording is invalid: %s", strings.Join(out.Validity.Reasons, "; "))}
	case first(results.Unknown) != "":
		return exitError{exitUnknown, fmt.Errorf("assertion unknown: %s", first(results.Unknown))}
	}
	return nil
}
