package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"authbench/report/evidence"
	"authbench/results"
)

// csvBeyond stands for a quantile that fell among the arrivals that did not end ok. R,
// pandas and Go read it as infinity.
const csvBeyond = "Inf"

// CSV writes a line a trial (RFC 4180), the unit of every column in its name. A cell
// is empty where the number is not known, does not exist in such a phase, or is a
// quantile that the sample does not support. Trials that are invalid are there, and
// say so: filter by the columns validity and error.
//
// Text that a spreadsheet would take for a formula gets an apostrophe in front.
func CSV(w io.Writer, in Input) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	columns := csvColumns()
	var head []string
	for _, c := range columns {
		head = append(head, c.name)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, src := range in.Sources {
		for i := range src.Run.Trials {
			row := make([]string, len(columns))
			for j, c := range columns {
				row[j] = c.cell(src.Run, &src.Run.Trials[i])
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

type csvColumn struct {
	name string
	cell func(*results.Run, *results.Trial) string
}

func csvColumns() []csvColumn {
	ofTrial := func(get func(*results.Trial) string) func(*results.Run, *results.Trial) string {
		return func(_ *results.Run, t *results.Trial) string { return get(t) }
	}
	columns := []csvColumn{
		{"run", func(r *results.Run, _ *results.Trial) string { return csvText(r.ID) }},
		{"scenario", ofTrial(func(t *results.Trial) string { return csvText(t.Scenario) })},
		{"arm", ofTrial(func(t *results.Trial) string { return csvText(t.Arm) })},
		{"duplicate_of_baseline", func(r *results.Run, t *results.Trial) string { return strconv.FormatBool(isTwin(r, t.Arm)) }},
		{"fault", ofTrial(func(t *results.Trial) string { return csvText(trialFault(t)) })},
		{"block", ofTrial(func(t *results.Trial) string { return strconv.Itoa(t.Block) })},
		{"position", ofTrial(func(t *results.Trial) string { return strconv.Itoa(t.Position) })},
		{"started", ofTrial(func(t *results.Trial) string { return t.Started.UTC().Format(time.RFC3339Nano) })},
		{"error", ofTrial(func(t *results.Trial) string { return csvText(t.Error) })},
	}
	for _, p := range []string{"steady", "saturate", "login"} {
		for _, c := range phaseColumns() {
			columns = append(columns, csvColumn{p + "_" + c.name, func(_ *results.Run, t *results.Trial) string {
				m := trialPhase(t, p)
				if m == nil || m.DurationNS == 0 {
					return ""
				}
				return c.cell(m)
			}})
		}
	}
	return columns
}

func isTwin(run *results.Run, arm string) bool { return trialArm(run, arm).Duplicate }

// trialArm is the arm of that name; one that the run does not list has the name only.
func trialArm(run *results.Run, name string) results.Arm {
	for _, a := range run.Arms {
		if a.Name == name {
			return a
		}
	}
	return results.Arm{Name: name}
}

func trialFault(t *results.Trial) string {
	if t.Chaos == nil {
		return ""
	}
	return t.Chaos.Fault
}

// phaseColumn is a column that every phase of a trial has.
type phaseColumn struct {
	name string
	cell func(*results.Measurement) string
}

func phaseColumns() []phaseColumn {
	columns := []phaseColumn{
		{"validity", func(m *results.Measurement) string { return csvText(m.Validity.Status) }},
		{"validity_reasons", func(m *results.Measurement) string { return csvText(strings.Join(m.Validity.Reasons, "; ")) }},
		{"duration_ns", csvInt(func(m *results.Measurement) int64 { return m.DurationNS })},
		{"offered_per_second", csvFloat(func(m *results.Measurement) (float64, bool) { return m.Offered, m.Offered > 0 })},
		{"ok_per_second", csvFloat(func(m *results.Measurement) (float64, bool) { return m.Achieved, true })},
		{"scheduled", csvInt(func(m *results.Measurement) int64 { return m.Accounting.Scheduled })},
		{"ok", csvInt(func(m *results.Measurement) int64 { return m.Accounting.OK })},
		{"rejected", csvInt(func(m *results.Measurement) int64 { return m.Accounting.Rejected })},
		{"forbidden", csvInt(func(m *results.Measurement) int64 { return m.Accounting.Forbidden })},
		{"unavailable", csvInt(func(m *results.Measurement) int64 { return m.Accounting.Unavailable })},
		{"timeout", csvInt(func(m *results.Measurement) int64 { return m.Accounting.Timeout })},
		{"connect_error", csvInt(func(m *results.Measurement) int64 { return m.Accounting.ConnectError })},
		{"protocol_error", csvInt(func(m *results.Measurement) int64 { return m.Accounting.ProtocolError })},
		{"shed", csvInt(func(m *results.Measurement) int64 { return m.Accounting.Shed })},
		{"unfinished", csvInt(func(m *results.Measurement) int64 { return m.Accounting.Unfinished })},
		{"queued_share", csvFloat(func(m *results.Measurement) (float64, bool) { return m.QueuedShare, m.Accounting.Scheduled > 0 })},
	}
	columns = append(columns, quantileColumns("latency", func(m *results.Measurement) results.Quantiles { return m.Latency })...)
	columns = append(columns, quantileColumns("service", func(m *results.Measurement) results.Quantiles { return m.Service })...)
	columns = append(columns, quantileColumns("lag", func(m *results.Measurement) results.Quantiles { return m.Lag })...)
	columns = append(columns,
		phaseColumn{"request_bytes", csvFloat(func(m *results.Measurement) (float64, bool) { return m.RequestBytes, m.RequestBytes > 0 })},
		phaseColumn{"response_bytes", csvFloat(func(m *results.Measurement) (float64, bool) { return m.ResponseBytes, m.ResponseBytes > 0 })},
		phaseColumn{"store_ops_per_request", csvFloat(func(m *results.Measurement) (float64, bool) { return m.StoreOpsPerRequest, m.StoreOpsKnown })},
	)
	for _, side := range []struct {
		name string
		of   func(results.Usage) results.Process
	}{
		{"target", func(u results.Usage) results.Process { return u.Target }},
		{"store", func(u results.Usage) results.Process { return u.Store }},
		{"link", func(u results.Usage) results.Process { return u.Link }},
		{"loadgen", func(u results.Usage) results.Process { return u.Loadgen }},
	} {
		columns = append(columns,
			phaseColumn{side.name + "_cpu_ns_per_request", csvFloat(func(m *results.Measurement) (float64, bool) {
				p := side.of(m.Usage)
				return p.CPUPerRequest, p.Known
			})},
			phaseColumn{side.name + "_rss_bytes", func(m *results.Measurement) string {
				p := side.of(m.Usage)
				if !p.Known || p.RSSBytes == 0 {
					return ""
				}
				return strconv.FormatInt(p.RSSBytes, 10)
			}})
	}
	return columns
}

func quantileColumns(name string, of func(*results.Measurement) results.Quantiles) []phaseColumn {
	columns := []phaseColumn{{name + "_mean_ns", csvFloat(func(m *results.Measurement) (float64, bool) { q := of(m); return q.Mean, q.Count > 0 })}}
	for _, l := range []struct {
		name string
		q    float64 // 0: any sample supports it
		get  func(results.Quantiles) *int64
	}{
		{"p50", .5, func(q results.Quantiles) *int64 { return q.P50 }},
		{"p90", .9, func(q results.Quantiles) *int64 { return q.P90 }},
		{"p95", .95, func(q results.Quantiles) *int64 { return q.P95 }},
		{"p99", .99, func(q results.Quantiles) *int64 { return q.P99 }},
		{"p99_9", .999, func(q results.Quantiles) *int64 { return q.P999 }},
		{"p99_99", .9999, func(q results.Quantiles) *int64 { return q.P9999 }},
		{"max", 0, func(q results.Quantiles) *int64 { return q.Max }},
	} {
		columns = append(columns, phaseColumn{name + "_" + l.name + "_ns", func(m *results.Measurement) string {
			q := of(m)
			switch v := l.get(q); {
			case q.Count == 0 || l.q > 0 && q.Count < evidence.SamplesFor(l.q):
				return ""
			case v != nil:
				return strconv.FormatInt(*v, 10)
			case m.Accounting.NotOK() > 0:
				return csvBeyond
			}
			return ""
		}})
	}
	return columns
}

func csvInt(get func(*results.Measurement) int64) func(*results.Measurement) string {
	return func(m *results.Measurement) string { return strconv.FormatInt(get(m), 10) }
}

func csvFloat(get func(*results.Measurement) (float64, bool)) func(*results.Measurement) string {
	return func(m *results.Measurement) string {
		v, ok := get(m)
		if !ok {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
}

// csvText keeps a spreadsheet from running what stands in a file of ours: contracts
// name arms, and targets have their answers quoted in errors.
func csvText(s string) string {
	s = oneLine(s)
	if s != "" && strings.ContainsRune("=+-@|", rune(s[0])) {
		return "'" + s
	}
	return s
}
