package main

import (
	"errors"
	"io/fs"
	"iter"

	"authbench/report/evidence"
	"authbench/results"
)

// boardOf reads what the run in dir shows.
func boardOf(dir string, run *results.Run) (*evidence.Board, error) {
	h, err := results.Histograms(dir, latencies)
	if err != nil {
		return nil, err
	}
	return evidence.Read(evidence.Source{Run: run, Histograms: h, Intervals: intervals(dir)}), nil
}

// openSource reads the run at path: its directory, its run.json, or results/latest.
// Damage is an error even when something could be saved: then Run is not nil and
// says what is missing.
func openSource(path string) (src evidence.Source, dir string, err error) {
	run, dir, openErr := results.Open(path)
	if run == nil {
		if errors.Is(openErr, fs.ErrNotExist) {
			return src, "", usageError("%v: nothing has been measured here yet, or not under that name", openErr)
		}
		return src, "", openErr
	}
	src.Run = run
	h, err := results.Histograms(dir, latencies)
	switch {
	case err == nil:
		src.Histograms, src.Intervals = h, intervals(dir)
	case errors.Is(err, fs.ErrNotExist):
		run.Warnings = append(run.Warnings, "The histogram log is missing: distributions and merged quantiles are not shown.")
	default:
		// A part of the histograms would show other arms than run.json does.
		run.Warnings = append(run.Warnings, "The histogram log is damaged: distributions and merged quantiles are not shown.")
		openErr = errors.Join(openErr, err)
	}
	return src, dir, openErr
}

// latencies keeps what reports draw: the response times of the steady phase.
func latencies(t results.Tag) (results.Tag, bool) {
	return t, t.Operation == "use" && t.Metric == "latency" && t.Outcome == results.OK
}

func intervals(dir string) func(func(results.Tag) bool) iter.Seq2[*results.Interval, error] {
	return func(keep func(results.Tag) bool) iter.Seq2[*results.Interval, error] {
		return results.Intervals(dir, keep)
	}
}
