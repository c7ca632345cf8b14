package report

import (
	"authbench/report/evidence"
	"authbench/results"
)

// judgements is every verdict, and every trial that was judged.
type judgements struct {
	Cost    []results.Verdict // of the comparison of costs
	Details []verdictsOf
	Aside   []aside
	Tried   []*evidence.Tried
	Load    []*results.Trial // the load in the background of the others
}

// aside is one reason for which something was not asked, and of whom.
type aside struct {
	Scenario, Reason string
	Who              []string
}

// verdictsOf is everything that one scenario judged.
type verdictsOf struct {
	Scenario string
	Tally    evidence.Tally
	Verdicts []problem
}

func verdictsSection(v *view) any {
	var out judgements
	if v.Cost != nil {
		for _, j := range v.Cost.Verdicts() {
			if v.Held == nil || j.Scenario == v.Run.Workload.Scenario {
				out.Cost = append(out.Cost, j)
			}
		}
	}
	if s := v.Held; s != nil {
		out.Details, out.Aside, out.Tried = s.details(), s.aside(), s.Tried
		for i := range s.Run.Trials {
			if s.Run.Trials[i].Accounting.Scheduled > 0 {
				out.Load = append(out.Load, &s.Run.Trials[i])
			}
		}
	}
	return out
}

// aside gathers what was not applicable by its reason: most arms share one.
func (s *chaosSummary) aside() []aside {
	var out []aside
	at := map[[2]string]int{}
	for _, v := range s.With(results.NotApplicable) {
		k := [2]string{v.Scenario, v.Reason}
		i, known := at[k]
		if !known {
			i = len(out)
			at[k], out = i, append(out, aside{v.Scenario, orElse(v.Reason, "no reason given"), nil})
		}
		who := s.who(v)
		if v.Check != "" && v.Check != "applicable" {
			who += ": " + v.Check
		}
		out[i].Who = append(out[i].Who, who)
	}
	return out
}

func (s *chaosSummary) details() []verdictsOf {
	var out []verdictsOf
	for _, name := range s.Scenarios {
		of := verdictsOf{Scenario: name}
		for _, v := range s.Run.Verdicts {
			if v.Scenario == name {
				of.Tally.Add(v.Status)
				of.Verdicts = append(of.Verdicts, problem{v, s.who(v), ""})
			}
		}
		if len(of.Verdicts) > 0 {
			out = append(out, of)
		}
	}
	return out
}
