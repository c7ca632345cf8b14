package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/results/stat"
)

// writeText prints the result for a reader.
func (r *loadResult) writeText(w io.Writer) error {
	var b strings.Builder
	r.head(&b)
	r.outcomes(&b)
	r.table(&b)
	r.costs(&b)
	r.conclusions(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// label begins a line of the result.
func label(b *strings.Builder, name, format string, args ...any) {
	fmt.Fprintf(b, "%-10s "+format+"\n", append([]any{name}, args...)...)
}

func (r *loadResult) head(b *strings.Builder) {
	fmt.Fprintln(b, r.URL)
	loop := fmt.Sprintf("open loop, %s arrivals", r.Arrivals)
	if r.ClosedLoop {
		loop = "closed loop: hides stalls"
	}
	label(b, "mode", "%s (%s), %d connections, engine %s, seed %d", r.Mode, loop, r.Connections, r.Engine, r.Seed)
	if r.Search != nil {
		label(b, "search", "%s: %s", r.Search.Objective, r.Search.Summary)
		for _, p := range r.Search.Probes {
			label(b, "", "%9s/s  %-15s  p50 %8s  p99 %9s  not ok %s", rateText(p.Rate), p.Result,
				quantileText(p.P50, p.Scheduled, .5), quantileText(p.P99, p.Scheduled, .99), group(p.Scheduled-p.OK))
		}
		if r.Search.HighestMet != nil {
			fmt.Fprintf(b, "\nAt %s/s:\n", rateText(*r.Search.HighestMet))
		} else {
			fmt.Fprint(b, "\nThe last probe:\n")
		}
	}
}

func (r *loadResult) outcomes(b *strings.Builder) {
	rates := fmt.Sprintf("%s ok/s", rateText(r.Rate.Achieved))
	if r.Rate.Offered != nil {
		rates = fmt.Sprintf("%s/s offered, %s ok/s achieved", rateText(*r.Rate.Offered), rateText(r.Rate.Achieved))
	}
	label(b, "rate", "%s in %s, drained in %s", rates, durationText(float64(r.DurationNS)), durationText(float64(r.DrainNS)))
	a := r.Accounting
	parts := []string{group(a.Scheduled) + " scheduled"}
	for _, o := range []struct {
		n    int64
		name string
	}{
		{a.OK, "ok"},
		{a.Rejected, "rejected"},
		{a.Forbidden, "forbidden"},
		{a.Unavailable, "unavailable"},
		{a.Timeout, "timed out"},
		{a.ConnectError, "connection errors"},
		{a.ProtocolError, "protocol errors"},
		{a.Shed, "shed"},
		{a.Unfinished, "unfinished"},
	} {
		if o.n > 0 || o.name == "ok" {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", group(o.n), o.name, shareText(o.n, a.Scheduled)))
		}
	}
	label(b, "requests", "%s", strings.Join(parts, ", "))
	parts = nil
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		parts = append(parts, fmt.Sprintf("%d: %s", status, group(r.Statuses[status])))
	}
	if len(parts) > 0 {
		label(b, "statuses", "%s", strings.Join(parts, ", "))
	}
	for i, p := range r.Problems {
		label(b, map[bool]string{true: "problems"}[i == 0], "%s", p)
	}
}

// table prints the distributions.
func (r *loadResult) table(b *strings.Builder) {
	columns := "%-14s" + strings.Repeat(" %9s", 8) + "\n"
	fmt.Fprintf(b, "\n"+columns, "", "mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max")
	rows := []struct {
		name string
		q    results.Quantiles
	}{{"response time", r.Latency}, {"service time", r.Service}, {"schedule lag", r.Lag}, {"queued", r.Queued}}
	if r.ClosedLoop {
		rows = rows[:2]
	}
	for _, row := range rows {
		q := row.q
		mean := "n/a"
		if q.Max != nil { // a mean over what ended ok would look good by failing
			mean = durationText(q.Mean)
		}
		fmt.Fprintf(b, columns, row.name, mean,
			quantileText(q.P50, q.Count, .5), quantileText(q.P90, q.Count, .9), quantileText(q.P95, q.Count, .95),
			quantileText(q.P99, q.Count, .99), quantileText(q.P999, q.Count, .999), quantileText(q.P9999, q.Count, .9999),
			quantileText(q.Max, q.Count, 0))
	}
	fmt.Fprintln(b)
}

func (r *loadResult) costs(b *strings.Builder) {
	if c := r.CPU; c != nil {
		per := "n/a"
		if c.NSPerRequest != nil {
			per = durationText(*c.NSPerRequest)
		}
		label(b, "generator", "%s of CPU per request; %s user, %s system, of which %s spinning", per,
			durationText(float64(c.UserNS)), durationText(float64(c.SystemNS)), durationText(float64(c.SpinNS)))
	}
	label(b, "bytes", "%s sent, %s received", group(r.Bytes.Out), group(r.Bytes.In))
	if c := r.Conns; c.Reconnects+c.Handshakes > 0 {
		label(b, "reconnects", "%s broken connections replaced, %s by --churn", group(c.Reconnects), group(c.Handshakes))
	}
}

func (r *loadResult) conclusions(b *strings.Builder) {
	if r.Interrupted {
		label(b, "validity", "interrupted: the figures are of what was done")
	}
	label(b, "validity", "%s", r.Validity.Status)
	for _, reason := range r.Validity.Reasons {
		label(b, "", "%s", reason)
	}
	if len(r.Asserts) > 0 {
		fmt.Fprintln(b)
	}
	width := 0
	for _, f := range r.Asserts {
		width = max(width, len(f.Expression))
	}
	for _, f := range r.Asserts {
		line := fmt.Sprintf("%-7s %-*s  %s", cmp.Or(map[string]string{results.Pass: "PASS", results.Fail: "FAIL"}[f.Status], "UNKNOWN"),
			width, f.Expression, f.measured())
		if f.Reason != "" {
			line += "  " + f.Reason
		}
		fmt.Fprintln(b, line)
	}
}

func (f loadFinding) measured() string {
	switch {
	case f.Measured == nil && f.Status == results.Fail:
		return "> timeout"
	case f.Measured == nil:
		return "n/a"
	case f.Unit == loadgen.UnitTime:
		return durationText(*f.Measured)
	case f.Unit == loadgen.UnitShare:
		return strconv.FormatFloat(100**f.Measured, 'f', 3, 64) + " %"
	}
	return rateText(*f.Measured) + "/s"
}

// quantileText prints a quantile of n values: "> timeout" among what did not end
// ok, n/a where so few values say nothing of it. q is 0 for the maximum.
func quantileText(v *int64, n int64, q float64) string {
	switch {
	case n == 0 || q > 0 && n < stat.SamplesFor(q):
		return "n/a"
	case v == nil:
		return "> timeout"
	}
	return durationText(float64(*v))
}

// durationText prints nanoseconds with three significant digits.
func durationText(ns float64) string {
	switch {
	case ns < 999.5:
		return fmt.Sprintf("%.0fns", ns)
	case ns < 999.5e3:
		return significant(ns/1e3) + "us"
	case ns < 999.5e6:
		return significant(ns/1e6) + "ms"
	}
	return significant(ns/1e9) + "s"
}

// significant prints three digits, of whole numbers all: 1.23, 12.3, 123, 1234.
func significant(v float64) string {
	digits := 2
	switch {
	case v >= 99.95:
		digits = 0
	case v >= 9.995:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

func rateText(v float64) string {
	if v >= 99.95 {
		return group(int64(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

func shareText(n, of int64) string {
	if of == 0 {
		return "n/a"
	}
	return strconv.FormatFloat(100*float64(n)/float64(of), 'f', 2, 64) + " %"
}

// group prints n with a comma every three digits.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// probeLine is a probe of a search in one line, for whoever waits.
func probeLine(p loadgen.Probe) string {
	a := p.Recording.Accounting
	line := fmt.Sprintf("%s/s for %v: %s, p99 %s, %s not ok", rateText(p.Rate), p.Duration.Round(10*time.Millisecond),
		strings.ReplaceAll(string(p.Result), "_", " "), quantileText(p.Recording.Latency.P99, a.Scheduled, .99), group(a.NotOK()))
	if p.Result == loadgen.GeneratorLimit || p.Result == loadgen.Undecided {
		line += ": " + strings.Join(p.Validity.Reasons, "; ")
	}
	return line
}
