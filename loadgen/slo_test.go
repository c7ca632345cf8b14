package loadgen

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"authbench/results"
)

// recorded makes a recording of one second: ok arrivals that took 1, 2, 3 ... n
// times step, and failed ones that timed out.
func recorded(t testing.TB, ok, failed int, step time.Duration) *Recording {
	t.Helper()
	r := newRecorder("fake", Phase{Operation: "load", Rate: 1, Duration: time.Second})
	r.rec.Elapsed = time.Second
	for i := range ok + failed {
		r.rec.Accounting.Scheduled++
		at := int64(i) * int64(time.Second) / int64(ok+failed)
		if i < ok {
			took := int64(step) * int64(i+1)
			r.sent(at, 0, at+1000, 10)
			r.ok(at, at+took/2, at+took)
		} else {
			r.sent(at, 0, at+1000, 10)
			r.end(at, at+int64(5*time.Second), results.Timeout)
		}
	}
	rec, err := finish(r)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func objective(t testing.TB, expr string) Objective {
	t.Helper()
	o, err := ParseObjective(expr)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestObjectiveCheck(t *testing.T) {
	valid := Validity{Status: Valid}
	for _, c := range []struct {
		name       string
		ok, failed int
		step       time.Duration
		expr       string
		status     string
		measured   float64
		reason     string
	}{
		{"p50 below", 1000, 0, time.Microsecond, "p50<=501us", results.Pass, 500e3, ""},
		{"max at the bound", 1000, 0, time.Microsecond, "max<1ms", results.Fail, 1000e3, ""},
		{"p99", 1000, 0, time.Microsecond, "p99 < 1ms", results.Pass, 990e3, ""},
		{"p99 above", 1000, 0, time.Microsecond, "p99<900us", results.Fail, 990e3, ""},
		{"lower bound holds", 1000, 0, time.Microsecond, "p99>900us", results.Pass, 990e3, ""},
		{"p99 of 367", 367, 0, time.Microsecond, "p99<5s", results.Unknown, 364e3, "367 arrivals do not support p99: it takes 368"},
		{"p99 of 368", 368, 0, time.Microsecond, "p99<5s", results.Pass, 365e3, ""},
		{"p99.9 of too few", 3687, 0, time.Microsecond, "p99.9<5s", results.Unknown, 3684e3, "it takes 3688"},
		{"p99.9 of enough", 3688, 0, time.Microsecond, "p99.9<5s", results.Pass, 3685e3, ""},
		{"p99.99 of too few", 4000, 0, time.Microsecond, "p99.99<5s", results.Unknown, 4000e3, "it takes 36887"},
		{"a lower quantile decides", 100, 0, time.Millisecond, "p99<10ms", results.Fail, 99e6, "already p50 breaks the bound"},
		{"a lower quantile is no pass", 100, 0, time.Millisecond, "p99>10ms", results.Unknown, 99e6, "do not support"},
		{"nor a failure of a lower bound", 100, 0, time.Millisecond, "p99>10s", results.Unknown, 99e6, "do not support"},
		{"few and all failed", 0, 100, 0, "p99<10ms", results.Fail, math.Inf(1), "already p50"},
		{"among failures", 950, 50, time.Microsecond, "p99<4s", results.Fail, math.Inf(1), "among the 50 arrivals"},
		{"below the failures", 950, 50, time.Microsecond, "p90<4s", results.Pass, 900e3, ""},
		{"max among failures", 999, 1, time.Microsecond, "max<50s", results.Fail, math.Inf(1), "max falls among the 1"},
		{"max", 1000, 0, time.Microsecond, "max<=1ms", results.Pass, 1000e3, ""},
		{"mean", 1000, 0, time.Microsecond, "mean<501us", results.Pass, 500.5e3, ""},
		{"no mean with failures", 999, 1, time.Microsecond, "mean<50s", results.Fail, math.Inf(1), "mean falls among"},
		{"service", 1000, 0, time.Microsecond, "service.p99<500us", results.Pass, 495e3, ""},
		{"service of what was ok", 600, 400, time.Microsecond, "service.p99<500us", results.Pass, 297e3, ""},
		{"lag", 1000, 0, time.Microsecond, "lag.max<=1us", results.Pass, 1000, ""},
		{"errors", 999, 1, time.Microsecond, "errors<=0.1%", results.Pass, 0.001, ""},
		{"too many errors", 998, 2, time.Microsecond, "errors<=0.1%", results.Fail, 0.002, ""},
		{"rate", 1000, 5, time.Microsecond, "rate>=1000", results.Pass, 1000, ""},
		{"rate below", 1000, 5, time.Microsecond, "rate>1000/s", results.Fail, 1000, ""},
		{"attainment", 990, 10, time.Microsecond, "within(1ms)>=99%", results.Pass, 0.99, ""},
		{"attainment counts failures", 990, 10, time.Microsecond, "within(1ms)>99%", results.Fail, 0.99, ""},
		{"nothing", 0, 0, 0, "errors<1%", results.Unknown, math.NaN(), "nothing was scheduled"},
		{"nothing to serve", 0, 10, 0, "service.mean<1s", results.Unknown, math.NaN(), "nothing was recorded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := objective(t, c.expr).Check(recorded(t, c.ok, c.failed, c.step), valid)
			f := got[0]
			near := f.Measured == c.measured || math.Abs(f.Measured-c.measured) <= c.measured/1000 || math.IsNaN(f.Measured) && math.IsNaN(c.measured)
			if len(got) != 1 || f.Status != c.status || !near || !strings.Contains(f.Reason, c.reason) || (c.reason == "") != (f.Reason == "") {
				t.Errorf("%+v, want %s of %v: %s", got, c.status, c.measured, c.reason)
			}
		})
	}
}

func TestInvalidEvidenceIsUnknown(t *testing.T) {
	rec := recorded(t, 1000, 0, time.Microsecond)
	for _, f := range objective(t, "p99<1ns, errors<1%, rate>0, within(1s)>0%").Check(rec, Validity{results.Invalid, []string{"saturated"}}) {
		if f.Status != results.Unknown || !strings.Contains(f.Reason, "saturated") {
			t.Errorf("%+v", f)
		}
	}
}

func TestOverall(t *testing.T) {
	rec := recorded(t, 1000, 0, time.Microsecond)
	for expr, want := range map[string]string{
		"p99<1s, errors<1%":         results.Pass,
		"p99<1s, p99.9<1s":          results.Unknown,
		"p99.9<1s, p99<1s":          results.Unknown,
		"p99.9<1s, p99<1us, max<1s": results.Fail,
	} {
		if got := Overall(objective(t, expr).Check(rec, Validity{Status: Valid})); got != want {
			t.Errorf("%s is %s, want %s", expr, got, want)
		}
	}
	if got := Overall(nil); got != results.Unknown {
		t.Errorf("no finding is %s", got)
	}
}

func TestParseObjective(t *testing.T) {
	for expr, want := range map[string]string{
		"p99<5ms":                           "p99<5ms",
		" p99.9 <= 1.5s ,errors < 0.1 % ":   "p99.9<=1.5s, errors<0.1 %",
		"within( 5ms )>=99.9%,rate>4990 /s": "within(5ms)>=99.9%, rate>4990 /s",
		"service.p99>1us,lag.max<=0s":       "service.p99>1us, lag.max<=0s",
	} {
		o, err := ParseObjective(expr)
		if err != nil || o.String() != want {
			t.Errorf("%q: %q, %v", expr, o, err)
			continue
		}
		if again, err := ParseObjective(o.String()); err != nil || again.String() != want {
			t.Errorf("%q does not parse again: %v", want, err)
		}
	}
}

func TestParseObjectiveErrors(t *testing.T) {
	for _, c := range []struct {
		expr    string
		column  int
		message string
	}{
		{"", 1, "want a figure"},
		{"p98<5ms", 1, "no such figure"},
		{"p99", 4, "want one of < <= > >="},
		{"p99=5ms", 4, "want one of"},
		{"p99<5", 5, "want a length of time"},
		{"p99<", 5, "want a length of time"},
		{"p99<-1ms", 5, "want a length of time"},
		{"p99<5ms,", 9, "want a figure"},
		{"p99<5ms, errors<1", 17, "want a share"},
		{"errors<101%", 8, "want a share"},
		{"errors<NaN%", 8, "want a share"},
		{"rate>fast", 6, "want a number of requests"},
		{"rate>-1", 6, "want a number of requests"},
		{"rate>Inf", 6, "want a number of requests"},
		{"within>99%", 7, "in brackets"},
		{"within(x)>99%", 8, "want a length of time"},
		{"within(5ms>99%", 8, "want a length of time"},
		{"within(5ms,x", 11, "want )"},
		{"service.errors<1%", 9, "service has p50"},
		{"queue.p99<1s", 1, "no such figure"},
		{"p99<5ms p50<1ms", 5, "want a length of time"},
	} {
		_, err := ParseObjective(c.expr)
		var e *SyntaxError
		if !errors.As(err, &e) || e.Column != c.column || !strings.Contains(e.Message, c.message) {
			t.Errorf("%q: %v, want column %d: %s", c.expr, err, c.column, c.message)
		}
	}
	_, err := ParseObjective("p99<5ms, errors<1")
	want := "column 17: want a share such as 0.1%, from 0% to 100%\n    p99<5ms, errors<1\n                    ^"
	if err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func FuzzParseObjective(f *testing.F) {
	for _, seed := range []string{"p99<5ms", "errors<0.1%, rate>4990", "within(5ms)>=99.9%", "service.p99.9<=1s,lag.max>0s", "p99<5ms,", "within(", "\t,<", "é<1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		o, err := ParseObjective(expr)
		var e *SyntaxError
		if err != nil {
			if !errors.As(err, &e) || e.Column < 1 || e.Column > len(expr)+1 || e.Error() == "" {
				t.Fatalf("%q: %v", expr, err)
			}
			return
		}
		again, err := ParseObjective(o.String())
		if err != nil || again.String() != o.String() {
			t.Fatalf("%q reads as %q, which reads as %q: %v", expr, o, again, err)
		}
	})
}
