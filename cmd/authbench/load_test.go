package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/loadgen"
	"authbench/results"
)

func nanos(d time.Duration) *int64 { v := int64(d); return &v }

// aRecording is one in which p99 and above fell among what timed out.
func aRecording() *loadgen.Recording {
	q := results.Quantiles{Count: 400, Mean: 1.5e6, P50: nanos(time.Millisecond), P90: nanos(2 * time.Millisecond), P95: nanos(12345 * time.Microsecond)}
	full := q
	full.P99, full.P999, full.P9999, full.Max = nanos(20*time.Millisecond), nanos(20*time.Millisecond), nanos(20*time.Millisecond), nanos(2*time.Second)
	return &loadgen.Recording{
		Engine: "epoll", Start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Elapsed: 2 * time.Second, Drain: time.Millisecond,
		Accounting: results.Accounting{Scheduled: 400, OK: 390, Timeout: 10},
		Latency:    q, Service: full, Lag: full, Queued: full,
		Sent: 400, Answered: 390, BytesOut: 4000, BytesIn: 39000, Spin: time.Second,
		Statuses: map[int]int64{200: 390}, Problems: []string{"read: connection reset by peer"}, Reconnects: 10,
		Seconds: []loadgen.Second{{Length: time.Second, Accounting: results.Accounting{Scheduled: 200, OK: 200}, Latency: full}},
	}
}

func aJob() *loadJob {
	return &loadJob{
		url: "http://127.0.0.1:80/me", mode: modeRate, conns: 8,
		phase: loadgen.Phase{Arrivals: loadgen.Poisson, Seed: 7, Timeout: 5 * time.Second},
	}
}

var (
	degraded = loadgen.Validity{Status: loadgen.Degraded, Reasons: []string{"late"}}
	someCPU  = cpuTime{user: time.Second, system: 390 * time.Millisecond, known: true}
)

// TestLoadJSONShape holds the public format: names and kinds.
func TestLoadJSONShape(t *testing.T) {
	rec, job := aRecording(), aJob()
	out := job.result(rec, degraded, someCPU)
	o, err := loadgen.ParseObjective("p99<5ms")
	if err != nil {
		t.Fatal(err)
	}
	out.assert([]loadgen.Objective{o}, rec, degraded)
	probe := loadgen.Probe{Rate: 100, Duration: time.Second, Result: loadgen.NotMet, Findings: o.Check(rec, degraded), Validity: degraded, Recording: rec}
	out.Search = searchOf(o, &loadgen.Bracket{Hi: 100, Probes: []loadgen.Probe{probe}})
	got := shape(t, out)
	want := strings.TrimSpace(`
.arrivals string
.asserts[].expression string
.asserts[].measured null
.asserts[].reason string
.asserts[].status string
.asserts[].unit string
.bytes.in number
.bytes.out number
.closed_loop bool
.connect_error number
.connection_events.churned number
.connection_events.reconnects number
.connection_events.requests_queued number
.connections number
.cpu.ns_per_request number
.cpu.spin_ns number
.cpu.system_ns number
.cpu.user_ns number
.drain_ns number
.duration_ns number
.engine string
.forbidden number
.interrupted bool
.lag_ns.count number
.lag_ns.max number
.lag_ns.mean number
.lag_ns.p50 number
.lag_ns.p90 number
.lag_ns.p95 number
.lag_ns.p99 number
.lag_ns.p99_9 number
.lag_ns.p99_99 number
.latency_ns.count number
.latency_ns.max null
.latency_ns.mean number
.latency_ns.p50 number
.latency_ns.p90 number
.latency_ns.p95 number
.latency_ns.p99 null
.latency_ns.p99_9 null
.latency_ns.p99_99 null
.mode string
.ok number
.problems[] string
.protocol_error number
.queued_ns.count number
.queued_ns.max number
.queued_ns.mean number
.queued_ns.p50 number
.queued_ns.p90 number
.queued_ns.p95 number
.queued_ns.p99 number
.queued_ns.p99_9 number
.queued_ns.p99_99 number
.rate.achieved number
.rate.offered number
.rejected number
.scheduled number
.search.generator_limit null
.search.highest_met null
.search.lowest_not_met number
.search.objective string
.search.probes[].achieved number
.search.probes[].duration_ns number
.search.probes[].findings[].expression string
.search.probes[].findings[].measured null
.search.probes[].findings[].reason string
.search.probes[].findings[].status string
.search.probes[].findings[].unit string
.search.probes[].ok number
.search.probes[].p50 number
.search.probes[].p99 null
.search.probes[].rate number
.search.probes[].result string
.search.probes[].scheduled number
.search.probes[].validity.reasons[] string
.search.probes[].validity.status string
.search.summary string
.seconds[].counts.connect_error number
.seconds[].counts.forbidden number
.seconds[].counts.ok number
.seconds[].counts.protocol_error number
.seconds[].counts.rejected number
.seconds[].counts.scheduled number
.seconds[].counts.shed number
.seconds[].counts.timeout number
.seconds[].counts.unavailable number
.seconds[].counts.unfinished number
.seconds[].length_ns number
.seconds[].max number
.seconds[].p50 number
.seconds[].p99 number
.seconds[].start_ns number
.seed number
.service_ns.count number
.service_ns.max number
.service_ns.mean number
.service_ns.p50 number
.service_ns.p90 number
.service_ns.p95 number
.service_ns.p99 number
.service_ns.p99_9 number
.service_ns.p99_99 number
.shed number
.started string
.statuses.200 number
.timeout number
.timeout_ns number
.unavailable number
.unfinished number
.url string
.validity.reasons[] string
.validity.status string`)
	if got != want {
		t.Errorf("the public format has changed. Got:\n%s", got)
	}
}

// shape lists the paths of what v is as JSON, with the kind at each.
func shape(t *testing.T, v *loadResult) string {
	t.Helper()
	var b bytes.Buffer
	if err := v.writeJSON(&b); err != nil {
		t.Fatal(err)
	}
	var decoded any
	if err := json.Unmarshal(b.Bytes(), &decoded); err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	walkShape(lines, "", decoded)
	return strings.Join(slices.Sorted(maps.Keys(lines)), "\n")
}

func walkShape(lines map[string]bool, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			walkShape(lines, path+"."+k, e)
		}
	case []any:
		for _, e := range v {
			walkShape(lines, path+"[]", e)
		}
	case nil:
		lines[path+" null"] = true
	case float64:
		lines[path+" number"] = true
	default:
		lines[fmt.Sprintf("%s %T", path, v)] = true
	}
}

// TestLoadJSONWithoutAnything: no figure is NaN, no list is null.
func TestLoadJSONWithoutAnything(t *testing.T) {
	for _, rec := range []*loadgen.Recording{{}, {Closed: true, Accounting: results.Accounting{Scheduled: 3, Unfinished: 3}}} {
		out := aJob().result(rec, loadgen.Judge(rec, 0, 0), cpuTime{})
		got := shape(t, out)
		for _, list := range []string{"seconds", "asserts", "problems"} {
			if strings.Contains(got, "."+list+" null") {
				t.Errorf("%s is null", list)
			}
		}
		if want := map[bool]string{true: ".rate.offered null", false: ".rate.offered number"}[rec.Closed]; !strings.Contains(got, want) || !strings.Contains(got, ".cpu null") {
			t.Errorf("closed %t: no %s, or CPU, in\n%s", rec.Closed, want, got)
		}
		var b strings.Builder
		if err := out.writeText(&b); err != nil || strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("%v:\n%s", err, &b)
		}
	}
}

func TestLoadText(t *testing.T) {
	rec := aRecording()
	out := aJob().result(rec, degraded, someCPU)
	o, err := loadgen.ParseObjective("p99<5ms, errors<5%, rate>=195")
	if err != nil {
		t.Fatal(err)
	}
	out.assert([]loadgen.Objective{o}, rec, degraded)
	out.Interrupted = true
	var b strings.Builder
	if err := out.writeText(&b); err != nil {
		t.Fatal(err)
	}
	want := `http://127.0.0.1:80/me
mode       rate (open loop, poisson arrivals), 8 connections, engine epoll, seed 7
rate       200/s offered, 195 ok/s achieved in 2.00s, drained in 1.00ms
requests   400 scheduled, 390 ok (97.50 %), 10 timed out (2.50 %)
statuses   200: 390
problems   read: connection reset by peer

                    mean       p50       p90       p95       p99     p99.9    p99.99       max
response time        n/a    1.00ms    2.00ms    12.3ms > timeout       n/a       n/a > timeout
service time      1.50ms    1.00ms    2.00ms    12.3ms    20.0ms       n/a       n/a     2.00s
schedule lag      1.50ms    1.00ms    2.00ms    12.3ms    20.0ms       n/a       n/a     2.00s
queued            1.50ms    1.00ms    2.00ms    12.3ms    20.0ms       n/a       n/a     2.00s

generator  1.00ms of CPU per request; 1.00s user, 390ms system, of which 1.00s spinning
bytes      4,000 sent, 39,000 received
reconnects 10 broken connections replaced, 0 by --churn
validity   interrupted: the figures are of what was done
validity   degraded
           late

FAIL    p99<5ms    > timeout  p99 falls among the 10 arrivals that did not end ok
PASS    errors<5%  2.500 %
PASS    rate>=195  195/s
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestLoadExitCodes: failed before invalid before unknown.
func TestLoadExitCodes(t *testing.T) {
	for _, c := range []struct {
		statuses string
		validity string
		want     int
	}{
		{"", results.Invalid, exitDone},
		{"pass", results.ValidityValid, exitDone},
		{"pass", results.ValidityDegraded, exitDone},
		{"pass fail unknown", results.Invalid, exitBroken},
		{"pass unknown", results.Invalid, exitInvalid},
		{"pass unknown", results.ValidityValid, exitUnknown},
	} {
		out := &loadResult{Validity: results.Validity{Status: c.validity}}
		for s := range strings.FieldsSeq(c.statuses) {
			out.Asserts = append(out.Asserts, loadFinding{Expression: s, Status: s})
		}
		code := exitDone
		var e exitError
		if err := judged(out); errors.As(err, &e) {
			code = e.code
		}
		if code != c.want {
			t.Errorf("%q, %s: exit code %d, want %d", c.statuses, c.validity, code, c.want)
		}
	}
}

// TestLoadSearchWithoutARate: where nothing met the objective, an assertion
// cannot pass on the figures of some probe.
func TestLoadSearchWithoutARate(t *testing.T) {
	for want, b := range map[string]*loadgen.Bracket{results.Fail: {Hi: 100}, results.Unknown: {Limit: 100}} {
		out := &loadResult{Asserts: []loadFinding{{Status: results.Pass}}}
		if out.assertWithout(b); out.Asserts[0].Status != want || !strings.Contains(out.Asserts[0].Reason, "found no rate") {
			t.Errorf("%s: %+v", b, out.Asserts)
		}
	}
}

func TestParseStages(t *testing.T) {
	got, total, err := parseStages("5s@1000, 10s@1000..5000,1m@5000..0,1s@0")
	want := []loadgen.Stage{
		{Duration: 5 * time.Second, Rate: 1000},
		{Duration: 10 * time.Second, Rate: 1000, To: 5000},
		{Duration: time.Minute, Rate: 5000, To: 1e-6},
		{Duration: time.Second},
	}
	if err != nil || total != 76*time.Second || !slices.Equal(got, want) {
		t.Errorf("%v, %v, %v", got, total, err)
	}
	for s, column := range map[string]int{
		"": 1, "5s": 1, "x@5": 1, "-5s@5": 1, "0s@5": 1, "5s@": 4, "5s@-5": 4, "5s@1..": 7, "5s@1,, 5s@1": 6, "5s@1, z": 7, "5s@NaN": 4,
	} {
		var e *loadgen.SyntaxError
		if _, _, err := parseStages(s); !errors.As(err, &e) || e.Column != column {
			t.Errorf("%q: %v, want column %d", s, err, column)
		}
	}
	if _, _, err := parseStages("5s@0"); err == nil {
		t.Error("stages without an arrival pass")
	}
}

func TestLoadLive(t *testing.T) {
	tick := func(l *loadLive, from, to time.Duration) {
		for at := from; at <= to; at += 250 * time.Millisecond {
			l.tell(loadgen.Progress{
				Elapsed: at, Interval: 250 * time.Millisecond, Scheduled: 251, OK: 250, NotOK: 1,
				P50: 1.5e5, P99: math.Inf(1), LagP99: math.NaN(),
			})
		}
	}
	var b strings.Builder
	plain := newLoadLive(&b, false)
	plain.Begin("", 25*time.Second)
	tick(plain, 250*time.Millisecond, 26*time.Second)
	plain.Close()
	if want := "15s left, 1,000 ok/s, p50 150us, p99 > timeout, 40 not ok, lag p99 n/a\n" +
		"5s left, 1,000 ok/s, p50 150us, p99 > timeout, 80 not ok, lag p99 n/a\n"; b.String() != want {
		t.Errorf("got %q", b.String())
	}
	b.Reset()
	terminal := newLoadLive(&b, false)
	terminal.terminal, terminal.width = true, 30
	terminal.Begin("warming up", time.Second)
	tick(terminal, 750*time.Millisecond, 1750*time.Millisecond)
	terminal.Say("100/s: met")
	terminal.Close()
	for line := range strings.FieldsFuncSeq(b.String(), func(r rune) bool { return r == '\r' || r == '\n' }) {
		if len(line) >= 30 {
			t.Errorf("%q would wrap", line)
		}
	}
	if got := b.String(); strings.Count(got, "\r") != 5+2 || !strings.HasSuffix(got, "\r100/s: met\n") {
		t.Errorf("got %q", got)
	}
	if newLoadLive(&b, true).Watch() != nil {
		t.Error("--quiet is watched")
	}
}

func TestDurationText(t *testing.T) {
	for ns, want := range map[float64]string{
		0: "0ns", 999: "999ns", 999.6: "1.00us", 12_345: "12.3us", 999_499: "999us", 999_600: "1.00ms", 1.5e9: "1.50s", 61e9: "61.0s",
	} {
		if got := durationText(ns); got != want {
			t.Errorf("%v prints as %s, want %s", ns, got, want)
		}
	}
}

// TestLoadHistogramsReadBack: what --hlog writes is a log that Histograms reads.
func TestLoadHistogramsReadBack(t *testing.T) {
	h := hdrhistogram.New(results.HistogramMin, results.HistogramMax, results.HistogramDigits)
	for _, v := range []int64{1000, 1500, 2000} {
		if err := h.RecordValue(v); err != nil {
			t.Fatal(err)
		}
	}
	data, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	second := results.Histogram{Operation: "load", Metric: "latency", LengthNS: 1e9, Max: 2000, Count: 3, Data: string(data)}
	next := second
	next.StartNS = 1e9
	dir := t.TempDir()
	err = new(app).output(filepath.Join(dir, results.HistogramsFile), func(w io.Writer) error {
		return results.WriteLog(w, "load", time.Now(), []results.Histogram{second, next})
	})
	if err != nil {
		t.Fatal(err)
	}
	series, err := results.Histograms(dir, results.PerBlock)
	if err != nil {
		t.Fatal(err)
	}
	got := series.Histogram(results.Tag{Arm: "load", Operation: "load", Metric: "latency", Block: 1})
	if got == nil || got.TotalCount() != 6 || got.Max() != 2000 {
		t.Errorf("read back %+v", series)
	}
	second.Count = 4
	if err := results.WriteLog(io.Discard, "load", time.Now(), []results.Histogram{second}); err == nil {
		t.Error("a histogram that lost a value is written")
	}
}
