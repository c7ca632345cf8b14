package report

import (
	"cmp"
	"encoding/json"
	"io"
	"math"
	"slices"

	"authbench/report/evidence"
	"authbench/results"
)

// eventLine is one line of events.jsonl. at_ns is nanoseconds since the trial
// began, of one monotonic clock; a violation stands where its last event does. It
// is null for a violation without events.
type eventLine struct {
	Scenario string `json:"scenario"`
	Arm      string `json:"arm"`
	Block    int    `json:"block"`
	AtNS     *int64 `json:"at_ns"`
	// fault_requested, fault_confirmed, fault_recover (asked to end),
	// fault_recovered, violation, violation_event
	Kind string `json:"kind"`

	Fault       string `json:"fault,omitempty"` // of a fault: its name; else the kind of fault of the trial
	On          string `json:"on,omitempty"`
	Unreachable bool   `json:"unreachable,omitempty"`
	DataLoss    bool   `json:"data_loss,omitempty"`
	Error       string `json:"error,omitempty"`

	Violation  int    `json:"violation,omitempty"` // number within the trial, from 1: its events carry it, too
	Check      string `json:"check,omitempty"`
	Summary    string `json:"summary,omitempty"`
	DoneNS     *int64 `json:"done_ns,omitempty"`
	What       string `json:"what,omitempty"`
	Node       *int   `json:"node,omitempty"` // from 0
	User       string `json:"user,omitempty"`
	Credential string `json:"credential,omitempty"`
	Outcome    string `json:"outcome,omitempty"`
	Status     int    `json:"status,omitempty"`
	Text       string `json:"text,omitempty"`
}

// Events writes faults and violations as JSON, an object a line, trial by trial
// and within a trial in the order of time.
func Events(w io.Writer, b *evidence.Board) error {
	run := evidence.Judged(b.Sources...).Run
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range run.Trials {
		t := &run.Trials[i]
		if t.Chaos == nil {
			continue
		}
		lines := append(faultLines(t), violationLines(t)...)
		slices.SortStableFunc(lines, func(a, b eventLine) int { return cmp.Compare(a.at(), b.at()) })
		for _, l := range lines {
			l.Scenario, l.Arm, l.Block = t.Scenario, t.Arm, t.Block
			if err := enc.Encode(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// at puts what has no time behind everything that has.
func (l eventLine) at() int64 {
	if l.AtNS == nil {
		return math.MaxInt64
	}
	return *l.AtNS
}

func faultLines(t *results.Trial) []eventLine {
	var out []eventLine
	for i := range t.Chaos.Faults {
		f := &t.Chaos.Faults[i]
		for _, step := range []struct {
			kind string
			at   *int64
		}{{"fault_requested", &f.RequestedNS}, {"fault_confirmed", f.ConfirmedNS}, {"fault_recover", f.RecoverNS}, {"fault_recovered", f.RecoveredNS}} {
			if step.at != nil {
				out = append(out, eventLine{AtNS: step.at, Kind: step.kind, Fault: f.Name, On: f.On, Unreachable: f.Unreachable, DataLoss: f.DataLoss, Error: f.Error})
			}
		}
	}
	return out
}

func violationLines(t *results.Trial) []eventLine {
	var out []eventLine
	for i := range t.Chaos.Violations {
		v := &t.Chaos.Violations[i]
		head := eventLine{Kind: "violation", Fault: t.Chaos.Fault, Violation: i + 1, Check: v.Check, Summary: v.Summary}
		for j := range v.Events {
			e := &v.Events[j]
			l := eventLine{
				AtNS: &e.AtNS, Kind: "violation_event", Fault: t.Chaos.Fault, Violation: i + 1, Check: v.Check,
				DoneNS: &e.DoneNS, What: e.What, User: e.User, Credential: e.Credential, Outcome: e.Outcome, Status: e.Status, Text: e.Text,
			}
			if e.Node >= 0 {
				l.Node = &e.Node
			}
			out = append(out, l)
			if head.AtNS == nil || e.AtNS > *head.AtNS {
				head.AtNS = &e.AtNS
			}
		}
		out = append(out, head)
	}
	return out
}
