package report

import (
	"authbench/report/evidence"
)

// failing is what users saw while something failed.
type failing struct {
	Faulted []faulted
	Beside  []evidence.Revoked // what was revoked in the same trials
}

// faulted is one kind of fault in one scenario, over the arms.
type faulted struct {
	Scenario, Fault string
	Outages         []evidence.Outage
}

func faultsSection(v *view) any {
	if v.Held == nil {
		return nil
	}
	out := failing{Faulted: v.Held.faulted()}
	if len(out.Faulted) == 0 {
		return nil
	}
	_, out.Beside = v.Held.Revocations()
	return out
}

// faulted gathers the outages by fault: they are in that order.
func (s *chaosSummary) faulted() []faulted {
	var out []faulted
	for _, o := range s.Outages() {
		if n := len(out); n == 0 || out[n-1].Scenario != o.Scenario || out[n-1].Fault != o.Fault {
			out = append(out, faulted{Scenario: o.Scenario, Fault: o.Fault})
		}
		last := &out[len(out)-1]
		last.Outages = append(last.Outages, o)
	}
	return out
}

// Told lists the sentences of all arms under the fault.
func (f faulted) Told() []string {
	var out []string
	for _, o := range f.Outages {
		out = append(out, sentences(o.Tried, o.Variant)...)
	}
	return out
}
