package loadgen

import (
	"net/http"
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
		{"loop saturated", func(r *Recording) { r.Busy = 0.93 }, time.Second, results.Invalid, "worked 93 %"},
		{"loop not saturated", func(r *Recording) { r.Busy = 0.87 }, time.Second, Valid, ""},
		{"CPU unknown", func(*Recording) {}, 0, Degraded, "not known"},
		{"queueing", func(r *Recording) { r.QueuedCount = 11 }, time.Second, Degraded, "1.1 % of the arrivals found no free connection: latency includes the wait for one; use more connections"},
		{"some queueing", func(r *Recording) { r.QueuedCount = 10 }, time.Second, Valid, ""},
		{"lag", func(r *Recording) { r.Lag.P99 = ns(1500 * time.Microsecond) }, time.Second, Degraded, "more than 1.5ms late; stop"},
		{"some lag", func(r *Recording) { r.Lag.P99, r.Latency.P99 = ns(time.Millisecond), ns(2*time.Millisecond) }, time.Second, Valid, ""},
		{"lag in the median", func(r *Recording) { r.Lag.P50 = ns(11 * time.Microsecond) }, time.Second, Degraded, "11µs of the median response of 100µs"},
		{"lag in the tail", func(r *Recording) { r.Lag.P99 = ns(301 * time.Microsecond) }, time.Second, Degraded, "up to 301µs of the p99 of 600µs"},
		{"a fast target's tail", func(r *Recording) { r.Lag.P99, r.Latency.P99 = ns(199*time.Microsecond), ns(200*time.Microsecond) }, time.Second, Valid, ""},
		{"pushed off, and late", func(r *Recording) { r.Lag.P99, r.Involuntary = ns(2*time.Millisecond), 900 }, time.Second, Degraded, "pushed off its core 450 times a second"},
		{"pushed off, in time", func(r *Recording) { r.Involuntary = 900 }, time.Second, Valid, ""},
		{"behind", func(r *Recording) { r.Lag.P50, r.Lag.P99 = ns(1100*time.Microsecond), ns(time.Second) }, time.Second, results.Invalid, "did not keep the schedule: half"},
		{"sheds late", func(r *Recording) { r.Accounting.OK, r.Accounting.Shed, r.shedLate = 995, 5, int64(6*time.Millisecond) }, time.Second, results.Invalid, "did not keep the schedule: it got"},
		{"sheds at once", func(r *Recording) { r.Accounting.OK, r.Accounting.Shed, r.shedLate = 995, 5, int64(time.Millisecond) }, time.Second, Valid, ""},
		{"more in flight than recorded", func(r *Recording) { r.Occupancy = looks(2000, 11.1, 1) }, time.Second, results.Invalid, "saw 11.10 arrivals in flight, the recorded times add up to 10.00"},
		{"fewer in flight than recorded", func(r *Recording) { r.Occupancy = looks(2000, 8.9, 1) }, time.Second, results.Invalid, "contradict"},
		{"within 10 %", func(r *Recording) { r.Occupancy = looks(2000, 10.9, 1) }, time.Second, Valid, ""},
		{"within 5 standard errors", func(r *Recording) { r.Occupancy = looks(2000, 13, 10) }, time.Second, Valid, ""},
		{"within 0.05", func(r *Recording) { r.Occupancy, r.resident = looks(2000, .04, 0), 0 }, time.Second, Valid, ""},
		{"looked at little", func(r *Recording) { r.Occupancy = looks(99, 100, 0) }, time.Second, Valid, ""},
		{"never looked at", func(r *Recording) { r.Occupancy = Occupancy{} }, time.Second, Degraded, "never looked at"},
		{"lag is not in flight", func(r *Recording) { r.Lag.Mean, r.Occupancy = 4e6, looks(2000, 8, 1) }, time.Second, Valid, ""},
		{"shortfall", func(r *Recording) { r.Accounting.OK, r.Accounting.Shed = 980, 20 }, time.Second, Degraded, "0.980"},
		{"interrupted", func(r *Recording) { r.Accounting.OK, r.Accounting.Unfinished = 999, 1 }, time.Second, results.Invalid, "interrupted"},
		{"lost", func(r *Recording) { r.Accounting.OK = 999 }, time.Second, results.Invalid, "accounting"},
		{"nothing", func(r *Recording) { r.Accounting = results.Accounting{} }, time.Second, results.Invalid, "nothing was scheduled"},
		{"invalid stays", func(r *Recording) { r.Accounting.OK, r.QueuedCount = 999, 500 }, time.Second, results.Invalid, "no free connection"},
		{"not stationary", func(r *Recording) { r.stretches = dying(false).stretches }, time.Second, Degraded, "not the same"},
		{"closed loop", func(r *Recording) { r.Closed, r.QueuedCount, r.Occupancy = true, 500, Occupancy{} }, 2 * time.Second, Valid, ""},
		{"closed loop, not stationary", func(r *Recording) { r.Closed, r.stretches = true, dying(true).stretches }, time.Second, Degraded, "throughput"},
	} {
		r := &Recording{
			Elapsed:    2 * time.Second,
			Accounting: results.Accounting{Scheduled: 1000, OK: 1000},
			Lag:        results.Quantiles{P50: ns(time.Microsecond), P99: ns(30 * time.Microsecond)},
			Latency:    results.Quantiles{P50: ns(100 * time.Microsecond), P99: ns(600 * time.Microsecond)},
			Occupancy:  looks(2000, 10, 1), // L = 500/s x 20 ms
			resident:   int64(20 * time.Second),
			Spin:       time.Second,
		}
		c.change(r)
		v := Judge(r, c.cpu, 1)
		if v.Status != c.status || (v.Status == Valid) != (len(v.Reasons) == 0) || !strings.Contains(strings.Join(v.Reasons, "; "), c.words) {
			t.Errorf("%s: %s, %q", c.name, v.Status, v.Reasons)
		}
	}
}

// looks that saw this many in flight, with this standard deviation.
func looks(n int64, mean, sd float64) Occupancy {
	return Occupancy{Looks: n, Sum: float64(n) * mean, Sum2: float64(n) * (mean*mean + sd*sd)}
}

// Little's law holds of what the engines record, for both shapes of arrivals, and
// not of a recording from which the slow half is missing.
func TestLittlesLawHolds(t *testing.T) {
	s := listen(t, respond(func(r *http.Request) string {
		time.Sleep(5 * time.Millisecond)
		return good(r)
	}))
	for _, e := range Engines() {
		session := open(t, e, testPlan(t, 3, s.addr()), 64)
		for _, shape := range []Arrivals{Poisson, Constant} {
			rec := offer(t, session, Phase{Rate: 1000, Duration: 500 * time.Millisecond, Arrivals: shape, Seed: 3})
			l, lw, se := rec.Occupancy.little(rec.inFlightTime(), float64(rec.Elapsed))
			t.Logf("%s, %s: L %.2f, lambda W %.2f, standard error %.2f, %d looks", e.Name(), shape, l, lw, se, rec.Occupancy.Looks)
			if got := littlesLaw(rec); got != "" || rec.Occupancy.Looks < minLooks {
				t.Errorf("%s, %s: %d looks, %s", e.Name(), shape, rec.Occupancy.Looks, got)
			}
			if rec.resident /= 2; littlesLaw(rec) == "" {
				t.Errorf("%s, %s: half of the time is missing and nobody notices", e.Name(), shape)
			}
		}
	}
}
