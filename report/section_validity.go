package report

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// validity is what the harness says of itself.
type validity struct {
	Rows   []validityRow
	Ill    bool    // one of them has a remedy
	Notes  []alarm // what is no row: warnings, trials that were left out
	Lead   []string
	Arms   []*evidence.Arm // for the table of the generator's own error
	Facts  [][2]string
	Answer []string
}

// validityRow is one thing that could be wrong, and whether it is.
type validityRow struct {
	Check, Status, Cause, Remedy string
}

func validitySection(v *view) any {
	out := validity{}
	if v.Cost != nil {
		out.Rows = costValidity(v.Cost)
		out.Notes = v.Cost.Alarms
		out.Lead = v.Cost.Did
		out.Arms = v.Cost.Arms
		out.Facts = workload(v.Run)
		out.Answer = v.Cost.Answer
	}
	if v.Held != nil {
		out.Rows = append(out.Rows, heldValidity(v.Held))
		out.Notes = append(out.Notes, v.Held.Alarms...)
		if v.Cost == nil {
			out.Facts = v.Held.facts()
		}
	}
	out.Ill = slices.ContainsFunc(out.Rows, func(r validityRow) bool { return r.Remedy != "" })
	return out
}

// costValidity has a row for every way in which the harness checks itself, worst
// of all arms.
func costValidity(s *summary) []validityRow {
	rows := []validityRow{aaRow(s)}
	for _, c := range []struct{ check, name, remedy string }{
		{"validity", "Generator and connections", "free a core for the generator, add connections, or lower the rate"},
		{"drift", "The machine stayed the same", "find out what else ran, and measure again"},
		{"steady-state", "Warm-up and steady state", "lengthen the warm-up"},
		{"accounting", "Every arrival accounted for", "report it: a lost arrival is a defect of the harness"},
		{"errors", "Every request answered ok", "look at what did not end ok, by arm, below"},
		{"store-ops", "Store operations as the store counted them", "use a real store that is not shared with others"},
	} {
		if r, ok := checkRow(s, c.check); ok {
			r.Check = c.name
			if n := degradedTrials(s); n > 0 && c.check == "validity" {
				r.Cause += fmt.Sprintf(" %s degraded, and used all the same: see the notes.", plural(n, "One trial is", fmt.Sprint(n)+" trials are"))
			}
			if r.Status != results.Pass && r.Status != results.NotApplicable {
				r.Remedy = c.remedy
			}
			rows = append(rows, r)
		}
	}
	return append(rows, blocksRow(s))
}

// degradedTrials have a phase that the harness does not quite trust.
func degradedTrials(s *summary) int {
	n := 0
	for _, a := range s.Arms {
		for _, t := range a.All {
			if slices.ContainsFunc(t.Phases(), func(p results.NamedPhase) bool { return p.Validity.Status == results.ValidityDegraded }) {
				n++
			}
		}
	}
	return n
}

func aaRow(s *summary) validityRow {
	r := validityRow{Check: "A/A: the baseline measured twice", Status: s.AA.Status, Cause: capital(s.AA.Reason) + "."}
	switch s.AA.Status {
	case results.Invalid:
		r.Remedy = "Every winner is silenced. Quieten the machine and measure again."
	case results.Unknown:
		r.Remedy = "Measure more blocks, against real stores."
	}
	return r
}

func blocksRow(s *summary) validityRow {
	r := validityRow{Check: "Enough blocks", Status: results.Pass}
	most := s.MostBlocks()
	r.Cause = fmt.Sprintf("%s judged together take %s; there are %d.", number.Count(s.M, "comparison"), number.Count(s.Needed, "block"), most)
	switch {
	case s.Run.Profile == "quick":
		r.Status, r.Remedy = results.Unknown, "Quick runs name no winner: take the default profile."
	case s.M == 0:
		r.Status, r.Cause, r.Remedy = results.Unknown, "Nothing could be compared.", "Measure a baseline and at least one other arm."
	case most < s.Needed:
		r.Status, r.Remedy = results.Unknown, fmt.Sprintf("Measure %s.", number.Count(s.Needed, "block"))
	}
	return r
}

// checkRow sums up a check over the arms: the worst of them.
func checkRow(s *summary, check string) (validityRow, bool) {
	var n evidence.Tally
	var reasons []string
	seen := map[string]bool{}
	for _, v := range s.Verdicts() {
		if v.Check != check {
			continue
		}
		n.Add(v.Status)
		if v.Status != results.Pass && v.Reason != "" && !seen[v.Reason] {
			seen[v.Reason] = true
			if len(reasons) < 2 {
				first, _, _ := strings.Cut(v.Reason, "; ") // the others are among the notes
				reasons = append(reasons, v.Arm+": "+first)
			}
		}
	}
	if n.All() == 0 {
		return validityRow{}, false
	}
	r := validityRow{Status: n.Worst(), Cause: fmt.Sprintf("%d of %s.", n.Pass, number.Count(n.Judged(), "arm"))}
	if n.Judged() == 0 {
		r.Cause = ""
	}
	if len(reasons) > 0 {
		r.Cause = strings.TrimSpace(r.Cause + " " + strings.Join(reasons, "; ") + ".")
		if more := len(seen) - len(reasons); more > 0 {
			r.Cause += fmt.Sprintf(" And %s.", number.Count(more, "other cause"))
		}
	}
	return r, true
}

func heldValidity(s *chaosSummary) validityRow {
	r := validityRow{Check: "Faults and the checker", Status: results.Pass, Cause: s.Tally() + "."}
	switch {
	case s.Counts.Invalid > 0:
		r.Status, r.Remedy = results.Invalid, "Look at the checks that are invalid; their evidence is left out of every sentence."
	case s.Counts.Unknown > 0:
		r.Status, r.Remedy = results.Unknown, "Look at what is unknown: no evidence is never a pass."
	}
	return r
}
