package decide

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

// notMeasured lists what the decision does not know.
func (d *decider) notMeasured(r *Requirements, out *Decision) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, o := range out.Options {
		if o.Status != NotShown {
			continue
		}
		for _, c := range o.With(NotShown) {
			how := ""
			if c.Remedy != "" {
				how = fmt.Sprintf(" `%s` would show it.", c.Remedy)
			}
			add("%s is not shown to meet \"%s\": %s.%s", o.Arm, c.Asked, c.Reason, how)
		}
	}
	for _, g := range unranked(out.Ranking) {
		text := fmt.Sprintf("Not ranked with the others: %s (%s).", strings.Join(g.arms, ", "), g.why)
		if g.cost {
			text += fmt.Sprintf(" `authbench bench %s` measures what is missing.", strings.Join(g.named, " "))
		}
		list = append(list, text)
	}
	if run := d.board.Run; evidence.HasCost(run) {
		if r.Users > run.Workload.Users {
			add("%s users are asked for, %s were logged in: what a store of that size costs was not measured.", number.Integer(int64(r.Users)), number.Integer(int64(run.Workload.Users)))
		}
		if r.PerSecond > run.Workload.Rate && run.Workload.Rate > 0 {
			add("%s requests/s are asked for, response times were measured at %s/s; the cores for more are reckoned, not measured.", number.Short(r.PerSecond), number.Short(run.Workload.Rate))
		}
		if run.Partial {
			add("The run was cut short: %s.", orNone(run.PartialReason))
		}
	} else {
		add("What arms cost was not measured in these runs: `authbench bench` does.")
	}
	if r.RoundTrip > 0 {
		add("The round trip of %s to the store is added to what was measured, once for each store operation; it was not measured.", duration(r.RoundTrip))
	}
	if r.Regions > 1 {
		add("Several regions were not measured: how a log-out, a copy of the store or a broken link between regions behaves.")
	}
	list = append(list, d.clientRisks(r)...)
	return append(list, "Password hashing (one round of SHA-256 in the test arms), TLS, and everything else that is the same for every arm.")
}

// clientRisks are what no run of the harness shows of clients.
func (d *decider) clientRisks(r *Requirements) []string {
	var out []string
	if slices.Contains(r.Clients, "browser") {
		out = append(out, "What scripts on a page can do with a credential: a token that script can read can be stolen by script, a cookie can be used by a forged request unless it is guarded.")
	}
	if slices.Contains(r.Clients, "native") {
		out = append(out, "How apps on a device keep the credential.")
	}
	return out
}
