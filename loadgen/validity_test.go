package loadgen

import (
	"strings"
	"testing"
	"time"

	"authbench/results"
)

func TestJudge(t *testing.T) {
	ns := func(d time.Duration) *int64 { v := int64(d); return &v }
	for _, c := range []struct {
		name   string
		change func(r *Recording)
		cpu    time.Duration
		status string
		words  string
	}{
		{"clean", func(*Recording) {}, 2 * time.Second, Valid, ""},
		{"spinning is not work", func(r *Recording) { r.Spin = 1500 * time.Millisecond }, 2 * time.Second, Valid, ""},
		{"saturated", func(r *Recording) { r.Spin = 100 * time.Millisecond }, 1990 * time.Millisecond, results.Invalid, "generator saturated: 94 %"},
		{"CPU unknown", func(*Recording) {}, 0, Degraded, "not known"},
		{"queueing", func(r *Recording) { r.QueuedCount = 11 }, time.Second, Degraded, "1.1 % of the arrivals"},
		{"some queueing", func(r *Recording) { r.QueuedCount = 10 }, time.Second, Valid, ""},
		{"lag", func(r *Recording) { r.Lag.P99 = ns(1500 * time.Microsecond) }, time.Second, Degraded, "more than 1.5ms late"},
		{"some lag", func(r *Recording) { r.Lag.P99 = ns(time.Millisecond) }, time.Second, Valid, ""},
		{"shortfall", func(r *Recording) { r.Accounting.OK, r.Accounting.Shed = 980, 20 }, time.Second, Degraded, "0.980"},
		{"interrupted", func(r *Recording) { r.Accounting.OK, r.Accounting.Unfinished = 999, 1 }, time.Second, results.Invalid, "interrupted"},
		{"lost", func(r *Recording) { r.Accounting.OK = 999 }, time.Second, results.Invalid, "accounting"},
		{"nothing", func(r *Recording) { r.Accounting = results.Accounting{} }, time.Second, results.Invalid, "nothing was scheduled"},
		{"invalid stays", func(r *Recording) { r.Accounting.OK, r.QueuedCount = 999, 500 }, time.Second, results.Invalid, "no free connection"},
		{"closed loop", func(r *Recording) { r.Closed, r.QueuedCount = true, 500 }, 2 * time.Second, Valid, ""},
	} {
		r := &Recording{
			Elapsed:    2 * time.Second,
			Accounting: results.Accounting{Scheduled: 1000, OK: 1000},
			Lag:        results.Quantiles{P99: ns(30 * time.Microsecond)},
			Spin:       time.Second,
		}
		c.change(r)
		v := Judge(r, c.cpu, 1)
		if v.Status != c.status || (v.Status == Valid) != (len(v.Reasons) == 0) || !strings.Contains(strings.Join(v.Reasons, "; "), c.words) {
			t.Errorf("%s: %s, %q", c.name, v.Status, v.Reasons)
		}
	}
}
