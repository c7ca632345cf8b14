package stat

import (
	"fmt"
	"math"
	"slices"

	"authbench/results"
)

// Spread is the SD of the paired log-ratios of a metric, and where it is from.
type Spread struct {
	Metric string
	SD     float64
	From   string
}

// AssumedSpreads are for who has no earlier run of the same kind: what two runs of the
// default profile showed, between them (of p99 0.30 and 0.65). Longer windows have less,
// a busy machine has more.
func AssumedSpreads() []Spread {
	const from = "assumed, from runs of 12 blocks of 3 s on two virtual cores"
	return []Spread{{"p50", 0.11, from}, {"cpu", 0.09, from}, {"p99", 0.45, from}}
}

// SpreadsOf are those of an earlier run: of each metric the median over its
// comparisons with the baseline, the duplicate's among them.
func SpreadsOf(run *results.Run) []Spread {
	all := CompareAll(run)
	list := slices.Concat(all.List, all.AA.List)
	var out []Spread
	for _, m := range Metrics(run.Profile) {
		var sds []float64
		for _, c := range list {
			if c.Metric.Name == m.Name && c.Err == nil && c.Blocks > 1 {
				sds = append(sds, c.SD)
			}
		}
		if len(sds) > 0 {
			slices.Sort(sds)
			out = append(out, Spread{m.Name, median(sds), "measured in " + run.ID})
		}
	}
	return out
}

// Expect is the smallest detectable effect before the first block, by every primary
// metric of the profile whose spread is given: of so many arms beside the baseline,
// judged together, in so many blocks.
func Expect(profile string, arms, blocks int, spreads []Spread) ([]results.Expected, error) {
	metrics := slices.DeleteFunc(Metrics(profile), func(m Metric) bool { return !m.Primary })
	together := arms * len(metrics)
	var out []results.Expected
	for _, m := range metrics {
		i := slices.IndexFunc(spreads, func(s Spread) bool { return s.Metric == m.Name })
		if i < 0 || together == 0 {
			continue
		}
		e := results.Expected{Metric: m.Name, SD: spreads[i].SD, From: spreads[i].From, Comparisons: together}
		effect, err := DetectableEffect(e.SD, blocks, Alpha/float64(together), Power)
		if err != nil {
			return nil, fmt.Errorf("expect of %s: %w", m.Name, err)
		}
		if !math.IsInf(effect, 1) {
			e.Detectable = math.Exp(effect)
		}
		out = append(out, e)
	}
	return out, nil
}
