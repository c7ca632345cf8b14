package report

import (
	"authbench/report/evidence"
	"authbench/results"
)

// promised is what every arm kept and broke.
type promised struct {
	Lead      string
	Scenarios []string
	Matrix    []matrixRow
	Problems  []problem
	More      []problem // those after the first
}

// matrixRow is one arm over all scenarios.
type matrixRow struct {
	Ref   *evidence.Arm
	Lamps []lamp
}

// problem is a verdict that is no pass, and a sentence on it.
type problem struct {
	results.Verdict
	Subject, Sentence string
}

// problemsShown is how many verdicts that are no pass stand in the open.
const problemsShown = 20

func promisesSection(v *view) any {
	if v.Held == nil {
		return nil
	}
	s := v.Held
	out := promised{Lead: s.Asked(), Scenarios: s.Scenarios, Problems: s.problems(results.Fail, results.Invalid, results.Unknown)}
	if len(out.Problems) > problemsShown {
		out.Problems, out.More = out.Problems[:problemsShown], out.Problems[problemsShown:]
	}
	for _, a := range s.Arms {
		row := matrixRow{Ref: a}
		for _, name := range s.Scenarios {
			row.Lamps = append(row.Lamps, s.lampOf(a.Name, name))
		}
		out.Matrix = append(out.Matrix, row)
	}
	return out
}

// problems lists the verdicts of the given statuses, one after the other.
func (s *chaosSummary) problems(statuses ...string) []problem {
	var out []problem
	for _, status := range statuses {
		for _, v := range s.With(status) {
			out = append(out, problem{v, s.subject(v), s.sentence(v)})
		}
	}
	return out
}
