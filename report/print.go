package report

import (
	"fmt"
	"math"
	"strings"

	"authbench/report/number"
	"authbench/results"
)

// instant prints when something happened, in seconds since the trial began.
func instant(ns int64) string { return fmt.Sprintf("%.4f", float64(ns)/1e9) }

// since prints the distance of two instants; "–" where one was not reached.
func since(from int64, to *int64) string {
	if to == nil {
		return "not seen"
	}
	return number.Lasted(*to - from)
}

// life says how a fault went: confirmed after, active for, recovered after.
func life(f results.Fault) [3]string {
	out := [3]string{since(f.RequestedNS, f.ConfirmedNS), "–", "–"}
	if f.ConfirmedNS != nil {
		out[1] = since(*f.ConfirmedNS, f.RecoverNS)
	}
	if f.RecoverNS != nil {
		out[2] = since(*f.RecoverNS, f.RecoveredNS)
	}
	return out
}

// quantileText prints a quantile of a latency that may lie beyond the timeout.
func quantileText(q results.Quantiles, v *int64) string {
	switch {
	case q.Count == 0:
		return "–"
	case v == nil:
		return "> timeout"
	}
	return number.Lasted(*v)
}

// figure prints a number that a verdict may lack; a count without decimals.
func figure(v *float64, unit string) string {
	if v != nil && *v == math.Trunc(*v) && math.Abs(*v) < 1e15 {
		return strings.TrimSpace(number.Integer(int64(*v)) + " " + unit)
	}
	return value(v, unit)
}

// statusWord is a verdict's status as people read it.
func statusWord(status string) string { return strings.ReplaceAll(status, "_", " ") }
