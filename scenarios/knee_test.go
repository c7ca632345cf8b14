package scenarios

import (
	"testing"

	"authbench/loadgen"
	"authbench/results"
)

func TestKneeKeepsTheBracketAndEveryProbe(t *testing.T) {
	p99 := int64(7_000_000)
	b := loadgen.Bracket{Lo: 8000, Hi: 8400, Limit: 32000, Probes: []loadgen.Probe{
		{Rate: 8000, Result: loadgen.Met, Recording: &loadgen.Recording{Accounting: results.Accounting{Scheduled: 5, OK: 5}}, Validity: loadgen.Validity{Status: loadgen.Valid}},
		{Rate: 8400, Result: loadgen.NotMet, Recording: &loadgen.Recording{Latency: results.Quantiles{P99: &p99}}, Validity: loadgen.Validity{Status: loadgen.Degraded, Reasons: []string{"why"}}},
	}}
	k := kneeOf("session-redis", &b)
	if k.Arm != "session-redis" || k.Objective != KneeObjective || k.MetPerSecond != 8000 || k.MissedPerSecond != 8400 || k.GeneratorLimitPerSecond != 32000 {
		t.Errorf("%+v", k)
	}
	if k.Summary != "between 8,000 and 8,400/s" {
		t.Errorf("in words: %s", k.Summary)
	}
	if len(k.Probes) != 2 || k.Probes[0].Accounting.OK != 5 || k.Probes[0].Result != "met" ||
		*k.Probes[1].Latency.P99 != p99 || k.Probes[1].Result != "not_met" || k.Probes[1].Validity.Reasons[0] != "why" {
		t.Errorf("probes: %+v", k.Probes)
	}
}

func TestKneeObjectiveIsOne(t *testing.T) {
	if _, err := loadgen.ParseObjective(KneeObjective); err != nil {
		t.Error(err)
	}
}
