package scenarios

import (
	"fmt"

	"authbench/results"
	"authbench/scenarios/attack"
	"authbench/targets/contract"
)

// CheckWalk is the verdict on the walk through the steps of the contract. The other checks
// of a probe are the ids of its cases.
const CheckWalk = "walk"

// probed keeps what a probe found.
func (t *Trial) probed(report *attack.Report) {
	if w := report.Walk; w != nil {
		t.judge(walked(w))
	}
	tried := 0
	for _, c := range report.Cases {
		v := results.Verdict{Check: c.ID, Status: c.Status, Unit: "answers that were wrong", Reason: c.Reason}
		switch c.Status {
		case results.Pass, results.Fail:
			v.Measured, v.Bound = number(float64(c.Wrong)), number(0)
		}
		if c.Status == results.Fail {
			v.Reason = failureOf(c)
			t.chaos().Violations = append(t.chaos().Violations, results.Violation{Check: c.ID, Summary: v.Reason, Events: []results.Event{}})
		}
		tried += c.Tried
		t.judge(v)
	}
	t.keep(probeTable(report))
	if report.Count(results.Fail) > 0 {
		t.keep(failuresTable(report))
	}
	sent := 0
	for _, s := range report.Sent {
		sent += s.Count
	}
	t.tell("probe.variations", "", float64(tried), "%d variations of %d attacks were tried, with %d requests: %d passed, %d failed, %d are unknown, %d do not apply.", tried, len(report.Cases), sent,
		report.Count(results.Pass), report.Count(results.Fail), report.Count(results.Unknown), report.Count(results.NotApplicable))
}

// failureOf is a case that failed, in a sentence.
func failureOf(c attack.Result) string {
	s := fmt.Sprintf("%s: sent %s, got %s, want %s (%s)", c.Title, c.Sent, c.Got, c.Want, c.Reference)
	if c.Tried > 1 && c.Reason != "" {
		s += ". " + c.Reason
	}
	return s
}

// walked is the verdict on a walk.
func walked(w *contract.Report) results.Verdict {
	failed := w.Count(results.Fail)
	v := results.Verdict{Check: CheckWalk, Status: results.Pass, Measured: number(float64(failed)), Bound: number(0), Unit: "steps that were not as promised"}
	for _, c := range w.Checks {
		switch {
		case c.Verdict == results.Fail && v.Status != results.Fail:
			v.Status, v.Reason = results.Fail, fmt.Sprintf("%s: expected %s. %s", c.Name, c.Expected, c.Detail)
		case c.Verdict == results.Unknown && v.Status == results.Pass:
			v.Status, v.Reason = results.Unknown, c.Name+": "+c.Detail
		}
	}
	if v.Status == results.Unknown {
		v.Measured = nil
	}
	return v
}

// probeTable is how the cases of each class ended.
func probeTable(report *attack.Report) *results.Table {
	table := newTable("cases", "What an attacker would try, by class: a case is one attack in all its variations.",
		results.Column{Name: "class"},
		results.Column{Name: "cases"},
		results.Column{Name: "variations", Meaning: "requests, or what else was held against what has to be"},
		results.Column{Name: "passed"},
		results.Column{Name: "failed"},
		results.Column{Name: "unknown", Meaning: "nobody can tell, the verdicts say why"},
		results.Column{Name: "not applicable", Meaning: "it has no meaning for this arm"},
		results.Column{Name: "took", Unit: "s"})
	for _, class := range report.Classes() {
		addRow(table, class.Name, counted(class.Cases), counted(class.Tried), counted(class.Passed), counted(class.Failed), counted(class.Unknown), counted(class.NotApplicable), figure(class.Took.Seconds()))
	}
	return table
}

// failuresTable is every case that failed.
func failuresTable(report *attack.Report) *results.Table {
	table := newTable("failures", "What was answered otherwise than it has to be: the first variation of each case.",
		results.Column{Name: "case"},
		results.Column{Name: "sent"}, results.Column{Name: "got"}, results.Column{Name: "want"}, results.Column{Name: "reference"})
	for _, c := range report.Cases {
		if c.Status == results.Fail {
			addRow(table, c.ID+" "+c.Title, word("%s", c.Sent), word("%s", c.Got), word("%s", c.Want), word("%s", c.Reference))
		}
	}
	return table
}
