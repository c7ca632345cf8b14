package report

import (
	"authbench/report/evidence"
	"authbench/results"
)

func trialsSection(v *view) any {
	if v.Cost == nil {
		return nil
	}
	p50 := evidence.Levels()[0]
	var charts []*chart
	for _, c := range []*chart{
		trials("Median response time, every trial", "Under steady load.", inOrder(v.Arms,
			func(a *evidence.Arm) []*results.Trial { return a.Steady },
			func(_ *evidence.Arm, t *results.Trial) (float64, bool) { return p50.NS(t) })),
		trials("CPU per request at saturation, every trial", "Target and store together.", inOrder(v.Arms,
			func(a *evidence.Arm) []*results.Trial { return a.Sat },
			func(a *evidence.Arm, t *results.Trial) (float64, bool) { return a.SaturatedCPU(t) })),
	} {
		if c != nil {
			charts = append(charts, c)
		}
	}
	if len(charts) == 0 {
		return nil
	}
	return charts
}
